"""Keys for tests: one for each role, in files as operators have them, and settings of whoever signs by one."""

from __future__ import annotations

from pathlib import Path

from schemas.roles import Role
from streams.kafka.keys import allow, make_key, write_secret
from streams.kafka.settings import KafkaSettings

ALLOWED = "allowed.json"


def make_keys(folder: Path, names: dict[str, tuple[Role, ...]]) -> None:
    """A key file NAME.json for each name, allowed for its roles."""
    for name, roles in names.items():
        jwk = make_key(name, by_hmac=name.startswith("hmac"))
        write_secret(folder / f"{name}.json", jwk)
        allow(folder / ALLOWED, jwk, roles)


def one_for_each_role(folder: Path) -> None:
    """Keys called as their roles."""
    make_keys(folder, {role.value: (role,) for role in Role})


def signing_as(settings: KafkaSettings, folder: Path, name: str | None, **other: object) -> KafkaSettings:
    """The settings of a process that signs by this key (None: by none), where signatures are required."""
    signed = {"signature": "required", "allowed_keys": str(folder / ALLOWED), "sign_key": str(folder / f"{name}.json") if name else None}
    return KafkaSettings.model_validate(settings.model_dump() | signed | other)
