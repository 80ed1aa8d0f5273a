"""The arms of `bench_rlhf`: which runs a stage has, and how each is started with `pelton train` and its workers."""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import Any, NamedTuple

POLICIES = ("strict", "open_world", "coverage", "ternary", "binary")
STAGES = ("screen", "finalists", "default", "longer", "dpo", "sft-then-grpo", "needless", "refill", "try", "ceiling")
PROMPTS_A_STEP, ANSWERS = 16, 8
"""Of GRPO a step, of PPO a round; to each prompt."""
PAIRS_A_STEP, SAMPLES_A_STEP = 16, 8
DPO_EPOCHS = 3
"""Passes over the pairs: there are some hundred of them."""
WAYS: dict[str, dict[str, Any]] = {
    "": {},
    "refill": {"--refill": 16},
    "bandit": {"--curriculum": "bandit"},
    "refill-bandit": {"--refill": 16, "--curriculum": "bandit"},
    "off": {"--curriculum": "off"},
}
"""Further settings of GRPO, by how an arm is called."""
TAUGHT = {"sft": 48, "sft-tenth": 11}
"""Of an arm that is taught by samples before it learns from rewards: how many of them abstain, beside 96 that answer."""


class Arm(NamedTuple):
    """One run."""

    policy: str
    trainer: str
    lr: float
    seed: int
    domain: str = "countries"
    way: str = ""
    """What is done otherwise: of WAYS, or of TAUGHT."""
    needless: float | None = None
    """What an answer gets that abstains where the graph knows what was asked; None: what the policy gives by default."""
    passes: int | None = None
    """Over the prompts, where that is not what the command line says."""

    @property
    def name(self) -> str:
        """Part of topic names and folders."""
        parts: list[object] = [self.domain, self.policy, self.trainer, f"{self.lr:g}", self.seed, *filter(None, [self.way])]
        parts += [f"needless{abs(self.needless):g}"] if self.needless is not None else []
        parts += [f"{self.passes}passes"] if self.passes else []
        return "-".join(map(str, parts))


def arms(stage: str, policy: str) -> list[Arm]:
    """In the order in which they are begun: seeds last, so that a budget that ends early leaves whole comparisons."""
    seeds = (0, 1, 2)
    if stage == "screen":
        return [Arm(each, "grpo", 4e-4, seed) for seed in (0, 1) for each in POLICIES]
    if stage == "finalists":
        return [Arm(each, by, lr, 0) for lr in (1e-4, 4e-4, 2e-4) for by in ("grpo", "ppo") for each in ("ternary", "coverage")]
    if stage == "default":
        return [Arm(policy, by, lr, seed, domain, "off") for seed, domain, by, lr in
                itertools.product(seeds, ("works", "countries"), ("grpo", "ppo"), (2e-4, 1e-4, 4e-4))]  # fmt: skip
    if stage == "longer":
        return [Arm(policy, by, lr, seed, domain, "off", passes=3) for seed, domain, (by, lr) in
                itertools.product(seeds, ("countries", "works"), (("ppo", 2e-4), ("grpo", 1e-4), ("ppo", 1e-4)))]  # fmt: skip
    if stage == "needless":
        places = (("countries", 2e-4), ("countries", 1e-4), ("works", 2e-4))
        taken = {"sft-tenth": (0.0, -0.25, -0.5, -0.75, -1.0), "sft": (-0.25, -0.5)}
        return [Arm(policy, "grpo", lr, seed, domain, way, needless) for seed, (domain, lr) in itertools.product(seeds, places)
                for way in taken for needless in taken[way]]  # fmt: skip
    if stage == "refill":
        return [Arm(policy, "grpo", 2e-4, seed, "countries", way) for seed, way in itertools.product(seeds, WAYS)]
    return [Arm(policy, "grpo", 4e-4, 0)]


def of_workers(arm: Arm) -> dict[str, str]:
    """By what name its workers go: those of an arm of two runs serve all runs on its topics."""
    return {} if arm.way in TAUGHT else {"--run-id": arm.name}


def judging(arm: Arm) -> list[str]:
    """What the arm's feedback worker is told."""
    return ["--policy", arm.policy, *(["--no-claims", "0"] if arm.policy == "coverage" else []),
            *(["--ternary", f"1,0,-1,-0.5,{arm.needless:g}"] if arm.needless is not None else []),
            *(["--preferences"] if arm.trainer == "dpo" else [])]  # fmt: skip


def training(arm: Arm, arguments: argparse.Namespace, folder: Path, held_out: int, prompts: int) -> list[str]:
    """What `pelton train` is told in the arm's last or only run.

    Args:
        arm: which.
        arguments: of the benchmark.
        folder: of the run.
        held_out: prompts that are asked before and after.
        prompts: prompts that are trained on, of which DPO has answers sampled.
    """
    flags = _every_run(arm, arguments, folder, held_out) | {"--run-id": arm.name, "--trainer": arm.trainer}
    if arm.trainer == "dpo":
        flags |= {"--dpo-lr": arm.lr, "--batch-size": PAIRS_A_STEP, "--sampled-prompts": prompts, "--num-generations": ANSWERS,
                  "--epochs": DPO_EPOCHS, "--curriculum": "off"}  # fmt: skip
    else:
        flags |= {"--lr": arm.lr, "--beta": 0.02, "--batch-size": PROMPTS_A_STEP, "--num-generations": ANSWERS,
                  "--curriculum": "difficulty",  # all that was kept before samples came as they come
                  "--epochs": arm.passes or arguments.epochs, **WAYS.get(arm.way, {})}  # fmt: skip
    return [*words(flags), *(["--wait-for", "feedback"] if arm.trainer == "dpo" else [])]


def teaching(arm: Arm, arguments: argparse.Namespace, folder: Path, held_out: int) -> list[str]:
    """What `pelton train` is told in the run before it, which learns from samples."""
    flags = _every_run(arm, arguments, folder, held_out)
    return words(flags | {"--run-id": f"{arm.name}-taught", "--trainer": "sft", "--batch-size": SAMPLES_A_STEP, "--epochs": 2})


def _every_run(arm: Arm, arguments: argparse.Namespace, folder: Path, held_out: int) -> dict[str, Any]:
    return {
        "--model": arguments.model, "--bits": arguments.bits, "--backend": "hf", "--max-new-tokens": 40, "--seed": arm.seed,
        "--run-dir": folder, "--wait-for": "curriculum", "--held-out-prompts": held_out,
        "--checkpoint-steps": 1000, "--checkpoint-every": "1h", "--metrics-port": 0,
    } | ({"--workers-run-id": arm.name} if of_workers(arm) else {})  # fmt: skip


def words(flags: dict[str, Any]) -> list[str]:
    """Flags and their values, one after another."""
    return [str(part) for pair in flags.items() for part in pair]
