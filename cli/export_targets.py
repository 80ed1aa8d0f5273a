"""Where `pelton export` writes: what can be known of it is known, and its folders are made, before anything is loaded."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import click

from trainer_node.commit.manifest import MANIFEST
from trainer_node.models.side_files import card_of, modelfile_of

FILES = ("gguf", "gguf_adapter")
"""Targets that are files; the others are folders."""


def check_targets(wanted: dict[str, Path]) -> None:
    """Refuse targets that are there already, that are not what their option writes, or of which one would write into another."""
    for name, path in wanted.items():
        if name in FILES and path.suffix != ".gguf":
            raise _refused(name, f"{path} must end in .gguf, by which others know such a file")
        for written in written_at(name, path):
            _check_free(name, written)
        if inside := next((folder for folder in path.resolve().parents if (folder / MANIFEST).is_file()), None):
            raise _refused(name, f"{path} is inside the checkpoint {inside}, which would no longer be whole")
    for (one, first), (other, second) in itertools.combinations(wanted.items(), 2):
        if any(_overlap(a, b) for a in written_at(one, first) for b in written_at(other, second)):
            raise _refused(other, f"{second} and {flag_of(one)} {first} would be written into each other: give each a place of its own")


def written_at(name: str, path: Path) -> tuple[Path, ...]:
    """All that a target writes: itself, and what stands beside it."""
    if name == "gguf":
        return path, card_of(path), modelfile_of(path)
    return (path, card_of(path)) if name == "gguf_adapter" else (path,)


def make_folders(wanted: dict[str, Path]) -> None:
    """Make each folder that is written to, and see that files can be made there."""
    for name, path in wanted.items():
        folder = path.parent if name in FILES else path
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder, prefix=".export-"):
                pass
        except OSError as error:
            raise _refused(name, f"{path} cannot be written: {error.strerror or error}") from None


def flag_of(name: str) -> str:
    """The option that names a target."""
    return f"--{name.replace('_', '-')}"


def _check_free(name: str, path: Path) -> None:
    try:
        if path.is_dir() and name not in FILES:
            if any(path.iterdir()):
                raise _refused(name, f"{path} is not empty")
        elif path.exists() or path.is_symlink():
            raise _refused(name, f"{path} is there already")
    except OSError as error:
        raise _refused(name, f"{path} cannot be written: {error.strerror or error}") from None


def _overlap(one: Path, other: Path) -> bool:
    first, second = one.resolve(), other.resolve()
    return first == second or first in second.parents or second in first.parents


def _refused(name: str, told: str) -> click.BadParameter:
    return click.BadParameter(told, param_hint=flag_of(name))
