"""Which TRL trainer a task gets, and how it and its stream are built."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import ConfigError
from schemas.sample import Task
from schemas.training_sample import Objective
from trainer_node.config import TrainConfig
from trainer_node.distributed.process_group import ALONE, ProcessGroup
from trainer_node.kinds import TrainerKind, kind_of_task
from trainer_node.models.loaded import LoadedModel

if TYPE_CHECKING:
    from trainer_node.training.base import StreamTrainer
    from trainer_node.training.batch_source import BatchSource, NextBatch, StepHooks
    from trainer_node.training.prompt_loader import RewardsOf

ENDLESS_STEPS = 1_000_000_000
"""The stream decides when training ends, not a step count."""


def trainer_class(task: Task | str) -> type:
    """The trainer class for a task: a subclass of TRL's SFTTrainer, DPOTrainer, PPOTrainer or GRPOTrainer.

    Raises:
        ConfigError: no such task.
    """
    return class_of_kind(kind_of_task(task))


def class_of_kind(kind: TrainerKind) -> type[StreamTrainer[Any]]:
    """The trainer class of a kind."""
    from trainer_node.training.dpo import StreamDPOTrainer
    from trainer_node.training.sft import StreamSFTTrainer

    if kind is TrainerKind.GRPO:
        from trainer_node.training.grpo import StreamGRPOTrainer

        return StreamGRPOTrainer
    if kind is TrainerKind.PPO:
        from trainer_node.training.ppo import StreamPPOTrainer

        return StreamPPOTrainer
    return StreamSFTTrainer if kind is TrainerKind.SFT else StreamDPOTrainer


def kind_for(objective: Objective, config: TrainConfig) -> TrainerKind:
    """The kind that trains an objective in this run."""
    if objective is Objective.PROMPT:
        return config.trainer
    return TrainerKind.SFT if objective is Objective.SFT else TrainerKind.DPO


def build_trainer(kind: TrainerKind, loaded: LoadedModel, config: TrainConfig, output_dir: Path, callbacks: list[Any]) -> Any:
    """A trainer of this kind over a loaded model; the caller then gives it its source (`feed_from`)."""
    import torch
    from datasets import Dataset, disable_progress_bars
    from transformers import PrinterCallback

    disable_progress_bars()
    build = class_of_kind(kind)
    args = build.config_class(**_arguments(kind, loaded, config, output_dir), **ARGUMENTS[kind](config))
    if loaded.device == "cpu":
        # Of several processes, accelerate calls it cpu:0, and torch loads no optimizer onto that.
        vars(args)["_setup_devices"] = torch.device("cpu")
    # Transformers would spread the model of one process over all GPUs it sees; several GPUs are several processes here.
    vars(args)["_n_gpu"] = min(args.n_gpu, 1)
    shape = Dataset.from_list([SHAPES[kind]])
    trainer = build(model=loaded.model, args=args, train_dataset=shape, processing_class=loaded.tokenizer, callbacks=callbacks)
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
    from trainer_node.training.losses import mean_over_samples, mean_over_tokens
    from trainer_node.training.prompt_loader import PromptLoader
    from trainer_node.training.step_loader import StepLoader

    if kind is TrainerKind.GRPO:
        return PromptLoader(next_batch, rewards_of, config.accumulation, config.num_generations, group, hooks)
    if kind is TrainerKind.PPO:
        return PromptLoader(next_batch, rewards_of, group=group, hooks=hooks)
    mean = mean_over_tokens if kind is TrainerKind.SFT else mean_over_samples
    return StepLoader(next_batch, config.accumulation, pad_token_id, group, hooks, mean)


def ready_trainer(
    kind: TrainerKind, loaded: LoadedModel, config: TrainConfig, output_dir: Path, callbacks: list[Any], checkpoint: Path | None
) -> Any:
    """A trainer that can go on from a checkpoint: `build_trainer`, with the reference as it was there.

    Raises:
        ConfigError: the checkpoint is of another trainer.
    """
    from trainer_node.models.adapters import load_reference
    from trainer_node.models.restore import fits

    if checkpoint and not fits(checkpoint, kind):
        raise ConfigError(f"checkpoint {checkpoint.name} is of another trainer than {kind.value}: set --trainer, or another --run-dir")
    trainer = build_trainer(kind, loaded, config, output_dir, callbacks)
    if checkpoint and kind is not TrainerKind.SFT:
        load_reference(loaded.model, checkpoint)
    return trainer


def _arguments(kind: TrainerKind, loaded: LoadedModel, config: TrainConfig, output_dir: Path) -> dict[str, Any]:
    schedule = config.schedule
    arguments: dict[str, Any] = {
        "output_dir": str(output_dir),
        "per_device_train_batch_size": _rows_at_once(kind, config),
        "gradient_accumulation_steps": config.accumulation,
        "learning_rate": config.learning_rate(kind),
        "lr_scheduler_type": "cosine_with_restarts" if schedule == "cosine_with_restarts" else schedule,
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
    }
    if schedule == "cosine_with_restarts":
        arguments["lr_scheduler_kwargs"] = {"num_cycles": ENDLESS_STEPS // config.restart_steps}
    return arguments


def _rows_at_once(kind: TrainerKind, config: TrainConfig) -> int:
    """Of a micro-batch; in GRPO, each prompt is answered several times."""
    if kind is TrainerKind.GRPO:
        return -(-config.batch_size // config.accumulation) * config.num_generations
    return max(1, config.batch_size // config.accumulation)


def _sft(_: TrainConfig) -> dict[str, Any]:
    return {"max_length": None, "packing": False, "padding_free": False, "dataset_kwargs": {"skip_prepare_dataset": True}}


def _dpo(config: TrainConfig) -> dict[str, Any]:
    return {"beta": config.beta, "max_length": None}


def _grpo(config: TrainConfig) -> dict[str, Any]:
    return {
        "beta": config.beta,
        "num_generations": config.num_generations,
        "max_completion_length": config.max_new_tokens,
        "temperature": config.temperature,
        "loss_type": "dapo",  # the only one whose normaliser is what the whole step has, and so knows what was left out
        "shuffle_dataset": False,
        "generation_kwargs": {"remove_invalid_values": True},  # weights that are no numbers show in the loss, not as a crash of the sampler
    }


def _ppo(config: TrainConfig) -> dict[str, Any]:
    return {
        "total_episodes": ENDLESS_STEPS,
        "kl_coef": config.beta,
        "num_ppo_epochs": config.ppo_epochs,
        "response_length": config.max_new_tokens,
        "temperature": config.temperature,
        "stop_token": "eos",
        "num_sample_generations": 0,
        "model_adapter_name": "default",
        "ref_adapter_name": "ref",
    }


ARGUMENTS: dict[TrainerKind, Callable[[TrainConfig], dict[str, Any]]] = {
    TrainerKind.SFT: _sft,
    TrainerKind.DPO: _dpo,
    TrainerKind.GRPO: _grpo,
    TrainerKind.PPO: _ppo,
}
SHAPES: dict[TrainerKind, dict[str, Any]] = {
    TrainerKind.SFT: {"input_ids": [0, 1], "labels": [0, 1]},
    TrainerKind.DPO: {"prompt": "a", "chosen": "b", "rejected": "c"},
    TrainerKind.GRPO: {"prompt": "a"},
    TrainerKind.PPO: {"input_ids": [0, 1]},
}
"""TRL looks at one row for its columns; it is never trained on."""
