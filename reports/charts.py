"""Geometry of the report's charts: data to positions in an SVG. The template draws; nothing here knows of HTML."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

MOST_DOTS = 1500
"""More dots than this are thinned evenly: a page stays small, and the picture the same."""


class Point(NamedTuple):
    """One value in the units of its axes, with what a pointer resting on it is told."""

    x: float
    y: float
    title: str = ""


class Axis(NamedTuple):
    """What an axis says, and how far it goes at least."""

    label: str
    """With its unit."""
    low: float | None = None
    """Lowest value shown; None for the data's."""
    high: float | None = None
    """Highest value shown at least; None for the data's."""


@dataclass(frozen=True)
class Series:
    """Values that belong together, under one name in the legend."""

    name: str
    """In the legend; without a name it is not in it."""
    colour: str
    """Name of a colour of the style sheet: `c1`, `band3`, `quiet`."""
    points: tuple[Point, ...]
    shape: str = "line"
    """`line`, `step` (holds its value until the next), `dashed` or `dots`."""

    def thinned(self) -> Series:
        """At most about MOST_DOTS points, evenly chosen, in order."""
        every = math.ceil(len(self.points) / MOST_DOTS)
        return self if every <= 1 else replace(self, points=self.points[::every])


class Span(NamedTuple):
    """A stretch of the x axis with a name above it: a pass, a phase."""

    start: float
    end: float
    label: str


@dataclass(frozen=True)
class Plot:
    """A chart before it has a size."""

    title: str
    reading: str
    """One sentence that says how to read it; also its text for those who cannot see it."""
    x: Axis
    y: Axis
    series: tuple[Series, ...] = ()
    spans: tuple[Span, ...] = ()
    note: str = ""
    """What was left out, if anything."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(series.points for series in self.series)

    def drawn(self, width: int, height: int) -> Drawing:
        """The chart at a size in CSS pixels."""
        return _draw(self, width, height)


@dataclass(frozen=True)
class Shape:
    """A series as SVG: a path, or dots."""

    colour: str
    kind: str
    path: str = ""
    dots: tuple[Point, ...] = ()
    """Positions, with their titles."""


class Tick(NamedTuple):
    """A mark on an axis."""

    at: float
    text: str


class Stretch(NamedTuple):
    """A span in pixels."""

    x: float
    width: float
    label: str


@dataclass(frozen=True)
class Drawing:
    """A chart with all positions in pixels."""

    plot: Plot
    width: int
    height: int
    left: float
    right: float
    top: float
    bottom: float
    x_ticks: tuple[Tick, ...] = ()
    y_ticks: tuple[Tick, ...] = ()
    shapes: tuple[Shape, ...] = ()
    spans: tuple[Stretch, ...] = field(default=())


def ticks(low: float, high: float, number: int) -> list[float]:
    """About `number` round values that cover low..high; the first is at or below low, the last at or above high."""
    high = max(high, low + max(1e-9, 1e-9 * abs(low))) if high > low else low + 1  # a range that floats can cut in parts
    raw = (high - low) / max(1, number)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999), power * 10)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(n * step, 10) for n in range(first, last + 1)]


def number(value: float) -> str:
    """A tick's or table's number: no needless digits, thousands apart by a thin space."""
    text = f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:.3g}"
    return text.replace(",", "\u2009").replace("-", "\u2212")


def smoothed(values: Sequence[float], window: int) -> list[float]:
    """Mean of the `window` values around each one, fewer at both ends."""
    half = window // 2
    sums = [0.0]
    for value in values:
        sums.append(sums[-1] + value)
    found = []
    for n in range(len(values)):
        start, end = max(0, n - half), min(len(values), n + half + 1)
        found.append((sums[end] - sums[start]) / (end - start))
    return found


def _draw(plot: Plot, width: int, height: int) -> Drawing:
    points = [point for series in plot.series for point in series.points]
    y_marks = ticks(*_range([point.y for point in points], plot.y), 5 if height > 200 else 4)
    left = 16 + 7.2 * max((len(number(mark)) for mark in y_marks), default=1) + 12
    top = 30.0 if plot.spans else 14.0
    frame = Drawing(plot, width, height, left=left, right=width - 14.0, top=top, bottom=height - 44.0)
    if plot.empty:
        return frame
    x_low, x_high = _range([point.x for point in points], plot.x)
    x_marks = [mark for mark in ticks(x_low, x_high, width // 80) if x_low <= mark <= x_high]

    def to_x(value: float) -> float:
        return round(frame.left + (value - x_low) / (x_high - x_low) * (frame.right - frame.left), 1)

    def to_y(value: float) -> float:
        return round(frame.bottom - (value - y_marks[0]) / (y_marks[-1] - y_marks[0]) * (frame.bottom - frame.top), 1)

    def place(series: Series) -> Shape:
        placed = tuple(Point(to_x(point.x), to_y(point.y), point.title) for point in series.thinned().points)
        return (
            Shape(series.colour, series.shape, dots=placed)
            if series.shape == "dots"
            else Shape(series.colour, series.shape, _path(series.shape, placed))
        )

    return replace(
        frame,
        x_ticks=tuple(Tick(to_x(mark), number(mark)) for mark in x_marks),
        y_ticks=tuple(Tick(to_y(mark), number(mark)) for mark in y_marks),
        shapes=tuple(place(series) for series in plot.series if series.points),
        spans=tuple(Stretch(to_x(span.start), to_x(span.end) - to_x(span.start), span.label) for span in plot.spans),
    )


def _range(values: Iterable[float], axis: Axis) -> tuple[float, float]:
    known = list(values) or [0.0]
    low = min(known) if axis.low is None else axis.low
    high = max(known) if axis.high is None else max(axis.high, max(known))
    return (low, high) if high > low else (low, low + 1)


def _path(shape: str, points: Sequence[Point]) -> str:
    if not points:
        return ""
    parts = [f"M{points[0].x:g} {points[0].y:g}"]
    for point in points[1:]:
        parts.append(f"H{point.x:g}V{point.y:g}" if shape == "step" else f"L{point.x:g} {point.y:g}")
    return "".join(parts)
