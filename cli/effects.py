"""Flags of `pelton train` that would do nothing as the run is set: refused, for whoever gives one means something by it.

Values of a file or of the environment are left alone: those may be set for several commands at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from cli.train_options import flag_of

if TYPE_CHECKING:
    from trainer_node.config import TrainConfig

Given = Mapping[str, Any]


class Need(NamedTuple):
    """What a flag needs in order to do something."""

    is_met: Callable[[TrainConfig, Given], bool]
    told: str
    """For a person, after "does nothing without"."""


def scheduled(schedule: str) -> Need:
    """The learning rate follows this schedule."""
    return Need(lambda config, _: config.schedule == schedule, f"--schedule {schedule}")


def compares(config: TrainConfig, _: Given) -> bool:
    """A kind that trains compares with a reference."""
    return any(kind.facts.reference.value != "never" for kind in config.trainer.kinds)


def kinds(config: TrainConfig, given: Given) -> set[str]:
    """What trains in this run."""
    return {kind.value for kind in config.kinds(ends=ENDS.is_met(config, given)).values()}


def has_rate_of_others(config: TrainConfig, given: Given) -> bool:
    """A kind trains whose rate is --lr, or follows from it."""
    own = {"dpo": config.dpo_lr, "grpo": config.rl_lr, "rloo": config.rl_lr, "ppo": config.rl_lr}
    return any(own.get(kind) is None for kind in kinds(config, given))


def evaluates(config: TrainConfig, given: Given) -> bool:
    """Something is measured on held-out samples while it is trained."""
    return bool(kinds(config, given) & {"sft", "dpo"})


def evaluates_again(config: TrainConfig, given: Given) -> bool:
    """An objective is measured more than once; 0 of patience asks for nothing."""
    again = config.eval_steps > 0 or config.epochs > 1 or not ENDS.is_met(config, given)
    return config.patience == 0 or (again and evaluates(config, given))


def learns_from_rewards(config: TrainConfig, given: Given) -> bool:
    """Something learns from rewards."""
    return bool(kinds(config, given) & {"grpo", "rloo", "ppo"})


def by_rewards(*of: str) -> Need:
    """One of these kinds learns from rewards; in a run without end, beside others."""
    return Need(lambda config, given: bool(kinds(config, given) & {*of}), f"--trainer {' or '.join(of)}, or auto without end")


def answers(config: TrainConfig, given: Given) -> bool:
    """The model is asked something."""
    return config.held_out_prompts > 0 or config.sampled_prompts > 0 or learns_from_rewards(config, given)


def sampled(need: Need) -> Need:
    """That, or answers are sampled for preference pairs."""
    return Need(lambda config, given: config.sampled_prompts > 0 or need.is_met(config, given), f"{need.told}, or --sampled-prompts")


ANSWERS = "answers (--held-out-prompts, --sampled-prompts, or --trainer grpo, rloo or ppo)"
OWN_BROKER = "--dataset-path, and no broker named: only then are workers started here"
FILES = Need(lambda _, given: bool(given["dataset_path"]), "--dataset-path")
OWN_JUDGE = Need(
    lambda config, given: bool(given["dataset_path"]) and not given.get("named") and answers(config, given),
    f"{OWN_BROKER}; nor without answers that are judged",
)
ENDS = Need(
    lambda _, given: bool(given["dataset_path"] or given["until_consumed"] or given["closed_file"] or given["replay"]),
    "--until-consumed, --closed-file or --dataset-path: a pass ends only where the stream does",
)
UNENDING = Need(
    lambda config, given: config.trainer.is_sequence and not ENDS.is_met(config, given),
    "--trainer auto and a run without end: one that is to end trains one objective after another",
)
PASSES = Need(lambda config, given: config.epochs == 1 or ENDS.is_met(config, given), ENDS.told)
NEEDS: dict[str, Need] = {
    "warmup_steps": scheduled("constant_with_warmup"),
    "restart_steps": scheduled("cosine_with_restarts"),
    "lr": Need(has_rate_of_others, "a trainer whose rate it is: leave --dpo-lr or --rl-lr out"),
    "lora_targets": Need(lambda config, _: config.lora_r > 0, "a LoRA (--lora-r above 0)"),
    "loss_on": Need(evaluates, "--trainer auto, sft or dpo"),
    "eval_steps": Need(
        lambda config, given: config.eval_steps == 0 or evaluates(config, given),
        "--trainer auto, sft or dpo: what learns from rewards has no evaluation (--watch-steps)",
    ),
    "patience": Need(
        evaluates_again, "evaluations to compare (--eval-steps, several --epochs, or a run without end) of --trainer auto, sft or dpo"
    ),
    "alpha": Need(lambda config, _: config.lora_r > 0, "a LoRA (--lora-r above 0)"),
    "rl": UNENDING,
    "shares": UNENDING,
    "rl_lr": Need(learns_from_rewards, "what learns from rewards (--trainer grpo, rloo or ppo, or auto without end)"),
    "reference_steps": Need(
        lambda config, given: compares(config, given) and not ENDS.is_met(config, given),
        "a run without end that compares with a reference (--trainer auto, dpo, grpo, rloo or ppo)",
    ),
    "eval_every": Need(
        lambda config, given: not ENDS.is_met(config, given) and not config.eval_steps and evaluates(config, given),
        "a run without end, no --eval-steps, and --trainer auto, sft or dpo",
    ),
    "dpo_lr": Need(lambda config, given: "dpo" in kinds(config, given), "--trainer auto or dpo, and a LoRA"),
    "beta": Need(compares, "a trainer that compares with a reference (--trainer auto, dpo, grpo, rloo or ppo)"),
    "num_generations": sampled(by_rewards("grpo", "rloo", "ppo")),
    "refill": by_rewards("grpo", "rloo"),
    "ppo_epochs": by_rewards("ppo"),
    "temperature": sampled(by_rewards("grpo", "rloo", "ppo")),
    "sampled_prompts": Need(
        lambda config, given: ENDS.is_met(config, given) and "dpo" in kinds(config, given), "--trainer auto or dpo, and a run that ends"
    ),
    "reward_fn": by_rewards("grpo", "rloo", "ppo"),
    "watch_steps": Need(
        lambda config, given: config.held_out_prompts > 0 and learns_from_rewards(config, given),
        "--held-out-prompts, and what learns from rewards",
    ),
    "max_new_tokens": Need(answers, ANSWERS),
    "reward_timeout_s": Need(answers, ANSWERS),
    "epochs": PASSES,
    "facts": FILES,
    "ontology": Need(
        lambda _, given: bool(given["dataset_path"] and (given["facts"] or not given.get("named"))), f"--facts, or {OWN_BROKER}"
    ),
    "reward_policy": OWN_JUDGE,
    "no_claims": OWN_JUDGE,
    "ternary": OWN_JUDGE,
    "workers_run_id": Need(
        lambda _, given: not given["dataset_path"] or bool(given.get("named")),
        "workers that were started elsewhere: here they are this run's",
    ),
    "shape": FILES,
    "mapping": FILES,
    "encoding": FILES,
    "wait_for": ENDS,
}
FLAGS = {"shape": "--format", "mapping": "--map"}
"""Flags that are not named after their value."""


def refuse_without_effect(config: TrainConfig, given: Given) -> None:
    """Refuse what was given and would do nothing.

    Raises:
        UsageError: names the flag, and what it needs.
    """
    for name, need in NEEDS.items():
        if given.get(name) not in (None, (), "") and not need.is_met(config, given):
            raise click.UsageError(f"{FLAGS.get(name, flag_of(name))} does nothing without {need.told}")
