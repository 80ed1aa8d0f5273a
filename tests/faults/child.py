"""A trainer in a process of its own, which says what it is about to do and waits where it is told to wait, to be killed there.

It never ends itself on purpose: the parent sends the signal. Processes are forked from a server that has imported the heavy libraries
once (`multiprocessing`'s forkserver), so that a fault costs a second and not ten.
"""

from __future__ import annotations

import faulthandler
import gc
import logging
import os
import sys
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from transformers import (
    LlamaForCausalLM,  # noqa: F401 - imported once, before the fork
)

from schemas.errors import PeltonError, UserError
from streams.imported import kept_out
from streams.kafka.settings import KafkaSettings
from trainer_node.config import TrainConfig
from trainer_node.distributed.process_group import ProcessGroup
from trainer_node.distributed.sharding_plan import Sharding
from trainer_node.models import restore as weights  # noqa: F401 - imported once, before the fork
from trainer_node.node import TrainerNode, stop_on_signals
from trainer_node.options import RunOptions
from trainer_node.run import libraries, loop  # noqa: F401 - imported once, before the fork
from trainer_node.run.follower import Follower
from trainer_node.training import base

with kept_out("wandb"):
    from trainer_node.training import dpo, grpo, ppo, sft  # noqa: F401 - imported once, before the fork


@dataclass(frozen=True)
class Orders:
    """What a child is to do; plain values, for they cross a process boundary."""

    kafka: dict[str, str]
    config: dict[str, Any]
    run_id: str
    run_dir: str
    log: str
    until_consumed: bool = True
    stop_at: tuple[tuple[str, int], ...] = ()
    """Events to wait at, each once: ("commit", number of the protocol's step), ("batch", step), ("micro", step)."""
    after_step: int = 0
    """Waits at commits only once the run has come to this step."""
    limits: dict[str, int] = field(default_factory=dict)
    """Resource limits to set, by their name in `resource`."""
    raise_on_token: int | None = None
    """Passes over this token raise, as a model's own code might; -1: all do."""
    raises_at: int = 1
    """Where it stands as often in one row."""
    raises_backward: bool = False
    """They do so on their way back."""
    sharded: bool = False
    """Each process holds a shard of the weights."""
    options: dict[str, Any] = field(default_factory=dict)
    """More of `RunOptions`."""
    rank: int = 0
    processes: int = 1
    """Which of how many processes of a training it is; they meet at `port` of this machine."""
    port: int = 0


class Teller:
    """Tells the parent each event; waits at those that it was told to wait at."""

    def __init__(self, pipe: Connection, orders: Orders) -> None:
        self.pipe = pipe
        self.waits = set(orders.stop_at)
        self.after_step = orders.after_step
        self.step = 0

    def tell(self, kind: str, number: int, detail: Any = None) -> None:
        self.pipe.send((kind, number, detail))
        if (kind, number) in self.waits and (kind != "commit" or self.step >= self.after_step):
            self.waits.discard((kind, number))
            self.pipe.send(("waiting", number, kind))
            self.pipe.recv()

    def batch(self, batch: Any) -> None:
        self.step = batch.step
        self.tell("batch", batch.step, (batch.pass_number, batch.objective.value, [item.sample.sample_id for item in batch.items]))


def train(pipe: Connection, orders: Orders) -> None:
    """Entry point of the child."""
    gc.freeze()  # what was imported before the fork is no garbage: to look through it, a child would copy all of it
    _log_to(orders.log)
    faulthandler.enable()
    _limit(orders.limits)
    torch.set_num_threads(1)
    teller = Teller(pipe, orders)
    _between_micro_batches(teller)
    _raise_on(orders)
    settings = KafkaSettings.load(environ=orders.kafka)
    options = RunOptions(
        orders.run_id,
        Path(orders.run_dir),
        until_consumed=orders.until_consumed,
        on_commit_step=lambda number: teller.tell("commit", number, teller.step),
        on_batch=teller.batch,
        **orders.options,
    )
    config = TrainConfig(**orders.config)
    try:
        group = _join(orders)
        if group.rank:
            Follower(config, group, Path(orders.run_dir)).run()
            return
        node = TrainerNode(settings, config, options, group)
        stop_on_signals(node)
        node.run()
        node.raise_if_fruitless()
    except PeltonError as error:
        sys.stderr.write(f"error: {type(error).__name__}: {error}\n")
        sys.exit(2 if isinstance(error, UserError) else 1)


def _join(orders: Orders) -> ProcessGroup:
    """As where torchrun has started it."""
    os.environ |= {"RANK": str(orders.rank), "LOCAL_RANK": str(orders.rank), "WORLD_SIZE": str(orders.processes)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(orders.port)}
    return ProcessGroup.join(Sharding() if orders.sharded else None)


def _between_micro_batches(teller: Teller) -> None:
    """Tell each micro-batch after its backward pass: gradients are half gathered, the weights still the old ones."""
    original = base.StreamTrainer.training_step

    def training_step(self: Any, *args: Any, **kwargs: Any) -> Any:
        loss = original(self, *args, **kwargs)
        teller.tell("micro", teller.step)
        return loss

    base.StreamTrainer.training_step = training_step  # type: ignore[method-assign]


def _raise_on(orders: Orders) -> None:
    from transformers import LlamaModel

    original, token = LlamaModel.forward, orders.raise_on_token

    def fail(_: Any = None) -> None:
        raise IndexError("index out of range in self\nof no row")

    def forward(self: Any, input_ids: Any = None, *more: Any, **named: Any) -> Any:
        raises = token is not None and (token < 0 or int((input_ids == token).sum(-1).max()) >= orders.raises_at)
        if raises and not orders.raises_backward:
            fail()
        output = original(self, input_ids, *more, **named)
        if raises and output.last_hidden_state.requires_grad:
            output.last_hidden_state.register_hook(fail)
        return output

    LlamaModel.forward = forward  # type: ignore[method-assign]


def _log_to(path: str) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr, level=logging.INFO, force=True)
    for name in ("kafka", "httpx", "filelock"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _limit(limits: dict[str, int]) -> None:
    import resource

    for name, value in limits.items():
        resource.setrlimit(getattr(resource, name), (value, value))
