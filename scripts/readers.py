"""Installs what `tests/readers` reads exports with: Transformers 4.57, PEFT, lm-eval and llama.cpp, in an environment of their own.

And vLLM, which needs Transformers 5 and the torch that Pelton has: it and what it imports besides are a folder, put before Pelton's own
packages (161 MB are fetched, of which vLLM's build for a CPU is 133; 0.6 GB on disk). Into the cache, once for each set of versions.
Standard library only; run by `make test-readers`.
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

READERS = Path(__file__).resolve().parent.parent / "tests" / "readers"
REQUIREMENTS = READERS / "requirements.txt"
VLLM = READERS / "vllm.txt"


def folder() -> Path:
    """Where the readers are: another place for other versions."""
    return CACHE / "readers" / _digest(REQUIREMENTS)


def python() -> Path:
    """The Python that has them."""
    return folder() / "bin" / "python"


def vllm_folder() -> Path:
    """Where vLLM is, and what it imports: another place for other versions, and for another Python, for which they are compiled."""
    return CACHE / "readers" / f"vllm-{_digest(VLLM)}-{sys.version_info.major}.{sys.version_info.minor}"


def _digest(wanted: Path) -> str:
    return hashlib.sha256(wanted.read_bytes()).hexdigest()[:12]


def main() -> int:
    """Install what is not there yet."""
    if not python().exists():
        print("readers: Transformers 4.57, PEFT, lm-eval, llama.cpp (7 GB the first time)")
        install(folder(), install_readers)
    if not vllm_folder().is_dir():
        print("readers: vLLM for a CPU, beside Pelton's packages (161 MB the first time)")
        install(vllm_folder(), install_vllm)
    return 0


def install_readers(target: Path) -> None:
    """In an environment of their own: they contradict Pelton's versions."""
    uv = find_uv()
    shutil.rmtree(target)
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(target)], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", str(target / "bin" / "python"), "-r", str(REQUIREMENTS)], check=True)


def install_vllm(target: Path) -> None:
    """By hash, and without dependencies: torch and Transformers are Pelton's own."""
    command = [find_uv(), "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--python", sys.executable, "--target", str(target)]
    subprocess.run([*command, "-r", str(VLLM)], check=True)


if __name__ == "__main__":
    sys.exit(main())
