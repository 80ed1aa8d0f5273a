"""What is set about a run reaches the trainer of each kind: its resulting arguments, compared one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from trainer_node.config import TrainConfig
from trainer_node.kinds import TrainerKind
from trainer_node.models.restore import load_for_training
from trainer_node.training.factory import build_trainer
from trainer_node.training.spec import ENDLESS_STEPS

SETTINGS: dict[str, Any] = {
    "lora_r": 4,
    "alpha": 12,
    "lr": 0.5,
    "dpo_lr": 0.25,
    "beta": 0.75,
    "seed": 9,
    "batch_size": 12,
    "accumulation": 3,
    "warmup_steps": 6,
    "schedule": "constant_with_warmup",
    "num_generations": 5,
    "max_new_tokens": 7,
    "temperature": 0.625,
    "ppo_epochs": 2,
}
ALL: dict[str, Any] = {
    "gradient_accumulation_steps": 3,
    "warmup_steps": 6,
    "lr_scheduler_type": "constant_with_warmup",
    "max_steps": ENDLESS_STEPS,
    "ignore_data_skip": True,
    "save_strategy": "no",
    "eval_strategy": "no",
    "logging_strategy": "no",
    "report_to": [],
    "disable_tqdm": True,
    "seed": 9,
    "use_cpu": True,
    "bf16": False,
    "fp16": False,
    "gradient_checkpointing": False,
    "dataloader_num_workers": 0,
    "remove_unused_columns": False,
    "ddp_find_unused_parameters": False,
    "n_gpu": 0,
}
IN_GROUPS: dict[str, Any] = {
    "learning_rate": 0.5,
    "per_device_train_batch_size": 20,
    "beta": 0.75,
    "num_generations": 5,
    "max_completion_length": 7,
    "temperature": 0.625,
    "shuffle_dataset": False,
    "generation_kwargs": {"remove_invalid_values": True},
}
OF_KIND: dict[TrainerKind, dict[str, Any]] = {
    TrainerKind.SFT: {
        "learning_rate": 0.5,
        "per_device_train_batch_size": 4,
        "max_length": None,
        "packing": False,
        "padding_free": False,
        "dataset_kwargs": {"skip_prepare_dataset": True},
    },
    TrainerKind.DPO: {"learning_rate": 0.25, "per_device_train_batch_size": 4, "beta": 0.75, "max_length": None},
    TrainerKind.GRPO: IN_GROUPS | {"loss_type": "dapo"},
    TrainerKind.RLOO: IN_GROUPS | {"normalize_advantages": False, "num_iterations": 1},
    TrainerKind.PPO: {
        "learning_rate": 0.5,
        "kl_coef": 0.75,
        "num_ppo_epochs": 2,
        "response_length": 7,
        "temperature": 0.625,
        "stop_token": "eos",
        "num_sample_generations": 0,
        "model_adapter_name": "default",
        "ref_adapter_name": "ref",
        "total_episodes": ENDLESS_STEPS,
    },
}


def built(kind: TrainerKind, tiny_model: Path, folder: Path, **settings: Any) -> Any:
    config = TrainConfig(model=str(tiny_model), bits=32, trainer=kind, **settings)
    return build_trainer(kind, load_for_training(config, None), config, folder, [])


@pytest.mark.parametrize("kind", OF_KIND)
def test_each_setting_reaches_the_trainer(kind: TrainerKind, tiny_model: Path, tmp_path: Path):
    trainer = built(kind, tiny_model, tmp_path, **SETTINGS)
    wanted = ALL | OF_KIND[kind]
    assert {name: getattr(trainer.args, name) for name in wanted} == wanted
    assert Path(trainer.args.output_dir) == tmp_path
    assert trainer.args.device == torch.device("cpu")
    lora = trainer.accelerator.unwrap_model(trainer.model)
    lora = getattr(lora, "policy", lora).peft_config["default"]
    assert (lora.r, lora.lora_alpha) == (4, 12)
    assert not [callback for callback in trainer.callback_handler.callbacks if type(callback).__name__ == "PrinterCallback"]


@pytest.mark.parametrize(("batch_size", "accumulation", "sft", "grpo"), [(8, 1, 8, 16), (8, 3, 2, 6), (2, 4, 1, 2), (1, 1, 1, 2)], ids=str)
def test_a_micro_batch_holds_its_part_of_the_step(batch_size, accumulation, sft, grpo, tiny_model, tmp_path):
    settings = {"batch_size": batch_size, "accumulation": accumulation, "num_generations": 2, "lora_r": 4}
    assert built(TrainerKind.SFT, tiny_model, tmp_path, **settings).args.per_device_train_batch_size == sft
    assert built(TrainerKind.GRPO, tiny_model, tmp_path, **settings).args.per_device_train_batch_size == grpo
