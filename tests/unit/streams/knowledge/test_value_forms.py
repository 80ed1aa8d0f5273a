"""A value is read whole or not at all: a table of the forms in which people write numbers and dates, and every value in every form."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.knowledge.dates import compare_dates, is_vaguer, parse_date
from streams.knowledge.quantities import Agreement, compare_quantities, parse_quantity

SAME, DIFFERENT, UNCLEAR = Agreement.SAME, Agreement.DIFFERENT, Agreement.UNCLEAR


def compared(said: str, known: str, tolerance: float = 0.0) -> Agreement | None:
    claim, truth = parse_quantity(said), parse_quantity(known)
    assert truth is not None
    return None if claim is None else compare_quantities(claim, truth, tolerance)


def dates_compared(said: str, known: str) -> Agreement | None:
    claim, truth = parse_date(said), parse_date(known)
    assert truth is not None
    return None if claim is None else compare_dates(claim, truth)


# fact, forms that say it, forms that say something else
NUMBERS = [
    (
        "1500000",
        [
            "1.5 million",
            "1,500,000",
            "1.500.000",
            "1 500 000",
            "1'500'000",
            "15,00,000",
            "15 lakh",
            "1.5 mn",
            "1.5mn",
            "1.5 × 10⁶",
            "1.5 x 10^6",
            "1.5e6",
            "1.5*10**6",
            "one million five hundred thousand",
            "one million and five hundred thousand",
            "one and a half million",
            "a million and a half",
            "one point five million",
            "1½ million",
            "1 1/2 million",
            "1,5 million",
            "1,500 thousand",
            "1.5M",
            "1.5 mil",
            "about 1.5 million people",
            "1.5 million inhabitants (2020)",
            "1.5 million as of 2019",
            "fifteen hundred thousand",
        ],
        [
            "one million nine hundred thousand",
            "1 million",
            "one million",
            "1.500",
            "15 million",
            "1.5 billion",
            "150 lakh",
            "two million five hundred",
        ],
    ),
    (
        "33000000",
        [
            "33 million",
            "33.000.000",
            "33,000,000",
            "33 mil",
            "thirty-three million",
            "3.3 crore",
            "3,30,00,000",
            "33 000 000",
            "33m",
            "33.0 million",
        ],
        ["33", "33 thousand", "3.3 million", "thirty million", "33 billion", "330 million"],
    ),
    (
        "500000",
        ["half a million", "500,000", "500k", "five hundred thousand", "5 lakh", "0.5 million", "½ million"],
        ["a million", "5 million"],
    ),
    ("33000", ["33,000", "33.000", "33 000", "33k", "thirty-three thousand", "33 thousand"], ["3300", "33.001", "33,100"]),
    ("12", ["twelve", "a dozen", "12.", "12.0", "one dozen"], ["twelve hundred", "two dozen", "twenty", "1.2"]),
]
MEASURES = [
    (
        "1064 °C",
        ["1064 °C", "1,064 degrees Celsius", "1064°C", "1337.15 K", "1947 °F", "1064 degrees centigrade"],
        ["1064 °F", "1064 K", "964 °C"],
    ),
    ("6 ft", ["6 feet", "six feet", "6 ft", "72 inches", "1.83 m"], ["6 feet 11 inches", "6 ft 11", "six feet and eleven inches", "6 m"]),
    ("83 in", ["6 feet 11 inches", "6 ft 11 in", "6 ft 11", "6'11\"", "6 feet, 11 inches", "2.11 m"], ["6 feet", "11 inches"]),
    (
        "2850 km",
        ["2,850 kilometres", "2850km", "1,771 miles", "1,770 miles", "2.850 km", "2,850,000 m"],
        ["2850 miles", "2,850 m", "285 km", "1,500 miles"],
    ),
    (
        "8848 m",
        ["8 848 m", "8,848 metres above sea level", "8.848 km", "8,848 m (29,029 ft)", "8848 metres tall"],
        ["8848 ft", "88 m", "6784 m"],
    ),
    ("1000 m", ["a thousand metres", "1 km", "one thousand meters", "1,000 m"], ["a thousand kilometres", "a hundred metres"]),
    (
        "150 minutes",
        ["2 hours 30 minutes", "2.5 hours", "two and a half hours", "2 h 30 min", "2 hours and 30 minutes"],
        ["2 hours", "30 minutes"],
    ),
]
DATES = [
    (
        "1846-12-25",
        [
            "25 December 1846",
            "December 25, 1846",
            "25/12/1846",
            "12/25/1846",
            "1846/12/25",
            "25.12.1846",
            "25-12-1846",
            "Dec. 25th, 1846",
            "the 25th of December, 1846",
            "December the 25th, 1846",
            "Friday, 25 December 1846",
            "1846",
            "In 1846.",
            "December 1846",
            "the twenty-fifth of December 1846",
            "eighteen forty-six",
            "the 1840s",
            "the 19th century",
            "the nineteenth century",
            "1846 AD",
            "on December 25th in the year 1846",
            "1846, December 25",
        ],
        [
            "24/12/1846",
            "1846/12/24",
            "December the 24th, 1846",
            "24 December 1846",
            "1847",
            "25 November 1846",
            "the 1850s",
            "the 18th century",
            "1846 BC",
        ],
    ),
    ("1846-10-10", ["10/10/1846", "10.10.1846", "October 10th, 1846"], ["11/10/1846", "10/10/1847"]),
    ("-0043", ["44 BC", "44 B.C.", "44 BCE", "-0043", "the 1st century BC"], ["43 BC", "44 AD", "44 BC or 43 BC", "AD 44"]),
    ("44 AD", ["AD 44", "44 CE", "A.D. 44", "the first century"], ["44 BC", "45 AD"]),
    ("1500-07-01", ["the 15th century", "July 1500", "fifteen hundred"], ["the 16th century", "1501"]),
]
RIGHT = [(fact, said) for table in (NUMBERS, MEASURES) for fact, right, _ in table for said in right]
WRONG = [(fact, said) for table in (NUMBERS, MEASURES) for fact, _, wrong in table for said in wrong]


@pytest.mark.parametrize(("fact", "said"), RIGHT)
def test_a_value_agrees_in_every_form(fact, said):
    assert compared(said, fact) is SAME


@pytest.mark.parametrize(("fact", "said"), WRONG)
def test_another_value_never_agrees(fact, said):
    assert compared(said, fact) is not SAME


@pytest.mark.parametrize(("fact", "said"), [(fact, said) for fact, right, _ in DATES for said in right])
def test_a_date_agrees_in_every_form(fact, said):
    assert dates_compared(said, fact) is SAME


@pytest.mark.parametrize(("fact", "said"), [(fact, said) for fact, _, wrong in DATES for said in wrong])
def test_another_date_never_agrees(fact, said):
    assert dates_compared(said, fact) is not SAME


@pytest.mark.parametrize(
    "text",
    [
        "5 or 6",
        "twice 5",
        "4 of 5",
        "two thirds",
        "1/2",
        "3:45",
        "5th",
        "1,23,45",
        "1.2.3",
        "3 x 10^",
        "millions",
        "several million",
        "60 per 5",
        "three twenty",
        "R2-D2",
        "version 1.2.3",
        "from 5 million, later 6 million",
    ],
)
def test_what_no_rule_takes_whole_is_no_number(text):
    assert parse_quantity(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "1914-1918",
        "10/10/46",
        "before 1846",
        "1846 or 1847",
        "31 February 1990",
        "1500 metres",
        "December 24",
        "July 4th",
        "99/99/1999",
    ],
)
def test_what_no_rule_takes_whole_is_no_date(text):
    assert parse_date(text) is None


@pytest.mark.parametrize(
    ("text", "known", "agreement"),
    [
        ("between 1914 and 1918", "1916", SAME),
        ("Between the years 1914 and 1918", "1918-11-11", SAME),
        ("between 50 and 40 BC", "44 BC", SAME),
        ("between 1914 and 1918", "1919", DIFFERENT),
        ("between 40 BC and 10 AD", "44 BC", DIFFERENT),
    ],
)
def test_what_was_between_two_years_was_in_one_of_them(text, known, agreement):
    claim, truth = parse_date(text), parse_date(known)
    assert claim is not None
    assert truth is not None
    assert compare_dates(claim, truth) is agreement
    assert is_vaguer(claim, truth)


@pytest.mark.parametrize("text", ["between 1918 and 1914", "between 12 and 15", "between March 1914 and 1918"])
def test_what_is_no_time_between_two_years_is_no_date(text):
    assert parse_date(text) is None


# --- every value in every form

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def in_words(number: int) -> str:
    """As an English speaker writes it out."""
    for scale, name in ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= scale:
            rest = number % scale
            tail = f"{' and' if scale == 100 else ''} {in_words(rest)}" if rest else ""
            return f"{in_words(number // scale)} {name}{tail}"
    if number < 20:
        return _ONES[number]
    return _TENS[number // 10 - 1] + (f"-{_ONES[number % 10]}" if number % 10 else "")


def indian(number: int) -> str:
    text = str(number)
    head, tail = text[:-3], text[-3:]
    groups: list[str] = []
    while head:
        head, group = head[:-2], head[-2:]
        groups.insert(0, group)
    return ",".join([*groups, tail])


NUMBER_FORMS: dict[str, Callable[[int], str]] = {
    "plain": str,
    "commas": lambda n: f"{n:,}",
    "stops": lambda n: f"{n:,}".replace(",", "."),
    "spaces": lambda n: f"{n:,}".replace(",", " "),
    "narrow": lambda n: f"{n:,}".replace(",", "\u202f"),
    "apostrophes": lambda n: f"{n:,}".replace(",", "’"),
    "indian": indian,
    "words": in_words,
    "capitals": lambda n: in_words(n).upper(),
    "exponent": lambda n: f"{n:.12e}",
    "power": lambda n: f"{n / 10**6:.6f} × 10^6",
    "raised": lambda n: f"{n / 1000:.3f} × 10³",
    "million": lambda n: f"{n / 10**6:.6f} million",
    "comma million": lambda n: f"{n / 10**6:.6f}".replace(".", ",") + " million",
    "lakh": lambda n: f"{n / 10**5:.5f} lakh",
    "sum": lambda n: f"{n // 10**6} million {n % 10**6}" if n % 10**6 else f"{n // 10**6} million",
    "sentence": lambda n: f"about {n:,} people (estimate).",
}


@pytest.mark.parametrize("form", NUMBER_FORMS)
@settings(max_examples=20, deadline=None, derandomize=True)
@given(number=st.integers(10**6, 10**12 - 1))
def test_every_number_is_read_back_from_every_form(form, number):
    assert compared(NUMBER_FORMS[form](number), str(number), 1e-9) is SAME


@pytest.mark.parametrize("form", ["commas", "stops", "spaces", "indian", "words", "lakh", "sum", "power"])
@settings(max_examples=20, deadline=None, derandomize=True)
@given(number=st.integers(10**5, 10**11 - 1).map(lambda n: 10 * n + 7), factor=st.sampled_from([0.1, 0.5, 0.9, 1.1, 2.0, 10.0, 1000.0]))
def test_no_other_number_is_read_from_any_form(form, number, factor):
    assert compared(NUMBER_FORMS[form](number), str(int(number * factor)), 0.001) is not SAME


DATE_FORMS = [
    "{y:04d}-{m:02d}-{d:02d}",
    "{d} {month} {y}",
    "{d}{th} {month} {y}",
    "the {d}{th} of {month}, {y}",
    "{month} {d}, {y}",
    "{month} {d}{th} {y}",
    "{month} the {d}{th}, {y}",
    "{short}. {d}, {y}",
    "{d} {short} {y}",
    "{y}/{m:02d}/{d:02d}",
    "{d}/{m}/{y}",
    "{m}/{d}/{y}",
    "{d}.{m}.{y}",
    "{month} {y}",
    "{y}",
    "in {y}.",
    "the year {y}",
    "{MONTH} {d}, {y}",
    "{y} AD",
]
_MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]


def written(form: str, year: int, month: int, day: int) -> str:
    ending = "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    name = _MONTHS[month - 1]
    return form.format(y=year, m=month, d=day, month=name, MONTH=name.upper(), short=name[:3], th=ending)


@pytest.mark.parametrize("form", DATE_FORMS)
@settings(max_examples=15, deadline=None, derandomize=True)
@given(year=st.integers(1000, 2100), month=st.integers(1, 12), day=st.integers(1, 28))
def test_every_date_is_read_back_from_every_form(form, year, month, day):
    assert dates_compared(written(form, year, month, day), f"{year:04d}-{month:02d}-{day:02d}") is SAME


@pytest.mark.parametrize("form", [form for form in DATE_FORMS if "{d}" in form and not form.startswith(("{d}/", "{m}/", "{d}."))])
@settings(max_examples=15, deadline=None, derandomize=True)
@given(year=st.integers(1000, 2100), month=st.integers(1, 12), day=st.integers(1, 27))
def test_the_day_before_is_another_date_in_every_form(form, year, month, day):
    assert dates_compared(written(form, year, month, day), f"{year:04d}-{month:02d}-{day + 1:02d}") is DIFFERENT


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "½",
        "10^",
        "e5",
        "-",
        "1e999",
        "9" * 400,
        "²",
        "1 ²",
        "5e-999",
        "٣٣ million",
        "−",
        "one hundred and",
        "a half",
        "\u0661/\u0662/1999",
    ],
)
def test_odd_text_is_read_or_refused_without_an_error(text):
    parse_quantity(text)
    parse_date(text)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.text("0123456789 .,-/'²×^half andmillion°CkmABD", max_size=30))
def test_any_text_is_read_or_refused_without_an_error(text):
    parse_quantity(text)
    parse_date(text)
