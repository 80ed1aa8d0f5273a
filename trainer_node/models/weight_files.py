"""Which files of a model's folder its weights are read from, as Transformers chooses them."""

from __future__ import annotations

import json
from pathlib import Path

KINDS = (("model.safetensors", ".safetensors"), ("pytorch_model.bin", ".bin"), ("", ".gguf"))
"""The usual name of a single file, and how all names of a kind end; the first kind that is there is taken."""


def weight_files(folder: Path) -> list[Path]:
    """The files that are loaded, by name: safetensors where there are any; where an index stands, those that it names.

    A file that is named and not there is in the list: loading says that it is missing.
    """
    for single, ending in KINDS:
        there = sorted(file for file in folder.glob(f"*{ending}") if file.is_file())
        named = _of_index(folder / f"{single}.index.json")
        if (folder / single) in there:
            return [folder / single]
        if named or there:
            return [folder / name for name in named] or there
    return []


def _of_index(index: Path) -> list[str]:
    try:
        found = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
        return sorted({str(name) for name in found})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
