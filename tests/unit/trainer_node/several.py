"""Starts the processes of one training, as torchrun would, without a broker."""

from __future__ import annotations

import gc
import multiprocessing
import os
import socket
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.multiprocessing

from trainer_node.kinds import TrainerKind

PRELOADED = ["trainer_node.models.restore", *(f"trainer_node.training.{kind}" for kind in TrainerKind if not kind.is_sequence)]


def start(work: Callable[..., None], job: Any, processes: int, device: str = "cpu") -> None:
    """Call `work(rank, job)` in each of several processes, and wait for their end."""
    method = "spawn" if torch.cuda.is_available() else "forkserver"  # a fork must not inherit what CUDA has begun
    multiprocessing.set_forkserver_preload([*PRELOADED, work.__module__])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", "" if device == "cpu" else ",".join(str(n) for n in range(processes)))
        torch.multiprocessing.start_processes(_begin, (work, job, processes, free_port()), nprocs=processes, start_method=method)


def _begin(rank: int, work: Callable[..., None], job: Any, processes: int, port: int) -> None:
    gc.freeze()  # what was imported before the fork is no garbage: looking through it again takes a child half of its time
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes), "HF_HUB_OFFLINE": "1"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    work(rank, job)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
