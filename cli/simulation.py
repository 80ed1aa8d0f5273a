"""Measures real workers on a real broker, and says how many of them, and of partitions, a rate needs: `pelton simulate`."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from cli.simulated_load import ONTOLOGY, Ends, PacedSender, StubTrainer, send_at_once
from schemas.errors import UserError
from schemas.training_sample import Objective
from streams.supervisor import Node, Supervisor

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings

LOOK_S = 0.25
SHARES = (0.4, 0.6, 0.8, 1.0, 1.25)
"""Of what the workers do at most: the rates at which is looked whether lag grows."""
GROWS = 0.05
"""Lag grows where it rises by more than this share of what is sent."""
STALLED_S = 120.0
"""After so long without a record the worker is taken to be stuck."""


@dataclass(frozen=True)
class Plan:
    """What is asked."""

    rate: float
    """Samples a second to be planned for."""
    answers: float
    """Answers a second."""
    step_s: float
    batch: int
    workers: int
    seconds: float
    events: int
    headroom: float
    """Share of what a worker does at most that it is planned with."""


@dataclass
class Saturated:
    """One kind of worker with more in front of it than it can do."""

    kind: str
    workers: int
    events: int
    per_s: float
    """Records a second, all workers together, of the middle 80 %."""
    core_ms: float
    """Milliseconds of a core for one record."""
    rss_mb: list[float] = field(default_factory=list)
    """Resident memory of all its processes after each tenth of the events, in MB."""


@dataclass
class Steady:
    """The workers at a rate that is held."""

    rate: float
    p50_s: float | None
    p95_s: float | None
    curriculum_lag: int
    curriculum_growth: float
    """Samples a second by which what waits in front of the curriculum grew in the second half."""
    trainer_growth: float
    """The same in front of the trainer."""


class Simulation:
    """Runs the parts one after the other; processes are the supervisor's."""

    def __init__(self, settings: KafkaSettings, plan: Plan, folder: Path, nodes: Supervisor, tell: Callable[[str], None]) -> None:
        self._settings, self._plan, self._folder, self._nodes, self._tell = settings, plan, folder, nodes, tell
        (folder / "world.yaml").write_text(ONTOLOGY, encoding="utf-8")

    def run(self) -> dict[str, Any]:
        """All that was measured, and what follows of it."""
        topics = self._settings.topics
        bands = topics.bands(Objective.SFT)
        self._tell(f"curriculum: {self._plan.events} samples at once")
        send_at_once(self._settings, topics.samples, self._plan.events, "full")
        with Ends(self._settings, bands) as ends:
            curriculum = self._saturate("curriculum", ends)
        steady = [self._hold(curriculum.per_s * share) for share in SHARES]
        feedback = None
        if self._plan.answers:
            self._tell(f"feedback: {self._answers} answers at once")
            send_at_once(self._settings, topics.outputs, self._answers, "full")
            with Ends(self._settings, [topics.rewards]) as ends:
                feedback = self._saturate("feedback", ends)
        return conclude(self._plan, curriculum, feedback, steady)

    @property
    def _answers(self) -> int:
        return max(200, self._plan.events // 10)  # an answer is judged many times as long as a sample is banded

    def _saturate(self, kind: str, ends: Ends) -> Saturated:
        events = self._plan.events if kind == "curriculum" else self._answers
        before = ends.count()
        started = [self._start(kind, number) for number in range(self._plan.workers)]
        times: list[tuple[float, int, float]] = []
        memory: list[float] = []
        last = time.monotonic()
        while (done := ends.count() - before) < events:
            self._nodes.check()
            now = time.monotonic()
            if times and done > times[-1][1]:
                last = now
            if now - last > STALLED_S:
                raise UserError(f"{kind} has done {done} of {events} and stands still; its log: {started[0].log_path}")
            if done:
                times.append((now, done, core_seconds(started)))
            if done >= (len(memory) + 1) * events / 10:
                memory.append(resident_mb(started))
            time.sleep(LOOK_S)
        times.append((time.monotonic(), done, core_seconds(started)))
        memory.append(resident_mb(started))
        if kind != "curriculum":  # that one is needed for what follows
            for node in started:
                node.process.terminate()
                node.may_end = True
        per_s, core_ms = rates(times, events)
        return Saturated(kind, self._plan.workers, events, per_s, core_ms, memory)

    def _start(self, kind: str, number: int) -> Node:
        given = [
            "--ontology",
            str(self._folder / "world.yaml"),
            "--state-dir",
            str(self._folder / f"{kind}-{number}"),
            "--metrics-port",
            "0",
        ]
        return self._nodes.start(f"{kind}-{number}", ["worker", kind, *given])

    def _hold(self, rate: float) -> Steady:
        """Send at a rate, with a trainer that keeps up or does not."""
        self._tell(f"{rate:.0f} samples/s for {self._plan.seconds:.0f} s")
        sender = PacedSender(self._settings, rate, self._plan.seconds, f"at{rate:.0f}")
        trainer = StubTrainer(self._settings, self._plan.batch, self._plan.step_s, sender.sent_at)
        looks: list[tuple[float, int, int]] = []
        with Ends(self._settings, self._settings.topics.bands(Objective.SFT)) as ends:
            before, started = ends.count(), time.monotonic()
            trainer.start()
            sender.start()
            while time.monotonic() - started < self._plan.seconds:
                time.sleep(LOOK_S)
                self._nodes.check()
                looks.append((time.monotonic() - started, len(sender.sent_at) - (ends.count() - before), trainer.waiting))
            sender.join()
            self._settle(ends, before + len(sender.sent_at))
        trainer.stop()
        half = [look for look in looks if look[0] >= self._plan.seconds / 2]
        waits = sorted(trainer.waits)
        return Steady(
            rate=rate,
            p50_s=quantile(waits, 0.5),
            p95_s=quantile(waits, 0.95),
            curriculum_lag=max(0, looks[-1][1]),
            curriculum_growth=slope([(at, lag) for at, lag, _ in half]),
            trainer_growth=slope([(at, lag) for at, _, lag in half]),
        )

    def _settle(self, ends: Ends, wanted: int) -> None:
        """Until the workers have done all of it, so that the next rate begins with nothing waiting."""
        deadline = time.monotonic() + STALLED_S
        while ends.count() < wanted and time.monotonic() < deadline:
            self._nodes.check()
            time.sleep(LOOK_S)


def conclude(plan: Plan, curriculum: Saturated, feedback: Saturated | None, steady: list[Steady]) -> dict[str, Any]:
    """What follows for the rate that is planned for."""
    trainer_per_s = plan.batch / plan.step_s
    kept_up = max((one.rate for one in steady if one.curriculum_growth <= GROWS * one.rate), default=0.0)
    fell_behind = min((one.rate for one in steady if one.rate > kept_up), default=None)
    needs = {"curriculum": needed(plan.rate, curriculum.per_s / curriculum.workers, plan.headroom)}
    if feedback is not None:
        needs["feedback"] = needed(plan.answers, feedback.per_s / feedback.workers, plan.headroom)
    return {
        "plan": asdict(plan),
        "curriculum": asdict(curriculum),
        "feedback": asdict(feedback) if feedback else None,
        "steady": [asdict(one) for one in steady],
        "lag_starts_between": [kept_up, fell_behind],
        "trainer_per_s": trainer_per_s,
        "workers": needs,
        "partitions": max(needs.values()),
        "cores": {
            "curriculum": plan.rate * curriculum.core_ms / 1000,
            **({"feedback": plan.answers * feedback.core_ms / 1000} if feedback else {}),
        },
        "trainers": math.ceil(plan.rate / trainer_per_s),
    }


def needed(rate: float, per_worker: float, headroom: float) -> int:
    """Workers for a rate."""
    return max(1, math.ceil(rate / (per_worker * headroom)))


def rates(times: list[tuple[float, int, float]], events: int) -> tuple[float, float]:
    """Records a second, and milliseconds of a core a record, between a tenth and nine tenths of the events."""
    middle = [one for one in times if 0.1 * events <= one[1] <= 0.9 * events]
    first, last = (middle[0], middle[-1]) if len(middle) > 1 and middle[0][1] < middle[-1][1] else (times[0], times[-1])
    done, seconds = last[1] - first[1], last[0] - first[0]
    if not done or not seconds:
        raise UserError(f"{events} records are done before anything can be measured: give more --events")
    return done / seconds, 1000 * (last[2] - first[2]) / done


def slope(points: list[tuple[float, int]]) -> float:
    """By how much a second a count grew, by least squares."""
    if len(points) < 2:
        return 0.0
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def quantile(ordered: list[float], share: float) -> float | None:
    """None of nothing."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def core_seconds(nodes: list[Node]) -> float:
    """Processor time that nodes and what they started have used."""
    return sum(sum(process.cpu_times()[:2]) for process in processes(nodes))


def resident_mb(nodes: list[Node]) -> float:
    """Resident memory of nodes and what they started, in MB."""
    return sum(process.memory_info().rss for process in processes(nodes)) / 1e6


def processes(nodes: list[Node]) -> list[psutil.Process]:
    """Those that live."""
    found = []
    for node in nodes:
        try:
            process = psutil.Process(node.process.pid)
            found += [process, *process.children(recursive=True)]
        except psutil.Error:
            continue
    return found
