"""Which files are meant: files, folders with all in them, patterns, standard input."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Set
from pathlib import Path
from typing import NamedTuple

from reading.formats import SUFFIXES, suffix_of
from schemas.errors import UserError

ABOUT_THE_SET = frozenset({"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"})
"""Files that `datasets` writes beside the rows."""
SPLITS = {
    "validation": re.compile(r"(?:^|[^a-z])(validation|valid|val|dev)(?:[^a-z]|$)"),
    "test": re.compile(r"(?:^|[^a-z])(test|testing|eval|evaluation)(?:[^a-z]|$)"),
}


class Named(NamedTuple):
    """A file, and what its name says of its rows."""

    path: Path
    split: str | None = None
    """`validation`: its rows are held out, since its folder has others to train on."""
    limit: int | None = None
    """Samples that are read of it; None: all."""
    labels: dict[str, list[str]] = {}  # noqa: RUF012 - of a tuple
    """Column -> names of its labels, where something beside the file declares them."""


def expanded(names: Iterable[str], suffixes: Set[str] = SUFFIXES) -> list[Named]:
    """Every file that is named, in the order of the names; those of a folder or a pattern sorted, hidden ones left out.

    A folder with files for training and others named validation or test, as the hub lays them out, has the latter held out.

    Args:
        names: files, folders, patterns, or `-`.
        suffixes: of a folder's files, those with such an ending are read.

    Raises:
        UserError: there is no such file, or none of rows in a folder.
    """
    return [file for name in names for file in _of(name, suffixes)]


def _of(name: str, suffixes: Set[str]) -> list[Named]:
    path = Path(name)
    if name == "-" or path.is_file():
        return [Named(path)]
    if path.is_dir():
        found = sorted(one for one in path.rglob("*") if _is_rows(one, path, suffixes))
        if not found:
            raise UserError(f"{name}: no file of rows in it ({', '.join(sorted(suffixes))}, packed or not)")
        return _with_splits(found, path)
    if path.exists():  # a named pipe, as of a shell's <(...)
        return [Named(path)]
    if glob.has_magic(name):
        matched = sorted(map(Path, glob.glob(name, recursive=True)))  # noqa: PTH207 - the pattern may begin anywhere
        if files := [Named(one) for one in matched if one.is_file()]:
            return files
        raise UserError(f"no file matches {name}")
    raise UserError(f"no file {name}")


def _is_rows(path: Path, folder: Path, suffixes: Set[str]) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.is_file() and not hidden and suffix_of(path) in suffixes and path.name not in ABOUT_THE_SET


def _with_splits(files: list[Path], folder: Path) -> list[Named]:
    splits = [split_of(str(path.relative_to(folder))) for path in files]
    if all(splits):
        return [Named(path) for path in files]
    return [Named(path, "validation" if split else None) for path, split in zip(files, splits, strict=True)]


def split_of(name: str) -> str | None:
    """`validation` or `test`, where a file's name says that it is not for training."""
    return next((split for split, pattern in SPLITS.items() if pattern.search(name.lower())), None)
