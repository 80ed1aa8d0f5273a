"""Centuries, decades and parts of them: what they agree with, and which say less than what is known."""

from __future__ import annotations

import pytest

from streams.knowledge.dates import compare_dates, is_vaguer, parse_date
from streams.knowledge.quantities import Agreement

SAME, DIFFERENT, UNCLEAR = Agreement.SAME, Agreement.DIFFERENT, Agreement.UNCLEAR


def dates_compared(said: str, known: str) -> Agreement:
    claim, truth = parse_date(said), parse_date(known)
    assert claim is not None
    assert truth is not None
    return compare_dates(claim, truth)


@pytest.mark.parametrize(
    ("known", "said", "result"),
    [
        ("1869", "the 1800s", SAME),
        ("1869", "the mid-1800s", SAME),
        ("1803", "the 1800s", SAME),
        ("1912", "the 1800s", DIFFERENT),
        ("1869", "the late 19th century", SAME),
        ("1869", "the second half of the 19th century", SAME),
        ("1869", "the early 19th century", UNCLEAR),
        ("1869", "the first half of the nineteenth century", UNCLEAR),
        ("1869", "the beginning of the 20th century", DIFFERENT),
        ("1861", "the early 1860s", SAME),
        ("1869", "the early 1860s", UNCLEAR),
        ("1899", "the turn of the 19th century", UNCLEAR),
        ("1798", "the turn of the 19th century", UNCLEAR),
        ("1850", "the turn of the 20th century", DIFFERENT),
        ("-0444", "the 440s BC", SAME),
        ("-0450", "the 440s BC", DIFFERENT),
        ("the 19th century", "the 1860s", SAME),
        ("the 1860s", "1866", SAME),
        ("the 19th century", "the turn of the 20th century", UNCLEAR),
        ("2003", "the 2000s", SAME),
        ("2015", "the 2000s", UNCLEAR),
        ("1999", "the 2000s", DIFFERENT),
    ],
)
def test_a_part_of_a_century_is_read_with_it_and_never_contradicts_what_it_may_mean(known, said, result):
    assert dates_compared(said, known) is result


@pytest.mark.parametrize(
    ("known", "said", "vaguer"),
    [
        ("1869", "the 19th century", True),
        ("1869-05-01", "the 1860s", True),
        ("the 1860s", "the 19th century", True),
        ("1869-05-01", "1869", False),
        ("the 19th century", "the 1860s", False),
        ("the 19th century", "the late 19th century", False),
    ],
)
def test_a_longer_time_than_is_known_is_vaguer(known, said, vaguer):
    claim, truth = parse_date(said), parse_date(known)
    assert claim is not None
    assert truth is not None
    assert is_vaguer(claim, truth) is vaguer
