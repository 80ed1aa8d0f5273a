"""Owns what tells an exhausted memory from other failures."""

from __future__ import annotations

import torch
from accelerate.utils.memory import should_reduce_batch_size


def out_of_memory(error: BaseException) -> bool:
    """Whether a device, or this machine, had no memory left."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (isinstance(error, Exception) and should_reduce_batch_size(error))
