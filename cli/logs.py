"""How nodes log: one line a record on stderr, with time and zone, level, node and run; or JSON, a document a line.

Nodes say what they do (INFO); other commands only what is wrong. No record of INFO or above holds a sample's text.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any, TextIO, TypeVar

import click

from cli.terminal import OneLine, say
from schemas.printable import escaped

Command = TypeVar("Command", bound=Callable[..., Any])

FORMAT_VARIABLE = "PELTON_LOG_FORMAT"
"""Environment variable of `--log-format`: nodes that another one starts log as it does."""
OURS = ("cli", "demo", "feedback_node", "reading", "reports", "schemas", "streams", "trainer_node")
LOUD = ("kafka", "aiokafka", "urllib3", "jgo")
"""Libraries whose news matter to users only as our own errors."""


class ToStderr(logging.StreamHandler[TextIO]):
    """Writes to whatever stderr is at the moment: a live display puts itself in its place."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """Standard error."""
        return sys.stderr


class NodeLine(OneLine):
    """`2026-11-29T04:10:12.345+00:00 INFO    trainer run-7: evaluating ...`."""

    def __init__(self, node: str, run_id: str | None) -> None:
        super().__init__(f"%(asctime)s %(levelname)-7s {node} {escaped(run_id or '-')}: %(message)s".replace("%%", "%"))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802, ARG002 - logging's own
        """Local time with its zone."""
        return when(record)


class NodeJson(logging.Formatter):
    """A JSON document: `time`, `level`, `node`, `run_id`, `logger`, `message`, and `exception` where there is one."""

    def __init__(self, node: str, run_id: str | None) -> None:
        super().__init__()
        self._who = {"node": node, "run_id": run_id}

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        told: dict[str, Any] = {"time": when(record), "level": record.levelname, **self._who, "logger": record.name}
        told["message"] = record.getMessage()
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return escaped(json.dumps(told, ensure_ascii=False))


def when(record: logging.LogRecord) -> str:
    """A record's time, in ISO 8601 with milliseconds and zone."""
    return datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")


def set_up(verbose: int = 0) -> None:
    """Log warnings to stderr, and with `verbose` more; Kafka's own only with 2: what matters of them reaches the user as an error."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(ToStderr())
        root.handlers[-1].setFormatter(OneLine())
    root.setLevel({0: logging.WARNING, 1: logging.INFO}.get(verbose, logging.DEBUG))
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.INFO if verbose > 1 else logging.CRITICAL)


def as_node(node: str, run_id: str | None) -> None:
    """From here on this process logs as a node."""
    formatter = NodeJson(node, run_id) if is_json() else NodeLine(node, run_id)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, ToStderr):
            handler.setFormatter(formatter)
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")  # it writes with a handler of its own, and what matters comes as an error
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").setLevel(logging.ERROR)  # of libraries, about their callers
    level = min(logging.INFO, logging.getLogger().level)
    for name in OURS:
        logging.getLogger(name).setLevel(level)


def is_json() -> bool:
    """Whether logs are JSON."""
    return os.environ.get(FORMAT_VARIABLE) == "json"


def tell(text: str) -> None:
    """What a node's command says of its start: a line on stderr, or a record where logs are JSON."""
    if is_json():
        logging.getLogger("cli").info("%s", text)
    else:
        say(text, err=True)


def log_option(option: Callable[..., Any] = click.option) -> Callable[[Command], Command]:
    """Add `--log-format`. The command gets no argument of it: it is in the environment by then."""

    def keep(_ctx: click.Context, _param: click.Parameter, given: str | None) -> None:
        if given:
            os.environ[FORMAT_VARIABLE] = given

    return option(  # type: ignore[no-any-return]
        "--log-format",
        type=click.Choice(["text", "json"]),
        envvar=FORMAT_VARIABLE,
        callback=keep,
        expose_value=False,
        help=f"How logs are written to stderr. [env: {FORMAT_VARIABLE}; default: text]",
    )
