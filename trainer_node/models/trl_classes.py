"""TRL's own trainers and their settings, kept in their places while Unsloth is imported (docs/adr/0010-trl-s-own-trainers.md).

A leaf that knows none of our trainers: whenever those are imported, before Unsloth or after it, they derive from TRL's classes.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from typing import Any

EXPERIMENTAL = ("ppo",)
"""Packages of `trl.experimental` whose trainer one of ours derives from: nothing in `trl` itself names them."""


@contextlib.contextmanager
def own_classes_kept() -> Iterator[None]:
    """What the block puts in the places of TRL's trainers and their settings is taken out again when it ends."""
    _load_all()
    modules = [module for name, module in sys.modules.items() if name == "trl" or name.startswith("trl.")]
    before = [(module, name, found) for module in modules for name, found in vars(module).items() if _is_own(name, found)]
    try:
        yield
    finally:
        for module, name, own in before:
            setattr(module, name, own)


def _load_all() -> None:
    """Load all of TRL's trainers: a class that was replaced before it was loaded could not be put back."""
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    for package in ("trl", "trl.trainer", *(f"trl.experimental.{name}" for name in EXPERIMENTAL)):
        module = importlib.import_module(package)
        for name in dir(module):
            if name.endswith(("Trainer", "Config")):
                getattr(module, name)  # loaded at the first look


def _is_own(name: str, found: Any) -> bool:
    return name.endswith(("Trainer", "Config")) and isinstance(found, type) and found.__module__.startswith("trl.")
