"""What a run is doing now: noted on the training thread, kept in the run's history, and read by whoever shows it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from schemas.training_sample import Objective
from trainer_node.commit.history import BEGINNING, EVALUATION, SAMPLE, STEP, History
from trainer_node.data.batch import StepBatch

WINDOW_S = 60.0
"""What a rate is a mean of."""


@dataclass(frozen=True)
class BandLag:
    """Records of one band that are not done, and whether pacing lets them be read."""

    topic: str
    records: int
    is_open: bool


@dataclass(frozen=True)
class Snapshot:
    """A run at one moment; None where there is nothing yet."""

    stage: str = "starting"
    step: int = 0
    objective: str = ""
    pass_number: int = 0
    passes: int | None = None
    """None in a run without end."""
    loss: float | None = None
    learning_rate: float | None = None
    evaluation: Mapping[str, float] = field(default_factory=dict)
    evaluated_at: int | None = None
    """Optimizer step."""
    reward: float | None = None
    samples_trained: int = 0
    samples_per_s: float | None = None
    tokens_per_s: float | None = None
    waiting_share: float | None = None
    """Of the time, what was spent waiting for samples; 0 to 1."""
    vram_bytes: float | None = None
    bands: Sequence[BandLag] = ()
    dead_letters: int = 0
    checkpoint: str | None = None
    checkpoint_at: float | None = None
    """By `time.monotonic`."""
    left_s: float | None = None
    """Seconds left, where it can be known."""


@dataclass(frozen=True)
class _Step:
    at: float
    seconds: float
    waited: float
    samples: int
    tokens: int


class Progress:
    """Keeps what was noted last. Noted by the training thread; `snapshot` may be asked from any."""

    def __init__(self, history: History, passes: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._history = history
        self._clock = clock
        self._lock = threading.Lock()
        self._now = Snapshot(passes=passes)
        self._steps: deque[_Step] = deque()
        self._stepped_at, self._waited = clock(), 0.0

    def stage(self, name: str) -> None:
        """What it is at."""
        with self._lock:
            self._now = replace(self._now, stage=name)

    def went_on_from(self, step: int, samples_trained: int) -> None:
        """Where the run stands as it begins."""
        with self._lock:
            self._now = replace(self._now, step=step, samples_trained=samples_trained)

    def stepped(
        self,
        batch: StepBatch,
        loss: float | None,
        learning_rate: float | None,
        waited_s: float,
        samples_trained: int,
        dead_letters: int,
        vram_bytes: float | None,
    ) -> None:
        """A step is done. `waited_s`: seconds spent waiting for samples, in all, since the run began."""
        now = self._clock()
        seconds, waited = now - self._stepped_at, waited_s - self._waited
        self._stepped_at, self._waited = now, waited_s
        tokens = sum(len(item.example) for item in batch.items)
        step = _Step(now, seconds, waited, len(batch.items), tokens)
        with self._lock:
            self._steps.append(step)
            while now - self._steps[0].at > WINDOW_S and len(self._steps) > 1:
                self._steps.popleft()
            self._now = replace(
                self._now,
                stage="training",
                step=batch.step,
                objective=batch.objective.value,
                pass_number=batch.pass_number,
                loss=self._now.loss if loss is None else loss,
                learning_rate=self._now.learning_rate if learning_rate is None else learning_rate,
                samples_trained=samples_trained,
                dead_letters=dead_letters,
                vram_bytes=vram_bytes,
                **self._rates(),
            )
        values = {
            "training_loss": loss, "learning_rate": learning_rate, "samples": len(batch.items), "tokens": tokens, "seconds": seconds,
            "waited_seconds": waited, "highest_band": max(item.sample.band for item in batch.items), "gpu_vram_bytes": vram_bytes,
            "difficulty": sum(item.sample.difficulty.score for item in batch.items) / len(batch.items),
        }  # fmt: skip
        self._add(STEP, values, batch.step, batch.objective.value, batch.pass_number)

    def _rates(self) -> dict[str, Any]:
        seconds = sum(step.seconds for step in self._steps)
        if not seconds:
            return {}
        return {
            "samples_per_s": sum(step.samples for step in self._steps) / seconds,
            "tokens_per_s": sum(step.tokens for step in self._steps) / seconds,
            "waiting_share": min(1.0, sum(step.waited for step in self._steps) / seconds),
        }

    def evaluated(self, values: Mapping[str, float], step: int, objective: Objective, is_beginning: bool = False) -> None:
        """An evaluation is done; or one by the weights that the objective began with."""
        self._add(BEGINNING if is_beginning else EVALUATION, values, step, objective.value)
        if not is_beginning:
            with self._lock:
                self._now = replace(self._now, evaluation=dict(values), evaluated_at=step)

    def rewarded(self, step: int, rewards: Iterable[float | None], phase: str = "train", seconds: float | None = None) -> None:
        """Rewards came in, waited for so many seconds after the last answer; of those that are not None the mean is kept."""
        rewards = list(rewards)
        given = [reward for reward in rewards if reward is not None]
        if given:
            mean = sum(given) / len(given)
            values = {f"reward_{phase}": mean, f"rewarded_{phase}": len(given), f"unrewarded_{phase}": len(rewards) - len(given)}
            values |= {"reward_wait_seconds": seconds} if seconds is not None else {}
            self._add(SAMPLE, values, step, Objective.PROMPT.value)
            with self._lock:
                self._now = replace(self._now, reward=mean)

    def figured(self, step: int, prefix: str, figures: Mapping[str, float]) -> None:
        """What answers were like, by name; in the history each name begins with `prefix`."""
        self._add(SAMPLE, {f"{prefix}{name}": value for name, value in figures.items()}, step, Objective.PROMPT.value)

    def committed(self, name: str, seconds: float, step: int) -> None:
        """A checkpoint is durable."""
        self._add(SAMPLE, {"checkpoint_seconds": seconds}, step)
        with self._lock:
            self._now = replace(self._now, checkpoint=name, checkpoint_at=self._clock())

    def lagged(self, bands: Sequence[BandLag]) -> None:
        """How many records wait; from any thread."""
        with self._lock:
            self._now = replace(self._now, bands=tuple(bands), left_s=self._left(bands))
            step = self._now.step
        self._add(SAMPLE, {f"lag:{band.topic}": band.records for band in bands}, step)

    def _left(self, bands: Sequence[BandLag]) -> float | None:
        """Where a run is to end: what waits, and as many passes over all of it as are to come, at the rate of the last minute."""
        now = self._now
        if now.passes is None or not now.samples_per_s or now.pass_number != now.passes:
            return None
        return sum(band.records for band in bands) / now.samples_per_s

    def _add(self, kind: str, values: Mapping[str, float | None], step: int, objective: str = "", pass_number: int = 0) -> None:
        with self._lock:
            known = {name: value for name, value in values.items() if value is not None}
            self._history.add(kind, known, step, objective, pass_number)

    def snapshot(self) -> Snapshot:
        """As it is now."""
        with self._lock:
            return self._now
