"""`pelton watch`: a whole installation, live."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import Finite, kafka_options
from schemas.printable import escaped, shown_id

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from reports.installation import View
    from streams.kafka.settings import KafkaSettings

WIDE = 150
"""Columns from which two stand side by side."""
STATES = {"OK": "green", "CLOSED": "dim", "WARN": "yellow", "STALL": "red", "STOP": "red", "REWIND": "magenta"}
VERDICTS = {"verified": "green", "contradicted": "bold red underline", "unknown": "yellow", "": ""}
FIGURES = {"pelton_training_step": ",.0f", "training_loss": ".4g", "val_metric": ".4g", "reward_avg": ".2f"}
"""Of a node's line, and how each is written."""
MEASURED = ("training_loss", "val_loss", "val_accuracy", "reward_avg")
DASH = "–"


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(file_okay=False, path_type=Path), metavar="[FOLDER]...")
@click.option("--every", type=Finite(0.5, 3600), default=2.0, show_default=True, metavar="SECONDS", help="Between two looks.")
@click.option("--once", is_flag=True, help="Look once, print it, and end.")
@kafka_options
def watch(settings: KafkaSettings, folders: tuple[Path, ...], every: float, once: bool) -> None:
    """Watch an installation: topics with lag and rates, nodes, loss, rewards, evaluations, dead letters and the newest answers.

    Nodes are found where they serve by default, and by what they wrote into FOLDER: of a run, or of many. [default: runs]
    """
    from rich.console import Console

    from reports.installation import Installation

    console = Console()
    with Installation(settings, folders or (Path("runs"),)) as installation:
        if once or not console.is_terminal:
            view = installation.look()
            console.print(drawn(view, console.width, 0))
            return
        follow(installation, console, every)


def follow(installation: Any, console: Any, every: float) -> None:
    """Until Ctrl-C."""
    from rich.live import Live
    from rich.text import Text

    with Live(Text("looking …"), console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(drawn(installation.look(), console.width, console.height), refresh=True)
            time.sleep(every)


def drawn(view: View, width: int, height: int) -> RenderableType:
    """All of it; `height` rows at most, where it is not 0."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    head = Text.assemble(
        ("pelton watch ", "bold cyan"), f"{view.broker}  topics {view.prefix}*  ", (view.at.isoformat(timespec="seconds"), "dim")
    )
    trouble: list[Any] = [Text(escaped(view.trouble), style="bold red")] if view.trouble else []
    topics, lag, nodes, models, letters = topic_table(view), lag_table(view), node_table(view), model_table(view), letters_line(view)
    if width >= WIDE:
        left: list[Any] = [topics, Text(), lag]
        right: list[Any] = [nodes, Text(), models, Text(), letters]
        grid = Table.grid(expand=True, padding=(0, 2))
        grid.add_column(ratio=1)
        grid.add_column(ratio=1)
        grid.add_row(Group(*left), Group(*right))
        used = 2 + max(sum(map(rows_of, left)), sum(map(rows_of, right)))
        return Group(head, *trouble, grid, *answer_lines(view, room(height, used, 12)))
    used = 5 + len(trouble) + sum(map(rows_of, (nodes, models, lag)))
    body: list[Any] = [nodes, models, lag, letters]
    if not height or height - used > rows_of(topics) + 2:
        body.insert(2, topics)
        used += rows_of(topics)
    return Group(head, *trouble, *body, *answer_lines(view, room(height, used, 8)))


def room(height: int, used: int, most: int) -> int:
    """How many lines of answers fit."""
    return most if not height else max(0, min(most, (height - used - 2) // 2))


def rows_of(part: Any) -> int:
    """Lines of a table or a text, more or less."""
    return part.row_count + 2 if hasattr(part, "row_count") else 1


def _table(*columns: str) -> Table:
    """A plain table; names that begin with `>` stand to the right."""
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name.lstrip(">"), justify="right" if name.startswith(">") else "left", no_wrap=True, overflow="ellipsis")
    return table


def topic_table(view: View) -> Table:
    """Topics in the catalogue's order; the bands of an objective are one line, easiest first."""
    table = _table("topic", ">records", ">a second")
    rows: dict[str, list[Any]] = {}
    for row in view.topics:
        name, _, band = row.name.rpartition(".")
        rows.setdefault(name if band.isdigit() else row.name, []).append(row)
    for name, own in rows.items():
        told = " ".join(f"{row.records:,}" for row in own)
        rates = [row.per_second for row in own if row.per_second is not None]
        table.add_row(name, told, f"{sum(rates):,.1f}" if rates else DASH)
    return table


def lag_table(view: View) -> Table:
    """Groups, their partitions of a topic together, those in trouble first; closed bands marked."""
    table = _table("group", "topic", ">lag", ">seconds", ">trend", "state")
    merged: dict[tuple[str, str], list[Any]] = {}
    for row in view.lag:
        merged.setdefault((row.lag.group, row.lag.topic), []).append(row)
    order = ["REWIND", "STOP", "STALL", "WARN", "OK", "CLOSED"]
    quiet = 0
    for (group, topic), rows in sorted(merged.items(), key=lambda item: min(order.index(row.word.value) for row in item[1])):
        worst = min(rows, key=lambda row: order.index(row.word.value))
        lag = sum(row.lag.lag for row in rows)
        if not lag and worst.word.value in ("OK", "CLOSED") and topic.removeprefix(view.prefix).startswith("curriculum."):
            quiet += 1
            continue
        ages = [row.seconds for row in rows if row.seconds is not None]
        state = f"[{STATES[worst.word.value]}]{worst.word.value}[/]"
        cells = (shown_id(group.removeprefix(view.prefix)), shown_id(topic.removeprefix(view.prefix)))
        table.add_row(*cells, f"{lag:,}", f"{max(ages):.0f}" if ages else DASH, worst.trend, state)
    if quiet:
        table.add_row(f"[dim]{quiet} bands with nothing waiting[/]", "", "", "", "", "")
    return table


def node_table(view: View) -> Table:
    """Nodes with what they say of themselves; `stale`: steps by which what answers are made with is behind what is trained."""
    table = _table("node", "run", "state", ">step", ">loss", ">val", ">reward", ">stale", ">dead", ">checkpoint")
    for row in view.nodes:
        get = row.values.get
        colour = "green" if row.state.startswith("ready") else "red" if row.state == "away" else "yellow"
        age = get("pelton_checkpoint_age_seconds")
        table.add_row(
            row.node,
            shown_id(row.run_id)[:20],
            f"[{colour}]{_markup(row.state[:40])}[/]",
            *(_number(get(name), form) for name, form in FIGURES.items()),
            _number(get("pelton_output_staleness_steps", get("pelton_steps_since_checkpoint")), ",.0f"),
            _number(get("pelton_dead_letters_total"), ",.0f"),
            DASH if age is None else f"{age:.0f} s",
        )
    if not view.nodes:
        table.add_row("[dim]none found: name a run's folder[/]", *[""] * 9)
    return table


def model_table(view: View) -> Table:
    """The newest checkpoint of each run, with what was measured then."""
    table = _table("model", ">step", ">pass", ">age", "measured")
    for model in view.models[:4]:
        age = time.time() - model.created_at if model.created_at else None
        scores = {name: value for name, value in model.metrics.items() if name in MEASURED}
        told = "  ".join(f"{name} {value:.4g}" for name, value in scores.items())
        table.add_row(shown_id(model.run_id)[:24], f"{model.step:,}", str(model.pass_number), _age(age), told)
    return table


def letters_line(view: View) -> RenderableType:
    """Dead letters: how many there are, and why the newest of them."""
    from rich.text import Text

    reasons = "  ".join(f"{reason} {count}" for reason, count in view.dead_letters.items())
    style = "red" if view.dead_letters_in_all else "dim"
    return Text(f"dead letters {view.dead_letters_in_all:,}" + (f"   newest: {reasons}" if reasons else ""), style=style)


def answer_lines(view: View, most: int) -> list[RenderableType]:
    """The newest judged answers, with the words of their claims in the colour of the verdict."""
    from rich.text import Text

    from reports.answers import pieces

    lines: list[RenderableType] = []
    for reward in view.answers[:most]:
        told = Text(overflow="ellipsis", no_wrap=True)
        told.append(f"{DASH if reward.reward is None else f'{reward.reward:.2f}':>5} ", style="bold")
        if reward.value is not None:  # an abstention has no R, and is worth something to the policy
            told.append(f"{reward.policy} {reward.value:g} ", style="cyan")
        told.append(f"{escaped(reward.prompt)} ", style="dim")
        for piece in pieces(" ".join(reward.completion.split()) if not reward.triplets else reward.completion, reward.triplets):
            told.append(escaped(piece.text), style=VERDICTS[piece.verdict])
        lines.append(told)
    return [Text("newest answers", style="bold"), *lines] if lines else []


def _number(value: float | None, form: str) -> str:
    return DASH if value is None else format(value, form)


def _age(seconds: float | None) -> str:
    from cli.progress import duration

    return duration(seconds)


def _markup(text: str) -> str:
    from rich.markup import escape

    return escape(escaped(text))
