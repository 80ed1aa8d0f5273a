"""The processes of one training: rank 0 reads, asks for rewards and commits; all of them train.

What a batch is, is decided on rank 0 alone and sent to the others, so that all see one stream. What it sends are commands, which the others
take while they wait for their next batch or its rewards; they pass over a process group of their own (gloo), beside the gradients' one.
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
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from schemas.errors import PeltonError
from trainer_node.data.batch import StepExamples
from trainer_node.distributed.sharding_plan import Sharding

logger = logging.getLogger(__name__)

Found = TypeVar("Found")
Mine = TypeVar("Mine")

SILENCE = timedelta(minutes=30)
"""After this long without a message, another process is taken for lost."""
AGREE_S = 60.0
"""How long a process that has made what all make alike waits for the others."""
HEARTBEAT_S = 60.0
"""Seconds without a command after which the other ranks are told that the wait goes on."""


class Command(StrEnum):
    """What rank 0 tells the others, and what comes with it."""

    LOAD = "load"
    """The run's model; with the folder of the checkpoint to load it from, or None."""
    TRAIN = "train"
    """Begin a trainer; with its kind, and the folder of its own in the checkpoint to go on from, or None."""
    GO_ON = "go on"
    """All trainers of a checkpoint stand: take over its reference and random state; with its folder, and whether it has a reference."""
    REFERENCE = "reference"
    """The policy as it is now is the reference from here on."""
    STEP = "step"
    """With the `StepExamples` to train on; None ends the trainer that began first."""
    RESULT = "result"
    """With what rank 0 has found on its own, while all others wait for it."""
    HEARTBEAT = "heartbeat"
    """Wait on."""
    RANDOM_STATE = "random state"
    """Gather it, for a checkpoint."""
    EVALUATE = "evaluate"
    """Make the passes of rank 0's evaluation, whose result it knows itself; with the kind, held-out samples, and rows at once."""
    ANSWER = "answer"
    """Make the passes of rank 0's answers, likewise; with the prompts."""
    STOP = "stop"
    """The training is over."""


class Message(NamedTuple):
    """A command with what belongs to it."""

    command: Command
    content: tuple[Any, ...] = ()


@dataclass
class ProcessGroup:
    """The processes of a training, seen from one of them; on its own it does nothing.

    Commands go from rank 0 to all others, in order, and only while those wait for one. All methods are called on the training thread.
    """

    rank: int = 0
    size: int = 1
    group: Any = None
    """torch's process group for commands; None: there is one process."""
    sharding: Sharding | None = None
    """How weights are sharded; None: each process holds them all."""
    handlers: dict[Command, Callable[..., None]] = field(default_factory=dict)
    """What another rank does by itself at a command, called with the command's content; it then waits for the next."""
    _last: float = field(default_factory=time.monotonic)

    @classmethod
    def join(cls, sharding: Sharding | None = None) -> ProcessGroup:
        """Meet the others, where the environment says that there are any. On its own, a process has nothing to shard weights for."""
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

    # --- rank 0 ----------------------------------------------------------------------------------------------------------------

    def send(self, command: Command, *content: Any) -> None:
        """Tell the others what comes next. Blocks until all of them wait for a command.

        Raises:
            PeltonError: one of them is gone.
        """
        self._last = time.monotonic()
        if self.size > 1:
            self._broadcast(Message(command, content))

    def send_if_sharded(self, command: Command, *content: Any) -> None:
        """Before a pass through the model outside of training: where weights are sharded, the others must make it too."""
        if self.sharding:
            self.send(command, *content)

    def send_step(self, examples: StepExamples | None) -> None:
        """Give a step's examples to the others, or tell them the end of the stream."""
        self.send(Command.STEP, examples)

    def heartbeat(self) -> None:
        """Called again and again while rank 0 waits: the others wait for it, and would take it for lost."""
        if self.size > 1 and time.monotonic() - self._last > HEARTBEAT_S:
            self.send(Command.HEARTBEAT)

    def random_states(self, own: dict[str, Any]) -> list[dict[str, Any]]:
        """The random state of each process, by rank; the others answer while they wait for a batch. `own` is rank 0's."""
        self.send(Command.RANDOM_STATE)
        return self.gather(own)

    # --- the other ranks -------------------------------------------------------------------------------------------------------

    def next_command(self) -> Message:
        """The next command without a handler here, after those that have one were handled. Blocks until it comes.

        Raises:
            PeltonError: rank 0 is gone.
        """
        while True:
            message: Message = self._broadcast(None)
            if message.command in self.handlers:
                self.handlers[message.command](*message.content)
            elif message.command is not Command.HEARTBEAT:
                return message

    def receive_step(self) -> StepExamples | None:
        """The step that rank 0 has chosen; None at the stream's end. Blocks until it comes."""
        examples: StepExamples | None = self._content_of(Command.STEP)
        return examples

    def _content_of(self, expected: Command) -> Any:
        command, content = self.next_command()
        assert command is expected, f"{command} where {expected} was due"
        return content[0]

    # --- all together ----------------------------------------------------------------------------------------------------------

    def gather(self, mine: Mine) -> list[Mine]:
        """What each rank has, by rank, on every one of them. Collective: each calls it at the same point.

        Raises:
            PeltonError: one of them is gone.
        """
        if self.size == 1:
            return [mine]
        import torch.distributed as dist

        everyone: list[Any] = [None] * self.size
        with _others_alive():
            dist.all_gather_object(everyone, mine, group=self.group)
        return everyone

    def any(self, mine: bool) -> bool:
        """Whether it is so on any rank. Collective: each calls it at the same point.

        Raises:
            PeltonError: one of them is gone.
        """
        if self.size == 1:
            return mine
        import torch
        import torch.distributed as dist

        told = torch.tensor(int(mine))
        with _others_alive():
            dist.all_reduce(told, dist.ReduceOp.MAX, group=self.group)
        return bool(told)

    def all_here(self, within_s: float) -> bool:
        """Whether every rank comes here in time; where one does not, the group is of no use any more. Collective otherwise."""
        if self.size == 1:
            return True
        import torch.distributed as dist

        try:
            dist.monitored_barrier(self.group, timedelta(seconds=within_s))
        except RuntimeError:
            return False
        return True

    def made_alike(self, make: Callable[[], Found]) -> Found:
        """What all ranks make alike where weights are sharded, after rank 0 has told them to: what raises in one raises in all, and none
        waits for another that is not coming. Without sharded weights a rank makes it by itself.

        Raises:
            PeltonError: it raised here, and another is in the midst of it; or another is gone.
        """
        if not self.sharding:
            return make()
        raised: Exception | None = None
        try:
            found = make()
        except Exception as error:
            if isinstance(error, PeltonError) or is_failed_collective(error):
                raise
            raised = error
        if not self.all_here(AGREE_S) and raised is not None:
            raise PeltonError(f"process {self.rank} raised {raised}, and no other did; nothing is lost: start the run again") from raised
        fails = self.any(raised is not None)
        if raised is not None:
            raise raised
        if fails:
            raise RuntimeError("it raised in another process")
        return found

    def on_rank_0(self, find: Callable[[], Found]) -> Found:
        """What rank 0 finds, on every rank. Collective: each calls it at the same point, and blocks until rank 0 has found it."""
        if self.rank:
            found: Found = self._content_of(Command.RESULT)
            return found
        found = find()
        self.send(Command.RESULT, found)
        return found

    def close(self) -> None:
        """Leave, all together. Rank 0 says so to the others; whoever calls has let go of the trainer.

        DDP's wrapper that outlives its group, and a group whose other end is gone, may hang or abort while they are taken down.
        """
        if self.size == 1:
            return
        import torch.distributed as dist

        if self.rank == 0:
            self.send(Command.STOP)
        gc.collect()
        self.gather(None)
        dist.destroy_process_group()

    def _broadcast(self, message: Message | None) -> Any:
        import torch.distributed as dist

        box = [message]
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


ALONE = ProcessGroup()
"""One process that needs no one."""
