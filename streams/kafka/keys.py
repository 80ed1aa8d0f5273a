"""Keys that records are signed with, as files: a JSON Web Key (RFC 7517) for who signs, a key set of these for who is allowed to.

Ed25519 (RFC 8037: `kty` OKP, `crv` Ed25519) where only the producer is to hold the secret; HMAC-SHA256 (`kty` oct) where a producer has
no Ed25519. Of an entry of the allowed set `kid` is the key's id, `pelton_roles` what it may be used for (`schemas.roles`), and `exp`,
where there is one, the second since the epoch from which on its signatures are refused.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.errors import ConfigError
from schemas.roles import Role

KEY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a key may be called."""
HMAC_BYTES = 32
"""Least length of an HMAC's secret."""
ED25519_BYTES = 32
ROLES = "pelton_roles"


@dataclass(frozen=True)
class SigningKey:
    """A secret, and the id that its signatures carry. Its `repr` says no secret."""

    key_id: str
    _jwk: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"SigningKey({self.key_id})"

    @classmethod
    def load(cls, path: str | Path) -> SigningKey:
        """From a file that `pelton keys new` wrote.

        Raises:
            ConfigError: it cannot be read, or is none.
        """
        jwk = _document(path)
        key_id = _key_id(path, jwk)
        if (jwk.get("kty"), jwk.get("crv")) == ("OKP", "Ed25519"):
            _bytes_of(path, jwk, "d", ED25519_BYTES)
        else:
            _secret(path, jwk)
        return cls(key_id, jwk)

    def sign(self, message: bytes) -> bytes:
        """The signature of a message: 64 bytes by Ed25519, 32 by HMAC."""
        if self._jwk["kty"] == "oct":
            return hmac.digest(_decoded(self._jwk["k"]), message, hashlib.sha256)
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(_decoded(self._jwk["d"])).sign(message)


@dataclass(frozen=True)
class AllowedKey:
    """A key whose signatures are taken, and for what."""

    key_id: str
    roles: frozenset[Role]
    expires_at: float | None
    """Seconds since the epoch."""
    _jwk: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"AllowedKey({self.key_id}: {', '.join(sorted(self.roles))})"

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Whether this is the key's signature of the message."""
        if self._jwk["kty"] == "oct":
            return hmac.compare_digest(hmac.digest(_decoded(self._jwk["k"]), message, hashlib.sha256), signature)
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(_decoded(self._jwk["x"])).verify(signature, message)
        except InvalidSignature:
            return False
        return True


def load_allowed(path: str | Path) -> dict[str, AllowedKey]:
    """The allowed keys of a file, by id.

    Raises:
        ConfigError: it cannot be read, or holds something else.
    """
    entries = _document(path).get("keys")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError(f"{path}: a JSON object with a list of `keys` is wanted; `pelton keys new NAME --allow {path}` makes one")
    found = [_allowed(path, entry) for entry in entries]
    if repeated := {key.key_id for key in found if sum(other.key_id == key.key_id for other in found) > 1}:
        raise ConfigError(f"{path}: key {sorted(repeated)[0]!r} stands there more than once")
    return {key.key_id: key for key in found}


def _allowed(path: str | Path, jwk: Mapping[str, Any]) -> AllowedKey:
    key_id = _key_id(path, jwk)
    if (jwk.get("kty"), jwk.get("crv")) == ("OKP", "Ed25519"):
        _bytes_of(path, jwk, "x", ED25519_BYTES)
        if "d" in jwk:
            raise ConfigError(f"{path}: key {key_id!r} has its private part (`d`) there, with which anybody could sign; remove it")
    else:
        _secret(path, jwk)
    names = jwk.get(ROLES)
    known = {role.value: role for role in Role}
    if not isinstance(names, list) or not names or any(name not in known for name in names):
        raise ConfigError(f"{path}: key {key_id!r}: `{ROLES}` must be a list of {', '.join(known)}")
    expires = jwk.get("exp")
    if expires is not None and (isinstance(expires, bool) or not isinstance(expires, (int, float))):
        raise ConfigError(f"{path}: key {key_id!r}: `exp` must be seconds since the epoch")
    return AllowedKey(key_id, frozenset(known[name] for name in names), expires, jwk)


def make_key(key_id: str, by_hmac: bool = False) -> dict[str, Any]:
    """A new secret key, as its file has it.

    Raises:
        ConfigError: no key can be called so.
    """
    if not KEY_ID.fullmatch(key_id):
        raise ConfigError(f"{key_id!r} is no name of a key: letters, digits, `.`, `_` and `-`, at most 64, the first a letter or digit")
    if by_hmac:
        return {"kty": "oct", "alg": "HS256", "kid": key_id, "k": _encoded(secrets.token_bytes(HMAC_BYTES))}
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    made = Ed25519PrivateKey.generate()
    public, private = made.public_key().public_bytes_raw(), made.private_bytes_raw()
    return {"kty": "OKP", "crv": "Ed25519", "kid": key_id, "x": _encoded(public), "d": _encoded(private)}


def write_secret(path: Path, jwk: Mapping[str, Any]) -> None:
    """Write a key that its owner alone can read.

    Raises:
        ConfigError: the file is there already, or cannot be written.
    """
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(json.dumps(jwk) + "\n")
    except FileExistsError:
        raise ConfigError(f"{path} is there already: a key is not overwritten; name another file, or remove it") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from None


def allow(path: Path, jwk: Mapping[str, Any], roles: Iterable[Role], expires_at: float | None = None) -> None:
    """Add a key to the allowed ones of a file, which is made where it is missing. An HMAC's secret stands there, too: keep the file close.

    Raises:
        ConfigError: the file holds something else, or a key of this name.
    """
    known = load_allowed(path) if path.exists() else {}
    if jwk["kid"] in known:
        raise ConfigError(f"{path}: there is a key {jwk['kid']!r} already; name the new one otherwise")
    entry = {name: value for name, value in jwk.items() if name != "d"} | {ROLES: [role.value for role in roles]}
    if expires_at is not None:
        entry["exp"] = int(expires_at)
    _rewrite(path, [*(_document(path)["keys"] if path.exists() else []), entry])


def expire(path: Path, key_id: str, at: float) -> None:
    """Have a key's signatures refused from a second since the epoch on; what it signed before stays what it is.

    Raises:
        ConfigError: the file has no such key.
    """
    if key_id not in load_allowed(path):
        raise ConfigError(f"{path}: no key {key_id!r}; see `pelton keys list {path}`")
    _rewrite(path, [entry | {"exp": int(at)} if entry["kid"] == key_id else entry for entry in _document(path)["keys"]])


def _rewrite(path: Path, entries: list[dict[str, Any]]) -> None:
    beside = path.with_name(path.name + ".new")
    mode = 0o600 if any(entry.get("kty") == "oct" for entry in entries) else 0o644
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
        file.write(json.dumps({"keys": entries}, indent=1) + "\n")
    beside.replace(path)


def _document(path: str | Path) -> dict[str, Any]:
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError:
        raise ConfigError(f"{path}: not a JSON Web Key; `pelton keys new` makes one") from None
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: not a JSON Web Key; `pelton keys new` makes one")
    return document


def _key_id(path: str | Path, jwk: Mapping[str, Any]) -> str:
    key_id = jwk.get("kid")
    if not isinstance(key_id, str) or not KEY_ID.fullmatch(key_id):
        raise ConfigError(f"{path}: `kid` must name the key: letters, digits, `.`, `_` and `-`, at most 64")
    return key_id


def _secret(path: str | Path, jwk: Mapping[str, Any]) -> None:
    if jwk.get("kty") != "oct":
        raise ConfigError(f"{path}: key {jwk.get('kid')!r} is of no kind that is known: Ed25519 (`kty` OKP), or HMAC (`kty` oct)")
    _bytes_of(path, jwk, "k", HMAC_BYTES)


def _bytes_of(path: str | Path, jwk: Mapping[str, Any], part: str, least: int) -> None:
    try:
        found = _decoded(jwk[part])
    except (KeyError, ValueError, TypeError, AttributeError):
        found = b""
    if len(found) < least:
        raise ConfigError(f"{path}: key {jwk.get('kid')!r}: `{part}` must be at least {least} bytes in base64url")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
