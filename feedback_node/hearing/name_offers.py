"""The names that a short answer offers: those of the graph, and runs of words in capitals."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from feedback_node.extraction.lexicon import words as listed
from feedback_node.hearing.asked import Asked
from feedback_node.hearing.bystanders import bystanders, kinds_of_people
from feedback_node.hearing.frame import DENIALS, DOUBT, FRAME, TURNING, denies, is_benign
from streams.knowledge import places
from streams.knowledge.english import DETERMINERS, FUNCTION_WORDS
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import Word, fold, words
from streams.knowledge.persons import is_made

_LINKS = listed("name_links")
_WITHIN = re.compile(r"^,?\s*(?P<kind>(?:[a-z]+\s+){0,3}?)(?:in|of|at|near|from)\s+(?:the\s+)?$")
"""Between a place and the one that holds it, with words of its kind: "X theme park in Y"."""
_ANY = re.compile(r"\b(?:an?|some)\s+(?:[a-z]+\s+)?(?P<noun>[a-z]+)\s+(?:in|near|of|at|from|outside)\s+(?:the\s+)?$", re.IGNORECASE)
_THEN_AT = re.compile(r"^,?\s+at\s+(?:the\s+)?$")
_BEHIND = re.compile(r"^(?:,\s+|\s*\()$")
_ADJECTIVES = ("an", "ish", "ese", "ic", "al", "en", "ch", "i", "ive", "ern", "ss")
"""Endings of adjectives in capitals: "African", "Swiss"."""
_DID_NOT = re.compile(
    r"\s+(?:(?:did|does|do|was|is|were|are|has|have|had|would)(?:n't|\s+not|\s+never)|never|(?:had|has|have)\s+nothing)\b", re.IGNORECASE
)
"""Behind a name it denies what is said of it: "X did not build it"."""
_LOWER = re.compile(r"\s+(?P<word>[a-z]+)\b")
_OWNS = re.compile(r"(?:['’]s|(?<=s)['’])\s+[a-z]")
_MOST_DESCRIBING = 4
_STEM, _ALIKE = 5, 0.65
"""A name with as many first letters in common, and this alike (difflib's ratio), may be another spelt badly."""

_MANY = re.compile(r"men$")


class Offer(NamedTuple):
    """Something that a sentence offers."""

    start: int
    end: int
    entity: str | None
    """The entity that it is, where the graph knows it under that name alone."""
    is_known: bool
    denied: bool


class Offers(NamedTuple):
    """What a sentence offers, and how it does."""

    names: list[Offer]
    others: tuple[Word, ...]
    """Words that are neither offered, nor of a frame, the question or the ontology."""
    bare: bool
    """Nothing but articles stands beside what is offered: "The Atlas.", unlike "It is in the Atlas."."""


class _Sentence(NamedTuple):
    text: str
    mentions: list[tuple[str, int, int]]
    asked: Asked
    graph: Hypergraph


def offers_in(text: str, begin: int, values: Sequence[tuple[int, int]], asked: Asked, graph: Hypergraph, *, alone: bool = False) -> Offers:
    """The names that a sentence offers behind `begin`, those of its question left out, and those in `values`.

    `alone`: it is the whole answer, so that a name of the question that stands by itself is offered too ("Peru." for its capital).
    """
    sentence = _Sentence(text, [(one.entity, one.start, one.end) for one in graph.entities_in(text, ambiguous=True)], asked, graph)
    names: list[Offer] = []
    others: list[Word] = []
    echoed: list[Offer] = []
    denied, bare = False, True
    for group in _groups(sentence, begin, values):
        if isinstance(group, Word):
            bare = bare and group.text in DETERMINERS
            if group.text in ("but", "however", "rather", "instead"):
                denied = False
            elif denies(text, group):
                denied = True
            if not is_benign(group.text, asked, graph):
                others.append(group)
            continue
        offer, is_echo = _offer(sentence, *group, denied=denied)
        (echoed if is_echo else names).append(offer)
    bare = bare and not values
    if names and _opens_with_no_name(names, sentence):
        names = names[1:]  # "Shopkeepers in Peru take the sol"
    if names and _DID_NOT.match(text, names[-1].end):
        names = [one._replace(denied=True) for one in names]
    names, others = _without_bystanders([one for one in names if not _holds_any(one, sentence)], others, sentence)
    if alone and bare and len(echoed) == 1 and not names and not others:
        return Offers(echoed, (), bare)
    if alone and not (echoed or names or others or values) and (part := _part_of_owner(sentence, begin)):
        return Offers([part], (), True)
    return Offers(_without_places(names, sentence), _not_describing(others, names, text), bare and not echoed)


def _opens_with_no_name(names: list[Offer], sentence: _Sentence) -> bool:
    """Whether the first is only a sentence's first word, that nobody knows, and something of the asked kind comes behind it."""
    first, text = names[0], sentence.text
    opens = not first.is_known and not text[: first.start].strip() and " " not in text[first.start : first.end].strip()
    goes_on = _LOWER.match(text, first.end)
    if not opens or goes_on is None or goes_on["word"] in ("and", "or", "is", "was", "by"):
        return False
    if goes_on["word"] == "of" and text[first.end - 1] != "s":
        return False  # "Owners of", unlike "Lord of"
    return any(_could_answer(one, sentence) for one in names[1:])


def _offer(sentence: _Sentence, start: int, end: int, *, denied: bool) -> tuple[Offer, bool]:
    """What a run of words offers, and whether it only says the question again."""
    inside = [entity for entity, first, last in sentence.mentions if start <= first and last <= end]
    start = _behind_origin(sentence, start, end)
    whole = [entity for entity, first, last in sentence.mentions if start == first and last == end]
    entity = whole[0] if whole else None
    known = sentence.graph.entities(entity) if entity is not None else ()
    if not inside and _is_like_owner(sentence, start, end):
        return Offer(start, end, None, False, denied), True
    is_all = whole or len(inside) > 1 or _is_kind_of(sentence, start, end)
    echo = bool(inside) and all(_echoes(entity, sentence) for entity in inside) and bool(is_all)
    return Offer(start, end, known[0] if len(known) == 1 else None, bool(whole), denied), echo


def _behind_origin(sentence: _Sentence, start: int, end: int) -> int:
    """Where a name begins behind an adjective in capitals: "Italian X", where the graph has X as an answer."""
    for entity, first, last in sentence.mentions:
        before = [word.text for word in words(sentence.text[start:first])]
        if last == end and first > start and len(before) == 1 and before[0].endswith(_ADJECTIVES) and _is_answer(entity, sentence):
            return first
    return start


def _is_kind_of(sentence: _Sentence, start: int, end: int) -> bool:
    """Whether a run of words is a name behind its kind: "Republic of Peru", where nobody knows it under that name."""
    first, of, _ = [*(word.text for word in words(sentence.text[start:end])), "", "", ""][:3]
    return of == "of" and first in sentence.graph.ontology.classes


def _is_like_owner(sentence: _Sentence, start: int, end: int) -> bool:
    """Whether a name that nobody knows is that of what was asked of, spelt badly: "Mozambia" for Mozambique."""
    said = fold(sentence.text[start:end])
    names = [name for one in sentence.asked.missing for name in sentence.graph.folded_names_of(one.entity)]
    alike = (SequenceMatcher(None, said, name, autojunk=False).ratio() for name in names if name[:_STEM] == said[:_STEM])
    return len(said) > _STEM and any(ratio >= _ALIKE for ratio in alike)


def _part_of_owner(sentence: _Sentence, begin: int) -> Offer | None:
    """An answer that is a part of the name that was asked of, where its maker was: "Nixon." for who composed Nixon in China."""
    graph, asked = sentence.graph, sentence.asked
    said = [word for word in words(sentence.text) if word.start >= begin and word.text not in DETERMINERS]
    if not said or asked.statement is not None or not all(is_made(graph.ontology[one.predicate]) for one in asked.missing):
        return None
    name = " ".join(word.text for word in said)
    if not all(sentence.text[word.start].isupper() for word in said):
        return None
    if not any(f" {name} " in f" {whole} " for one in asked.missing for whole in graph.folded_names_of(one.entity)):
        return None
    return Offer(said[0].start, said[-1].end, None, False, False)


def _without_bystanders(names: list[Offer], others: list[Word], sentence: _Sentence) -> tuple[list[Offer], list[Word]]:
    """For a question of who made something: without names of where it was done, and of whence somebody came."""
    asked, ontology = sentence.asked, sentence.graph.ontology
    if not asked.missing or not all(one.side == "object" and is_made(ontology[one.predicate]) for one in asked.missing):
        return names, others
    spans = [(one.start, one.end) for one in names]
    found = bystanders(sentence.text, spans, lambda number: _could_answer(names[number], sentence), asked.question.words)
    kinds = kinds_of_people(sentence.text, spans, asked.question.words)
    kept = [one for number, one in enumerate(names) if number not in found]
    kept = [one for one in kept if not _is_people(one, sentence)] or kept  # "Two Italians, X and Y"
    return kept, [word for word in others if not any(start <= word.start < end for start, end in kinds)]


def _is_people(one: Offer, sentence: _Sentence) -> bool:
    """Whether a name is only that of a people: "Italians", "Frenchman"."""
    said = sentence.text[one.start : one.end]
    return not one.is_known and (places.is_of_people(said) or places.is_of_people(_MANY.sub("man", said).removesuffix("s")))


def _echoes(entity: str, sentence: _Sentence) -> bool:
    return any(sentence.asked.is_echo(one) for one in (entity, *sentence.graph.entities(entity)))


def _without_places(names: list[Offer], sentence: _Sentence) -> list[Offer]:
    """Without the place behind a name: "the Rijksmuseum in Amsterdam", "Barcelona, Spain"; one that could be the answer stays."""
    kept: list[Offer] = []
    owners = [one for one in names if _OWNS.match(sentence.text, one.end) and not _could_answer(one, sentence)]
    end = 0
    for one in names if len(owners) == len(names) else [one for one in names if one not in owners]:  # "Bill Gates' company, Microsoft"
        gap = sentence.text[end : one.start] if kept else ""
        end = one.end
        if kept and _could_answer(one, sentence) and not _could_answer(kept[-1], sentence) and _is_place_before(kept[-1], gap, sentence):
            kept[-1] = one  # "in Venice, at La Fenice"
            continue
        behind = bool(kept) and _BEHIND.match(gap) is not None and kept[-1].is_known and not _is_another(kept[-1], one, sentence)
        if kept and not _could_answer(one, sentence) and (behind or _holds(gap, sentence)):
            continue
        kept.append(one)
    return kept


def _is_another(before: Offer, one: Offer, sentence: _Sentence) -> bool:
    """Whether a name behind another's comma is one more answer, no place of the first: a second country, or who else made something."""
    said, first = (sentence.text[offer.start : offer.end] for offer in (one, before))
    if places.is_country(fold(said)):
        return places.is_country(fold(first))
    missing = sentence.asked.missing
    makers = bool(missing) and all(one.side == "object" and is_made(sentence.graph.ontology[one.predicate]) for one in missing)
    return makers and " " in said.strip() and not places.of_name(fold(said))


def _holds(gap: str, sentence: _Sentence) -> bool:
    """Whether words between two names say that the second holds the first."""
    match = _WITHIN.match(gap)
    known = sentence.graph.ontology.classes | {
        noun for one in sentence.asked.missing for noun in sentence.graph.ontology[one.predicate].nouns
    }
    kinds = {word for name in known for word in name.split()}
    return match is not None and all(word in kinds for word in match["kind"].split())


def _holds_any(one: Offer, sentence: _Sentence) -> bool:
    """Whether a name only says where some answer lies: "a bar in Venice", where a bar was asked for."""
    before = _ANY.search(sentence.text, 0, one.start)
    nouns = {noun for missing in sentence.asked.missing for noun in sentence.graph.ontology[missing.predicate].nouns}
    return before is not None and before["noun"].lower() in nouns and not _could_answer(one, sentence)


def _is_place_before(one: Offer, gap: str, sentence: _Sentence) -> bool:
    return bool(_THEN_AT.match(gap)) and re.search(r"\b[Ii]n\s+(?:the\s+)?$", sentence.text[: one.start]) is not None


def _could_answer(one: Offer, sentence: _Sentence) -> bool:
    """Whether the graph has the name as something of the kind that was asked for."""
    return one.entity is not None and _is_answer(one.entity, sentence)


def _is_answer(entity: str, sentence: _Sentence) -> bool:
    """Whether the graph has an entity, as it was written, as an answer to a question of this kind."""
    graph = sentence.graph
    return any(
        (graph.statements_to if missing.side == "object" else graph.statements)(root, missing.predicate)
        for missing in sentence.asked.missing
        for root in (entity, *graph.entities(entity))
    )


def _not_describing(others: list[Word], names: list[Offer], text: str) -> tuple[Word, ...]:
    """Without the words that say what the name behind them is: "the Dutch programmer X", "an author named X"."""
    for one in names:
        described = re.search(r"\b(?:the|a|an|his|her|its|their)\s+((?:[\w'-]+\s+)+)$", text[: one.start], re.IGNORECASE)
        if described is None:
            continue
        inner = list(words(described[1]))
        if len(inner) <= _MOST_DESCRIBING and not any(
            (word.text in FUNCTION_WORDS and word.text != "and") or word.text in TURNING for word in inner
        ):
            others = [word for word in others if not described.start(1) <= word.start < one.start]
    return tuple(others)


def _groups(sentence: _Sentence, begin: int, values: Sequence[tuple[int, int]]) -> Iterator[Word | tuple[int, int]]:
    """The words of a sentence in order; names, of the graph or in capitals, as one span each. Values are left out."""
    tokens = [word for word in words(sentence.text) if word.start >= begin and not any(start <= word.start < end for start, end in values)]
    at = 0
    while at < len(tokens):
        if not _opens(tokens[at], sentence):
            yield tokens[at]
            at += 1
            continue
        last = at
        while (step := _goes_on(tokens, last, sentence)) > 0:
            last += step
        if last + 1 < len(tokens) and last - at < 2 and _describes(tokens, at, last, sentence):
            at = last + 1  # "the Dutch programmer X"
            continue
        if last == at and last + 1 < len(tokens) and _is_adjective(tokens[at], tokens[at + 1], sentence):
            at = last + 1  # "the African currency"
            continue
        yield tokens[at].start, tokens[last].end
        at = last + 1


def _is_adjective(word: Word, following: Word, sentence: _Sentence) -> bool:
    """Whether a word in capitals that nobody knows says of what kind the thing behind it is that was asked for."""
    if any(start <= word.start < end for _, start, end in sentence.mentions) or not word.text.endswith(_ADJECTIVES):
        return False
    return any(following.text in sentence.graph.ontology[one.predicate].nouns for one in sentence.asked.missing)


def _describes(tokens: list[Word], first: int, last: int, sentence: _Sentence) -> bool:
    """Whether capitals behind an article and before words in lower case and a name say what the name is."""
    if any(start <= tokens[first].start < end for _, start, end in sentence.mentions) or first == 0:
        return False
    if tokens[first - 1].text not in ("the", "a", "an"):
        return False
    at = last + 1
    while at < len(tokens) and at - last <= _MOST_DESCRIBING and not _opens(tokens[at], sentence):
        if tokens[at].text in FUNCTION_WORDS or tokens[at].text in TURNING:
            return False
        at += 1
    return last + 1 < at < len(tokens) and _opens(tokens[at], sentence)


def _opens(word: Word, sentence: _Sentence) -> bool:
    if any(start <= word.start < end for _, start, end in sentence.mentions):
        return True
    written = sentence.text[word.start]
    if not written.isupper() and not (written.isdigit() and any(char.isalpha() for char in word.text)):
        return False
    asked = sentence.asked
    return not (
        word.text in FRAME
        or word.text in asked.again
        or (not sentence.text[: word.start].strip() and _is_of_relation(word, sentence))
        or word.text in sentence.graph.ontology.vocabulary
        or word.text in DOUBT
        or word.text in DENIALS
    )


def _is_of_relation(word: Word, sentence: _Sentence) -> bool:
    """Whether a sentence's first word is made of one by which was asked: "Victory went to X", where the victor was."""
    ontology = sentence.graph.ontology
    nouns = (noun for one in sentence.asked.missing for noun in ontology[one.predicate].nouns)
    return any(len(word.text) >= _STEM and noun[:_STEM] == word.text[:_STEM] for noun in nouns)


def _goes_on(tokens: list[Word], last: int, sentence: _Sentence) -> int:
    """How many words further the name goes on; 0 where it ends."""
    if last + 1 >= len(tokens):
        return 0
    here, following = tokens[last], tokens[last + 1]
    gap = sentence.text[here.end : following.start]
    if any(start <= here.start and following.start < end for _, start, end in sentence.mentions):
        return 1
    if gap.strip(" .'-") or (gap.count("\n")):
        return 0
    if following.text in ("of", "in", "at") and any(
        end == here.end and (" " in sentence.text[start:end] or _is_answer(entity, sentence)) for entity, start, end in sentence.mentions
    ):
        return 0  # a place behind a known name: "Scott & Linton of Dumbarton"
    is_initial = len(following.text) == 1 and sentence.text[following.start].isupper() and sentence.text.startswith(".", following.end)
    if is_initial and last + 2 < len(tokens) and _opens(tokens[last + 2], sentence):
        return 2  # "Ada S. Lovelace"
    if _opens(following, sentence) or following.text.isdigit():
        return 1
    if following.text in _LINKS and last + 2 < len(tokens) and not sentence.text[following.end : tokens[last + 2].start].strip():
        return 2 if _opens(tokens[last + 2], sentence) else 0
    return 0
