"""What `pelton train` shows while it trains: a panel on a terminal, and a line of the log now and then elsewhere."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

    from trainer_node.run.progress import BandLag, Snapshot

logger = logging.getLogger(__name__)

FRAME_S = 0.5
"""Seconds between two frames of the panel."""
LINE_S = 10.0
"""Seconds between two lines."""
DASH = "–"


@contextlib.contextmanager
def shown(ask: Callable[[], Snapshot], run_id: str) -> Iterator[None]:
    """In this block a thread shows what `ask` says: as a panel where stderr is a terminal, else as lines."""
    from cli.logs import is_json

    done = threading.Event()
    show = _panel if sys.stderr.isatty() and not is_json() else _lines
    thread = threading.Thread(target=show, args=(ask, run_id, done), name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(5.0)


def _lines(ask: Callable[[], Snapshot], run_id: str, done: threading.Event) -> None:  # noqa: ARG001 - each line of a log has it
    told: Snapshot | None = None
    while not done.wait(LINE_S):
        told = _tell(ask(), told)
    if told is not None:
        _tell(ask(), told)


def _tell(now: Snapshot, told: Snapshot | None) -> Snapshot:
    """A line, where there is news."""
    if told is None or _news(now) != _news(told):
        logger.info("%s", line(now))
    return now


def _news(now: Snapshot) -> tuple[object, ...]:
    return now.step, now.stage, now.evaluated_at, lag_lines(now.bands)


def line(now: Snapshot) -> str:
    """What is known, in one line."""
    parts = [now.stage if not now.step else f"step {now.step}", *(f"{name} {value}" for name, value in figures(now) if value != DASH)]
    lags = ", ".join(f"{name} {told}" for name, told in lag_lines(now.bands))
    return "  ".join([*parts, *([f"lag {lags}"] if lags else [])])


def figures(now: Snapshot) -> list[tuple[str, str]]:
    """Name and value of each figure; a dash where there is none."""
    passes = f"{now.pass_number}/{now.passes}" if now.passes else str(now.pass_number)
    val = ", ".join(f"{name.removeprefix('val_')} {value:.4g}" for name, value in list(now.evaluation.items())[:3])
    since = time.monotonic() - now.checkpoint_at if now.checkpoint_at is not None else None
    return [
        ("objective", now.objective or DASH),
        ("pass", passes if now.pass_number else DASH),
        ("loss", _number(now.loss)),
        ("lr", f"{now.learning_rate:.3g}" if now.learning_rate is not None else DASH),
        ("val", f"{val} (step {now.evaluated_at})" if val else DASH),
        ("reward", _number(now.reward)),
        ("samples", f"{now.samples_trained:,}" if now.samples_trained else DASH),
        ("samples/s", _rate(now.samples_per_s)),
        ("tokens/s", _rate(now.tokens_per_s)),
        ("data wait", f"{100 * now.waiting_share:.0f} %" if now.waiting_share is not None else DASH),
        ("memory", _memory(now)),
        ("dead letters", str(now.dead_letters) if now.dead_letters else DASH),
        ("checkpoint", f"{now.checkpoint}, {duration(since)} ago" if since is not None else DASH),
        ("left", f"about {duration(now.left_s)}" if now.left_s is not None else DASH),
    ]


def lag_lines(bands: Any) -> list[tuple[str, str]]:
    """Per objective: records that wait on each band, from the easiest; those of closed bands in brackets."""
    by_objective: dict[str, list[BandLag]] = {}
    for band in bands:
        by_objective.setdefault(band.topic.partition(".")[0], []).append(band)
    shown = {name: own for name, own in by_objective.items() if any(band.records for band in own)}
    return [(name, " ".join(str(band.records) if band.is_open else f"[{band.records}]" for band in own)) for name, own in shown.items()]


def panel(now: Snapshot, run_id: str, seconds: float, width: int) -> RenderableType:
    """The same as a table in as many columns as fit."""
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    columns = max(1, min(4, width // 38))
    grid = Table.grid(padding=(0, 3), expand=False)
    cells = [Text.assemble((f"{name:>12} ", "dim"), (value, "bold")) for name, value in figures(now) if value != DASH]
    for start in range(0, len(cells), columns):
        grid.add_row(*cells[start : start + columns])
    rows: list[Any] = [grid] if cells else []
    if lags := lag_lines(now.bands):
        told = Text.assemble(("lag by band  ", "dim"), *((f"{name} {records}   ", "") for name, records in lags))
        told.append("[closed by pacing]" if any("[" in records for _, records in lags) else "", style="dim")
        rows.append(told)
    body = Table.grid()
    for row in rows:
        body.add_row(row)
    title = Text.assemble((run_id, "bold cyan"), f"  {now.stage}", f"  step {now.step:,}" if now.step else "", f"  {duration(seconds)}")
    return Panel(body if rows else Text("nothing trained yet", style="dim"), title=title, title_align="left", border_style="cyan")


def _panel(ask: Callable[[], Snapshot], run_id: str, done: threading.Event) -> None:
    from rich.console import Console
    from rich.live import Live

    console, began = Console(stderr=True), time.monotonic()

    def drawn() -> RenderableType:
        return panel(ask(), run_id, time.monotonic() - began, console.width)

    with Live(drawn(), console=console, auto_refresh=False, redirect_stdout=True, redirect_stderr=True) as live:
        while not done.wait(FRAME_S):
            live.update(drawn(), refresh=True)
        live.update(drawn(), refresh=True)


def duration(seconds: float | None) -> str:
    """`95` -> `1 min 35 s`."""
    if seconds is None:
        return DASH
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _number(value: float | None) -> str:
    return DASH if value is None else f"{value:.4f}"


def _rate(value: float | None) -> str:
    return DASH if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _memory(now: Snapshot) -> str:
    import psutil

    own = f"{psutil.Process().memory_info().rss / 2**30:.1f} GiB"
    return own if now.vram_bytes is None else f"{own}, {now.vram_bytes / 2**30:.1f} GiB of the GPU"
