"""`pelton acls`: what the broker must let each node and each kind of producer do, and no more."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.declared import choices
from cli.options import json_option, kafka_options
from cli.terminal import say

if TYPE_CHECKING:
    from schemas.roles import Role
    from streams.kafka.settings import KafkaSettings


@click.command()
@click.option("--role", "names", multiple=True, type=click.Choice(choices("schemas.roles", "Role")), help="Only of these. [default: all]")
@click.option("--user", metavar="NAME", help="Name of the broker's user, with one --role. [default: the role's own name]")
@click.option("--quota", type=click.IntRange(min=1), metavar="BYTES", help="Print also what bounds how many bytes a second each may send.")
@click.option("--apply", "is_applied", is_flag=True, help="Have the broker allow this, instead of printing it.")
@click.option(
    "--passwords", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="With --apply: make each role a user of the broker's (SCRAM-SHA-512), by its file in DIR, as `pelton keys all` makes them.",
)  # fmt: skip
@json_option
@kafka_options
def acls(
    settings: KafkaSettings,
    names: tuple[str, ...],
    user: str | None,
    quota: int | None,
    is_applied: bool,
    passwords: Path | None,
    as_json: bool,
) -> None:
    """Print the ACLs that each node and each kind of producer needs, as lines for kafka-acls.sh.

    Needs no broker, and changes nothing, without --apply.
    """
    from schemas.roles import Role
    from streams.kafka.access import acls_of, as_commands, as_quota

    roles = [Role(name) for name in names] or list(Role)
    if user is not None and len(roles) != 1:
        raise click.UsageError("--user names one user: give one --role with it")
    if passwords is not None and not is_applied:
        raise click.UsageError("--passwords has an effect with --apply alone")
    if is_applied:
        if quota is not None or as_json:
            raise click.UsageError("--apply prints nothing: leave --quota and --json out")
        _apply(settings, roles, user, passwords)
        return
    if as_json:
        rows = [
            {"principal": f"User:{user or role.value}", "role": role.value, **asdict(acl)}
            for role in roles
            for acl in acls_of(role, settings)
        ]
        say(json.dumps(rows))
        return
    for role in roles:
        say(f"# {role.value}")
        for line in as_commands(settings, f"User:{user or role.value}", acls_of(role, settings)):
            say(line)
        if quota is not None:
            say(as_quota(settings, user or role.value, quota))


def _apply(settings: KafkaSettings, roles: list[Role], user: str | None, passwords: Path | None) -> None:
    from streams.kafka.access import acls_of, apply
    from streams.kafka.installation import password_of

    given = {user or role.value: password_of(passwords, role) for role in roles} if passwords is not None else {}
    apply(settings, {user or role.value: acls_of(role, settings) for role in roles}, given)
    say(f"allowed {', '.join(user or role.value for role in roles)} what `pelton acls` prints")
