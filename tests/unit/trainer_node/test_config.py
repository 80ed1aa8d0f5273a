"""What must hold between the settings of a run, and what of them a checkpoint remembers."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from schemas.errors import ConfigError
from schemas.training_sample import Objective
from trainer_node.config import TrainConfig
from trainer_node.curricula import Curriculum
from trainer_node.kinds import TrainerKind

ITS_LORA = "compares with the model it began with, which is its LoRA as it was"

WHEN_BANDS_OPEN = "pacing, pace_over and pace_steps tell when bands open; with curriculum {} all are: leave them out"

PACED_TWICE = "pace_steps opens a band after so many steps, instead of pacing and pace_over: set it, or them"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"trainer": "dpo", "lora_r": 0}, f"--trainer dpo {ITS_LORA}: set lora_r above 0"),
        ({"trainer": "ppo", "lora_r": 0}, f"--trainer ppo {ITS_LORA}: set lora_r above 0"),
        ({"trainer": "grpo", "lora_r": 0}, f"--trainer grpo {ITS_LORA}: set lora_r above 0, or beta to 0"),
        ({"trainer": "rloo", "lora_r": 0}, f"--trainer rloo {ITS_LORA}: set lora_r above 0, or beta to 0"),
        ({"trainer": "dpo", "beta": 0}, "beta must be above 0 for --trainer dpo; grpo and rloo can do without"),
        ({"trainer": "auto", "beta": 0}, "beta must be above 0 for --trainer auto; grpo and rloo can do without"),
        ({"curriculum": "bandit", "pace_steps": 3}, WHEN_BANDS_OPEN.format("bandit")),
        ({"curriculum": "off", "pacing": "root"}, WHEN_BANDS_OPEN.format("off")),
        ({"curriculum": "loss", "pace_over": "50samples"}, WHEN_BANDS_OPEN.format("loss")),
        ({"pace_steps": 5, "pacing": "linear"}, PACED_TWICE),
        ({"pace_steps": 5, "pace_over": "50samples", "curriculum": "reverse"}, PACED_TWICE),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, object], told: str):
    with pytest.raises(ConfigError) as caught:
        TrainConfig.load(environ={}, **settings)
    assert str(caught.value) == f"train settings: {told}"


@pytest.mark.parametrize(
    "settings", [{"trainer": "grpo", "lora_r": 0, "beta": 0}, {"trainer": "sft", "lora_r": 0, "beta": 0}, {"trainer": "auto", "lora_r": 0}]
)
def test_settings_that_do_not_are_taken(settings: dict[str, object]):
    assert TrainConfig.load(environ={}, **settings).lora_r == 0


DEFAULTS = {
    "model": "default",
    "backend": "auto",
    "bits": None,
    "lora_r": 16,
    "alpha": 32,
    "lora_targets": None,
    "trainer": "auto",
    "rl": "auto",
    "shares": "backlog",
    "lr": 2e-4,
    "dpo_lr": None,
    "rl_lr": None,
    "beta": 0.1,
    "reference_steps": 512,
    "schedule": "constant",
    "warmup_steps": 0,
    "restart_steps": 1000,
    "seed": 0,
    "batch_size": 8,
    "accumulation": 1,
    "max_seq": 1024,
    "too_long": "truncate",
    "loss_on": "assistant",
    "linger_s": 2.0,
    "curriculum": None,
    "pacing": None,
    "pace_over": "auto",
    "pace_steps": None,
    "repeat_horizon": 100_000,
    "epochs": 1,
    "eval_steps": 0,
    "eval_every": 300.0,
    "patience": 3,
    "checkpoint_steps": 50,
    "checkpoint_every": 300.0,
    "keep_checkpoints": 2,
    "on_data_loss": "fail",
    "grace_s": 60.0,
    "held_out_prompts": 0,
    "sampled_prompts": 0,
    "max_new_tokens": 32,
    "num_generations": 4,
    "refill": 0,
    "ppo_epochs": 4,
    "temperature": 1.0,
    "reward_fn": "graph",
    "watch_steps": 0,
    "reward_timeout_s": 120.0,
}
OTHERS = {
    "model": "some/model",
    "backend": "hf",
    "bits": 16,
    "lora_r": 4,
    "alpha": 5,
    "lora_targets": "q_proj,w2",
    "trainer": "grpo",
    "rl": "rloo",
    "shares": "sft=3",
    "lr": 0.5,
    "dpo_lr": 0.25,
    "rl_lr": 0.35,
    "beta": 0.75,
    "reference_steps": 8,
    "schedule": "cosine_with_restarts",
    "warmup_steps": 6,
    "restart_steps": 7,
    "seed": 9,
    "batch_size": 10,
    "accumulation": 11,
    "max_seq": 12,
    "too_long": "dead-letter",
    "loss_on": "last",
    "linger_s": 1.25,
    "curriculum": "reverse",
    "pacing": "linear",
    "pace_over": "1300tokens",
    "pace_steps": 13,
    "repeat_horizon": 14,
    "epochs": 15,
    "eval_steps": 16,
    "eval_every": 16.5,
    "patience": 17,
    "checkpoint_steps": 18,
    "checkpoint_every": 18.5,
    "keep_checkpoints": 19,
    "on_data_loss": "skip",
    "grace_s": 2.5,
    "held_out_prompts": 20,
    "sampled_prompts": 20,
    "max_new_tokens": 21,
    "num_generations": 22,
    "refill": 24,
    "ppo_epochs": 23,
    "temperature": 0.125,
    "reward_fn": "graph:0.5,m:f:2",
    "watch_steps": 24,
    "reward_timeout_s": 3.5,
}


@pytest.mark.parametrize("pacing", [{"pacing": "linear"}, {"pace_over": "50samples"}, {"pace_steps": 3}])
def test_samples_are_ordered_by_difficulty_where_a_pacing_is_set_and_else_only_where_that_is_asked_for(pacing: dict[str, object]):
    assert TrainConfig.load(environ={}).order is Curriculum.OFF
    assert TrainConfig.load(environ={}, **pacing).order is Curriculum.DIFFICULTY
    assert TrainConfig.load(environ={}, curriculum="difficulty").order is Curriculum.DIFFICULTY
    assert TrainConfig.load(environ={}, curriculum="reverse", **pacing).order is Curriculum.REVERSE


def test_a_run_that_says_nothing_has_the_documented_defaults():
    assert TrainConfig.load(environ={}).model_dump(mode="json") == DEFAULTS


@pytest.mark.parametrize("unset", [{"pace_steps": None}, {"pacing": None, "pace_over": "auto"}], ids=["pacing", "pace_steps"])
def test_every_setting_is_read_from_a_file_from_the_environment_and_from_flags(unset: dict[str, object], tmp_path: Path):
    path, others = tmp_path / "run.yaml", {name: value for name, value in OTHERS.items() if name not in unset}
    path.write_text(yaml.safe_dump({"train": others}), encoding="utf-8")
    environ = {f"PELTON_TRAIN_{name.upper()}": str(value) for name, value in others.items()}
    for loaded in (TrainConfig.load(path, {}), TrainConfig.load(environ=environ), TrainConfig.load(environ={}, **others)):
        assert loaded.model_dump(mode="json") == OTHERS | unset


@pytest.mark.parametrize(("said", "seconds"), [("90", 90), ("1.5s", 1.5), ("5m", 300), (" 2H ", 7200), ("1d", 86400)])
def test_the_time_between_checkpoints_may_have_a_unit(said, seconds):
    assert TrainConfig.load(environ={"PELTON_TRAIN_CHECKPOINT_EVERY": said}).checkpoint_every == seconds


@pytest.mark.parametrize("said", ["0", "5 weeks", "-1m", "inf", "m"])
def test_a_time_that_is_none_is_refused_by_name(said):
    with pytest.raises(ConfigError, match=r"checkpoint_every|CHECKPOINT_EVERY"):
        TrainConfig.load(environ={"PELTON_TRAIN_CHECKPOINT_EVERY": said})


def test_an_empty_variable_counts_as_unset():
    assert TrainConfig.load(environ={"PELTON_TRAIN_ALPHA": "", "PELTON_TRAIN_DPO_LR": ""}) == TrainConfig()


def test_a_variable_of_ours_that_is_no_setting_is_refused():
    with pytest.raises(ConfigError, match=r"'bach_size' \(PELTON_TRAIN_BACH_SIZE\): no such setting; did you mean 'batch_size'\?"):
        TrainConfig.load(environ={"PELTON_TRAIN_BACH_SIZE": "3"})


@pytest.mark.parametrize(
    ("name", "taken", "refused"),
    [
        ("bits", 4, 5),
        ("lora_r", 0, -1),
        ("alpha", 1, 0),
        ("lr", 1e-9, 0),
        ("dpo_lr", 1e-9, 0),
        ("beta", 1e-9, -1e-9),
        ("warmup_steps", 0, -1),
        ("restart_steps", 1, 0),
        ("batch_size", 1, 0),
        ("accumulation", 1, 0),
        ("max_seq", 8, 7),
        ("linger_s", 0, -1e-9),
        ("pace_steps", 1, 0),
        ("repeat_horizon", 1, 0),
        ("epochs", 1, 0),
        ("eval_steps", 0, -1),
        ("patience", 0, -1),
        ("checkpoint_steps", 1, 0),
        ("keep_checkpoints", 2, 1),
        ("grace_s", 0, -1e-9),
        ("held_out_prompts", 0, -1),
        ("max_new_tokens", 1, 0),
        ("num_generations", 2, 1),
        ("ppo_epochs", 1, 0),
        ("temperature", 1e-9, 0),
        ("reward_timeout_s", 0, -1e-9),
    ],
)
def test_a_setting_is_taken_down_to_its_bound_and_not_below(name: str, taken: float, refused: float):
    assert getattr(TrainConfig.load(environ={}, **{name: taken}), name) == taken
    with pytest.raises(ConfigError, match=rf"^train setting '{name}' \(--{name.replace('_', '-')}"):
        TrainConfig.load(environ={}, **{name: refused})


@pytest.mark.parametrize("name", ["lr", "dpo_lr", "beta", "linger_s", "grace_s", "temperature", "reward_timeout_s"])
@pytest.mark.parametrize("value", ["inf", "nan", float("inf")])
def test_no_number_of_a_run_is_infinite_or_none_at_all(name: str, value: object):
    with pytest.raises(ConfigError, match=f"'{name}' .*finite"):
        TrainConfig.load(environ={}, **{name: value})


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("backend", ["auto", "hf", "unsloth"]),
        ("bits", [4, 8, 16, 32, "4", "16"]),
        ("trainer", ["auto", "sft", "dpo", "ppo", "grpo", "rloo"]),
        ("schedule", ["constant", "constant_with_warmup", "cosine_with_restarts"]),
        ("too_long", ["truncate", "dead-letter"]),
        ("loss_on", ["assistant", "last", "all"]),
        ("on_data_loss", ["fail", "skip"]),
    ],
)
def test_a_choice_is_one_of_those_that_there_are(name: str, values: list[object]):
    for value in values:
        assert str(getattr(TrainConfig.load(environ={}, **{name: value}), name)) == str(value)
    with pytest.raises(ConfigError, match=f"^train setting '{name}'"):
        TrainConfig.load(environ={}, **{name: "of no kind"})


def test_settings_do_not_change_while_a_run_has_them_and_there_are_no_others():
    with pytest.raises(ValidationError, match="frozen"):
        TrainConfig().lr = 1.0  # type: ignore[misc]
    with pytest.raises(ValidationError, match="extra"):
        TrainConfig(learning_rate=1.0)  # type: ignore[call-arg]


@pytest.mark.parametrize("name", DEFAULTS)
def test_each_setting_says_what_it_does(name: str):
    assert TrainConfig.model_fields[name].description


def test_a_checkpoint_remembers_what_is_not_a_default():
    assert TrainConfig().hash() == TrainConfig(batch_size=8).hash()
    assert len({TrainConfig().hash(), TrainConfig(batch_size=4).hash(), TrainConfig(seed=4).hash()}) == 3


def test_the_hash_of_settings_is_the_same_from_version_to_version_and_in_whatever_order_they_are():
    """Else each new version would tell every run that its settings have changed."""
    assert TrainConfig().hash() == hashlib.sha256(b"{}").hexdigest()[:16]
    assert TrainConfig(seed=4, alpha=1).hash() == hashlib.sha256(b'{"alpha": 1, "seed": 4}').hexdigest()[:16]
    assert TrainConfig(lr=0.5, beta=0.5).hash() == hashlib.sha256(b'{"beta": 0.5, "lr": 0.5}').hexdigest()[:16]
    assert TrainConfig(trainer=TrainerKind.PPO).hash() == hashlib.sha256(b'{"trainer": "ppo"}').hexdigest()[:16]


@pytest.mark.parametrize(
    ("trainer", "objectives"),
    [
        ("auto", (Objective.SFT, Objective.PREFERENCE)),
        ("sft", (Objective.SFT,)),
        ("dpo", (Objective.PREFERENCE,)),
        ("ppo", (Objective.PROMPT,)),
        ("grpo", (Objective.PROMPT,)),
    ],
)
def test_each_trainer_trains_on_its_own_objectives_in_order(trainer: str, objectives: tuple[Objective, ...]):
    assert TrainConfig.load(environ={}, trainer=trainer).objectives == objectives
