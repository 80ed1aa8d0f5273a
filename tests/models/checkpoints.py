"""Checkpoints of a run that holds nothing but weights: to be loaded, exported and swapped, not to be trained on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FOR_A_RESUME = ("optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json")


def commit(run_dir: Path, models: Iterable[Any], base_model: Path) -> list[Path]:
    """Commit each of these loaded models, one after another; the checkpoints' folders."""
    from schemas.training_sample import Objective
    from trainer_node.commit.fencing import Fence
    from trainer_node.commit.journal import Journal
    from trainer_node.commit.ledger import Ledger
    from trainer_node.commit.manifest import RunState
    from trainer_node.commit.state import FeedState
    from trainer_node.commit.store import CheckpointStore
    from trainer_node.models.base import base_of
    from trainer_node.models.portable import save_with_any_generation_settings, write_tokenizer

    fence, written = Fence(run_dir), []
    fence.resumed_from(0, 0)
    with contextlib.closing(Journal(run_dir / "journal", fence.epoch)) as journal:
        journal.take_over("start")
        store = CheckpointStore(run_dir, fence, journal, Ledger(run_dir / "ledger"))
        for step, loaded in enumerate(models, 1):
            feed = FeedState(objective=Objective.SFT, step=step)
            state = RunState(
                run_id="r", step=step, serial=step, config_hash="h", base_model=str(base_model), feed=feed, precision=loaded.precision,
                base=base_of(str(base_model)),
            )  # fmt: skip

            def write(folder: Path, loaded: Any = loaded) -> None:
                options = {"save_embedding_layers": False} if hasattr(loaded.model, "peft_config") else {}
                save_with_any_generation_settings(loaded.model, folder, **options)
                write_tokenizer(loaded.tokenizer, folder)
                for name in FOR_A_RESUME:
                    (folder / name).write_bytes(b"none")

            store.commit(lambda state=state: state, write, lambda: None, lambda checkpoint: written.append(checkpoint.path))
    return written
