"""What can be set about a training run, in one torch-free place: defaults < YAML (section `train:`) < flags."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.errors import ConfigError
from schemas.training_sample import Objective
from trainer_node.kinds import OBJECTIVES, TrainerKind


class TrainConfig(BaseModel):
    """All settings of a run. Field docs are the `--help` texts."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, protected_namespaces=())

    model: str = "default"
    """Model: a hub id, a folder, a GGUF file, or `default` (SmolLM2-135M-Instruct from the cache)."""
    trainer: TrainerKind = TrainerKind.AUTO
    """auto (SFT, then DPO on preference pairs), sft, dpo, ppo or grpo."""
    backend: Literal["auto", "hf", "unsloth"] = "auto"
    """unsloth on a CUDA device that has it, else Transformers + PEFT."""
    bits: Literal[4, 8, 16, 32] | None = None
    """Bits per base weight; unset: 4 on CUDA, 32 on CPU."""
    max_seq: int = Field(default=1024, ge=8)
    """Longest sample in tokens."""
    too_long: Literal["truncate", "dead-letter"] = "truncate"
    """What happens to a longer one. Truncation drops the end of the completion, and is logged."""
    alpha: int = Field(default=32, ge=1)
    """LoRA alpha."""
    lora_r: int = Field(default=16, ge=0)
    """LoRA rank; 0 trains all weights."""
    beta: float = Field(default=0.1, ge=0)
    """DPO or KL coefficient. 0 (grpo alone): no KL term, no reference."""
    lr: float = Field(default=2e-4, gt=0)
    """Learning rate."""
    dpo_lr: float | None = Field(default=None, gt=0)
    """Learning rate of DPO; unset, a twentieth of `lr`: at the rate of SFT a handful of pairs undoes what SFT has just learnt."""
    schedule: Literal["constant", "constant_with_warmup", "cosine_with_restarts"] = "constant"
    """Learning-rate schedule; survives a resume."""
    warmup_steps: int = Field(default=0, ge=0)
    """Steps of linear warm-up, for constant_with_warmup."""
    restart_steps: int = Field(default=1000, ge=1)
    """Steps of one cosine, for cosine_with_restarts."""
    batch_size: int = Field(default=8, ge=1)
    """Samples per optimizer step and process, all accumulation steps together."""
    accumulation: int = Field(default=1, ge=1)
    """Micro-batches per optimizer step."""
    epochs: int = Field(default=1, ge=1)
    """Passes over the stream; a pass after the first is a rewind. Only with --until-consumed does a pass end."""
    linger_s: float = Field(default=2.0, ge=0)
    """Seconds a partly filled batch waits for more samples."""
    pace_steps: int = Field(default=8, ge=1)
    """Optimizer steps before the next difficulty band opens; a band also opens when all open ones are dry."""
    checkpoint_steps: int = Field(default=50, ge=1)
    """Optimizer steps between checkpoints."""
    keep_checkpoints: int = Field(default=2, ge=2)
    """Newest valid checkpoints kept, besides the best."""
    eval_steps: int = Field(default=0, ge=0)
    """Optimizer steps between evaluations on validation samples; 0: at the end of each pass."""
    patience: int = Field(default=3, ge=0)
    """Evaluations without improvement before training stops; 0 never stops."""
    grace_s: float = Field(default=60.0, ge=0)
    """Seconds between SIGTERM and giving up on a clean stop."""
    repeat_horizon: int = Field(default=100_000, ge=1)
    """Sample ids remembered in a pass: the same id again within so many trains once."""
    held_out_prompts: int = Field(default=0, ge=0)
    """Prompts of the prompt bands to wait for, and to ask before and after training."""
    max_new_tokens: int = Field(default=32, ge=1)
    """Longest answer in tokens."""
    num_generations: int = Field(default=4, ge=2)
    """grpo: completions of each prompt; their rewards are compared with each other."""
    ppo_epochs: int = Field(default=4, ge=1)
    """ppo: optimizer steps on the completions of a round."""
    temperature: float = Field(default=1.0, gt=0)
    """Sampling temperature of grpo and ppo while they train; questions before and after are answered greedily."""
    reward_timeout_s: float = Field(default=120.0, ge=0)
    """Seconds to wait for rewards; one that comes later is None, never a zero."""
    on_data_loss: Literal["fail", "skip"] = "fail"
    """What to do when retention has removed records not yet trained on."""
    seed: int = 0
    """Seed of weights, dropout and generation."""

    @model_validator(mode="after")
    def _consistent(self) -> TrainConfig:
        if self.beta == 0 and self.trainer is not TrainerKind.GRPO:
            raise ValueError(f"beta must be above 0 for --trainer {self.trainer.value}; only grpo can do without")
        if self.lora_r == 0 and (self.trainer is TrainerKind.PPO or (self.trainer is TrainerKind.GRPO and self.beta > 0)):
            raise ValueError(
                f"--trainer {self.trainer.value} compares with the model it began with, which is its LoRA as it was: set lora_r above 0"
                + (", or beta to 0" if self.trainer is TrainerKind.GRPO else "")
            )
        return self

    def learning_rate(self, kind: TrainerKind) -> float:
        """Learning rate of one kind of trainer."""
        if kind is TrainerKind.DPO:
            return self.dpo_lr or self.lr / 20
        return self.lr

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What is trained on, in order."""
        return OBJECTIVES[self.trainer]

    def hash(self) -> str:
        """Hash of all settings, kept in each checkpoint so that a changed one is noticed on resume."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    @classmethod
    def load(cls, path: Path | None = None, **flags: Any) -> TrainConfig:
        """Defaults, then the YAML file's `train:` section, then flags that are not None.

        Raises:
            ConfigError: naming the setting and what is wrong with it.
        """
        values = _section(path, "train") | {name: value for name, value in flags.items() if value is not None}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            if not first["loc"]:
                raise ConfigError(first["msg"].removeprefix("Value error, ")) from None
            name = ".".join(str(part) for part in first["loc"])
            known = f"; known settings: {', '.join(cls.model_fields)}" if first["type"] == "extra_forbidden" else ""
            raise ConfigError(f"train setting {name!r}: {first['msg']} (given: {first.get('input')!r}){known}") from None


def _section(path: Path | None, name: str) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {error}") from None
    section = document.get(name, {}) if isinstance(document, dict) else None
    if not isinstance(section, dict):
        raise ConfigError(f"{path}: `{name}:` must be a mapping")
    return dict(section)
