"""`pelton acls`: what the broker must let each node and each kind of producer do, and no more."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from cli.declared import choices
from cli.options import json_option, kafka_options
from cli.terminal import say

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings


@click.command()
@click.option("--role", "names", multiple=True, type=click.Choice(choices("schemas.roles", "Role")), help="Only of these. [default: all]")
@click.option("--user", metavar="NAME", help="Name of the broker's user, with one --role. [default: the role's own name]")
@click.option("--quota", type=click.IntRange(min=1), metavar="BYTES", help="Print also what bounds how many bytes a second each may send.")
@json_option
@kafka_options
def acls(settings: KafkaSettings, names: tuple[str, ...], user: str | None, quota: int | None, as_json: bool) -> None:
    """Print the ACLs that each node and each kind of producer needs, as lines for kafka-acls.sh; nothing is changed. Needs no broker."""
    from schemas.roles import Role
    from streams.kafka.access import acls_of, as_commands, as_quota

    roles = [Role(name) for name in names] or list(Role)
    if user is not None and len(roles) != 1:
        raise click.UsageError("--user names one user: give one --role with it")
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
