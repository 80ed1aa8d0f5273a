"""Where a new run starts: what a user may write, and what it means."""

from __future__ import annotations

import re

import pytest

from schemas.errors import ConfigError
from schemas.topics import Topics
from trainer_node.intake.start_point import LogRange, StartPoint, parse_range, parse_ranges, parse_timestamp

TOPICS = Topics()


@pytest.mark.parametrize("text", ["sft.3:10-20", "pelton.curriculum.sft.3:0:10-20"])
def test_a_range_is_a_band_or_a_topic_s_partition_with_both_ends_inclusive(text):
    assert parse_range(text, TOPICS) == LogRange("pelton.curriculum.sft.3", 0, 10, 20)


@pytest.mark.parametrize(
    "text", ["", "sft.0", "sft.9:0-3", "sft.0:5-3", "pelton.samples:0:0-3", "pelton.curriculum.sft.0:1:0-3", "sft.0:-1-3"]
)
def test_what_is_no_range_is_refused_by_name(text):
    with pytest.raises(ConfigError, match="--replay"):
        parse_range(text, TOPICS)


def test_one_range_for_each_partition():
    with pytest.raises(ConfigError, match="twice"):
        parse_ranges(("sft.0:0-1", "sft.0:5-6"), TOPICS)


def test_partitions_that_no_range_names_are_not_trained():
    start = StartPoint(ranges=parse_ranges(("sft.1:5-9",), TOPICS))
    assert start.firsts() == {("pelton.curriculum.sft.1", 0): 5}
    bounds = start.bounds([topic.name for topic in TOPICS.bands("sft")])
    assert bounds == {(f"pelton.curriculum.sft.{band}", 0): 10 if band == 1 else 0 for band in range(5)}
    assert StartPoint().bounds(["t"]) == {}


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1700000000", 1_700_000_000_000),
        ("1700000000.5", 1_700_000_000_500),
        ("1767225600000", 1_767_225_600_000),
        ("1970-01-01", 0),
        ("1970-01-02", 86_400_000),
        ("1970-01-01T01:00:00+01:00", 0),
        ("2026-01-01T00:00:00Z", 1_767_225_600_000),
        ("2026-01-01 00:00:00.250", 1_767_225_600_250),
        ("20260101T000000Z", 1_767_225_600_000),
    ],
)
def test_a_date_is_iso_8601_or_seconds_or_milliseconds_since_the_epoch(text, milliseconds):
    assert parse_timestamp(text) == milliseconds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("yesterday", "neither a date such as 2026-01-31T12:00:00 nor seconds or milliseconds"),
        ("", "neither a date"),
        ("2026", "for the year write 2026-01-01"),
        ("20260131", "for the day write 2026-01-31"),
        ("0", "write a date"),
        ("-1", "write a date"),
        ("inf", "write a date"),
        ("nan", "write a date"),
        ("1e400", "write a date"),
        ("1_767_225_600", "write a date"),
        ("1767225600000000", "neither seconds since the epoch (ten digits) nor milliseconds (thirteen)"),
        ("1969-12-31T23:59:59.999", "before 1970"),
        ("0001-01-01", "before 1970"),
        ("2026-02-30", "neither a date"),
    ],
)
def test_what_is_no_date_or_could_be_several_is_refused_with_what_to_write(text, words):
    with pytest.raises(ConfigError, match=re.escape(words)) as refused:
        parse_timestamp(text)
    assert repr(text) in str(refused.value)
    assert "\n" not in str(refused.value)
