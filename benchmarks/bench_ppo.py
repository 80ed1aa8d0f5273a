"""Settings of PPO for short answers with one reward at their end: lambda, the value head's rate, and how many answers a round has.

A tiny model (`demo.policy`) names one of eight capitals to each of eight questions, whichever; right earns 1, wrong -1. Each arm is the
product's trainer over so many answers as its row says; what counts is the share of right answers in the last seventh of the rounds. GRPO
with as many answers stands beside. No broker, one thread of a CPU.

Run: `python benchmarks/bench_ppo.py [--seeds 3] [--out FILE]` (some minutes).
"""

from __future__ import annotations

import argparse
import itertools
import logging
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]
os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")

from benchmarks.record import Record  # noqa: E402
from demo.policy import QUESTION, asked, guessing_model  # noqa: E402
from schemas.sample import Task  # noqa: E402
from schemas.training_sample import Objective, TrainingSample  # noqa: E402
from schemas.turns import Turn  # noqa: E402
from streams.kafka.consumer import Record as Read  # noqa: E402
from trainer_node.config import TrainConfig  # noqa: E402
from trainer_node.data.batch import StepBatch, WaitingSample  # noqa: E402
from trainer_node.data.tokenization import format_prompt  # noqa: E402
from trainer_node.kinds import TrainerKind  # noqa: E402
from trainer_node.models.restore import load_for_training  # noqa: E402
from trainer_node.training.callbacks import StepCallback  # noqa: E402
from trainer_node.training.factory import build_source, build_trainer  # noqa: E402
from trainer_node.training.ppo import HEAD_RATE  # noqa: E402

QUESTIONS, PARTS, NEW_TOKENS = 8, 7, 12


class Arm(NamedTuple):
    """Rounds of so many prompts, each answered so often."""

    trainer: str
    rounds: int
    prompts: int
    answers: int
    lam: float = 0.95
    head: float = 1.0
    """Factor of the value head's output, and so of its rate: Adam's steps do not depend on the scale of a gradient."""


ARMS = (
    Arm("grpo", 53, 16, 8), Arm("ppo", 14, 32, 2), Arm("ppo", 14, 32, 2, 1.0), Arm("ppo", 14, 32, 2, 0.95, 10.0), Arm("ppo", 14, 64, 8),
    Arm("ppo", 53, 16, 8), Arm("ppo", 53, 16, 8, 1.0), Arm("ppo", 53, 16, 8, 0.95, 10.0), Arm("ppo", 53, 16, 8, 1.0, 10.0),
)  # fmt: skip


def main() -> None:
    """Run all arms with all seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--only", default="", help="arms whose names contain this")
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    record = Record("bench_ppo", arguments, {"runs": list(seeds)})
    with tempfile.TemporaryDirectory() as scratch:
        model = guessing_model(Path(scratch) / "model", QUESTIONS, 300)
        for seed, arm in itertools.product(seeds, ARMS):
            name = f"{arm.trainer} {arm.rounds}x{arm.prompts}x{arm.answers} lambda {arm.lam} head {arm.head:g} seed {seed}"
            if arguments.only not in name:
                continue
            began = time.monotonic()
            right = shares(arm, seed, arguments.lr, model, Path(scratch))
            run = {"name": name, "arm": arm._asdict(), "seed": seed, "right": parts(right), "seconds": round(time.monotonic() - began, 1)}
            record.keep(run, key=lambda one: one["name"])
            print(name, run["right"], run["seconds"], flush=True)


def parts(right: Sequence[float]) -> list[float]:
    """Means over sevenths of the rounds."""
    ends = [round(len(right) * part / PARTS) for part in range(PARTS + 1)]
    return [round(sum(right[first:last]) / (last - first), 3) for first, last in itertools.pairwise(ends)]


def shares(arm: Arm, seed: int, lr: float, model: Path, scratch: Path) -> list[float]:
    """Share of right answers by round."""
    kind, known = TrainerKind(arm.trainer), list(asked(QUESTIONS).items())
    config = TrainConfig(
        model=str(model), bits=32, trainer=kind, batch_size=arm.prompts, num_generations=arm.answers, lora_r=8, lr=lr, beta=0.02, seed=seed,
        max_new_tokens=NEW_TOKENS, max_seq=64,
    )  # fmt: skip
    loaded, found = load_for_training(config, None), []

    def judge(_: int, prompts: Sequence[Any], texts: Sequence[str]) -> list[float | None]:
        rewards = [1.0 if text.strip() == f"{prompt.gold[0]}." else -1.0 for prompt, text in zip(prompts, texts, strict=True)]
        found.append(sum(reward > 0 for reward in rewards) / len(rewards))
        return list(rewards)

    def batch(step: int) -> StepBatch:
        places = range(step * arm.prompts, (step + 1) * arm.prompts)
        samples = [prompt(place, *known[place % QUESTIONS]) for place in places]
        read = [Read("t", 0, place, None, b"", (), 0) for place in places]
        examples = [format_prompt(sample, loaded.tokenizer, 64, NEW_TOKENS) for sample in samples]
        return StepBatch(step + 1, 1, Objective.PROMPT, [WaitingSample(*parts) for parts in zip(read, samples, examples, strict=True)])

    batches = map(batch, range(arm.rounds))
    trainer: Any = build_trainer(kind, loaded, config, scratch, [StepCallback(lambda: trainer.undo_bad_step(), lambda: None)])
    if kind is TrainerKind.PPO:
        trainer.args.lam = arm.lam
        head = trainer.accelerator.unwrap_model(trainer.model).value_model
        score = head.score
        head.score = lambda hidden: arm.head / HEAD_RATE * score(hidden)
    trainer.feed_from(build_source(kind, config, loaded.tokenizer.pad_token_id, lambda: next(batches, None), judge))
    trainer.train()
    return found


def prompt(place: int, country: str, capital: str) -> TrainingSample:
    """The question whose turn it is."""
    turns = (Turn(role="user", content=QUESTION.format(country)),)
    return TrainingSample(sample_id=f"p{place}", prompt=turns, gold=(capital,), objective=Objective.PROMPT, task=Task.RLHF_PPO, band=0)


if __name__ == "__main__":
    main()
