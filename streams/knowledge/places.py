"""Which of two places of the world holds the other, and which lie apart.

The graph alone says where a thing is. This says only that Bavaria lies in Germany, that Norwegian is of Norway, and that whoever says
Chile has not said France. What is disputed, or not in `places.toml`, is never told apart.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import resources
from typing import NamedTuple

from streams.knowledge.names import fold

_BLOCKED = re.compile(
    r"(?:\b(?:Gulf|Bay|Sea|Strait|University|Bank|King|Queen|President|Emperor|Empress|Prince|Princess|Duke|Battle|Treaty|Church)"
    r"\s+of\s+(?:the\s+)?"
    r"|\b(?:near|outside|off|bordering|borders|between|except|beyond|unlike|with|to|not|from|than|toward|towards)\s+(?:the\s+)?"
    r"|(?<!the )(?<!The )\b(?:north|south|east|west)(?:east|west)?\s+of\s+(?:the\s+)?)$"
)
"""Before a name it is another thing's, or not where something is."""
_BEFORE = re.compile(r"(?P<word>[^\W\d_a-z][\w'’.-]*)\s+$")
_COMPASS = frozenset(
    ("the", "a", "an", "in", "on", "at", "of", "from", "is", "was", "north", "south", "east", "west", "northern", "southern", "eastern",
     "western", "central", "northeastern", "northwestern", "southeastern", "southwestern", "modern", "ancient", "medieval", "mainland",
     "continental", "upper", "lower")
)  # fmt: skip
"""They are no part of the name behind them."""
_SIDE = re.compile(
    r"\b(?:north|south|east|west|central)(?:-?(?:east|west))?(?:ern)?\b"
    r"(?! (?:korea|america|sudan|macedonia|dakota|carolina|virginia)\b)",
    re.IGNORECASE,
)
_BEHIND = re.compile(r"\s+[^\W\d_a-z]")
_ARTICLE = re.compile(r"^(?:the|an?)\s+", re.IGNORECASE)


class Found(NamedTuple):
    """A place named in a text."""

    start: int
    end: int
    places: tuple[str, ...]
    """What the name may mean."""
    is_adjective: bool


class _World(NamedTuple):
    names: dict[str, tuple[str, ...]]
    """What each folded name, and each adjective, may mean."""
    holders: dict[str, frozenset[str]]
    """All that hold a place."""
    several: frozenset[str]
    """Places that lie in two, or are two of one name."""
    overlaps: frozenset[frozenset[str]]
    spelt: re.Pattern[str]
    adjectives: frozenset[str]


@cache
def _world() -> _World:
    data = tomllib.loads(resources.files(__package__).joinpath("places.toml").read_text(encoding="utf-8"))
    names: dict[str, dict[str, None]] = {}
    direct: dict[str, set[str]] = {}
    spelt: set[str] = set()
    adjectives: set[str] = set()
    for holder, text in [(None, data["continents"]), *data["within"].items()]:
        for line in text.strip().splitlines():
            called, _, adjectival = line.partition(":")
            own = [one.strip() for one in called.split("=")]
            of_it = [one.strip() for one in adjectival.split(",") if one.strip()]
            for name in (*own, *of_it):
                names.setdefault(fold(name), {})[own[0]] = None
            direct.setdefault(own[0], set()).update({holder} if holder else ())
            spelt.update(own, of_it)
            adjectives.update(map(fold, of_it))
    holders = {place: frozenset(_above(place, direct)) for place in direct}
    overlaps = frozenset(frozenset((left, right)) for left, right in data["overlaps"].items())
    longest = sorted(spelt, key=lambda name: -len(name))
    pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(re.escape(name) for name in longest)})(?![\w-])")
    several = frozenset(place for place, above in direct.items() if len(above) > 1)
    return _World({name: tuple(places) for name, places in names.items()}, holders, several, overlaps, pattern, frozenset(adjectives))


def _above(place: str, direct: dict[str, set[str]]) -> Iterator[str]:
    for holder in direct.get(place, ()):
        yield holder
        yield from _above(holder, direct)


def of_name(name: str) -> tuple[str, ...]:
    """What a folded name or adjective may mean; empty where it is no place that is known here."""
    return _world().names.get(name.removeprefix("the "), ())


def is_country(name: str) -> bool:
    """Whether a folded name is that of one country: a place that lies in a continent, and in nothing else."""
    world = _world()
    found = of_name(name)
    continents = {place for place, above in world.holders.items() if not above}
    return len(found) == 1 and bool(world.holders[found[0]]) and world.holders[found[0]] <= continents


def is_adjective(phrase: str) -> bool:
    """Whether a phrase is no more than the adjective of a place, and no name of its people ("the English")."""
    return fold(phrase) in _world().adjectives and phrase.endswith(("an", "i", "ic"))


def is_of_people(phrase: str) -> bool:
    """Whether a phrase is the adjective of a place, or one of its people: "Dutch", "South Korean", "Frenchwoman"."""
    return fold(re.sub(r"(?<=sh|ch)(?:wo)?man$", "", phrase)) in _world().adjectives


def is_side(phrase: str) -> bool:
    """Whether a phrase says on which side of a place something is: "East Africa", "the north-east of Europe"."""
    return _SIDE.search(phrase) is not None


def places_in(text: str) -> Iterator[Found]:
    """The places that a text names; not those that are a part of another name ("Ohio River", "Michael Jordan", "Gulf of Mexico")."""
    world = _world()
    for match in world.spelt.finditer(text):
        start, end = match.span()
        before = _BEFORE.search(text, 0, start)
        is_part = before is not None and before["word"].lower() not in _COMPASS and not of_name(fold(before["word"]))
        if is_part or _BEHIND.match(text, end) or _BLOCKED.search(text, 0, start):
            continue
        name = fold(match.group())
        yield Found(start, end, world.names[name], name in world.adjectives)


@lru_cache(maxsize=256)
def meant(phrase: str) -> tuple[str, ...]:
    """Where a phrase says that something is: the last place that it names, where it ends with that ("Turin, Italy"); an adjective alone."""
    text = phrase.strip(" .,;:!?\"'()")
    if bare := of_name(fold(_ARTICLE.sub("", text))):
        return bare if text[:1].isupper() or _ARTICLE.match(text) else ()
    found = [one for one in places_in(text) if one.end == len(text) and not one.is_adjective]
    return found[0].places if found else ()


def lies_in(inner: str, outer: str) -> bool:
    """Whether a place is another one or lies in it, whichever of that name it is."""
    world = _world()
    return inner == outer or (outer in world.holders[inner] and inner not in world.several)


def lie_apart(left: str, right: str) -> bool:
    """Whether nothing can lie in both of two places."""
    world = _world()
    ours, theirs = world.holders[left] | {left}, world.holders[right] | {right}
    if right in ours or left in theirs:
        return False
    return not any(frozenset((one, other)) in world.overlaps for one in ours for other in theirs)
