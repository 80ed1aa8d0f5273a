"""Installs what `tests/readers` reads exports with: Transformers 4.57, PEFT, lm-eval and llama.cpp, in an environment of their own.

Into the cache, once for each set of versions. Standard library only; run by `make test-readers`.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.clients import CACHE, install
from scripts.setup import find_uv

REQUIREMENTS = Path(__file__).resolve().parent.parent / "tests" / "readers" / "requirements.txt"


def folder() -> Path:
    """Where the readers are: another place for other versions."""
    return CACHE / "readers" / hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]


def python() -> Path:
    """The Python that has them."""
    return folder() / "bin" / "python"


def main() -> int:
    """Install what is not there yet."""
    if not python().exists():
        print("readers: Transformers 4.57, PEFT, lm-eval, llama.cpp (7 GB the first time)")
        install(folder(), install_readers)
    return 0


def install_readers(target: Path) -> None:
    """In an environment of their own: they contradict Pelton's versions."""
    uv = find_uv()
    shutil.rmtree(target)
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(target)], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", str(target / "bin" / "python"), "-r", str(REQUIREMENTS)], check=True)


if __name__ == "__main__":
    sys.exit(main())
