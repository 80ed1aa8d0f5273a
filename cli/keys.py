"""`pelton keys`: make keys that records are signed with, and say which are allowed to write what."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from cli.declared import choices
from cli.options import Group, json_option
from cli.terminal import say, zoned

FILE = click.Path(dir_okay=False, path_type=Path)
DAY_S = 24 * 3600.0
allow_option = click.option(
    "--allow", "allowed", type=FILE, metavar="FILE", default="allowed-keys.json", show_default=True, help="The file of the allowed keys."
)


@click.group(cls=Group)
def keys() -> None:
    """Make keys that records are signed with, and say which are allowed to write what.

    A node or a producer signs by its own key (`sign_key`, PELTON_SIGN_KEY, `pelton produce --sign-key`); all nodes check by one file of
    allowed keys (`allowed_keys`, PELTON_ALLOWED_KEYS), and refuse what is not signed where `signature: required` is set.
    """


@keys.command()
@click.argument("name", metavar="NAME")
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice(choices("schemas.roles", "Role")),
    default=("producer",),
    show_default=True,
    help="What the key may be used for; may be repeated.",
)
@click.option("--out", type=FILE, metavar="FILE", help="Where to write the secret. [default: NAME.key.json]")
@click.option(
    "--hmac", "by_hmac", is_flag=True, help="A shared secret (HMAC-SHA256) instead of Ed25519: whoever checks it could sign, too."
)
@click.option("--days", type=click.IntRange(min=1), metavar="N", help="Let it expire so many days from now.")
@allow_option
def new(name: str, roles: tuple[str, ...], out: Path | None, by_hmac: bool, days: int | None, allowed: Path) -> None:
    """Make the key NAME: its secret into a file of its own, what checks it into the allowed keys."""
    from schemas.errors import ConfigError
    from schemas.roles import Role
    from streams.kafka.keys import allow, load_allowed, make_key, write_secret

    jwk, secret = make_key(name, by_hmac), out or Path(f"{name}.key.json")
    if allowed.exists() and name in load_allowed(allowed):
        raise ConfigError(f"{allowed}: there is a key {name!r} already; name the new one otherwise")
    write_secret(secret, jwk)
    allow(allowed, jwk, [Role(role) for role in roles], time.time() + days * DAY_S if days else None)
    say(f"wrote {secret}, which its owner alone may read; {allowed} allows {name} as {', '.join(roles)}")


@keys.command("all")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--host", "hosts", multiple=True, metavar="NAME", default=("kafka", "localhost", "127.0.0.1"), show_default=True,
    help="By which clients reach the broker; may be repeated.",
)  # fmt: skip
@click.option("--also", "others", multiple=True, metavar="NAME", help="Make NAME.password, too; may be repeated.")
@click.option("--days", type=click.IntRange(min=1), metavar="N", default=730, show_default=True, help="How long the certificates hold.")
def make_all(folder: Path, hosts: tuple[str, ...], others: tuple[str, ...], days: int) -> None:
    """Make in DIR what a whole installation needs: for each role a signing key and a password, and the broker's certificates.

    What is there is kept. `deploy/compose.yaml` and `pelton acls --apply` take them from there.
    """
    from streams.kafka.installation import make_installation

    made = make_installation(folder, list(hosts), list(others), days)
    say(f"{folder}: made {', '.join(made)}" if made else f"{folder}: everything is there")


@keys.command("list")
@allow_option
@json_option
def list_keys(allowed: Path, as_json: bool) -> None:
    """List the allowed keys: what each may be used for, and until when."""
    from streams.kafka.keys import load_allowed

    rows = [
        {"key": key.key_id, "roles": sorted(role.value for role in key.roles), "expires_at": key.expires_at}
        for key in load_allowed(allowed).values()
    ]
    if as_json:
        say(json.dumps(rows))
        return
    for key in load_allowed(allowed).values():
        when = "" if key.expires_at is None else f"  until {zoned(key.expires_at)}"
        say(f"{key.key_id}  {', '.join(sorted(role.value for role in key.roles))}{when}")


@keys.command()
@click.argument("name", metavar="NAME")
@allow_option
def expire(name: str, allowed: Path) -> None:
    """Let the key NAME expire now: what the broker takes from now on is refused, what it took before stays what it is.

    Nodes read the file when they start: start them again.
    """
    from streams.kafka.keys import expire as let_expire

    let_expire(allowed, name, time.time())
    say(f"{name} has expired in {allowed}; start the nodes again")
