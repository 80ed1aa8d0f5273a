"""The random state of a process: of Python, NumPy and torch, on the host and on its device. Laid out as Transformers' own file of it."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch


def random_state() -> dict[str, Any]:
    """As it is now."""
    state = {"python": random.getstate(), "numpy": np.random.get_state(), "cpu": torch.random.get_rng_state()}
    return state | ({"cuda": torch.cuda.random.get_rng_state()} if torch.cuda.is_available() else {})


def set_random_state(state: dict[str, Any]) -> None:
    """Go on from there; a device's state is left out where there is none now."""
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    torch.random.set_rng_state(state["cpu"])
    on_device = state.get("cuda")
    if on_device is not None and torch.cuda.is_available():
        if isinstance(on_device, list):  # of all devices that a process of several saw, up to format 3
            torch.cuda.random.set_rng_state(on_device[torch.cuda.current_device()])
        else:
            torch.cuda.random.set_rng_state(on_device)


def state_file(folder: Path, rank: int, processes: int) -> Path:
    """Where a checkpoint has a process's random state."""
    return folder / ("rng_state.pth" if processes == 1 else f"rng_state_{rank}.pth")


def load_random_state(folder: Path, rank: int, processes: int) -> None:
    """Go on from a checkpoint's; where the run had another number of processes, as it is."""
    path = state_file(folder, rank, processes)
    if path.is_file():
        from transformers.trainer_pt_utils import safe_globals

        with safe_globals():
            set_random_state(torch.load(path, weights_only=True))


@contextlib.contextmanager
def random_state_kept() -> Iterator[None]:
    """What is done in this block takes no random numbers from what comes after it."""
    state = random_state()
    try:
        yield
    finally:
        set_random_state(state)
