"""Charts of any run, from the history in its folder."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reports.charts import Axis, Plot, Point, Series, Span, number, smoothed
from reports.folder import Entry, RunFolder
from reports.plots import Lag, lag_plot
from schemas.training_sample import BANDS
from trainer_node.commit.history import BEGINNING, EVALUATION, SAMPLE, STEP

COLOURS = ("c1", "c2", "c3", "c4", "c6", "c5", "c7", "c8")
PHASES = ("before", "train", "during", "after")
SHARES_OF_ANSWERS = ("answers_question", "exact", "distinct", "flat_groups", "unread", "abstained", "unrewarded")
SMOOTHED = 5
"""Steps of a mean."""
SCALE = {"sft": "nats per token", "preference": "DPO loss of a pair", "prompt": "policy loss"}


def plots_of(run: RunFolder) -> list[Plot]:
    """Loss, evaluations, rewards, curriculum, lag and speed; charts of what a run does not have are left out, but the loss."""
    steps = run.of_kind(STEP)
    losses = [step_loss_plot(steps, objective) for objective in run.objectives] or [step_loss_plot([], "sft")]
    found = [
        *losses,
        *evaluation_plots(run),
        reward_plot(run),
        *answer_plots(run),
        curriculum_plot(steps),
        band_lag_plot(run),
        speed_plot(steps),
    ]
    return [plot for place, plot in enumerate(found) if place == 0 or not plot.empty]


def step_loss_plot(steps: Sequence[Entry], objective: str) -> Plot:
    """Loss of each step of an objective, and its mean over some of them."""
    points = [
        (step.step, step.values["training_loss"])
        for step in steps
        if step.objective == objective and math.isfinite(step.values.get("training_loss", math.nan))
    ]
    window = max(3, len(points) // 12)
    means = smoothed([loss for _, loss in points], window)
    dots = tuple(Point(at, loss, f"step {at}: {loss:.4f}") for at, loss in points)
    line = tuple(Point(at, mean) for (at, _), mean in zip(points, means, strict=True))
    return Plot(
        f"Training loss, {objective}",
        f"Each dot is one optimizer step, a mean over its tokens or pairs; the line is the mean over {window} steps.",
        Axis("optimizer step"),
        Axis(f"loss, {SCALE.get(objective, '')}", 0 if all(loss >= 0 for _, loss in points) else None),
        (Series("step", "quiet", dots, "dots"), Series("smoothed mean", "c1", line)),
        pass_spans([step for step in steps if step.objective == objective]),
    )


def pass_spans(steps: Sequence[Entry]) -> tuple[Span, ...]:
    """Where passes begin and end, where there are several, and not too many to name."""
    found: dict[int, tuple[int, int]] = {}
    for step in steps:
        first, last = found.get(step.pass_number, (step.step, step.step))
        found[step.pass_number] = min(first, step.step), max(last, step.step)
    spans = [Span(first, last, f"pass {number}") for number, (first, last) in sorted(found.items())]
    ends = [*(span.start for span in spans[1:]), spans[-1].end] if spans else []
    return tuple(Span(span.start, end, span.label) for span, end in zip(spans, ends, strict=True)) if 1 < len(spans) <= 12 else ()


def evaluation_plots(run: RunFolder) -> list[Plot]:
    """Held-out losses of each objective, and its shares (accuracy and its baselines) apart."""
    plots = []
    for objective in dict.fromkeys(entry.objective for entry in run.of_kind(EVALUATION)):
        own = [entry for entry in run.of_kind(BEGINNING, EVALUATION) if entry.objective == objective]
        own.sort(key=lambda entry: (entry.step, entry.kind != BEGINNING))
        losses, shares = _values(own, ("val_loss",)), _values(own, tuple(name for name in _names(own) if _is_share(name)))
        reading = "Held-out samples, the same ones at each point; the first is by the weights that the objective began with."
        axis = Axis("optimizer step", 0)
        if losses:
            plots.append(Plot(f"Held-out loss, {objective}", reading, axis, Axis(f"val_loss, {SCALE.get(objective, '')}"), losses))
        if shares:
            plots.append(Plot(f"Held-out scores, {objective}", reading, axis, Axis("share, 0 to 1", 0, 1), shares))
    return plots


def _names(entries: Sequence[Entry]) -> list[str]:
    return list(dict.fromkeys(name for entry in entries for name in entry.values))


def _is_share(name: str) -> bool:
    return name.startswith(("val_accuracy", "val_macro_f1", "val_adjusted_rand"))


def _values(entries: Sequence[Entry], names: Sequence[str]) -> tuple[Series, ...]:
    found = []
    for name, colour in zip(names, COLOURS, strict=False):
        points = tuple(
            Point(entry.step, entry.values[name], f"{name} {entry.values[name]:.4g} at step {entry.step}")
            for entry in entries
            if math.isfinite(entry.values.get(name, math.nan))
        )
        found.append(Series(name, colour, points, "dashed" if name.endswith("_baseline") else "line"))
    return tuple(series for series in found if series.points)


def reward_plot(run: RunFolder) -> Plot:
    """Mean reward of the answers that were judged together, over the steps."""
    series = []
    for name, colour in (("before", "c2"), ("train", "c3"), ("during", "c4"), ("after", "c1")):
        found = [(entry.step, entry.values[f"reward_{name}"]) for entry in run.of_kind(SAMPLE) if f"reward_{name}" in entry.values]
        series.append(Series(name, colour, tuple(Point(step, mean, f"{mean:.3f} at step {step}") for step, mean in found), "dots"))
    missing = sum(entry.values.get(f"unrewarded_{name}", 0) for entry in run.of_kind(SAMPLE) for name in PHASES)
    note = f"Answers without a reward, left out: {number(missing)}. No reward is not a zero." if missing else ""
    reading = "Each dot is the mean over the answers of one step, or of the held-out prompts."
    return Plot("Reward", reading, Axis("optimizer step", 0), Axis("reward, 0 to 1", 0, 1), tuple(series), (), note)


def answer_plots(run: RunFolder) -> list[Plot]:
    """What the answers of a policy's steps were like: shares; and claims, tokens and KL, each beside its own mean."""
    rows = [
        (entry.step, {name.removeprefix("answers_"): value for name, value in entry.values.items() if name.startswith("answers_")})
        for entry in run.of_kind(SAMPLE)
        if any(name.startswith("answers_") for name in entry.values)
    ]
    axis = Axis("optimizer step", 0)
    shares = Plot(
        "What answers are like", f"Means of up to {SMOOTHED} steps. A reward that rises while the first two fall is being gamed.", axis,
        Axis("share, 0 to 1", 0, 1), _smoothed_series(rows, SHARES_OF_ANSWERS),
    )  # fmt: skip
    sizes = Plot(
        "Claims, tokens and KL", "Means of an answer, of each step; KL to the reference in nats.", axis, Axis("of an answer", 0),
        _smoothed_series(rows, ("claims", "tokens", "kl")),
    )  # fmt: skip
    return [shares, sizes]


def _smoothed_series(rows: Sequence[tuple[int, dict[str, float]]], names: Sequence[str]) -> tuple[Series, ...]:
    found = []
    for name, colour in zip(names, COLOURS, strict=False):
        own = [(step, figures[name]) for step, figures in rows if name in figures]
        means = smoothed([value for _, value in own], SMOOTHED)
        points = tuple(Point(step, mean, f"{name} {mean:.3g} at step {step}") for (step, _), mean in zip(own, means, strict=True))
        found.append(Series(name.replace("_", " "), colour, points))
    return tuple(series for series in found if series.points)


def curriculum_plot(steps: Sequence[Entry]) -> Plot:
    """Mean difficulty of each step's samples, by the hardest band among them."""
    series = []
    for band in range(BANDS):
        own = [step for step in steps if step.values.get("highest_band") == band and "difficulty" in step.values]
        points = tuple(Point(step.step, step.values["difficulty"], f"step {step.step}: {step.values['difficulty']:.2f}") for step in own)
        series.append(Series(f"band {band}", f"band{band}", points, "dots"))
    reading = "Each dot is a step: the mean difficulty of its samples, coloured by the hardest band that it took from."
    shown = tuple(one for one in series if one.points)
    return Plot("Curriculum", reading, Axis("optimizer step"), Axis("difficulty, 0 to 1", 0, 1), shown, pass_spans(steps))


def band_lag_plot(run: RunFolder) -> Plot:
    """Records that wait on each band, over time."""
    rows = [
        Lag(entry.t, {name.removeprefix("lag:"): int(value) for name, value in entry.values.items()})
        for entry in run.of_kind(SAMPLE)
        if any(name.startswith("lag:") for name in entry.values)
    ]
    return lag_plot(rows)


def speed_plot(steps: Sequence[Entry]) -> Plot:
    """Tokens a second, with and without the waiting for samples."""
    timed = [step for step in steps if step.values.get("seconds")]
    window = max(3, len(timed) // 40)
    whole = smoothed([step.values.get("tokens", 0) / step.values["seconds"] for step in timed], window)
    busy = [max(1e-9, step.values["seconds"] - step.values.get("waited_seconds", 0)) for step in timed]
    alone = smoothed([step.values.get("tokens", 0) / seconds for step, seconds in zip(timed, busy, strict=True)], window)
    series = (
        Series("without waiting for samples", "c7", tuple(Point(step.step, rate) for step, rate in zip(timed, alone, strict=True))),
        Series("in all", "c1", tuple(Point(step.step, rate) for step, rate in zip(timed, whole, strict=True))),
    )
    reading = f"Tokens of the samples trained, a second; means of {window} steps. The space between the lines is time spent waiting."
    return Plot("Speed", reading, Axis("optimizer step"), Axis("tokens a second", 0), series if timed else ())
