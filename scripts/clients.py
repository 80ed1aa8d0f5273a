"""Installs what `tests/clients` tries on Pelton's contract: packages of npm and of PyPI, into the cache, once for each set of versions.

Where Node is missing, its tests are skipped and say so. Standard library only; run by `make test-clients`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("PELTON_CACHE") or Path.home() / ".cache" / "pelton").expanduser()
PACKAGES = ROOT / "tests" / "clients" / "package.json"
REQUIREMENTS = ROOT / "tests" / "clients" / "requirements.txt"


def folder_of(wanted: Path) -> Path:
    """Where what a file asks for is installed: another place for other versions, so that no old one is tried."""
    return CACHE / "clients" / f"{wanted.stem}-{hashlib.sha256(wanted.read_bytes()).hexdigest()[:12]}"


def node_modules() -> Path:
    """Where the packages of npm are."""
    return folder_of(PACKAGES) / "node_modules"


def python() -> Path:
    """The Python that has the packages of PyPI."""
    return folder_of(REQUIREMENTS) / "bin" / "python"


def main() -> int:
    """Install what is not there yet."""
    if shutil.which("npm") is None:
        print("clients: no Node here; what needs it is skipped")
    elif not node_modules().is_dir():
        print("clients: packages of npm (250 MB, a minute the first time)")
        install(folder_of(PACKAGES), install_node)
    if not python().exists():
        print("clients: packages of PyPI")
        install(folder_of(REQUIREMENTS), install_python)
    return 0


def install(target: Path, step: object) -> None:
    """Install into a folder that has its name only when all is there.

    Raises:
        SystemExit: what installs it has failed, and has said why.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    try:
        step(target)  # type: ignore[operator]
    except BaseException as error:
        shutil.rmtree(target, ignore_errors=True)
        if isinstance(error, subprocess.CalledProcessError):
            raise SystemExit(
                f"{target.name} was not installed: {Path(error.cmd[0]).name} ended with {error.returncode}, for what it says above"
            ) from None
        raise


def install_node(target: Path) -> None:
    """Packages of npm."""
    shutil.copy(PACKAGES, target / "package.json")
    quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error"]
    subprocess.run(["npm", "install", *quiet], cwd=target, check=True)


def install_python(target: Path) -> None:
    """Packages of PyPI, in an environment of their own: they are no dependencies of Pelton's."""
    subprocess.run([sys.executable, "-m", "venv", str(target)], check=True)
    subprocess.run([str(target / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "-r", str(REQUIREMENTS)], check=True)


if __name__ == "__main__":
    sys.exit(main())
