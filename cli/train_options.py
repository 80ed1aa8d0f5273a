"""The options of `pelton train`: those of the settings, made of their declarations, and the headings they all stand under in the help."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click

from cli.declared import Group, Setting, groups
from cli.options import Command, under

BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


class HeadedCommand(click.Command):
    """A command whose help has its options under headings, in the order in which they are declared."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One list for each heading."""
        rows: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            if record := parameter.get_help_record(ctx):
                rows.setdefault(getattr(parameter, "heading", "Help"), []).append(record)
        for heading, records in rows.items():
            with formatter.section(heading):
                formatter.write_dl(records)


def setting_options(command: Command) -> Command:
    """Add an option for each setting of a run. One that is not given is None; the loader knows its type, bounds and default."""
    declared = groups("trainer_node.config", "TrainConfig")
    flags = {setting.name: flag_of(setting.name) for group in declared for setting in group.settings}
    for group in reversed(declared):
        for setting in reversed(group.settings):
            command = option_of(setting, group, flags)(command)
    return command


def setting_option(name: str) -> Callable[[Command], Command]:
    """The option of one setting of a run, for another command that takes it."""
    found = [
        (setting, group) for group in groups("trainer_node.config", "TrainConfig") for setting in group.settings if setting.name == name
    ]
    return option_of(*found[0], {})


def option_of(setting: Setting, group: Group, flags: dict[str, str]) -> Callable[[Command], Command]:
    """The option of one setting."""
    flag = flag_of(setting.name)
    if setting.type is bool:
        return under(group.title)(f"{flag}/--no-{flag[2:]}", default=None, help=help_of(setting, flags))
    kind: Any = click.Choice([str(choice) for choice in setting.choices]) if setting.choices else str
    return under(group.title)(flag, type=kind, metavar=None if setting.choices else metavar_of(setting), help=help_of(setting, flags))


def flag_of(name: str) -> str:
    """`batch_size` -> `--batch-size`."""
    return f"--{name.replace('_', '-')}"


def metavar_of(setting: Setting) -> str:
    """What stands for its value in the help."""
    if setting.name.endswith("_s"):
        return "SECONDS"
    if setting.name.endswith("_every"):
        return "DURATION"
    return {int: "N", float: "X"}.get(setting.type, "TEXT")


def help_of(setting: Setting, flags: dict[str, str]) -> str:
    """Its docstring, with other settings by their flags, then its default and its bounds."""
    doc = re.sub(r"`(\w+)`", lambda match: flags.get(match[1], match[0]), setting.doc)
    aside = [] if setting.default is None else [f"default: {shown(setting.default)}"]
    aside += [f"{BOUNDS[name]} {bound:g}" for name, bound in setting.bounds.items() if (name, bound) != ("ge", 0)]
    return f"{doc} [{'; '.join(aside)}]" if aside else doc


def shown(value: Any) -> str:
    """A default as a user would type it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)
