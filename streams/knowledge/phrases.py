"""From a noun phrase to the entity it means: "the beautiful city of X", "X, a town by the sea", "X in Y".

A reading is `sure` where the phrase means that entity and nothing else; one that is not sure may support a claim, never contradict it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from difflib import SequenceMatcher

from streams.knowledge import places
from streams.knowledge.english import (
    CHANGING,
    COMMON_LAST,
    COURTESIES,
    DETERMINERS,
    FUNCTION_WORDS,
    INDEFINITE,
    NAMED_WITH_ARTICLE,
    PARTITIVE,
    PRONOUNS,
    RANKS,
    SMALL_WORDS,
)
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import Word, fold, words
from streams.knowledge.value_types import Reading, Resolution

_PART = re.compile(
    r"(?:the\s+)?(?:very\s+|far\s+|extreme\s+)?(?:(?:(?:north|south)?(?:-?(?:east|west|north|south))?(?:ern|ernmost)?|central|coastal)\s+)?"
    rf"(?:{'|'.join(sorted(PARTITIVE))})\s+of\s+(?:the\s+)?(?=\S)"
)
"""What lies in "the western part of X" lies in X."""
_EDGES = " \t\r\n\"'“”‘’.,;:!?*_`"
_CUT = re.compile(r"\s*[,;:(]|\s[–—-]\s|\s(?:in|on|at|near|by|which|who|that|where|with|located|situated)\s")
_STATE = re.compile(
    r"(?:[Tt]he\s+)?(?:(?:Arab|Islamic|Federal|Federative|Bolivarian|Hashemite|Oriental|Plurinational|Socialist|Co-?operative|Independent)\s+)*"
    r"(?:Republic|Kingdom|State|Commonwealth|Federation|Sultanate|Emirate)\s+of\s+(?:[Tt]he\s+)?(?P<name>\S.*)"
)
"""A state in full. Not what tells two of one name apart: "Democratic", "People's"."""
_ITSELF = re.compile(r"(?<=\w)\s+(?:itself|himself|herself|themselves)$")
_PROPER_WORDS = 6
"""A name of more words than this is a description."""
_ALIKE = 0.75
"""Two unknown spellings this alike (difflib's ratio) may be one name."""
_LIKE = 0.6
_TELLING_LETTERS = 4
"""A word of fewer letters is shared by chance."""
REMEMBERED = 256
"""Readings kept: those of an answer and some before."""
_SIGN_LETTERS = 2
_CLASS_WORDS = 3
"""A class ("opera", "concert hall") has no more words than these."""
_ADJECTIVE_LETTERS, _ADJECTIVE_ENDING = 4, 3
FIRM_WORDS = frozenset(
    [
        "corporation",
        "corp",
        "company",
        "co",
        "incorporated",
        "inc",
        "limited",
        "ltd",
        "llc",
        "plc",
        "gmbh",
        "ag",
        "group",
        "holdings",
        "industries",
    ]
)
"""Words behind the name of a firm; with or without them it is one firm."""
_REGIONS = frozenset(
    ("east", "west", "north", "south", "alps", "mountains", "hills", "region", "regions", "coast", "valley",
     "peninsula", "hemisphere", "sea", "ocean", "basin", "desert", "plateau", "plains", "steppe", "highlands",
     "lowlands", "islands", "archipelago", "province", "county", "district", "prefecture", "range")
)  # fmt: skip
"""Last words of names of regions, which may hold, or lie in, the place that is true."""
_REGIONS_ALONE = frozenset(
    ("alps", "andes", "arctic", "antarctic", "balkans", "caribbean", "caucasus", "himalaya", "himalayas", "levant",
     "eurasia", "mediterranean", "pyrenees", "rockies", "sahara", "scandinavia", "siberia", "highlands", "lapland", "patagonia")
)  # fmt: skip
"""Names of regions in one word."""
_OF_KIND = (
    FIRM_WORDS
    | NAMED_WITH_ARTICLE
    | COMMON_LAST
    | _REGIONS
    | {
        *(
            "city",
            "town",
            "village",
            "island",
            "mountain",
            "lake",
            "era",
            "age",
            "epoch",
            "period",
            "motors",
            "motor",
            "records",
            "pictures",
        ),
        *("studios", "studio", "games", "works", "brothers", "partners", "associates", "language", "people", "family", "system", "systems"),
    }
)
"""Last words of names that say of what kind the thing is."""
_COMPASS = frozenset({"north", "south", "east", "west", "northern", "southern", "eastern", "western", "central"})
"""They make no two names alike: "East China Sea", "East Asia"."""
NONE = Reading()


def read(graph: Hypergraph, phrase: str, *, as_subject: bool = False) -> Reading:
    """The reading of a phrase; `NONE` where it names nothing that the graph knows.

    A subject is read more strictly: what is said of "the government of X" is not said of X.
    """
    found = graph.readings.get(phrase)
    if found is None:
        if len(graph.readings) >= REMEMBERED:
            graph.readings.clear()
        found = graph.readings[phrase] = _read(graph, phrase.strip(_EDGES))
    return found if found.sure or found.candidates or not as_subject else NONE


def _read(graph: Hypergraph, text: str) -> Reading:
    text = _ITSELF.sub("", text)
    if found := _whole(graph, text):
        return found
    if part := _PART.match(text):
        found = _read(graph, text[part.end() :])
        return found._replace(sure=False) if found.entity is not None else found
    for attempt in (_behind_title, _in_full, _name_first, _name_last, _name_and_class):
        if found := attempt(graph, text):
            return found
    return NONE


def is_proper(phrase: str) -> bool:
    """Whether a phrase that the graph does not know is a name, not a description, a pronoun or a title with an article."""
    text = phrase.strip(_EDGES)
    tokens = [token for token in text.split() if fold(token)]
    folded = [fold(token) for token in tokens]
    if not tokens or len(tokens) > _PROPER_WORDS or re.search(r"[,;:()/]|(?<![^\W_])(?<!-)\d", text):
        return False
    if not tokens[0][:1].isupper() or (folded[0] in DETERMINERS | PRONOUNS | FUNCTION_WORDS and folded != ["may"]):
        return False  # May is a month
    return all(
        token[:1].isupper() or token.lower() in SMALL_WORDS or (token == "and" and "of" in folded[:at]) for at, token in enumerate(tokens)
    )


def firm(name: str) -> str:
    """A folded name without the words that say that it is a firm's; itself where nothing else is left."""
    tokens = name.split()
    while len(tokens) > 1 and tokens[-1] in FIRM_WORDS:
        tokens.pop()
    return " ".join(tokens)


def is_region(name: str) -> bool:
    """Whether a name is that of a region, by its last word or as a whole."""
    tokens = fold(name).split()
    return (len(tokens) > 1 and tokens[-1] in _REGIONS) or fold(name) in _REGIONS_ALONE


def is_number(phrase: str) -> bool:
    """Whether a phrase is a plain number, and no year: a year may stand behind the words of any relation."""
    return phrase.replace(".", "", 1).isdigit() and not re.fullmatch(r"[12]\d{3}", phrase)


def contains(left: str, right: str) -> bool:
    """Whether one folded name stands in the other, word by word."""
    return f" {left} " in f" {right} " or f" {right} " in f" {left} "


def resembles(left: str, right: str, kinds: Collection[str] = ()) -> bool:
    """Whether two folded names may be one: a telling word in common, one within the other, or nearly the same letters.

    `kinds`: words that only say of what kind both are: two universities are not one.
    """
    if contains(left, right):
        return True
    shared = (set(left.split()) & set(right.split())) - _COMPASS - FIRM_WORDS - {*kinds}
    if any(len(word) >= _TELLING_LETTERS for word in shared):
        return True
    return SequenceMatcher(None, left.replace(" ", ""), right.replace(" ", ""), autojunk=False).ratio() >= _ALIKE


def ends_otherwise(left: str, right: str, kinds: Collection[str] = ()) -> bool:
    """Whether two folded names are alike but for the last word, which is clearly another: "Port Louis" and "Port Moresby" are two places.

    `kinds`: words that only say of what kind a thing is, as "bridge" and "company" do: they may stand behind one name or not.
    """
    (*before, last), (*likewise, other) = left.split(), right.split()
    if not before or before != likewise or any(word.isdigit() or word in _OF_KIND or word in kinds for word in (last, other)):
        return False
    return SequenceMatcher(None, last, other, autojunk=False).ratio() < _LIKE


def is_like(left: str, right: str) -> bool:
    """Whether a folded name that nobody knows may be another one misspelt badly: "gemeralium" for "germanium"."""
    return left[:1] == right[:1] and SequenceMatcher(None, left, right, autojunk=False).ratio() >= _LIKE


def _of(resolution: Resolution, *, sure: bool = True) -> Reading | None:
    if resolution.entity is not None:
        return Reading(resolution.entity, sure=sure)
    return Reading(candidates=resolution.candidates, sure=False) if resolution.candidates else None


def _whole(graph: Hypergraph, text: str) -> Reading | None:
    """The phrase is a name, maybe after a determiner, or without the article that it has in the graph ("bow" for "a bow")."""
    if found := _of(graph.resolve(text)):
        return found
    first, _, rest = text.partition(" ")
    if fold(first) in DETERMINERS and rest and (found := _of(graph.resolve(rest), sure=first.lower() not in INDEFINITE)):
        return found
    return next((found for article in ("a", "an") if (found := _of(graph.resolve(f"{article} {text}")))), None)


def _behind_title(graph: Hypergraph, text: str) -> Reading | None:
    """ "Sir X", "Dr. X", "President X": the person, where a name of two words or more is left."""
    title, _, rest = text.partition(" ")
    if fold(title) not in COURTESIES | RANKS or " " not in rest.strip():
        return None
    return _of(graph.resolve(rest), sure=fold(title) in COURTESIES)


def _in_full(graph: Hypergraph, text: str) -> Reading | None:
    """ "the Arab Republic of X": the country, whether or not that is how it calls itself. "The Republic of Venice" is no city."""
    state = _STATE.fullmatch(text)
    return _of(graph.resolve(state["name"])) if state is not None and places.is_country(fold(state["name"])) else None


def _name_first(graph: Hypergraph, text: str) -> Reading | None:
    """ "X, a town by the sea", "X in Y", "X (Y)": what follows the name says more about it, or says that another X is meant."""
    for cut in reversed(list(_CUT.finditer(text))):
        head = _whole(graph, text[: cut.start()].strip(_EDGES))
        if head is None or head.entity is None:
            continue
        rest = text[cut.end() :].strip(_EDGES + ")")
        sure = _says_more(graph, head.entity, rest, in_brackets="(" in cut.group())
        return None if sure is None else head._replace(sure=head.sure and sure)
    return None


def _says_more(graph: Hypergraph, entity: str, rest: str, *, in_brackets: bool) -> bool | None:
    """True where `rest` leaves the entity what it is, False where it may not, None where it names another one."""
    other = graph.resolve(rest)
    if other.candidates:
        near = graph.neighbours(entity)
        return True if any(name == entity or name in near for name in other.candidates) else None
    if not in_brackets and rest[:1].isupper() and fold(rest.split()[0]) not in FUNCTION_WORDS:
        return None
    return not in_brackets


def _name_last(graph: Hypergraph, text: str) -> Reading | None:
    """ "the city of X", "the city X", "beautiful X", "Swiss franc": the words before say what kind of thing X is, or which."""
    tokens = list(words(text))
    for position in range(1, len(tokens)):
        if tokens[position].text in FUNCTION_WORDS and text[tokens[position].start].islower():
            continue
        name = graph.resolve(text[tokens[position].start :])
        if not name.candidates:
            continue
        before = [token for token in tokens[:position] if token.text not in DETERMINERS]
        definite = tokens[0].text not in INDEFINITE
        if not before or not definite or any(word.text in CHANGING for word in before):
            return None
        return _with_words_before(graph, name, before, text)
    return None


def _with_words_before(graph: Hypergraph, name: Resolution, before: list[Word], text: str) -> Reading | None:
    classes = graph.ontology.classes
    of = before[-1].text == "of"
    noun = (before[-2].text if len(before) > 1 else "") if of else before[-1].text
    rest = [word for word in before if word.text not in (noun, "of")]
    inside = of and noun in PARTITIVE
    for at, word in enumerate(before[:-1] if of else before):
        if word.text == "of":  # "the southern part of the continent of X"; "the mayor of the city of X" is not X
            if not at or before[at - 1].text not in PARTITIVE:
                return None
            inside = True
    if any(word.text in FUNCTION_WORDS for word in rest):
        return None
    capitals = tuple(text[word.start : word.end] for word in before if text[word.start].isupper() and word.text not in classes)
    if capitals and places.is_of_people(" ".join(capitals)) and len(text[before[-1].end :].split()) > 1:
        capitals = ()  # "the American James Christy"
    found = _of(name, sure=noun in classes and not capitals and not inside)
    if found is None or (of and not inside and (not noun or (classes and noun not in classes))):
        return None
    return found._replace(modifiers=capitals)


def _name_and_class(graph: Hypergraph, text: str) -> Reading | None:
    """ "X City": the name with a common noun after it; in capitals it may be a name of its own, unlike in "the X river"."""
    tokens = list(words(text))
    last = len(tokens)
    while length := _class_at_end([token.text for token in tokens[:last]], graph.ontology.classes):
        last -= length
    if 0 < last < len(tokens) and (found := _whole(graph, text[: tokens[last - 1].end])):
        own = any(text[token.start].isupper() for token in tokens[last:])
        return found._replace(sure=found.sure and not own)
    return None


def _class_at_end(tokens: list[str], classes: frozenset[str]) -> int:
    """How many words a class has with which these end, behind another word; 0 where they end with none."""
    lengths = range(min(len(tokens) - 1, _CLASS_WORDS), 0, -1)
    return next((length for length in lengths if " ".join(tokens[-length:]) in classes), 0)


def ends_in_class(graph: Hypergraph, text: str, thing: Reading) -> bool:
    """Whether a phrase that was read as a name with a class behind it is written as a name of its own: "Kansas City"."""
    last = text.split()[-1:] or [""]
    return not thing.sure and not thing.modifiers and is_proper(text) and last[0][:1].isupper() and fold(last[0]) in graph.ontology.classes


def is_adjective_of(word: str, name: str) -> bool:
    """Whether a folded word may be the adjective of a name: "bangladeshi", "norwegian". It may be another's of like letters, too."""
    shared = next((at for at, pair in enumerate(zip(word, name, strict=False)) if pair[0] != pair[1]), min(len(word), len(name)))
    return shared >= _ADJECTIVE_LETTERS and len(word) - shared <= _ADJECTIVE_ENDING


def is_sign(name: str) -> bool:
    """Whether a name is a sign whose letters' case tells it from others: "Co" is no "CO"."""
    return len(name) <= _SIGN_LETTERS and name.isalpha() and not name.isupper() and not name.islower()


def says_sign(text: str, name: str) -> bool:
    """Whether a phrase has a sign in its own letters, with nothing joined to it: "Pr-" is another."""
    return any(token.strip(_EDGES + "()") == name for token in text.split())


def without_brackets(text: str) -> tuple[str, str]:
    """A phrase and what stands in brackets behind it, closed or not."""
    head, _, inside = text.partition("(")
    return head.strip(_EDGES), inside.strip(_EDGES + ")")


def short_forms(spellings: list[str]) -> Iterator[str]:
    """What is left of names when the part behind a comma or in brackets is: `Washington, D.C.` -> `washington`. Folded."""
    for spelling in spellings:
        if (cut := re.search(r"[,(]", spelling)) and (short := fold(spelling[: cut.start()])):
            yield short
