"""What reading and comparing numbers and dates promises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.knowledge.dates import Date, compare_dates, parse_date
from streams.knowledge.quantities import Agreement, compare_quantities, parse_quantity

SAME, DIFFERENT, UNCLEAR = Agreement.SAME, Agreement.DIFFERENT, Agreement.UNCLEAR


@pytest.mark.parametrize(
    ("text", "number", "dimension"),
    [
        ("about 67 million people", 67e6, None),
        ("67,391,582", 67391582, None),
        ("67 391 582", 67391582, None),
        ("1.5e3", 1500, None),
        ("1.5 x 10^3", 1500, None),
        ("1.5×10^-3 kg", 0.0015, "mass"),
        ("twelve", 12, None),
        ("twenty-three", 23, None),
        ("two hundred", 200, None),
        ("8,849 metres", 8849, "length"),
        ("8.849 km", 8849, "length"),
        ("643,801 km²", 643801e6, "area"),
        ("643801 square kilometers", 643801e6, "area"),
        ("3 hours", 10800, "time"),
        ("−38.83 °C", 234.32, "temperature"),
        ("12 %", 0.12, "share"),
    ],
)
def test_numbers_are_read_as_people_write_them(text, number, dimension):
    found = parse_quantity(text)
    assert found is not None
    assert found.low == found.high == pytest.approx(number)
    assert found.dimension == dimension


@pytest.mark.parametrize("text", ["", "a large city", "many", "no one knows", "3.16x10^"])
def test_what_holds_no_number_has_none(text):
    assert parse_quantity(text) is None


@pytest.mark.parametrize(
    ("said", "known", "tolerance", "result"),
    [
        ("67 million", "67391582", 0.02, SAME),
        ("about 70 million", "67391582", 0.02, SAME),  # said in one digit, it claims no more
        ("100 million", "67391582", 0.02, DIFFERENT),
        ("80 million", "67391582", 0.02, DIFFERENT),
        ("69.5 million", "67391582", 0.02, UNCLEAR),  # neither within the tolerance nor far off
        ("8", "8", 0.0, SAME),
        ("10", "8", 0.0, DIFFERENT),
        ("about 10", "8", 0.0, DIFFERENT),
        ("more than 60 million", "67391582", 0.02, SAME),
        ("more than 80 million", "67391582", 0.02, DIFFERENT),
        ("more than 5", "67391582", 0.02, UNCLEAR),  # true, and says nothing
        ("less than 70 million", "67391582", 0.02, SAME),
        ("between 60 and 70 million", "67391582", 0.02, SAME),
        ("between 1 and 70 million", "67391582", 0.02, UNCLEAR),
        ("80 to 90 million", "67391582", 0.02, DIFFERENT),
        ("8.8 km", "8849 m", 0.01, SAME),
        ("29,032 feet", "8849 m", 0.01, SAME),
        ("8849 kg", "8849 m", 0.01, UNCLEAR),
        ("5", "8849 m", 0.01, UNCLEAR),  # another unit may be meant
        ("1,083 feet", "330", 0.01, SAME),
        ("1,483 feet", "330", 0.01, DIFFERENT),  # in no unit of length is that 330
        ("1.9 x 10^22 grams", "58.69", 0.01, DIFFERENT),
        ("9.75e-23 grams", "58.69", 0.01, UNCLEAR),  # in atomic mass units it is
        ("58.69 g/mol", "58.69", 0.01, UNCLEAR),
        ("79.82 grams per cubic millimetre", "69.723", 0.01, DIFFERENT),
        ("4,383 days", "12", 0.01, UNCLEAR),  # years may be meant
        ("250 euros", "300", 0.01, UNCLEAR),  # so may be dollars
        ("2,100 cubic metres per second", "2100", 0.01, UNCLEAR),
        ("40 litres a second", "2100", 0.01, DIFFERENT),
        ("19.3 kg per litre", "19.3 g/cm³", 0.01, SAME),
        ("6 kilometres", "30 furlongs", 0.01, UNCLEAR),
    ],
)
def test_numbers_agree_differ_or_cannot_be_told_apart(said, known, tolerance, result):
    claim, truth = parse_quantity(said), parse_quantity(known)
    assert claim is not None
    assert truth is not None
    assert compare_quantities(claim, truth, tolerance) is result


def test_a_fact_s_unit_that_nobody_knows_is_no_number_without_one():
    claim, truth = parse_quantity("5 km"), parse_quantity("25", "furlongs")
    assert claim is not None
    assert truth is not None
    assert compare_quantities(claim, truth, 0.02) is UNCLEAR


def test_the_fact_s_unit_stands_in_where_its_text_has_none():
    claim, truth = parse_quantity("8.849 km"), parse_quantity("8849", "m")
    assert claim is not None
    assert truth is not None
    assert compare_quantities(claim, truth, 0.001) is SAME


@given(st.integers(1, 10**12), st.floats(0, 0.05))
def test_a_number_agrees_with_itself_however_it_is_grouped(number, tolerance):
    plain, grouped = parse_quantity(str(number)), parse_quantity(f"{number:,}")
    assert plain is not None
    assert grouped is not None
    assert compare_quantities(grouped, plain, tolerance) is SAME


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("14 July 1789", Date(1789, 7, 14)),
        ("July 14th, 1789", Date(1789, 7, 14)),
        ("on the 14th of July 1789", Date(1789, 7, 14)),
        ("1789-07-14", Date(1789, 7, 14)),
        ("July 1789", Date(1789, 7)),
        ("in 1789", Date(1789)),
        ("the 1780s", Date(1780, decade=True)),
        ("44 BC", Date(-44)),
        ("07/04/1789", Date(1789, 4, 7, either=True)),  # day and month cannot be told apart
        ("Sept. 2001", Date(2001, 9)),
    ],
)
def test_dates_are_read_to_the_precision_they_have(text, date):
    assert parse_date(text) == date


@pytest.mark.parametrize("text", ["", "3.14", "67,000", "long ago", "1,789", "2001-13-01"])
def test_what_is_no_date_has_none(text):
    assert parse_date(text) is None


@pytest.mark.parametrize(
    ("said", "known", "result"),
    [
        ("1789", "14 July 1789", SAME),
        ("July 1789", "1789-07-14", SAME),
        ("15 July 1789", "1789-07-14", DIFFERENT),
        ("1790", "1789-07-14", DIFFERENT),
        ("the 1780s", "1789-07-14", SAME),
        ("14 July 1789", "1789", SAME),
    ],
)
def test_dates_agree_as_far_as_both_say(said, known, result):
    claim, truth = parse_date(said), parse_date(known)
    assert claim is not None
    assert truth is not None
    assert compare_dates(claim, truth) is result
