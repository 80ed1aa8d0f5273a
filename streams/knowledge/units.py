"""Units of measure, as people write them: which dimension each has, and how many of the dimension's base unit it is."""

from __future__ import annotations

import re
from typing import NamedTuple


class Unit(NamedTuple):
    """What stands behind a number."""

    dimension: str
    """What it measures; two units of one dimension can be compared."""
    factor: float
    """How many of the dimension's base unit it is."""


def _units(dimension: str, factors: dict[str, float]) -> dict[str, Unit]:
    return {name.strip(): Unit(dimension, factor) for names, factor in factors.items() for name in names.split("|")}


UNITS: dict[str, Unit] = {
    **_units(
        "length",
        {
            "m|meter|metre|mtr": 1.0,
            "km|kilometer|kilometre|kms": 1e3,
            "cm|centimeter|centimetre": 1e-2,
            "mm|millimeter|millimetre": 1e-3,
            "µm|μm|micrometer|micrometre|micron": 1e-6,
            "nm|nanometer|nanometre": 1e-9,
            "pm|picometer|picometre": 1e-12,
            "mi|mile": 1609.344,
            "nautical mile|nmi": 1852.0,
            "yd|yard": 0.9144,
            "ft|foot|feet|'|′": 0.3048,
            'in|inch|inche|"|″': 0.0254,
            "au|astronomical unit": 1.495978707e11,
            "light-year|light year|lightyear|ly": 9.4607e15,
            "parsec|pc": 3.0857e16,
        },
    ),
    **_units(
        "area",
        {
            "m2|m²|sqm|sq m|square meter|square metre": 1.0,
            "km2|km²|sq km|sqkm|square kilometer|square kilometre|square km": 1e6,
            "sq mi|square mile|mi2|mi²|square mi": 2_589_988.11,
            "ha|hectare": 1e4,
            "acre": 4046.856,
            "sq ft|square foot|square feet|ft²|ft2": 0.09290304,
        },
    ),
    **_units(
        "volume",
        {"l|liter|litre": 1.0, "ml|milliliter|millilitre": 1e-3, "m3|m³|cubic meter|cubic metre": 1e3, "km3|km³|cubic kilometre": 1e12},
    ),
    **_units("mass", {"kg|kilogram|kilogramme|kilo": 1.0, "g|gram|gramme": 1e-3, "mg|milligram": 1e-6, "t|tonne|metric ton": 1e3}),
    **_units("mass", {"lb|pound|lbs": 0.45359237, "oz|ounce": 0.028349523, "stone": 6.35029318}),
    **_units("time", {"s|sec|second": 1.0, "min|minute": 60.0, "h|hr|hour": 3600.0, "day": 86_400.0, "week": 604_800.0}),
    **_units("years", {"year|yr": 1.0, "decade": 10.0, "century|centurie": 100.0, "month": 1 / 12}),
    **_units("share", {"%|percent|per cent|pct": 0.01}),
    **_units("temperature", {"k|kelvin": 1.0}),
    **_units("celsius", {"c|°c|celsius|degree celsius|degree c|centigrade|degree centigrade|° c": 1.0}),
    **_units("fahrenheit", {"f|°f|fahrenheit|degree fahrenheit|degree f|° f": 1 / 1.8}),
    **_units("speed", {"m/s|metres per second|meters per second": 1.0, "km/s|kilometres per second|kilometers per second": 1e3}),
    **_units("speed", {"km/h|kph|kmh|kilometres per hour|kilometers per hour|km per hour": 1 / 3.6, "mph|miles per hour": 0.44704}),
    **_units("speed", {"knot": 0.514444}),
    **_units("density", {"g/cm³|g/cm3|g/cc|grams per cubic centimetre|grams per cubic centimeter": 1e3, "kg/m³|kg/m3": 1.0}),
    **_units("molar mass", {"g/mol|gram per mole|grams per mole|g per mol|g·mol⁻¹": 1e-3, "kg/mol|kilograms per mole": 1.0}),
    **_units("molar energy", {"j/mol|joules per mole": 1.0, "kj/mol|kilojoules per mole": 1e3, "kcal/mol": 4184.0}),
    **_units("energy", {"j|joule": 1.0, "kj|kilojoule": 1e3, "mj|megajoule": 1e6, "cal|calorie": 4.184, "kcal|kilocalorie": 4184.0}),
    **_units("energy", {"kwh|kilowatt-hour|kilowatt hour": 3.6e6, "mwh|megawatt-hour|megawatt hour": 3.6e9}),
    **_units("pressure", {"pa|pascal": 1.0, "kpa|kilopascal": 1e3, "mpa|megapascal": 1e6, "bar": 1e5, "atm": 101_325.0}),
    **_units("force", {"newton": 1.0, "kn|kilonewton": 1e3, "mn|meganewton": 1e6}),
    **_units("frequency", {"hz|hertz": 1.0, "khz|kilohertz": 1e3, "mhz|megahertz": 1e6, "ghz|gigahertz": 1e9}),
    **_units("voltage", {"v|volt": 1.0, "kv|kilovolt": 1e3, "mv|millivolt": 1e-3}),
    **_units("power", {"w|watt": 1.0, "kw|kilowatt": 1e3, "mw|megawatt": 1e6, "gw|gigawatt": 1e9, "hp|horsepower": 745.7}),
    **_units("usd", {"dollar|usd|us dollar|u.s. dollar|$|us$": 1.0}),
    **_units("eur", {"euro|eur|€": 1.0}),
    **_units("gbp", {"pound sterling|pounds sterling|gbp|£": 1.0}),
    **_units("jpy", {"yen|jpy|¥": 1.0}),
}
"""By their names in lower case, singular."""
_WORD = re.compile(r"°\s?[a-z]\b|[µμ]?[^\W\d_]+(?:-[^\W\d_]+)?[²³23]?(?:/[^\W\d_]+[²³23]?)?|%|°|['′\"″€$£¥]")
_LONGEST = 3
_PER = re.compile(r"\s+(?:per|a)\s+(?:(?P<cubic>cubic)\s+|(?P<square>square)\s+)?(?=[^\W\d_])")
_RATIOS = {"mass per volume": "density", "length per time": "speed"}
"""Ratios that have a name of their own."""
_BASES = {"mass per volume": 1e3}
"""How many of the base unit of the name one of the ratio's is: a kilogram a litre is 1000 kg/m³."""
_YEAR = 365.25 * 86_400
_FURTHER = {
    "mass": (1.66053906660e-27,),
    "time": (_YEAR, _YEAR / 12),
    "years": tuple(seconds / _YEAR for seconds in (1, 60, 3600, 86_400, 604_800)),
}
"""Units in which a number may be meant: the mass of atoms in kilograms (CODATA 2018), years in seconds, and the other way round."""


def unit_at(text: str) -> tuple[Unit, int] | None:
    """The unit that a text starts with, the longest there is, and how many characters it takes; plural and full stop do not matter."""
    low = text.lower()
    begin = len(low) - len(low.lstrip(" \u00a0\u202f\u2009-‐‑"))
    spans: list[tuple[int, int]] = []
    at = begin
    while len(spans) < _LONGEST and (match := _WORD.match(low, at)):
        spans.append(match.span())
        at = match.end() + (1 if low[match.end() : match.end() + 1] in (" ", "\u00a0", "\u202f", "^") else 0)
    for first_to in reversed(spans):
        name = low[begin : first_to[1]].replace("\u00a0", " ").replace("\u202f", " ").replace("^", "")
        if (unit := named(name)) is not None:
            return _per(*_squared(unit, low, first_to[1]), low)
    return None


def _per(unit: Unit, end: int, low: str) -> tuple[Unit, int]:
    """For "grams per cubic millimetre", "litres a second": a ratio of two units that are known."""
    match = _PER.match(low, end)
    below = unit_at(low[match.end() :]) if match is not None else None
    if match is None or below is None:
        return unit, end
    divisor, length = below
    if match["cubic"] and divisor.dimension == "length":
        divisor = Unit("volume", divisor.factor**3 * UNITS["m3"].factor)
    if match["square"] and divisor.dimension == "length":
        divisor = Unit("area", divisor.factor**2)
    said = f"{unit.dimension} per {divisor.dimension}"
    return Unit(_RATIOS.get(said, said), unit.factor / divisor.factor * _BASES.get(said, 1.0)), match.end() + length


def factors_of(dimension: str) -> list[float]:
    """How many base units each known unit of a dimension is; also of a ratio, and those that its dimension leaves out."""
    top, per, below = dimension.partition(" per ")
    if per:
        return [upper / lower for upper in factors_of(top) for lower in factors_of(below)]
    known = [unit.factor for unit in UNITS.values() if unit.dimension == dimension]
    return [*known, *_FURTHER.get(dimension, ())]


def _squared(unit: Unit, low: str, end: int) -> tuple[Unit, int]:
    """For "km squared", "km^2"."""
    match = re.match(r"\s?(?:squared|\^2)", low[end:])
    if match and unit.dimension == "length":
        return Unit("area", unit.factor**2), end + match.end()
    return unit, end


def named(name: str) -> Unit | None:
    """The unit of a name; plural and "degrees" do not matter."""
    for form in (name, name.removesuffix("s"), name.replace("degrees", "degree")):
        if form in UNITS:
            return UNITS[form]
    return None
