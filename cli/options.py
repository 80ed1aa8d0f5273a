"""Options that many commands share, and how their values become settings."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


class HeadedOption(click.Option):
    """An option that says under which heading of the help it stands."""

    def __init__(self, *names: Any, heading: str, **about: Any) -> None:
        super().__init__(*names, **about)
        self.heading = heading


class Finite(click.FloatRange):
    """A number within bounds. click's own range lets `nan` through, which is below and above none, and `inf` where nothing bounds it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number, or a usage error."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return float(number)


class Ternary(click.ParamType):
    """What a right answer, one that abstains, a wrong one, one that the graph can tell nothing of, and one that abstains needlessly get."""

    name = "RIGHT,ABSTAINED,WRONG[,UNSUPPORTED[,NEEDLESS]]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, float | None]:
        """The values by name, or a usage error. Without the fourth, it is midway between to abstain and to be wrong; without the fifth,
        to abstain needlessly is as to be wrong."""
        if isinstance(value, dict):
            return value
        parts = [part.strip() for part in str(value).split(",")]
        try:
            right, abstained, wrong = (float(part) for part in parts[:3])
            further = [None if part == "none" else float(part) for part in parts[3:]] or [(abstained + wrong) / 2]
            unsupported, needless = (*further, wrong) if len(further) == 1 else further
        except ValueError:
            self.fail(f"{value!r} is not three to five numbers, such as 1,0,-1", param, ctx)
        if not 10 >= right > abstained > wrong >= -10:
            self.fail(f"{value!r}: right must be above abstained, and that above wrong, all from -10 to 10", param, ctx)
        if not all(last is None or abstained >= last >= wrong for last in (unsupported, needless)):
            self.fail(f"{value!r}: those after the third must lie between wrong and abstained, or be none", param, ctx)
        return {"right": right, "abstained": abstained, "wrong": wrong, "unsupported": unsupported, "needless": needless}


class Group(click.Group):
    """A group in whose list of commands each one's first sentence stands whole: click's own cuts it at the end of the line."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of `--help`."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        if rows := [(name, command.get_short_help_str(WHOLE)) for name, command in found if command is not None and not command.hidden]:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


class RunName(click.ParamType):
    """The name of a run: part of a folder's name and of consumer groups' names."""

    name = "ID"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name, or a usage error."""
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", str(value)):
            self.fail(
                f"{value!r} is no name of a run: letters, digits, `.`, `_` and `-`, at most 100, beginning with a letter or digit",
                param,
                ctx,
            )
        return str(value)


def source_name(_ctx: click.Context, _param: click.Parameter, given: str | None) -> str | None:
    """A name that can stand in a header, a line of a log and a metric's label."""
    if given is not None and not (given.strip() and given.isprintable() and len(given) <= 100):
        raise click.BadParameter(f"{given!r} is no name of a source: one line of 1 to 100 printable characters")
    return given


def under(heading: str) -> Callable[..., Callable[[Command], Command]]:
    """`click.option` for the options under one heading."""

    def option(*names: str, **about: Any) -> Callable[[Command], Command]:
        return click.option(*names, cls=HeadedOption, heading=heading, **about)

    return option


broker_option = under("Broker")
topic_prefix_option = broker_option(
    "--topic-prefix", metavar="TEXT", help="Put before the name of every topic. [env: PELTON_TOPIC_PREFIX; default: pelton.]"
)
sign_option = broker_option(
    "--sign-key",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Sign what is sent by this key (`pelton keys`). [env: PELTON_SIGN_KEY]",
)
"""For commands with `kafka_options`: their settings have it."""
WHOLE = 10_000
"""Characters of a command's first sentence that its group's list shows."""
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for other programs.")

REWARD_POLICY = "ternary"
"""How answers are judged by default: the policy that with its default values no run games (docs/rl.md); its R is strict's."""

SHAPES = (
    "alpaca", "chatgpt-export", "classification", "dolly", "messages", "preference", "prompt", "prompt-completion", "question-answer",
    "sharegpt", "squad", "text", "ultrafeedback",
)  # fmt: skip
"""Names of `reading.shapes.table.FORMATS`, here so that `--help` need not load it; a test compares them."""


def reading_options(option: Callable[..., Any] = click.option) -> Callable[[Command], Command]:
    """Add `--format --map --encoding`; the command gets `shape`, `mapping` and `encoding`, for `cli.sample_reader.read_options`."""

    def add(command: Command) -> Command:
        command = option(
            "--encoding", metavar="NAME", help="What text files are written in, such as cp1252. [default: UTF-8, or by their mark]"
        )(command)
        command = option(
            "--map", "mapping", metavar="PART=COLUMN,...", help="Which column is which part, as in prompt=question,answer=data.response."
        )(command)
        return option(  # type: ignore[no-any-return]
            "--format", "shape", type=click.Choice(SHAPES), help="Shape of every row. [default: each by its columns]"
        )(command)

    return add


def there(_ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """Each is a file, a folder or a pattern of them that is there, or reads as a name on the hub."""
    if given:
        from cli.hub_data import is_hub_name
        from reading.paths import expanded
        from schemas.errors import UserError

        try:
            expanded(name for name in given if not is_hub_name(name))
        except UserError as error:
            raise click.BadParameter(str(error)) from None
    return given


def facts_there(_ctx: click.Context, _param: click.Parameter, names: tuple[str, ...]) -> tuple[Path, ...]:
    """Every file of facts that is named: files, those of folders and patterns, `-`."""
    from reading.paths import expanded
    from schemas.errors import UserError
    from streams.knowledge.importing.reader import FACT_FILES

    try:
        return tuple(file.path for file in expanded(names, FACT_FILES)) if names else ()
    except UserError as error:
        raise click.BadParameter(str(error)) from None


def kafka_options(command: Command) -> Command:
    """Add `--bootstrap-servers --topic-prefix --config`; the command gets one argument, `settings`, a `KafkaSettings`."""

    @broker_option(
        "--bootstrap-servers", metavar="HOST:PORT", help="Address of the broker. [env: KAFKA_BOOTSTRAP_SERVERS; default: 127.0.0.1:9092]"
    )
    @topic_prefix_option
    @broker_option("--config", type=click.Path(dir_okay=False), metavar="YAML", help="File with the sections `kafka:` and `train:`.")
    @functools.wraps(command)
    def with_settings(*args: Any, bootstrap_servers: str | None, topic_prefix: str | None, config: str | None, **kwargs: Any) -> Any:
        from streams.kafka.settings import KafkaSettings  # pydantic, and the catalogue of topics: not for --help

        flags = {"bootstrap_servers": bootstrap_servers, "topic_prefix": topic_prefix, "sign_key": kwargs.pop("sign_key", None)}
        settings = KafkaSettings.load(config, **flags)
        return command(*args, settings=settings, **kwargs)

    return with_settings  # type: ignore[return-value]
