"""Several runs side by side: a table of what they came to, curves one over the other, and whether judged answers differ."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from reports.charts import Axis, Plot, Point, Series, smoothed
from reports.comparison import Difference, compare_paired
from reports.curves import COLOURS, SCALE
from reports.folder import RunFolder
from reports.page import EVALUATIONS, ReportData, measure_of
from schemas.graph_reward import GraphReward
from trainer_node.commit.history import BEGINNING, EVALUATION, SAMPLE, STEP


def names_of(runs: Sequence[RunFolder]) -> list[str]:
    """A name for each run: its id, and where two have the same, its folder."""
    ids = [run.run_id for run in runs]
    return [name if ids.count(name) == 1 else str(run.path) for name, run in zip(ids, runs, strict=True)]


def figures_of(run: RunFolder) -> dict[str, float | None]:
    """What a run came to, by name."""
    steps, last = run.of_kind(STEP), run.last_step
    seconds = sum(step.values.get("seconds", 0.0) for step in steps)
    tokens = sum(step.values.get("tokens", 0.0) for step in steps)
    samples = run.newest.manifest.feed.samples_trained if run.newest else sum(step.values.get("samples", 0) for step in steps)
    found: dict[str, float | None] = {
        "steps": float(last.step) if last else 0.0,
        "samples trained": float(samples),
        "tokens a second": tokens / seconds if seconds else None,
    }
    for objective in run.objectives:
        losses = [step.values["training_loss"] for step in steps if step.objective == objective and "training_loss" in step.values]
        tail = losses[-max(1, len(losses) // 10) :]
        found[f"training loss, last tenth ({objective})"] = math.fsum(tail) / len(tail) if tail else None
    for objective, own in run.evaluations().items():
        for name, (before, after) in own.items():
            found[f"{name} before ({objective})"] = before
            found[f"{name} ({objective})"] = after
    for phase in ("before", "train", "after"):
        means = [entry.values[f"reward_{phase}"] for entry in run.of_kind(SAMPLE) if f"reward_{phase}" in entry.values]
        if means:
            found[f"reward {phase}"] = means[-1]
    return found


def settings_that_differ(runs: Sequence[RunFolder]) -> dict[str, list[Any]]:
    """Settings in which the runs are not alike, with the value of each."""
    settings = [run.start.get("settings") or {} for run in runs]
    versions = [{f"version of {name}": told for name, told in (run.start.get("versions") or {}).items()} for run in runs]
    all_of = [{**one, **other} for one, other in zip(settings, versions, strict=True)]
    names = dict.fromkeys(name for one in all_of for name in one)
    return {
        name: [one.get(name) for one in all_of]
        for name in names
        if len({json.dumps(one.get(name), sort_keys=True, default=str) for one in all_of}) > 1
    }


def differences(runs: Sequence[Mapping[str, GraphReward]]) -> list[dict[str, Difference]]:
    """Of each run after the first, by measure: its answers to the same held-out questions against those of the first."""
    first, *others = runs
    return [_against(first, other) for other in others]


def _against(first: Mapping[str, GraphReward], other: Mapping[str, GraphReward]) -> dict[str, Difference]:
    found = {}
    shared = sorted(first.keys() & other.keys())
    for name in ("reward", "exact"):
        pairs = [(getattr(first[prompt], name), getattr(other[prompt], name)) for prompt in shared]
        both = [(float(one), float(two)) for one, two in pairs if one is not None and two is not None]
        if both:
            found[name] = compare_paired([one for one, _ in both], [two for _, two in both])
    return found


def over_seeds(pairs: Sequence[tuple[RunFolder, RunFolder]]) -> dict[str, Difference]:
    """Runs of two arms with the same seeds: each evaluation's values, paired by seed."""
    found = {}
    sides = [(figures_of(one), figures_of(two)) for one, two in pairs]
    for name in dict.fromkeys(name for one, _ in sides for name in one if name.startswith(("val_", "reward after"))):
        both = [(one[name], two[name]) for one, two in sides if one.get(name) is not None and two.get(name) is not None]
        if both:
            found[name] = compare_paired([one for one, _ in both if one is not None], [two for _, two in both if two is not None])
    return found


def overlaid(runs: Sequence[RunFolder]) -> list[Plot]:
    """Curves of all runs: training loss, and each held-out figure, by objective."""
    names = names_of(runs)
    plots = []
    for objective in dict.fromkeys(objective for run in runs for objective in run.objectives):
        plots.append(_losses(runs, names, objective))
        for measure in EVALUATIONS:
            plots.append(_evaluations(runs, names, objective, measure))
    return [plot for plot in plots if not plot.empty]


def _losses(runs: Sequence[RunFolder], names: Sequence[str], objective: str) -> Plot:
    series = []
    for run, name, colour in zip(runs, names, COLOURS * len(runs), strict=False):
        points = [
            (step.step, step.values["training_loss"])
            for step in run.of_kind(STEP)
            if step.objective == objective and math.isfinite(step.values.get("training_loss", math.nan))
        ]
        means = smoothed([loss for _, loss in points], max(3, len(points) // 12))
        series.append(Series(name, colour, tuple(Point(at, mean) for (at, _), mean in zip(points, means, strict=True))))
    reading = "Smoothed over a twelfth of each run's steps."
    axis = Axis(f"loss, {SCALE.get(objective, '')}")
    return Plot(f"Training loss, {objective}", reading, Axis("optimizer step"), axis, tuple(one for one in series if one.points))


def _evaluations(runs: Sequence[RunFolder], names: Sequence[str], objective: str, measure: str) -> Plot:
    series = []
    for run, name, colour in zip(runs, names, COLOURS * len(runs), strict=False):
        found = [
            Point(entry.step, entry.values[measure], f"{name}: {entry.values[measure]:.4g} at step {entry.step}")
            for entry in run.of_kind(BEGINNING, EVALUATION)
            if entry.objective == objective and math.isfinite(entry.values.get(measure, math.nan))
        ]
        series.append(Series(name, colour, tuple(sorted(found))))
    heading, meaning, _ = measure_of(measure)
    shown = tuple(one for one in series if one.points)
    axis = Axis(measure, 0, 1) if measure.startswith(("val_accuracy", "val_macro")) else Axis(measure)
    return Plot(f"{heading}, {objective}", f"{meaning[:1].upper()}{meaning[1:]}.", Axis("optimizer step", 0), axis, shown)


def page_of(runs: Sequence[RunFolder], told: Mapping[str, Difference], made_at: float) -> ReportData:
    """The page: curves one over the other, the figures of each, and settings that differ."""
    names = names_of(runs)
    figures = [figures_of(run) for run in runs]
    rows = dict.fromkeys(name for one in figures for name in one)
    settings = {name: dict(zip(names, map(str, values), strict=True)) for name, values in settings_that_differ(runs).items()}
    return ReportData(
        title="Runs compared",
        did=" · ".join(names),
        made_at=made_at,
        plots=overlaid(runs),
        settings=settings,
        heading=f"{len(runs)} runs, side by side",
        columns=names,
        figures={name: [one.get(name) for one in figures] for name in rows},
        differences={name: difference.told() for name, difference in told.items()},
    )
