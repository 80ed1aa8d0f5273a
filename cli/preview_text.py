"""`pelton preview` for a person: the samples with what is learnt of them set off, and what holds for all."""

from __future__ import annotations

import os
import sys

import click

from cli.preview_rows import Piece, Preview, Row
from cli.sending import counted, told
from cli.terminal import Styled, say
from schemas.printable import escaped


def show(found: Preview) -> None:
    """Print it."""
    for number, row in enumerate(found.rows, 1):
        _show_row(number, row)
    for file in found.files:
        for line in told(file):
            say(line)
    _show_all(found)


def _show_row(number: int, row: Row) -> None:
    sample = row.sample
    name = f"{sample.sample_id}, {sample.task.value}" if sample else "no sample"
    say(f"── {number}  {row.file}:{row.line}  {name}  {_size(row)}", bold=True)
    if row.rules:
        say(f"changed for the model's template: {', '.join(row.rules)}")
    if row.refused is not None:
        say(f"would be dead-lettered: {row.refused}", fg="yellow")
    for side, pieces in row.sides.items():
        if side:
            say(f"[{side}]", dim=True)
        say(*map(_shown, pieces), "⋯ cut here" if row.kept_tokens < row.tokens else "")
    say()


def _size(row: Row) -> str:
    if row.refused is not None:
        return ""
    size = counted(row.tokens, "token")
    cut = f", cut to {row.kept_tokens}" if row.kept_tokens < row.tokens else ""
    return f"{size}{cut}, {row.learnt_tokens} with loss"


def _shown(piece: Piece) -> Styled:
    text = escaped(piece.text, lines=True)
    if not piece.learnt:
        return Styled(text)
    return Styled(click.style(text, fg="green") if _has_colour() else f"⟦{text}⟧")


def _has_colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _show_all(found: Preview) -> None:
    config = found.config
    trained = len(found.lengths)
    say(f"{counted(trained, 'sample')} to train or to ask, under the template of {config.model}; loss on {config.loss_on}")
    if trained:
        say("tokens: " + ", ".join(f"{name} {tokens}" for name, tokens in found.percentiles().items()))
        say(f"with loss: {found.learnt_tokens / found.trained_tokens:.0%} of {counted(found.trained_tokens, 'token')}")
    if found.cut:
        say(f"cut to --max-seq {found.as_dict()['max_seq']}: {counted(found.cut, 'sample')}", fg="yellow")
    for rule, count in found.rules.most_common():
        say(f"changed for the template: {counted(count, 'sample')} ({rule})", fg="yellow")
    for reason, count in found.refused.most_common():
        say(f"would be dead-lettered: {counted(count, 'sample')} as {reason}, the first {found.first_refused[reason]}", fg="yellow")
