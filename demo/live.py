"""What a person sees while the demo runs: one row per node, with its lag, and the loss and reward it reports."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from streams.supervisor import Supervisor

PLAIN_EVERY_S = 10.0
"""How often a line is written where there is no terminal."""


@dataclass
class NodeView:
    """What is known of one node from outside."""

    name: str
    metrics_port: int | None = None
    lag: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)

    def scrape(self) -> None:
        """Read its metrics; a node that does not answer keeps its last ones."""
        if self.metrics_port is None:
            return
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=0.5) as answer:
                families = list(text_string_to_metric_families(answer.read().decode()))
        except OSError:
            return
        totals: dict[str, float] = {}
        for sample in (sample for family in families for sample in family.samples):
            totals[sample.name] = totals.get(sample.name, 0.0) + sample.value
        self.metrics = totals


class LiveTable:
    """Draws the nodes; on a pipe, a line now and then."""

    def __init__(self, console: Console, supervisor: Supervisor, views: list[NodeView], stage: Callable[[], str]) -> None:
        self._console = console
        self._supervisor = supervisor
        self._views = views
        self._stage = stage
        self._started = time.monotonic()
        self._last_line = 0.0
        self._live = Live(console=console, refresh_per_second=2, transient=True) if console.is_terminal else None

    def __enter__(self) -> LiveTable:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str) -> None:
        """One line that stays."""
        self._console.print(Text(text, style="yellow"))

    def update(self) -> None:
        """Show the present state."""
        if self._live:
            self._live.update(self._drawn())
        elif time.monotonic() - self._last_line >= PLAIN_EVERY_S:
            self._last_line = time.monotonic()
            rows = ", ".join(f"{view.name} {self._state(view.name)} lag {_count(view.lag)}" for view in self._views)
            numbers = "  ".join(f"{name} {value}" for name, value in self._numbers().items() if value != "–")
            self._console.print(f"{self._elapsed():>6}  {self._stage()}: {rows}  {numbers}", highlight=False, markup=False, soft_wrap=True)

    def _drawn(self) -> Group:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for column, justify in (
            ("node", "left"),
            ("state", "left"),
            ("lag", "right"),
            ("step", "right"),
            ("loss", "right"),
            ("reward", "right"),
        ):
            table.add_column(column, justify=justify, min_width=9)  # type: ignore[arg-type]
        for view in self._views:
            loss, reward = view.metrics.get("training_loss"), view.metrics.get("reward_avg")
            table.add_row(view.name, self._state(view.name), _count(view.lag), _step(view.metrics), _number(loss), _number(reward))
        return Group(Text(f"{self._elapsed()}  {self._stage()}", style="bold cyan"), table)

    def _numbers(self) -> dict[str, str]:
        merged: dict[str, float] = {}
        for view in self._views:
            merged |= view.metrics
        return {"step": _step(merged), "loss": _number(merged.get("training_loss")), "reward": _number(merged.get("reward_avg"))}

    def _state(self, name: str) -> str:
        node = self._supervisor.nodes.get(name)
        if node is None:
            return "waiting"
        if node.ended:
            return "done"
        return "up" + (f", {node.restarted}x restarted" if node.restarted else "") if node.process.alive() else "down"

    def _elapsed(self) -> str:
        seconds = int(time.monotonic() - self._started)
        return f"{seconds // 60}:{seconds % 60:02d}"


def _count(value: int | None) -> str:
    return "–" if value is None else str(value)


def _step(metrics: dict[str, float]) -> str:
    step = metrics.get("pelton_training_step")
    return "–" if step is None else f"{step:.0f}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
