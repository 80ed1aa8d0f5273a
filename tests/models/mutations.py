"""Records as no producer of ours sends them: real messages with bytes, values and shapes changed at random, by a seed."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

from schemas.base import Message
from streams.kafka.producer import Producer

STRANGE: tuple[Any, ...] = (
    None, True, -1, 0, 1e308, -1e-320, 10**400, "", " ", "²", "7.0", "9" * 5000, "\ud800", "\x00", "Ω" * 3000, "\u202e", [], {}, [[]],
    {"": None},
    [None] * 50, {"a": {"b": {"c": []}}}, "NaN", "2026-13-45", [1, "two", None],
    "sft", "prompt", "../../x", "<|im_end|>", "p-1", "nightly",
)  # fmt: skip
"""What a field may come to hold."""
DIGITS = b"9" * 5000
WHOLE: tuple[bytes | None, ...] = (
    None, b"", b" ", b"null", b"[]", b"{}", b"0", b'"x"', b"NaN", b"{" * 5000, b"[" * 60 + b"]" * 60, b"\xff\xfe\x00",
    b"\x00\x00\x00\x00\x07{}", '{"schema_version":"²"}'.encode(), b'{"schema_version":"' + DIGITS + b'.0"}', b'{"schema_version":"7.0"}',
    b'{"schema_version":' + DIGITS + b"}", b'{"a":' + DIGITS + b"}", b'{"a":1e999}', b'{"a":NaN}', b'\xef\xbb\xbf{"text":"x"}',
    b'{"payload":{"text":"x"},"schema":null}', b"x" * 1_000_001,
)  # fmt: skip
"""Values that are no change of anything."""


class NoText(str):
    """A header's name that is no UTF-8, as clients of other languages can send it."""

    def encode(self, *_: str) -> bytes:  # type: ignore[override]
        """Bytes that decode to nothing."""
        return b"\xff\xfe"


def mutated(examples: list[Message], count: int, seed: int) -> Iterator[bytes | None]:
    """So many values made of these messages, the same for one seed."""
    chance = random.Random(seed)
    for number in range(count):
        if number < len(WHOLE):
            yield WHOLE[number]
            continue
        document = json.loads(chance.choice(examples).encode())
        for _ in range(chance.choice((1, 1, 2, 4))):
            _change(document, chance)
        value = json.dumps(document).encode()
        yield _broken(value, chance) if chance.random() < 0.3 else value


def _change(document: Any, chance: random.Random) -> None:
    """Change one place of a document, wherever it lies."""
    places = list(_places(document))
    if not places:
        return
    holder, key = chance.choice(places)
    kind = chance.randrange(4)
    if kind == 0 and isinstance(holder, dict):
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[chance.choice(("text", "prompt", "answer", "messages", "chosen", "gold", "loss", "reward", "x"))] = holder[key]
    elif kind == 2:
        holder[key] = [holder[key]]
    else:
        holder[key] = copy.deepcopy(chance.choice(STRANGE))


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    items = list(document.items()) if isinstance(document, dict) else list(enumerate(document)) if isinstance(document, list) else []
    for key, value in items:
        yield document, key
        yield from _places(value)


def _broken(value: bytes, chance: random.Random) -> bytes:
    """Some bytes cut, put in, doubled or turned."""
    at, length = chance.randrange(len(value)), chance.randrange(1, 9)
    noise = bytes(chance.randrange(256) for _ in range(length))
    return chance.choice(
        (value[:at], value[:at] + noise + value[at:], value[:at] + value[at + length :], value[:at] + noise + value[at + length :])
    )


def send_mutated(producer: Producer, topic: str, examples: list[Message], count: int, seed: int) -> None:
    """Send them, half of them said to be of one source, under keys of every kind; a topic that needs keys gets them."""
    chance = random.Random(seed + 1)
    for number, value in enumerate(mutated(examples, count, seed)):
        headers = [("producer", b"fuzz")] if chance.random() < 0.5 else [(NoText("x"), b"\xff"), ("producer", b"")][: chance.randrange(3)]
        key = chance.choice((b"k%d" % number, b"\xff\xfe", b"", b"mutant-%d" % number))
        producer.send_bytes(topic, key, value, headers)
