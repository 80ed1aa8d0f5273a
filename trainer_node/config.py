"""What can be set about a training run, in one torch-free place.

A field is declared here and nowhere else. Its name, type, bounds, default and docstring become an option of `pelton train` with its help
(`cli.declared` reads them), a key of the YAML file's section `train:` and an environment variable PELTON_TRAIN_<NAME>. The docstrings of
TrainConfig's bases are the headings of the help; in a field's docstring, another setting's name between backticks becomes its flag.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from schemas.training_sample import Objective
from streams.settings import Section
from trainer_node.competence import Form, horizon_of
from trainer_node.curricula import Curriculum
from trainer_node.kinds import Reference, TrainerKind
from trainer_node.reward_parts import parts_of


class Settings(BaseModel):
    """Base of the groups of settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


class ModelSettings(Settings):
    """Model and adapter."""

    model: str = "default"
    """Model to train: a hub id, a folder, a GGUF file of Llama's family, or `default`, which is SmolLM2-135M-Instruct from the cache."""
    backend: Literal["auto", "hf", "unsloth"] = "auto"
    """What loads the model: Transformers and PEFT (hf), or Unsloth, which needs a CUDA device. `auto` takes Unsloth where it can run."""
    bits: Literal[4, 8, 16, 32] | None = None
    """Bits per weight of the base model. Unset: 4 on a CUDA device with bitsandbytes, 32 on a CPU without bfloat16 arithmetic, else 16."""
    lora_r: int = Field(default=16, ge=0)
    """Rank of the LoRA adapter; 0 trains all weights instead."""
    alpha: int = Field(default=32, ge=1)
    """LoRA alpha: what the adapter adds is scaled by alpha over rank."""
    lora_targets: str | None = None
    """Layers that get a LoRA, by the ends of their names, as in q_proj,v_proj. Unset: all linear layers but the output's."""

    @field_validator("lora_targets", mode="before")
    @classmethod
    def _names(cls, given: object) -> object:
        """YAML may give a list."""
        names = given if isinstance(given, list) else given.split(",") if isinstance(given, str) else None
        return given if names is None else ",".join(name.strip() for name in map(str, names) if name.strip()) or None

    @field_validator("bits", mode="before")
    @classmethod
    def _number(cls, bits: object) -> object:
        """Flags and the environment are text."""
        return int(bits) if isinstance(bits, str) and bits.isdecimal() else bits


class LearningSettings(Settings):
    """Learning."""

    trainer: TrainerKind = TrainerKind.AUTO
    """Which trainer trains: auto is SFT, then DPO on pairs; without an end, both as they come, and `rl`. Others learn from rewards."""
    rl: Literal["auto", "grpo", "rloo", "ppo", "off"] = "auto"
    """What learns from rewards beside SFT and DPO in a run without end: auto is grpo, while a feedback worker is there to judge."""
    shares: str = "backlog"
    """How such a run shares its steps: `backlog`, as much waits of each, or weights such as sft=3,preference=1,prompt=1."""
    lr: float = Field(default=2e-4, gt=0)
    """Learning rate."""
    dpo_lr: float | None = Field(default=None, gt=0)
    """Learning rate of DPO. Unset, a twentieth of `lr`: at the rate of SFT a handful of pairs undoes what SFT has just learnt."""
    rl_lr: float | None = Field(default=None, gt=0)
    """Learning rate of what learns from rewards. Unset, `lr`; beside SFT and DPO a twentieth of it."""
    beta: float = Field(default=0.1, ge=0)
    """Beta of DPO, or coefficient of the KL term where rewards are learnt from. 0 means no such term and no reference model."""
    reference_steps: int = Field(default=512, ge=1)
    """Optimizer steps after which a run without end renews the reference that it compares with, from a checkpoint that is no worse."""
    schedule: Literal["constant", "constant_with_warmup", "cosine_with_restarts"] = "constant"
    """Learning-rate schedule; a resumed run goes on where its schedule was."""
    warmup_steps: int = Field(default=0, ge=0)
    """Optimizer steps of linear warm-up, for constant_with_warmup."""
    restart_steps: int = Field(default=1000, ge=1)
    """Optimizer steps of one cosine, for cosine_with_restarts."""
    seed: int = 0
    """Seed of new weights, dropout and generation."""

    @field_validator("shares")
    @classmethod
    def _weights(cls, given: str) -> str:
        """Weights can be read."""
        weights_of(given)
        return given


def weights_of(shares: str) -> dict[Objective, float]:
    """Weights by objective; empty where steps are shared by what waits.

    Raises:
        ValueError: it is neither; says what it may be.
    """
    if shares == "backlog":
        return {}
    pairs = [part.partition("=") for part in shares.split(",")]
    try:
        weights = {Objective(name.strip()): float(value) for name, _, value in pairs}
    except ValueError:
        weights = {}
    if (
        not weights
        or len(weights) < len(pairs)
        or not all(0 <= weight < float("inf") for weight in weights.values())
        or not any(weights.values())
    ):
        raise ValueError(f"{shares!r} is neither `backlog` nor weights of {', '.join(Objective)} such as sft=3,preference=1")
    return weights


class BatchSettings(Settings):
    """Batches and pacing."""

    batch_size: int = Field(default=8, ge=1)
    """Samples per optimizer step and process, all its micro-batches together."""
    accumulation: int = Field(default=1, ge=1)
    """Micro-batches per optimizer step: the more, the less memory a step takes."""
    max_seq: int = Field(default=1024, ge=8)
    """Longest sample in tokens."""
    too_long: Literal["truncate", "dead-letter"] = "truncate"
    """What happens to a longer sample: the end of its completion is cut off, or it is dead-lettered."""
    loss_on: Literal["assistant", "last", "all"] = "assistant"
    """What of a conversation is learnt: all the assistant's turns (unless their weight is 0), the last of them, or the whole text."""
    linger_s: float = Field(default=2.0, ge=0)
    """Seconds that a partly filled batch waits for more samples."""
    curriculum: Curriculum | None = None
    """Order of the samples (docs/curriculum.md). Unset: off, as they come; or difficulty, easiest first, where a pacing is set."""
    pacing: Form | None = None
    """How the share of the stream that is given grows over `pace_over`: by the root (unset), linearly, or in a step a band."""
    pace_over: str = "auto"
    """What is trained until all bands are given: 5000samples or 2000000tokens; auto is the pass, and 2000 samples in a run without end."""
    pace_steps: int | None = Field(default=None, ge=1)
    """Optimizer steps before the next difficulty band opens, instead of `pacing` and `pace_over`. Any opens when the others are dry."""
    repeat_horizon: int = Field(default=100_000, ge=1)
    """Sample ids remembered within a pass: a sample that comes again within so many is trained once."""

    @field_validator("pace_over")
    @classmethod
    def _horizon(cls, given: str) -> str:
        """It can be read."""
        horizon_of(given)
        return given

    @property
    def is_paced(self) -> bool:
        """Whether anything is set of how bands open."""
        return self.pacing is not None or self.pace_over != "auto" or self.pace_steps is not None

    @property
    def order(self) -> Curriculum:
        """The order of the samples."""
        return self.curriculum or (Curriculum.DIFFICULTY if self.is_paced else Curriculum.OFF)


class PassSettings(Settings):
    """Passes, evaluation and checkpoints."""

    epochs: int = Field(default=1, ge=1)
    """Passes over the stream; each after the first is a rewind. A pass ends only with --until-consumed."""
    eval_steps: int = Field(default=0, ge=0)
    """Optimizer steps of an objective between its evaluations; 0 evaluates at the end of a pass, or after `eval_every` without an end."""
    eval_every: float = Field(default=300.0, gt=0)
    """In a run without end, time between evaluations, in seconds or as 30s, 5m or 2h; a stream that falls idle is measured sooner."""
    patience: int = Field(default=3, ge=0)
    """Evaluations without improvement before training stops; 0 never stops. After `eval_every`, those `checkpoint_steps` apart count."""
    checkpoint_steps: int = Field(default=50, ge=1)
    """Optimizer steps between checkpoints."""
    checkpoint_every: float = Field(default=300.0, gt=0)
    """Longest time between checkpoints while something is trained, in seconds or as 30s, 5m or 2h. An idle stream is committed at once."""
    keep_checkpoints: int = Field(default=2, ge=2)
    """How many of the newest valid checkpoints are kept, besides the best."""
    on_data_loss: Literal["fail", "skip"] = "fail"
    """What to do when retention has removed records that were not trained on: stop, or note the gap and go on behind it."""
    grace_s: float = Field(default=60.0, ge=0)
    """Seconds from SIGTERM to giving up on a clean stop."""

    @field_validator("checkpoint_every", "eval_every", mode="before")
    @classmethod
    def _seconds(cls, given: object) -> object:
        """Flags, the environment and YAML may say a unit."""
        return seconds_of(given) if isinstance(given, str) else given


def seconds_of(text: str) -> float | str:
    """Seconds of a duration such as `90`, `30s`, `5m`, `2h` or `1d`; what is none is given back for pydantic to refuse."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.strip().lower())
    return float(found[1]) * UNITS[found[2]] if found else text


UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class AnswerSettings(Settings):
    """Answers and rewards."""

    held_out_prompts: int = Field(default=0, ge=0)
    """Prompts of the prompt bands to wait for, and to ask before and after training."""
    sampled_prompts: int = Field(default=0, ge=0)
    """Training prompts to sample `num_generations` answers to before DPO begins, in a run that ends: a judge makes pairs of them."""
    max_new_tokens: int = Field(default=32, ge=1)
    """Longest answer in tokens."""
    num_generations: int = Field(default=4, ge=2)
    """Answers to each prompt: in a step of grpo or rloo, which compare them, in a round of ppo, or before DPO (`sampled_prompts`)."""
    refill: int = Field(default=0, ge=0)
    """Prompts that a step of grpo or rloo may ask beside its own, for those whose answers all earn the same; such are left out of it."""
    ppo_epochs: int = Field(default=4, ge=1)
    """Optimizer steps on the answers of one round (ppo)."""
    temperature: float = Field(default=1.0, gt=0)
    """Sampling temperature of the answers that are learnt from. Held-out prompts are answered greedily."""
    reward_fn: str = "graph"
    """What an answer is worth: `graph`, the feedback node; module:function; or a weighted sum such as graph:0.5,my.module:score:0.5."""
    watch_steps: int = Field(default=0, ge=0)
    """Steps that learn from rewards between two askings of the held-out prompts; 0 asks them before and after training alone."""
    reward_timeout_s: float = Field(default=120.0, ge=0)
    """Seconds to wait for rewards. One that comes later counts as none, never as zero."""

    @field_validator("reward_fn")
    @classmethod
    def _reward_parts(cls, given: str) -> str:
        """Its parts can be read."""
        parts_of(given)
        return given


class TrainConfig(AnswerSettings, PassSettings, BatchSettings, LearningSettings, ModelSettings):
    """All settings of a run. pydantic takes the fields of the last base first."""

    @model_validator(mode="after")
    def _consistent(self) -> TrainConfig:
        for check in CHECKS:
            check(self)
        return self

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What a run that is to end trains on, in order."""
        return self.trainer.objectives

    def kinds(self, ends: bool) -> dict[Objective, TrainerKind]:
        """What trains each objective, in order. A run without end has all of them on one stream.

        Args:
            ends: whether the run is to end when everything is consumed.
        """
        kinds = {kind.facts.objective: kind for kind in self.trainer.kinds}
        if not self.trainer.is_sequence or ends:
            return kinds
        if self.rl != "off":
            rl = TrainerKind.GRPO if self.rl == "auto" else TrainerKind(self.rl)
            kinds[rl.facts.objective] = rl
        return {objective: kind for objective, kind in kinds.items() if self.lora_r > 0 or not needs_reference(kind, self)}

    def changed(self) -> dict[str, Any]:
        """The settings that are not at their defaults: a version with one more setting does not look like a change."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def hash(self) -> str:
        """Hash of what is not at its default, kept in each checkpoint so that a changed setting is noticed on resume."""
        return hashlib.sha256(json.dumps(self.changed(), sort_keys=True).encode()).hexdigest()[:16]

    @classmethod
    def load(cls, path: Path | None = None, environ: Mapping[str, str] = os.environ, **flags: Any) -> TrainConfig:
        """Settings by precedence: defaults < YAML < environment < flags (None = not given).

        Raises:
            ConfigError: one line that names the setting, the place it comes from, and what it may be.
        """
        variables = {name: f"{VARIABLE_PREFIX}{name.upper()}" for name in cls.model_fields}
        return Section("train", cls, variables, VARIABLE_PREFIX).load(path, environ, flags)


VARIABLE_PREFIX = "PELTON_TRAIN_"
"""How the environment variables of these settings begin."""


def beta_fits_trainer(config: TrainConfig) -> None:
    """Where the reference is always compared with, its weight is not zero."""
    if config.beta == 0 and any(kind.facts.reference is Reference.ALWAYS for kind in config.trainer.kinds):
        without = [kind.value for kind in TrainerKind if not kind.is_sequence and kind.facts.reference is Reference.UNLESS_BETA_IS_0]
        raise ValueError(f"beta must be above 0 for --trainer {config.trainer.value}; {' and '.join(without)} can do without")


def reference_is_there(config: TrainConfig) -> None:
    """The reference is the LoRA as it was, so there must be one."""
    if config.lora_r == 0 and all(needs_reference(kind, config) for kind in config.trainer.kinds):
        spared = any(kind.facts.reference is Reference.UNLESS_BETA_IS_0 for kind in config.trainer.kinds)
        raise ValueError(
            f"--trainer {config.trainer.value} compares with the model it began with, which is its LoRA as it was: set lora_r above 0"
            + (", or beta to 0" if spared else "")
        )


def needs_reference(kind: TrainerKind, config: TrainConfig) -> bool:
    """Whether a kind compares with a reference in this run."""
    reference = kind.facts.reference
    return reference is Reference.ALWAYS or (reference is Reference.UNLESS_BETA_IS_0 and config.beta > 0)


def pacing_has_an_order(config: TrainConfig) -> None:
    """A pacing opens bands one after another: it needs an order of theirs."""
    if config.is_paced and config.order.is_mixed:
        raise ValueError(f"pacing, pace_over and pace_steps tell when bands open; with curriculum {config.order} all are: leave them out")
    if config.pace_steps is not None and (config.pacing is not None or config.pace_over != "auto"):
        raise ValueError("pace_steps opens a band after so many steps, instead of pacing and pace_over: set it, or them")


CHECKS: list[Callable[[TrainConfig], None]] = [beta_fits_trainer, reference_is_there, pacing_has_an_order]
"""What must hold between settings; each raises ValueError with the text for the user."""
