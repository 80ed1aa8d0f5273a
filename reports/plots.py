"""The charts of the report: which values of a run go into each, and how each is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple

from reports.charts import Axis, Plot, Point, Series, Span, number, smoothed
from schemas.training_sample import BANDS

MOST_LAGS = 8
"""Lines in the lag chart; those that were never high are named beneath it."""


class Loss(NamedTuple):
    """One sample in one optimizer step."""

    step: int
    pass_number: int
    sample_id: str
    band: int
    score: float
    """Difficulty d, 0 to 1."""
    loss: float
    """Nats per token."""
    t: float
    """Seconds since the epoch."""


class Reward(NamedTuple):
    """One judged answer."""

    t: float
    """Seconds since the epoch."""
    phase: str
    """`before`, `train`, `after`."""
    reward: float | None
    """None where there is none: counted, and not drawn as zero."""


class Lag(NamedTuple):
    """Records that wait, at one time."""

    t: float
    """Seconds since the epoch."""
    by_name: Mapping[str, int]
    """Topic or group -> records."""


def loss_plot(losses: Sequence[Loss]) -> Plot:
    """Loss of each sample by step, the mean of each step smoothed, and where passes begin."""
    by_step: dict[int, list[float]] = {}
    for row in losses:
        by_step.setdefault(row.step, []).append(row.loss)
    steps = sorted(by_step)
    window = max(3, len(steps) // 12)
    means = smoothed([sum(by_step[step]) / len(by_step[step]) for step in steps], window)
    dots = tuple(Point(row.step, row.loss, f"{row.sample_id}: {row.loss:.3f} at step {row.step}") for row in losses)
    return Plot(
        "Loss",
        f"Each dot is one sample in one step; the line is the mean over {window} steps.",
        Axis("optimizer step", low=0),
        Axis("loss, nats per token", low=0),
        (Series("sample", "quiet", dots, "dots"), Series("smoothed mean", "c1", tuple(map(Point, steps, means)))),
        _pass_spans(losses),
    )


def _pass_spans(losses: Sequence[Loss]) -> tuple[Span, ...]:
    steps: dict[int, list[int]] = {}
    for row in losses:
        steps.setdefault(row.pass_number, []).append(row.step)
    starts = {number: min(found) for number, found in sorted(steps.items())}
    ends = [*list(starts.values())[1:], max((row.step for row in losses), default=0)]
    return tuple(Span(start, end, f"pass {n}") for (n, start), end in zip(starts.items(), ends, strict=True)) if len(starts) > 1 else ()


def reward_plot(rewards: Sequence[Reward]) -> Plot:
    """Rewards in the order judged, phase by phase, smoothed, with the mean of each phase."""
    names = list(dict.fromkeys(["before", "train", "after", *(row.phase for row in rewards)]))
    series: list[Series] = []
    spans: list[Span] = []
    place = 0
    for name in names:
        values = [row.reward for row in sorted(rewards, key=lambda row: row.t) if row.phase == name and row.reward is not None]
        if not values:
            continue
        places, mean = range(place + 1, place + len(values) + 1), sum(values) / len(values)
        colour = {"before": "c2", "after": "c1"}.get(name, "c3")
        series.append(Series(f"{name}, mean {mean:.2f}", colour, tuple(map(Point, places, smoothed(values, 15)))))
        series.append(Series("", colour, (Point(places[0], mean), Point(places[-1], mean)), "dashed"))
        spans.append(Span(place + 0.5, place + len(values) + 0.5, name))
        place += len(values)
    missing = sum(row.reward is None for row in rewards)
    note = f"Answers without a reward, left out: {number(missing)}. No reward is not a zero." if missing else ""
    reading = "Answers in the order in which they were judged, phase by phase. Lines are means of 15 answers, dashed ones of a phase."
    return Plot("Reward", reading, Axis("answers judged", low=0), Axis("reward, 0 to 1", 0, 1), tuple(series), tuple(spans), note)


def difficulty_plot(losses: Sequence[Loss]) -> Plot:
    """Difficulty of what was trained, by step and band."""
    series = tuple(
        Series(
            f"band {band}",
            f"band{band}",
            tuple(Point(row.step, row.score, f"{row.sample_id}: difficulty {row.score:.2f}") for row in losses if row.band == band),
            "dots",
        )
        for band in range(BANDS)
        if any(row.band == band for row in losses)
    )
    reading = "Each dot is a sample at the step that trained it. By an order of difficulty a pass goes from easy to hard; else bands mix."
    return Plot(
        "Difficulty of what was trained",
        reading,
        Axis("optimizer step", low=0),
        Axis("difficulty, 0 to 1", 0, 1),
        series,
        _pass_spans(losses),
    )


def _lag_colours(names: Sequence[str]) -> dict[str, str]:
    """A band's own colour where one topic alone has it, and for the rest colours that are no band's."""
    others = iter(("c2", "c8", "c7", "c5", "c6", "c3", "c1", "c4"))
    found = {}
    for name in names:
        band = name.rpartition(".")[2]
        alone = sum(other.endswith(f".{band}") for other in names) == 1
        found[name] = f"band{band}" if alone and band.isdigit() and int(band) < BANDS else next(others)
    return found


def _short_names(rows: Sequence[Lag]) -> list[Lag]:
    """Names without the dotted prefix that all of them have."""
    parts = [name.split(".")[:-1] for name in {name for row in rows for name in row.by_name}]
    shared = list(takewhile(lambda words: len(set(words)) == 1, zip(*parts, strict=False)))
    cut = sum(len(words[0]) + 1 for words in shared)
    return [Lag(row.t, {name[cut:]: waiting for name, waiting in row.by_name.items()}) for row in rows]


def lag_plot(lag: Sequence[Lag]) -> Plot:
    """Records that wait, by topic or group, over time."""
    rows = _short_names(sorted(lag, key=lambda row: row.t))
    highest = {name: max(row.by_name.get(name, 0) for row in rows) for row in rows for name in row.by_name}
    order = sorted(highest, key=lambda name: (-highest[name], name))
    shown_names = [name for name in order if highest[name] > 0][:MOST_LAGS]
    start = rows[0].t if rows else 0.0
    minutes = bool(rows) and rows[-1].t - start > 180
    scale = 60 if minutes else 1
    series = tuple(
        Series(
            name,
            colour,
            tuple(Point((row.t - start) / scale, row.by_name[name]) for row in rows if name in row.by_name),
            "step",
        )
        for name, colour in _lag_colours(shown_names).items()
    )
    rest = [name for name in order if name not in shown_names]
    note = (
        f"Not drawn: {', '.join(rest[:8])}{' and others' if len(rest) > 8 else ''} (at most {max(highest[name] for name in rest)})."
        if rest
        else ""
    )
    reading = "The backlog waits in Kafka: records not yet read, by topic and reader. All lines at zero means that all was consumed."
    return Plot(
        "Lag", reading, Axis(f"time, {'minutes' if minutes else 'seconds'}", low=0), Axis("records waiting", low=0), series, (), note
    )
