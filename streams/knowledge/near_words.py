"""Words of English that say nearly the same of a thing: "invented by" for "designed by", "how high" for "height".

Looked up only where a relation's own words lead to no predicate. Words of the language; those of a domain are data of the ontology.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from streams.knowledge.english import FUNCTION_WORDS, inflections, stem

_GROUPS = """
make: create, design, develop, invent, devise, conceive, build, make, engineer, construct, come up with, think up, dream up
write: write, author, pen
publish: publish, release, issue, launch, debut, premiere, come out, appear, be out
found: founded, establish, set up, start, form, incorporate
flow: flow, empty, drain, discharge, pour, end, end up
locate: locate, situate, lie, sit, headquarter, base
part: part of, belong to, form part of, make part of
show: hang, exhibit, house, keep, on display, display, on show, on view, show, see, hold
finish: finish, complete
die: die, pass away
marry: marry, wed, married to, wed to
open: open, inaugurate
direct: direct, helm
call: call, name, dub
originate: come from, originate, originate in, originate from, native to, hail from, stem from
lead: lead, head
own: own, possess
sell: go on sale, put on sale, sell
touch: border, adjoin, share a border with, share borders with, border on, touch
produce: produce, manufacture
sing: sing, perform, record
win: win, clinch
eponym: name after, name for, call after, bear the name of, get its name from, take its name from, owe its name to
discover: discover, discovery, find, spot, notice, detect, sight, catch sight of
orbit: orbit, circle, revolve around, revolve about, revolve round, go around, go round, travel around, move around, circle around
"""
_MEASURES = {
    "long": "length duration", "high": "height elevation altitude", "tall": "height", "deep": "depth", "wide": "width diameter breadth",
    "broad": "width breadth", "thick": "thickness", "old": "age", "large": "area size population diameter",
    "big": "area size population diameter", "heavy": "weight mass", "fast": "speed", "hot": "temperature",
    "often": "period frequency interval", "far": "distance", "expensive": "price cost", "inhabitants": "population",
    "costs": "price cost", "cost": "price", "weigh": "weight mass", "born": "birth birthday birthplace", "die": "death", "died": "death",
    "speak": "language", "spoken": "language", "pay": "currency",
}  # fmt: skip
"""What "how long" asks for, and other words whose noun is another."""
_AGENTS = ("er", "or")


def _forms() -> dict[tuple[str, ...], str]:
    """Each form of a group's words to its group; forms of two groups belong to none."""
    found: dict[tuple[str, ...], str] = {}
    twice: set[tuple[str, ...]] = set()
    for line in _GROUPS.strip().splitlines():
        group, _, entries = line.partition(": ")
        for entry in entries.split(", "):
            first, *rest = entry.split()
            for form in inflections(first) if first not in FUNCTION_WORDS and first != "founded" else {first}:
                key = (form, *rest)
                if found.setdefault(key, group) != group:
                    twice.add(key)
    return {key: f"~{group}" for key, group in found.items() if key not in twice}


_FORMS = _forms()
_LONGEST = max(len(key) for key in _FORMS)
_FIRST = frozenset(key[0] for key in _FORMS)


def grouped(tokens: Iterable[str]) -> list[str]:
    """Words with those of a group replaced by its name: "invented by" -> "~make by"."""
    left = list(tokens)
    found = []
    at = 0
    while at < len(left):
        sizes = range(_LONGEST, 0, -1) if left[at] in _FIRST else ()
        size = next((size for size in sizes if tuple(left[at : at + size]) in _FORMS), 0)
        found.append(_FORMS[tuple(left[at : at + size])] if size else left[at])
        at += size or 1
    return found


def like_words(spoken: Iterable[str], phrases: Iterable[Iterable[str]] = ()) -> frozenset[str]:
    """All words of the groups that some words are of, and some phrases, each given as its words."""
    groups = {_FORMS[(word,)] for word in spoken if (word,) in _FORMS}
    groups |= {word for phrase in phrases for word in grouped(phrase) if word.startswith("~")}
    return frozenset(word for key, group in _FORMS.items() if group in groups for word in key)


def stems(tokens: Iterable[str]) -> frozenset[str]:
    """What the words of a question come to, whatever their form: stems, groups, and the nouns of measures."""
    found = set()
    for token in grouped(tokens):
        if token in FUNCTION_WORDS:
            continue
        found.add(token if token.startswith("~") else stem(token))
        found.update(stem(noun) for noun in _MEASURES.get(token, "").split())
    return frozenset(found)


def verbs_of_agent(noun: str) -> Iterator[str]:
    """The verbs that an agent noun may be made of: "painter" -> paint, painte. Those that are none do no harm where they are looked up."""
    if noun.endswith(_AGENTS) and len(noun) > 5 and " " not in noun:
        yield from (noun[:-2], noun[:-2] + "e")
        if noun[-3] == noun[-4]:
            yield noun[:-3]
