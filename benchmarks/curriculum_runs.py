"""One run of `bench_curriculum`: its log of samples in bands, its trainer, and what its checkpoints know of held-out questions."""

from __future__ import annotations

import functools
import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.curriculum_data import Source
from schemas.training_sample import BANDS
from streams.curriculum.task_detector import to_training_sample
from streams.kafka.admin import create_topics, end_offsets
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings
from trainer_node.curricula import Curriculum

ROOT = Path(__file__).resolve().parent.parent
ARMS = {
    "shuffled": Curriculum.OFF,
    "random-paced": Curriculum.RANDOM_PACED,
    "easy-to-hard": Curriculum.DIFFICULTY,
    "reverse": Curriculum.REVERSE,
    "self-paced": Curriculum.LOSS,
    "bandit": Curriculum.BANDIT,
}
"""Arm -> the order that `pelton train --curriculum` is asked for."""
NOISE = {"clean": 0.0, "noisy": 0.2, "short": 0.0}
"""Condition -> share of wrong answers (stories have none). `short` is one pass over a third of the samples."""
MAX_NEW_TOKENS = 16
TOKENS = 256 * 128
"""Measured in one pass of the model: beside runs that train on the same device few large passes wait less than many small ones."""


@dataclass(frozen=True)
class Plan:
    """One run."""

    condition: str
    arm: str
    seed: int
    lr: float
    data: str = "hops"

    @property
    def name(self) -> str:
        """Of the run, unique among all."""
        return f"{self.of_data('-')}{self.condition}-{self.arm}-{self.seed}-{self.lr:g}"

    @property
    def log(self) -> str:
        """Prefix of the topics that it reads."""
        return f"{self.of_data('.')}{self.condition}{self.seed}.{self.signal}."

    def of_data(self, end: str) -> str:
        """How names begin: by the data, unless those are the questions of several hops."""
        return "" if self.data == "hops" else f"{self.data}{end}"

    @property
    def signal(self) -> str:
        """What its bands are cut by."""
        return ARMS[self.arm].signal


@dataclass(frozen=True)
class Size:
    """How large each run is."""

    samples: int
    passes: int
    batch_size: int
    held_out: int
    checkpoints: int
    """By pass."""

    def of(self, condition: str) -> tuple[int, int]:
        """Samples and passes of a condition."""
        return (self.samples // 3, 1) if condition == "short" else (self.samples, self.passes)


class Logs:
    """The logs that runs read: one for each condition, seed and signal, made by a curriculum worker when it is first asked for."""

    def __init__(self, bootstrap_servers: str, folder: Path, size: Size, source: Source, environ: dict[str, str]) -> None:
        self._servers, self._folder, self._size, self._source, self._environ = bootstrap_servers, folder, size, source, environ
        self._locks: dict[str, threading.Lock] = {}
        self._making = threading.Lock()

    def settings(self, plan: Plan) -> KafkaSettings:
        """Where a run reads; all samples are in their bands on return."""
        name = plan.log
        settings = KafkaSettings(bootstrap_servers=self._servers, topic_prefix=name)
        with self._making:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            done = self._folder / f"{name}done"
            if not done.exists():
                self._make(settings, plan)
                done.write_text("all samples are in their bands\n")
        return settings

    def _make(self, settings: KafkaSettings, plan: Plan) -> None:
        create_topics(settings, settings.topics).raise_if_wrong()
        count, _ = self._size.of(plan.condition)
        trained, _ = self._source.samples(count, self._size.held_out, plan.seed, NOISE[plan.condition])
        with Producer(settings) as producer:
            for fact in self._source.facts():
                producer.send(settings.topics.facts, fact.fact_id, fact)
            for sample in trained:
                producer.send(settings.topics.samples, sample.sample_id, sample)
        ids = len({sample.sample_id for sample in trained})
        bands = [settings.topics.band("sft", band).name for band in range(BANDS)]
        command = [sys.executable, "-m", "cli.main", "worker", "curriculum", "--hold-back", "all", "--metrics-port", "0"]
        where = ["--signal", plan.signal, "--bootstrap-servers", self._servers, "--topic-prefix", settings.topic_prefix]
        with (self._folder / f"{settings.topic_prefix}log").open("wb") as log:
            worker = subprocess.Popen([*command, *where], cwd=ROOT, env=self._environ, stdout=log, stderr=log)
            try:
                while sum(end_offsets(settings, bands).values()) < ids:
                    if worker.poll() is not None:
                        raise SystemExit(f"the curriculum worker ended: {self._folder}/{settings.topic_prefix}log")
                    time.sleep(0.5)
            finally:
                worker.terminate()
                worker.wait()


class Training:
    """A trainer's process; the same plan goes on where it was stopped."""

    def __init__(
        self, plan: Plan, size: Size, source: Source, settings: KafkaSettings, folder: Path, model: str, environ: dict[str, str]
    ) -> None:
        count, passes = size.of(plan.condition)
        self.folder = folder / plan.name
        self.folder.mkdir(parents=True, exist_ok=True)
        steps = -(-count // size.batch_size)
        flags: dict[str, Any] = {
            "bootstrap-servers": settings.bootstrap_servers, "topic-prefix": settings.topic_prefix, "model": model, "run-id": plan.name,
            "run-dir": self.folder / "run", "trainer": "sft", "curriculum": ARMS[plan.arm].value, "epochs": passes, "lr": plan.lr,
            "batch-size": size.batch_size, "seed": plan.seed, "checkpoint-steps": max(1, steps // size.checkpoints),
            "keep-checkpoints": 1000, "checkpoint-every": 100_000, "patience": 0, "linger-s": 0.3, "max-seq": source.kind.max_seq,
            "lora-r": 8, "alpha": 16, "metrics-port": 0, "backend": "hf",
        }  # fmt: skip
        command = [sys.executable, "-m", "cli.main", "train", "--until-consumed"]
        command += [part for name, value in flags.items() for part in (f"--{name}", str(value))]
        self._log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=self._log, stderr=self._log)

    def wait(self, until: float) -> bool:
        """Whether it has come to its end by then; else it is stopped, and its newest checkpoint goes on later.

        Raises:
            SystemExit: it failed.
        """
        try:
            status = self.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
            return False
        finally:
            self._log.close()
        if status:
            raise SystemExit(f"a trainer ended with {status}: {self.folder}/log")
        return True


def environ_of() -> dict[str, str]:
    """What the processes are started with: one thread each, since many run side by side, and nothing of our own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PELTON_TRAIN_")}
    return kept | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


class Measure:
    """What a run's checkpoints know of what was held out, by one copy of the model that takes one adapter after the other."""

    def __init__(self, model: str, size: Size, source: Source) -> None:
        from trainer_node.config import TrainConfig
        from trainer_node.data.tokenization import prepare
        from trainer_node.models.restore import load_for_training

        config = TrainConfig(model=model, lora_r=8, alpha=16, max_seq=source.kind.max_seq, backend="hf")
        self._loaded, self._rows = load_for_training(config, None), max(1, TOKENS // source.kind.max_seq)
        _, held_out = source.samples(10, size.held_out, 0)
        self._source = source
        self._samples = [to_training_sample(one) for one in held_out]
        self._examples: list[Any] = [prepare(one, self._loaded.tokenizer, config) for one in self._samples]

    def loss(self, checkpoint: Path | None) -> float:
        """Nats a token of what the held-out samples answer, or are; of None, by the model as it was."""
        from trainer_node.training.evaluation import evaluating, mean_loss

        self._take(checkpoint)
        with evaluating(self._loaded.model):
            found = mean_loss(self._loaded.model, self._examples, self._loaded.tokenizer.pad_token_id, self._rows)
        return found.total / found.tokens

    def scores(self, checkpoint: Path) -> dict[str, float]:
        """Beside the loss: of questions their accuracy, of topics the product's scores of the likeliest label; of texts nothing."""
        if self._source.name == "hops":
            return {"accuracy": self.accuracy(checkpoint)}
        return self.label_scores(checkpoint) if self._source.name == "topics" else {}

    def label_scores(self, checkpoint: Path) -> dict[str, float]:
        """Accuracy, macro-F1, adjusted Rand index and the accuracy of the commonest label, where only labels of the set can be chosen."""
        from trainer_node.training.evaluation import choose_labels, evaluating, prompt_of
        from trainer_node.training.label_scores import label_scores

        self._take(checkpoint)
        prompts = [prompt_of(example) for example in self._examples]
        with evaluating(self._loaded.model):
            chosen = choose_labels(self._loaded.model, self._loaded.tokenizer, self._samples, prompts)
        return {name.removeprefix("val_"): value for name, value in label_scores(chosen).values.items()}

    def accuracy(self, checkpoint: Path) -> float:
        """Share of the held-out questions whose greedy answer is right, letter for letter."""
        import torch

        from trainer_node.training.evaluation import evaluating, prompt_of

        self._take(checkpoint)
        model, tokenizer, right = self._loaded.model, self._loaded.tokenizer, 0
        order = sorted(range(len(self._examples)), key=lambda index: len(self._examples[index]))
        for start in range(0, len(order), 4 * self._rows):
            part = order[start : start + 4 * self._rows]
            prompts = [prompt_of(self._examples[index]) for index in part]
            width = max(map(len, prompts))
            ids = torch.tensor([[tokenizer.pad_token_id] * (width - len(one)) + one for one in prompts], device=model.device)
            mask = torch.tensor([[0] * (width - len(one)) + [1] * len(one) for one in prompts], device=model.device)
            with evaluating(model):
                made = model.generate(
                    input_ids=ids, attention_mask=mask, max_new_tokens=MAX_NEW_TOKENS, do_sample=False, pad_token_id=tokenizer.pad_token_id,
                    eos_token_id=tokenizer.eos_token_id, temperature=None, top_p=None, top_k=None,
                )  # fmt: skip
            said = tokenizer.batch_decode(made[:, width:], skip_special_tokens=True)
            right += sum(text.strip() == self._samples[index].completion for text, index in zip(said, part, strict=True))
        return right / len(order)

    def _take(self, checkpoint: Path | None) -> None:
        from peft import set_peft_model_state_dict
        from safetensors.torch import load_file

        model = self._loaded.model
        if checkpoint is None:
            for name, weights in model.named_parameters():
                if "lora_B" in name:
                    weights.data.zero_()
            return
        set_peft_model_state_dict(model, load_file(checkpoint / "adapter_model.safetensors"))

    def of_run(self, plan: Plan, size: Size, folder: Path) -> dict[str, Any]:
        """All that is reported of a finished run; its folder is deleted."""
        from trainer_node.commit.ledger import Ledger, Outcome
        from trainer_node.commit.manifest import checkpoints

        found = checkpoints(folder / "run")
        last = found[-1]
        rows = [row for row in Ledger(folder / "run" / "ledger", last.manifest.segments).rows() if row.outcome is Outcome.TRAINED]
        count, passes = size.of(plan.condition)
        by_pass = -(-len(rows) // passes // size.batch_size)
        curve = {one.manifest.step: self.loss(one.path) for one in found}
        result = {
            "data": plan.data, "condition": plan.condition, "arm": plan.arm, "seed": plan.seed, "lr": plan.lr, "steps": last.manifest.step,
            "samples": len(rows), "of": count * passes, "curve": [[step, loss] for step, loss in sorted(curve.items())],
            "loss_by_pass": [_at(curve, by_pass * number) for number in range(1, passes + 1)],
            "early_area": _area(curve, by_pass), **self.scores(last.path), "mean_band_by_decile": _deciles(rows),
        }  # fmt: skip
        shutil.rmtree(folder / "run" / "checkpoints", ignore_errors=True)
        return result


@functools.cache
def _measure(model: str, size: Size, source: Source) -> Measure:
    return Measure(model, size, source)


def see(device: dict[str, str]) -> None:
    """Begin a process that measures: it shall see this device and no other."""
    os.environ.update(device)


def measured(model: str, plan: Plan, size: Size, source: Source, folder: Path) -> dict[str, Any]:
    """What a finished run's checkpoints know; in a process that measures, which keeps its copy of the model."""
    return _measure(model, size, source).of_run(plan, size, folder)


def _at(curve: dict[int, float], step: int) -> float:
    """The loss of the checkpoint nearest to a step."""
    return curve[min(curve, key=lambda found: abs(found - step))]


def _area(curve: dict[int, float], by_pass: int) -> float:
    """Mean held-out loss over the first pass: the area under the curve by trapezoids, over its length."""
    points = [(step, loss) for step, loss in sorted(curve.items()) if step <= by_pass * 1.1]
    if len(points) < 2:
        return points[0][1] if points else float("nan")
    parts = itertools.pairwise(points)
    area = sum((later - step) * (loss + next_loss) / 2 for (step, loss), (later, next_loss) in parts)
    return area / (points[-1][0] - points[0][0])


def _deciles(rows: list[Any]) -> list[float]:
    """The mean band of each tenth of the first pass."""
    first = sorted((row.step, int(row.topic[-1])) for row in rows if row.pass_number == 1)
    parts = [first[len(first) * part // 10 : len(first) * (part + 1) // 10] for part in range(10)]
    return [round(sum(band for _, band in part) / max(1, len(part)), 2) for part in parts]


def kept(path: Path) -> list[dict[str, Any]]:
    """Runs that are there already."""
    return json.loads(path.read_text(encoding="utf-8"))["runs"] if path.exists() else []
