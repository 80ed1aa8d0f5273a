"""What commands say: the only place where `cli` writes to the terminal. Whoever wrote a text, it is escaped here (`schemas.printable`)."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import click

from schemas.printable import escaped

LOG_FORMAT = "%(levelname)s %(name)s: %(message)s"


class Styled(str):
    """A piece of text that is escaped already, with a terminal's own codes around it."""


def styled(text: object, **style: Any) -> Styled:
    """A piece of a line in a style of click's, such as `fg="red"` or `bold=True`."""
    return Styled(click.style(escaped(str(text)), **style))


def say(*parts: object, lines: bool = False, err: bool = False, nl: bool = True, **style: Any) -> None:
    """Write one line, of one or several pieces.

    Args:
        parts: text, escaped here, and pieces that are `styled`.
        lines: whether the text may have line breaks of its own.
        err: to stderr.
        nl: whether a line break follows.
        style: click's, for all of it.
    """
    text = "".join(part if isinstance(part, Styled) else escaped(str(part), lines=lines) for part in parts)
    click.secho(text, err=err, nl=nl, **style)


def zoned(seconds: float) -> str:
    """A time since the epoch as local time with its zone: `2026-11-29 04:10:12+00:00`."""
    return datetime.fromtimestamp(seconds).astimezone().isoformat(sep=" ", timespec="seconds")


class OneLine(logging.Formatter):
    """A record of a log is one line, whatever stands in its message; a traceback below it keeps its lines."""

    def __init__(self, form: str = LOG_FORMAT) -> None:
        super().__init__(form)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """The line, its message escaped."""
        record.message = escaped(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """The traceback, whose last line quotes whatever was refused."""
        return escaped(super().formatException(ei), lines=True)
