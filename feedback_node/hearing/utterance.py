"""An answer made ready for the parse: its form taken off, the names in it found, what it sets apart ("X, not Y") taken out."""

from __future__ import annotations

import re
from typing import NamedTuple

from feedback_node.extraction.lexicon import words as listed
from feedback_node.hearing.described_items import without_descriptions
from feedback_node.hearing.elided import say_it_again
from feedback_node.hearing.form import plain
from feedback_node.hearing.mapped import Mapped, overlaps
from feedback_node.hearing.openers import without_openers
from feedback_node.hearing.same_event import join_same_event
from feedback_node.hearing.set_apart import Denied, sets_apart, take_out
from feedback_node.hearing.shorthand import write_out
from feedback_node.value_spans import is_unit
from streams.knowledge.english import FUNCTION_WORDS
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import Word, words

MAX_CHARS = 20_000
"""As much of an answer as the extraction reads."""
_CAPITALS = 0.8
"""A text with this share of its letters in capitals is written in capitals."""
_LINKS = listed("name_links") | frozenset({"and", "on", "upon", "to", "in", "with", "for", "at", "by", "from", "or"})
_SHORT_IS = re.compile(r"\b(it|that|he|she|there|this|which|who|what|here)'s\b(?! (?:been|had|got)\b)", re.IGNORECASE)
_HAS_NAMES = re.compile(r"[^\W\d_a-z]\S*\s+(?:\S+\s+){0,3}[\dA-Z]|[\"'‘“]")
"""A question of one name at most has none of several words."""
_EDITION = re.compile(
    r"\b[Tt]he (?:(?:very )?(?:first|original|earliest|initial) )?(?:(?:published|printed|official) )?"
    rf"(?:{'|'.join(sorted(listed('editions')))}) of (?P<name>(?:[\"'])?(?:[Tt]he (?=[A-Z]))?\S)"
)
_IDIOM = re.compile(r"\b(?:none|no one|nobody) (?:other than|but)\s+", re.IGNORECASE)
_CORRECTED = re.compile(
    r"^(?:[^.!?\n]|(?<=\d)\.(?=\d)){1,80}?(?:\.{2,3}|…|[,;.!–—-])\s*(?:oh,?\s+)?"
    r"(?:(?:no,?\s+(?:wait|sorry)|wait,?\s+no|sorry,?\s+no|sorry,?\s+i\s+mean|scratch that|correction|or rather)\s*[,:;.!–—-]*\s*"
    r"(?:(?:that(?:'s| is| was)|i was)\s+(?:wrong|incorrect|not right|not correct|false)\s*[,:;.!–—-]+\s*)?(?=\w)"
    r"|(?<=[.…–—-]\s)(?:no,\s+)?actually,?\s+(?=(?:it|that|he|she|they)\s+(?:is|was|were)\b|\d))",
    re.IGNORECASE,
)
"""What somebody takes back in the same breath: "X... no wait, Y"."""
_HOW_MANY = re.compile(r"\bhow many\b|\bnumber of\b", re.IGNORECASE)
_NONE = re.compile(
    r"^\W*(?:(?:it|he|she|they|there|that)\s+(?:has|have|had|is|are|was|were|would be)\s+|the (?:answer|number) is\s+)?"
    r"(?:none|not (?:a single )?one|not any|nil|no (?P<counted>(?:[\w-]+ ){0,2}?[\w-]+))(?: at all| whatsoever| whatever| of them)?\W*$",
    re.IGNORECASE,
)
"""What says a number without one."""
_NO_APOSTROPHE = re.compile(r"\b(?P<name>[^\W\d_a-z]\w+)s(?=\s\w)")
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_WEEKDAY = re.compile(
    rf"\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day,?\s+(?=(?:the\s+)?\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?(?:{_MONTHS})\b|(?:{_MONTHS})\s+\d)"
)
"""The day of the week before a date says nothing more."""
_NAME_CHARS = 40
_KIND_OF = re.compile(r"\b(?P<article>[Aa]n? )(?:type|kind|sort|form|variety) of (?:an? )?(?=[a-z])")
"""To say that X is a kind of Y is to say that it is a Y."""
_ASIDE = re.compile(r"\s?\([^()\n]{1,80}\)")
_LAST_ASIDE = re.compile(r"\s?\((?P<aside>[^()\n]{1,40})\)(?=\W*$)")
_SEVERAL = re.compile(r"\band\b.*\b(?:who|whom|when|where|what|which|how)\b", re.IGNORECASE)
"""What a question of two parts asks besides may stand in brackets: "X (1994)"."""


class Utterance(NamedTuple):
    """An answer as it is read."""

    mapped: Mapped
    """Plain prose, and where its characters stood in the answer."""
    names: tuple[tuple[int, int], ...]
    """Spans of the prose that are one name each: the graph or the question knows them."""
    guessed: bool
    """Its capitals are guessed, as it has none but capitals, or none: a word that nobody knows may be no name."""
    denied: tuple[Denied, ...]
    """What the prose no longer holds, as it was denied beside what it affirms."""

    @property
    def text(self) -> str:
        """The prose."""
        return self.mapped.text


def prepare(question: str, answer: str, graph: Hypergraph) -> Utterance:
    """Make an answer ready. Hold the view's lock: the graph is asked for its names."""
    mapped = plain(answer[:MAX_CHARS], question)
    without_descriptions(mapped, question, graph)
    if "'s" in mapped.text:
        inside = _names(mapped.text, question, graph)
        mapped.sub(_SHORT_IS, lambda match: [match.span()] if overlaps(match, inside) else [match.span(1), " is"])
    if " of " in mapped.text and _has_kinds(graph):
        mapped.sub(_KIND_OF, lambda match: [match.span("article")])
    if "day" in mapped.text:
        mapped.sub(_WEEKDAY, lambda match: [])
    if " other than " in mapped.text or " but " in mapped.text:
        mapped.sub(_IDIOM, lambda match: [])
    mapped.sub(_CORRECTED, lambda match: [])
    if _HOW_MANY.search(question):
        mapped.sub(_NONE, lambda match: ["0"] if (match["counted"] or "") in question else [match.span()])
    if _NO_APOSTROPHE.search(mapped.text):
        mapped.sub(_NO_APOSTROPHE, lambda match: [match.span("name"), "'s"] if _is_owners(match, graph) else [match.span()])
    guessed = _recase(mapped, question, graph)
    without_openers(mapped, question, lambda text: _names(text, question, graph))
    write_out(mapped, question, graph)
    say_it_again(mapped, graph)
    join_same_event(mapped)
    _retitle(mapped, question, graph)
    names = _names(mapped.text, question, graph)
    if "(" in mapped.text and _SEVERAL.search(question):
        mapped.sub(_LAST_ASIDE, lambda match: [match.span()] if overlaps(match, names) else [", ", match.span("aside")])
    if "(" in mapped.text and _drop_asides(mapped, names):
        names = _names(mapped.text, question, graph)
    if " of " in mapped.text and _drop_editions(mapped, names):
        names = _names(mapped.text, question, graph)
    denied: list[Denied] = []
    if sets_apart(mapped.text):
        denied = take_out(mapped, lambda text: _names(text, question, graph))
        if denied and all(one.at == 0 for one in denied):
            without_openers(mapped, question, lambda text: _names(text, question, graph))  # "Forget X. The answer is Y"
        names = _names(mapped.text, question, graph)
    return Utterance(mapped, tuple(names), guessed, tuple(denied))


def _is_owners(match: re.Match[str], graph: Hypergraph) -> bool:
    """Whether a name of the graph stands here without its apostrophe: "Harrys Bar"."""
    start, at = match.span("name")
    behind = match.string[match.end() : match.end() + _NAME_CHARS]
    names = graph.entities_in(f"{match['name']}'s{behind}", ambiguous=True)
    return any(one.start == 0 and one.end > at - start + 2 for one in names) and not graph.resolve(match.group()).candidates


def _has_kinds(graph: Hypergraph) -> bool:
    """Whether a phrase of the ontology is "is a": then what is a type of X is an X."""
    return any(template.between in ("is a", "is an") for one in graph.ontology.predicates.values() for template in one.templates)


# --- names


def _names(text: str, question: str, graph: Hypergraph) -> list[tuple[int, int]]:
    """Names of the graph, and of the question where the graph has none in their place."""
    spans = [
        (start, end) for _, start, end in graph.entities_in(text, ambiguous=True) if not text[start:end].islower() or " " in text[start:end]
    ]
    for span in _echoed(text, question):
        if all(span[1] <= start or end <= span[0] for start, end in spans):
            spans.append(span)
    return sorted(spans)


def _echoed(text: str, question: str) -> list[tuple[int, int]]:
    """Names of the question that stand in the answer: the longest runs of its words that begin and end as names do."""
    asked = list(words(question))
    if len(asked) < 2 or not _HAS_NAMES.search(question, 1):
        return []
    places: dict[str, list[int]] = {}
    for number, word in enumerate(asked):
        places.setdefault(word.text, []).append(number)
    said = list(words(text))
    found: list[tuple[int, int]] = []
    at = 0
    while at < len(said):
        size = max((_run(said, at, asked, start) for start in places.get(said[at].text, ())), default=0)
        if size > 1 and (span := _trimmed(question, said[at : at + size], asked)):
            found.append(span)
        at += max(size, 1)
    return found


def _run(said: list[Word], at: int, asked: list[Word], start: int) -> int:
    size = 0
    while at + size < len(said) and start + size < len(asked) and said[at + size].text == asked[start + size].text:
        size += 1
    return size


def _trimmed(question: str, run: list[Word], asked: list[Word]) -> tuple[int, int] | None:
    """A run without the words at its ends that are no name's; None where less than two words are left, or one of them is no name's."""
    upper = {word.text for word in asked if (word.start and question[word.start].isupper()) or question[word.start].isdigit()}
    first, last = 0, len(run)
    while first < last and run[first].text not in upper:
        first += 1
    while last > first and run[last - 1].text not in upper:
        last -= 1
    inner = run[first:last]
    if len(inner) < 2 or any(word.text not in upper and word.text not in _LINKS for word in inner):
        return None
    return inner[0].start, inner[-1].end


# --- capitals


def _recase(mapped: Mapped, question: str, graph: Hypergraph) -> bool:
    """An answer all in capitals, or without any, gets the capitals that prose has; whether it was one."""
    text = mapped.text
    letters = [char for char in text if char.isalpha()]
    upper = sum(char.isupper() for char in letters)
    if upper > 1 and upper >= _CAPITALS * len(letters) and (len(letters) > 5 or " " in text.strip()):
        _write(mapped, text.lower() if len(text.lower()) == len(text) else text, question, graph)
    elif letters and not upper and len(text) < 400:
        _write(mapped, text, question, graph)
    else:
        return False
    return True


def _retitle(mapped: Mapped, question: str, graph: Hypergraph) -> None:
    """Give a name of three words or more the capitals that it has in the question, where the answer writes it without any."""
    chars = list(mapped.text)
    low = question.lower()
    for _, start, end in graph.entities_in(mapped.text, ambiguous=True) if len(low) == len(question) else ():
        said = mapped.text[start:end]
        at = low.find(said) if said.islower() and said.count(" ") > 1 else -1
        if at >= 0:
            chars[start:end] = question[at : at + len(said)]
    mapped.recased("".join(chars))


def _write(mapped: Mapped, low: str, question: str, graph: Hypergraph) -> None:
    chars = list(low)
    known = {char for _, start, end in graph.entities_in(low, ambiguous=True) for char in range(start, end)}
    common = {word.text for word in words(question) if not question[word.start].isupper()} | FUNCTION_WORDS
    for match in re.finditer(r"[^\W\d_](?:[^\W_]|['.](?=[^\W_]))*", low):
        word = match.group()
        plain_word = word.removesuffix("'s")
        first = match.start() == 0 or low[: match.start()].rstrip()[-1:] in (".", "!", "?", "\n", ":")
        inside = match.start() in known
        if (word == "x" and not inside) or _is_measure(low, match):
            continue  # "1.5 x 10^6", "14 u", "14 g/mol"
        if first or (inside and plain_word not in FUNCTION_WORDS) or not (inside or plain_word in common or _is_common(plain_word, graph)):
            chars[match.start()] = chars[match.start()].upper() if len(chars[match.start()].upper()) == 1 else chars[match.start()]
    mapped.recased("".join(chars))


def _is_measure(low: str, word: re.Match[str]) -> bool:
    """Whether a word is a unit behind a number or behind another unit: no name, though a thing may have it for its symbol."""
    return _MEASURED.search(low[: word.start()]) is not None and is_unit(word.group())


def _is_common(word: str, graph: Hypergraph) -> bool:
    """Whether a word is English of the frame, of a relation, or a class, rather than a name."""
    return word in _COMMON or word in graph.ontology.classes or word in graph.ontology.vocabulary


_MEASURED = re.compile(r"(?:\d\s?|[/·⋅])$")
_COMMON = (
    listed("frame")
    | listed("doubt_words")
    | listed("doubt_verbs")
    | listed("negations")
    | listed("units")
    | listed("openers")
    | listed("unknowing")
)


# --- what is set apart


def _drop_asides(mapped: Mapped, names: list[tuple[int, int]]) -> bool:
    """Take out what stands in brackets behind a word, but for brackets within a name, and for a text that has little else."""
    text = mapped.text
    before = len(text)
    if len(_ASIDE.sub("", text).strip(" .")) < 2:
        return False
    mapped.sub(_ASIDE, lambda match: [match.span()] if overlaps(match, names) else [])
    return len(mapped.text) != before


def _drop_editions(mapped: Mapped, names: list[tuple[int, int]]) -> bool:
    """Take out "the first edition of" before a name: what is said of it is said of the work."""
    starts = {at for start, _ in names for at in (start, start - 1)}
    before = len(mapped.text)
    mapped.sub(_EDITION, lambda match: [match.span("name")] if match.start("name") in starts else [match.span()])
    return len(mapped.text) != before
