"""`pelton preview` for a person: the samples with what is learnt of them set off, and what holds for all."""

from __future__ import annotations

import os
import re
import sys

import click

from cli.preview_rows import Piece, Preview, Row
from cli.sending import counted, told

UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters, which a terminal would obey."""


def show(found: Preview) -> None:
    """Print it."""
    for number, row in enumerate(found.rows, 1):
        _show_row(number, row)
    for file in found.files:
        for line in told(file):
            click.echo(line)
    _show_all(found)


def _show_row(number: int, row: Row) -> None:
    sample = row.sample
    name = f"{sample.sample_id}, {sample.task.value}" if sample else "no sample"
    click.secho(f"── {number}  {row.file}:{row.line}  {name}  {_size(row)}", bold=True)
    if row.rules:
        click.echo(f"changed for the model's template: {', '.join(row.rules)}")
    if row.refused is not None:
        click.secho(f"would be dead-lettered: {row.refused}", fg="yellow")
    for side, pieces in row.sides.items():
        if side:
            click.secho(f"[{side}]", dim=True)
        click.echo("".join(map(_shown, pieces)) + ("⋯ cut here" if row.kept_tokens < row.tokens else ""))
    click.echo()


def _size(row: Row) -> str:
    if row.refused is not None:
        return ""
    size = counted(row.tokens, "token")
    cut = f", cut to {row.kept_tokens}" if row.kept_tokens < row.tokens else ""
    return f"{size}{cut}, {row.learnt_tokens} with loss"


def _shown(piece: Piece) -> str:
    text = UNSEEN.sub(lambda found: repr(found[0])[1:-1], piece.text)
    if not piece.learnt:
        return text
    return click.style(text, fg="green") if _has_colour() else f"⟦{text}⟧"


def _has_colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _show_all(found: Preview) -> None:
    config = found.config
    trained = len(found.lengths)
    click.echo(f"{counted(trained, 'sample')} to train or to ask, under the template of {config.model}; loss on {config.loss_on}")
    if trained:
        click.echo("tokens: " + ", ".join(f"{name} {tokens}" for name, tokens in found.percentiles().items()))
        click.echo(f"with loss: {found.learnt_tokens / found.trained_tokens:.0%} of {counted(found.trained_tokens, 'token')}")
    if found.cut:
        click.secho(f"cut to --max-seq {found.as_dict()['max_seq']}: {counted(found.cut, 'sample')}", fg="yellow")
    for rule, count in found.rules.most_common():
        click.secho(f"changed for the template: {counted(count, 'sample')} ({rule})", fg="yellow")
    for reason, count in found.refused.most_common():
        click.secho(f"would be dead-lettered: {counted(count, 'sample')} as {reason}, the first {found.first_refused[reason]}", fg="yellow")
