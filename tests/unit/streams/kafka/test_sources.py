"""Sources are told apart; a bad one is put away, and let in again when its probes are good; the others go on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.kafka.consumer import Record
from streams.kafka.sources import LONGEST_NAME, MINIMUM, PROBE_EVERY, PROBE_SECONDS, PROBES, REMEMBERED, Sources, source_of


def record(key: bytes | None = None, *headers: tuple[str, bytes]) -> Record:
    return Record("t.samples", 0, 0, key, b"{}", headers, 0)


@pytest.mark.parametrize(
    ("key", "source"),
    [
        (b"atlas:17", "atlas:*"),
        (b"atlas/de/17", "atlas/*"),
        (b"atlas|x", "atlas|*"),
        (b"ticket-17", "ticket-*"),
        (b"my-long_name.000017", "my-long_name.*"),
        (b"p-0123456789abcdef", "p-*"),
        (b"capital-pe", None),
        (b"q17", None),
        (b"17", None),
        (b"-17", None),
        (b"0123456789abcdef", None),
        (b"550e8400-e29b-41d4-a716-446655440000", None),
        (b"a sentence: with words", None),
        (b"", None),
        (None, None),
        (b"x" * 150 + b"-1", None),
    ],
)
def test_a_source_is_what_a_key_begins_with_where_its_form_tells(key: bytes | None, source: str | None) -> None:
    assert source_of(record(key)) == source


def test_the_producer_header_says_it_better_than_the_key() -> None:
    assert source_of(record(b"atlas:17", ("trace", b"1"), ("producer", b" maps "))) == "maps"
    assert source_of(record(b"atlas:17", ("producer", b"  "))) == "atlas:*"
    assert source_of(record(None, ("producer", b"\xff\x00"))) == "\\xff\\u0000"


@given(st.binary(max_size=1000), st.binary(max_size=1000))
def test_whatever_stands_in_key_and_header_a_source_is_found_or_none(key: bytes, said: bytes) -> None:
    for found in (source_of(record(key)), source_of(record(key, ("producer", said)))):
        assert found is None or 0 < len(found) <= LONGEST_NAME


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def bad(sources: Sources, name: str, count: int = MINIMUM) -> list[str]:
    return [told for _ in range(count) if (told := sources.record(name, ok=False))]


def test_a_source_is_paused_when_most_of_its_records_are_bad_and_others_are_not() -> None:
    sources = Sources(Clock())
    assert bad(sources, "atlas", MINIMUM - 1) == []
    assert sources.admits("atlas")
    [told] = bad(sources, "atlas", 1)
    assert "atlas" in told
    assert "paused" in told
    assert not sources.admits("atlas")
    assert sources.admits("maps")
    assert sources.admits(None)
    assert list(sources.paused) == ["atlas"]
    for number in range(1000):
        assert sources.record("maps", ok=number % 2 == 0) is None
        assert sources.record(None, ok=False) is None
    assert list(sources.paused) == ["atlas"]


def test_a_paused_source_is_probed_and_let_in_again_when_enough_probes_in_a_row_are_good() -> None:
    sources = Sources(Clock())
    bad(sources, "atlas")
    away, told = 0, None
    outcomes = iter([True, True, False, *[True] * PROBES])
    while told is None:
        if sources.admits("atlas"):
            told = sources.record("atlas", next(outcomes))
        else:
            away += 1
    assert next(outcomes, None) is None
    assert away == (PROBE_EVERY - 1) * (PROBES + 3)
    assert f"{away} of its records were put away" in told
    assert "--source 'atlas'" in told
    assert sources.paused == {}
    assert sources.admits("atlas")
    assert bad(sources, "atlas", MINIMUM - 1) == [], "it is judged anew"


def test_a_source_that_sends_little_is_probed_by_the_clock() -> None:
    clock = Clock()
    sources = Sources(clock)
    bad(sources, "atlas")
    assert not sources.admits("atlas")
    clock.now = PROBE_SECONDS
    assert sources.admits("atlas")
    assert not sources.admits("atlas")


def test_what_is_paused_survives_a_restart_and_nothing_else_is_restored() -> None:
    sources = Sources(Clock())
    bad(sources, "atlas")
    sources.record("maps", ok=False)
    assert not sources.admits("atlas")
    assert sources.changed
    again = Sources(Clock())
    again.restore(sources.to_json())
    assert again.paused == sources.paused == {"atlas": f"{MINIMUM} of the last {MINIMUM} records of atlas were bad, 1 put away"}
    assert not again.admits("atlas")
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        again.restore({"maps": {"why": 1}})
    assert list(again.paused) == ["atlas"]


def test_names_without_end_are_forgotten_and_paused_ones_last() -> None:
    sources = Sources(Clock())
    bad(sources, "atlas")
    for number in range(2 * REMEMBERED):
        sources.record(f"s{number}", ok=False)
    assert list(sources.paused) == ["atlas"]
    bad(sources, "s0", MINIMUM - 1)
    assert list(sources.paused) == ["atlas"], "what was known of it was forgotten"
