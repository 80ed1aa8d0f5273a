"""The processes of one training: the first reads, judges and commits; all of them train.

What a batch is, is decided in the first process alone and sent to the others, so that all see one stream. The messages are orders, sent
while the others wait for their next batch or its rewards; they pass over a process group of their own (gloo), beside the gradients' one.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from schemas.errors import PeltonError
from trainer_node.data.batch import StepBatch
from trainer_node.distributed.sharding_plan import Sharding

logger = logging.getLogger(__name__)

Found = TypeVar("Found")

SILENCE = timedelta(minutes=30)
"""After this long without a word from another process, it is taken for lost."""
SIGN_OF_LIFE_S = 60.0
"""Seconds without a batch after which the others are told that the wait goes on."""


@dataclass
class Processes:
    """The processes of a training, seen from one of them; on its own it does nothing."""

    rank: int = 0
    size: int = 1
    group: Any = None
    sharding: Sharding | None = None
    """How weights are cut in pieces; None: each process holds them all."""
    duties: dict[str, Callable[..., None]] = field(default_factory=dict)
    """What a process that is not the first does by itself at an order, by the order's name, and then waits for the next."""
    _last: float = field(default_factory=time.monotonic)

    @classmethod
    def join(cls, sharding: Sharding | None = None) -> Processes:
        """Meet the others, where the environment says that there are any. On its own, a process has nothing to cut weights for."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls()
        import torch
        import torch.distributed as dist

        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        if not dist.is_initialized():
            dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=SILENCE)
        return cls(dist.get_rank(), size, dist.new_group(backend="gloo", timeout=SILENCE), sharding)

    # --- the first process -----------------------------------------------------------------------------------------------------

    def order(self, *order: Any) -> None:
        """Tell the others what comes next."""
        self._last = time.monotonic()
        if self.size > 1:
            self._broadcast(order)

    def order_pass(self, *order: Any) -> None:
        """Before a pass through the model outside of training: where weights are in pieces, the others must make it too."""
        if self.sharding:
            self.order(*order)

    def sign_of_life(self) -> None:
        """Called while the first process waits: the others wait for it, and would take it for lost."""
        if self.size > 1 and time.monotonic() - self._last > SIGN_OF_LIFE_S:
            self.order("wait")

    def leading(self, next_batch: Callable[[], StepBatch | None]) -> Callable[[], StepBatch | None]:
        """Gives each batch to the others too, and the end of the stream."""

        def lead() -> StepBatch | None:
            batch = next_batch()
            self.order("batch", batch)
            return batch

        return lead

    def save_random_states(self, folder: Path) -> None:
        """Write the others' random states beside the first one's; they answer while they wait for a batch."""
        if self.size > 1:
            self.order("random state")
            for rank, state in enumerate(self.gather(b"")):
                if rank:
                    (folder / f"rng_state_{rank}.pth").write_bytes(state)

    # --- the others ------------------------------------------------------------------------------------------------------------

    def next_order(self) -> tuple[Any, ...]:
        """The next order that is no duty of this process: `load`, `train`, `batch`, `found` or `stop`, with what belongs to it."""
        while True:
            order = self._broadcast(None)
            if order[0] in self.duties:
                self.duties[order[0]](*order[1:])
            elif order[0] != "wait":
                return tuple(order)

    def following(self) -> StepBatch | None:
        """The batch that the first process has chosen; None at the stream's end."""
        kind, batch = self.next_order()
        assert kind == "batch", kind
        return batch

    # --- all together ----------------------------------------------------------------------------------------------------------

    def gather(self, mine: Any) -> list[Any]:
        """What each process has, by rank, at every one of them; each calls it at the same point."""
        if self.size == 1:
            return [mine]
        import torch.distributed as dist

        everyone: list[Any] = [None] * self.size
        with _others_alive():
            dist.all_gather_object(everyone, mine, group=self.group)
        return everyone

    def found_by_first(self, find: Callable[[], Found]) -> Found:
        """What the first process finds, at every one of them; each calls it at the same point."""
        if self.rank:
            kind, found = self.next_order()
            assert kind == "found", kind
            return found
        found = find()
        self.order("found", found)
        return found

    def close(self) -> None:
        """Leave, all together. The first process says so to the others; whoever calls has let go of the trainer.

        DDP's wrapper that outlives its group, and a group whose other end is gone, may hang or abort while they are taken down.
        """
        if self.size == 1:
            return
        import torch.distributed as dist

        if self.rank == 0:
            self.order("stop")
        gc.collect()
        self.gather(None)
        dist.destroy_process_group()

    def _broadcast(self, order: Any) -> Any:
        import torch.distributed as dist

        box = [order]
        with _others_alive():
            dist.broadcast_object_list(box, src=0, group=self.group)
        return box[0]


@contextlib.contextmanager
def _others_alive() -> Iterator[None]:
    """A collective that fails means that a process is gone."""
    try:
        yield
    except RuntimeError as error:
        raise other_is_gone(error) from error


def other_is_gone(error: BaseException) -> PeltonError:
    """A failed collective, as it is told."""
    return PeltonError(
        f"another process of this training is gone ({str(error).splitlines()[0][:120]}); nothing is lost: start the run again, and it"
        " goes on from its newest checkpoint"
    )


def is_failed_collective(error: BaseException) -> bool:
    """Whether an error out of a pass through the model is the gradients' exchange that has lost another process.

    NCCL's errors have a class of their own; gloo's are RuntimeErrors, which name its source file.
    """
    import torch.distributed as dist

    return isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))


ALONE = Processes()
"""One process that needs no one."""
