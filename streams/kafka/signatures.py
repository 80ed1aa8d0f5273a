"""Who signed a record: one header, made where records are sent and checked by everyone who acts on them.

The header `pelton.signature` says `1;<key id>;<milliseconds since the epoch>;<signature in base64>`. What is signed are six lines, joined
by line feeds (`signed_text`): the word `pelton-signature-1`, the topic, the key's id, the time, and the SHA-256 in hex of the record's
key and of its value, or `-` where there is none. So a signature is no good for another topic, another key or another text.

How old a signature is, is told by the broker's clock: the time it says beside the time at which the record was appended
(`message.timestamp.type=LogAppendTime`, as `pelton topics create` sets it). So the verdict on a record is the same whenever it is read,
and a record that is taken from the log and sent again is stale.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from schemas.dead_letter import SIGNATURE_HEADER
from schemas.errors import BadRecord, DeadLetterReason
from schemas.roles import RIGHTS, may_write
from streams.kafka.keys import KEY_ID, AllowedKey, SigningKey, load_allowed

if TYPE_CHECKING:
    from streams.kafka.consumer import Record
    from streams.kafka.settings import KafkaSettings

VERSION = "1"
NODE_AGE_S = 14 * 24 * 3600.0
"""How old a node's signature may be: a node signs, and then waits for a broker that is away for as long as that takes. What it sends is
known by its id, so that sending it again does nothing; not so on `models`, where a node's signature ages as anybody's."""
LONGEST = 512
"""Bytes of the header."""
REASONS = frozenset({DeadLetterReason.UNSIGNED, DeadLetterReason.STALE_SIGNATURE, DeadLetterReason.FORGED})
"""Why a record is refused for its signature."""


def signed_text(topic: str, key_id: str, at_ms: int, key: bytes | None, value: bytes | None) -> bytes:
    """What is signed of a record."""
    lines = (f"pelton-signature-{VERSION}", topic, key_id, str(at_ms), _digest(key), _digest(value))
    return "\n".join(lines).encode()


def _digest(content: bytes | None) -> str:
    return "-" if content is None else hashlib.sha256(content).hexdigest()


class Signer:
    """Signs what one process sends."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key

    def headers(self, topic: str, key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        """The same headers, and ours in place of any signature among them."""
        at_ms = round(time.time() * 1000)
        signature = base64.b64encode(self._key.sign(signed_text(topic, self._key.key_id, at_ms, key, value))).decode()
        said = f"{VERSION};{self._key.key_id};{at_ms};{signature}".encode()
        return [*((name, content) for name, content in headers if name != SIGNATURE_HEADER), (SIGNATURE_HEADER, said)]


class Signatures:
    """Checks records by the allowed keys of the settings. Any thread may use it."""

    def __init__(self, settings: KafkaSettings) -> None:
        """Raises ConfigError where the file of allowed keys cannot be used."""
        self._required = settings.signature == "required"
        self._node_fields_signed = self._required or settings.node_fields == "signed"
        self._max_age_s = settings.signature_max_age_s
        self._prefix = settings.topic_prefix
        self._models = settings.topics.models.name
        self._allowed = load_allowed(settings.allowed_keys) if settings.allowed_keys else {}
        self._is_on = settings.allowed_keys is not None

    def check(self, record: Record) -> AllowedKey | None:
        """Whose record this is; None where it has no signature and need not have one.

        Raises:
            BadRecord: `unsigned`, `stale_signature`, or `forged`: altered, of a key that is not allowed, or of one that may not write
            there.
        """
        if not self._is_on:
            return None
        said = [value for name, value in record.headers if name == SIGNATURE_HEADER]
        if not said:
            if self._required:
                raise BadRecord(DeadLetterReason.UNSIGNED, f"no header {SIGNATURE_HEADER}, and signatures are required")
            return None
        if len(said) > 1:
            raise BadRecord(DeadLetterReason.FORGED, f"{len(said)} headers {SIGNATURE_HEADER}: one is wanted")
        key, at_ms, signature = self._parsed(said[0])
        if not key.signed(signed_text(record.topic, key.key_id, at_ms, record.key, record.value), signature):
            raise BadRecord(DeadLetterReason.FORGED, f"not what key {key.key_id} signed: topic, key, value or time was altered")
        self._check_rights(record, key)
        self._check_age(record, key, at_ms)
        return key

    def _parsed(self, header: bytes) -> tuple[AllowedKey, int, bytes]:
        """Key, time and signature; `forged` where the header is no such thing."""
        try:
            version, key_id, at, encoded = header[: LONGEST + 1].decode("ascii").split(";")
            signature = base64.b64decode(encoded, validate=True)
            if version != VERSION or len(header) > LONGEST or not KEY_ID.fullmatch(key_id) or not (at.isdigit() and len(at) < 16):
                raise ValueError
        except ValueError:
            raise BadRecord(DeadLetterReason.FORGED, f"header {SIGNATURE_HEADER} is not `1;<key id>;<ms>;<base64>`") from None
        if key_id not in self._allowed:
            raise BadRecord(DeadLetterReason.FORGED, f"key {key_id} is not among the allowed ones")
        return self._allowed[key_id], int(at), signature

    def _check_rights(self, record: Record, key: AllowedKey) -> None:
        if not any(may_write(role, record.topic, self._prefix) for role in key.roles):
            roles = ", ".join(sorted(role.value for role in key.roles))
            raise BadRecord(DeadLetterReason.FORGED, f"key {key.key_id} ({roles}) may not write to {record.topic}")

    def _check_age(self, record: Record, key: AllowedKey, at_ms: int) -> None:
        if key.expires_at is not None and record.timestamp >= key.expires_at * 1000:
            raise BadRecord(DeadLetterReason.STALE_SIGNATURE, f"key {key.key_id} had expired when the broker took the record")
        waits = any(RIGHTS[role].own_group for role in key.roles) and record.topic != self._models
        age_s = (record.timestamp - at_ms) / 1000
        if age_s > (NODE_AGE_S if waits else self._max_age_s) or age_s < -self._max_age_s:
            when = f"{abs(age_s):.0f} s {'before' if age_s > 0 else 'after'} the broker took it"
            raise BadRecord(DeadLetterReason.STALE_SIGNATURE, f"signed {when}; at most {self._max_age_s:.0f} s are taken")

    def vouches_for_node_fields(self, key: AllowedKey | None) -> bool:
        """Whether what only our nodes may say of a sample is taken from this key's owner, or from anyone where no signature is asked
        for."""
        if not self._node_fields_signed:
            return True
        return key is not None and any(RIGHTS[role].is_ours for role in key.roles)
