"""How the trainer of a kind and its source are built: what all kinds share, and what the kind's own spec says."""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, disable_progress_bars
from transformers import PrinterCallback, TrainerCallback

from schemas.errors import ConfigError
from schemas.sample import Task
from streams.imported import kept_out
from trainer_node.config import TrainConfig, needs_reference
from trainer_node.distributed.process_group import ALONE, ProcessGroup
from trainer_node.kinds import TrainerKind, kind_of_task
from trainer_node.models.adapters import reference_kept
from trainer_node.models.loaded import LoadedModel
from trainer_node.models.restore import VALUE_HEAD
from trainer_node.models.stopping import answering
from trainer_node.training.base import StreamTrainer
from trainer_node.training.batch_source import BatchSource, NextBatch, StepHooks
from trainer_node.training.prompt_loader import RewardsOf
from trainer_node.training.spec import ENDLESS_STEPS, TrainerSpec, Upstream


def spec_of(kind: TrainerKind) -> TrainerSpec:
    """The spec at the end of the kind's module."""
    with kept_out("wandb"):  # TRL imports it for its own reports, which are never asked for; with --wandb it is there by now
        spec = importlib.import_module(f"trainer_node.training.{kind.value}").SPEC
    assert isinstance(spec, TrainerSpec)
    return spec


def trainer_class(task: Task | str) -> type[StreamTrainer[Any]]:
    """The trainer class for a task: a subclass of TRL's SFTTrainer, DPOTrainer, PPOTrainer or GRPOTrainer.

    Raises:
        ConfigError: no such task.
    """
    return spec_of(kind_of_task(task)).trainer


def build_trainer(
    kind: TrainerKind, loaded: LoadedModel, config: TrainConfig, output_dir: Path, callbacks: list[TrainerCallback]
) -> StreamTrainer[Any]:
    """A trainer of this kind over a loaded model; the caller then gives it its source (`feed_from`)."""
    disable_progress_bars()
    spec = spec_of(kind)
    args = spec.trainer.config_class(**_shared_arguments(spec, loaded, config, output_dir), **spec.arguments(config))
    if loaded.device == "cpu":
        # Of several processes, accelerate calls it cpu:0, and torch loads no optimizer onto that.
        vars(args)["_setup_devices"] = torch.device("cpu")
    # Transformers would spread the model of one process over all GPUs it sees; several GPUs are several processes here.
    vars(args)["_n_gpu"] = min(args.n_gpu, 1)
    rows = Dataset.from_list([dict(spec.columns)])
    with reference_kept(loaded.model) if needs_reference(kind, config) else contextlib.nullcontext():
        trainer = spec.trainer(
            model=loaded.model, args=args, train_dataset=rows, processing_class=answering(loaded.tokenizer), callbacks=callbacks
        )
    trainer.remove_callback(PrinterCallback)  # the monitor reports; standard output belongs to the command
    return trainer


def build_source(
    kind: TrainerKind,
    config: TrainConfig,
    pad_token_id: int,
    next_batch: NextBatch | None,
    rewards_of: RewardsOf | None,
    group: ProcessGroup = ALONE,
    hooks: StepHooks | None = None,
) -> BatchSource[Any]:
    """What hands batches to a trainer of this kind; `next_batch` and `rewards_of` are rank 0's."""
    return spec_of(kind).source(config, Upstream(next_batch, rewards_of, pad_token_id, group, hooks or StepHooks()))


def ready_trainer(
    kind: TrainerKind, loaded: LoadedModel, config: TrainConfig, output_dir: Path, callbacks: list[TrainerCallback], checkpoint: Path | None
) -> StreamTrainer[Any]:
    """A trainer that can go on from its folder in a checkpoint (`commit.manifest.own_folder`), as `build_trainer` makes it.

    Raises:
        ConfigError: the checkpoint is of another trainer.
    """
    if checkpoint and not fits(checkpoint, kind):
        raise ConfigError(f"checkpoint {checkpoint} is of another trainer than {kind.value}: set --trainer, or another --run-dir")
    return build_trainer(kind, loaded, config, output_dir, callbacks)


def fits(folder: Path, kind: TrainerKind) -> bool:
    """Whether the optimizer of a checkpoint can be that of this kind: a value head's weights are in it, or are not."""
    return (folder / VALUE_HEAD).is_file() == spec_of(kind).has_value_head


def _shared_arguments(spec: TrainerSpec, loaded: LoadedModel, config: TrainConfig, output_dir: Path) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "output_dir": str(output_dir),
        "per_device_train_batch_size": spec.rows_at_once(config),
        "gradient_accumulation_steps": config.accumulation,
        "learning_rate": spec.learning_rate(config),
        "lr_scheduler_type": config.schedule,
        "warmup_steps": config.warmup_steps,
        "max_steps": ENDLESS_STEPS,
        "ignore_data_skip": True,  # the feed knows its own position
        "save_strategy": "no",  # checkpoints are our own commit
        "eval_strategy": "no",
        "logging_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "seed": config.seed,
        "use_cpu": loaded.device == "cpu",
        "bf16": False,
        "fp16": False,
        "gradient_checkpointing": False,
        "dataloader_num_workers": 0,
        "remove_unused_columns": False,
        "ddp_find_unused_parameters": False,  # every trained weight takes part in every step
        "ddp_broadcast_buffers": False,  # they are the same, and a pass that one process makes alone waits for none
    }
    if config.schedule == "cosine_with_restarts":
        arguments["lr_scheduler_kwargs"] = {"num_cycles": ENDLESS_STEPS // config.restart_steps}
    return arguments
