"""What a sentence says of what was asked in its noun phrases, where the parse reads something else as its statement.

"The author is a British writer, X", "the capital, which is called X", "The novel Y by X tells of", "a country whose capital is X", "Built
by X, the ship sank", "It is a 1976 opera". Only where one thing was asked of one entity, and the words before the name speak of just that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from feedback_node.extraction.lexicon import words as listed
from feedback_node.hearing.asked import Asked, Missing
from feedback_node.hearing.frame import DENIALS, DOUBT, FRAME, TURNING
from feedback_node.hearing.offers import read_fragment
from feedback_node.hearing.sole import is_about
from feedback_node.hearing.surface import statement_in
from schemas.triplet import Triplet
from streams.knowledge.english import FUNCTION_WORDS
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.judge import NAMED, OFFERED
from streams.knowledge.names import words
from streams.knowledge.ontology import ValueKind
from streams.knowledge.persons import is_made

RULE = "described"
_UPPER = r"[^\W\d_a-z][\w.'&-]*"
_NAME = rf"(?:\"(?P<quoted>[^\"\n]{{2,60}})\"|'?(?P<name>{_UPPER}(?:\s+(?:(?:of|de|der|van|von|la|le|el|and|&)\s+)?{_UPPER})*)'?)"
_END = r"(?=\s*(?:[.,;:!?)\n]|$)|\s+(?:who|which|that|is|was|and|in|from|at|but|or|whose)\b)"
_KIND = r"(?P<kind>(?:[Aa]n?|[Tt]he|his|her|its|our|one)\s+(?:[\w'-]+\s+){0,6}?(?:[^\W\d_A-Z][\w'-]*|\w+man))"
_CALLED = re.compile(
    rf"(?:,?\s+(?:which|who|that))?(?:\s+(?:is|was|are|were))?\s+(?:simply\s+|actually\s+)?(?:called|named|known as|titled)\s+{_NAME}{_END}"
)
_CALLED_SMALL = re.compile(rf"\b(?:called|named|known as)\s+(?:(?:an?|the)\s+)?[\"']?(?P<said>[a-z][\w-]+(?:\s[a-z][\w-]+)?)[\"']?{_END}")
_DESCRIBED = re.compile(rf"\b(?:is|was|are|were|by)\s+(?:actually\s+)?{_KIND},\s+{_NAME}{_END}")
_ALONE = re.compile(rf"(?:By\s+)?{_KIND},\s+{_NAME}[.!]?$")
_BY = re.compile(rf"[\"']?,?\s+by\s+(?:{_KIND},?\s+)?{_NAME}")
_WHOSE = re.compile(rf"(?<!,)\s+whose\s+(?P<relation>(?:[\w-]+\s+){{1,3}}?)(?:is|was)\s+{_NAME}{_END}")
_APPOSED = re.compile(
    rf"(?:\bof\s+(?:the\s+)?[\"']?\x00+[\"']?|\x00(?:['’]s?)?\s+(?P<relation>(?:[\w-]+\s){{0,2}}[\w-]+)),\s+{_NAME},\s+(?:is|was|has|had|lies)\b"
)
_IS_A = re.compile(r"^(?:the\s+)?(?:it|\x00+)\s+(?:is|was)\s+(?:an?|the)\s", re.IGNORECASE)
_OPENING = re.compile(r"^(?P<head>[A-Z][a-z]+[^,;:]{3,70}),\s+(?=(?:it|she|he|they|this|that|the|its|her|his)\b|\x00)")
_VERB = re.compile(r"(?P<first>\w+)(?:\s+\w+){0,2}?\s+(?:by|in|on|at)\b")
_YEAR = re.compile(r"\b(?:is|was)\s+an?\s+(?:[a-z-]+\s+)?(?P<year>[12]\d{3})\s+(?:[\w-]+\s+){0,3}?(?P<noun>[a-z]+)\b")
_BEGINS = re.compile(r"^(?:\w+\s+){0,4}?[\"']?\x00")
_BEHIND = re.compile(r",\s+(?P<said>(?P<verb>(?:was|is|were|are)\s+(?:\w+\s+){0,3}?(?:in|on|by|at))\s[^,;:]{2,60})")
_IS_KIND = re.compile(r"\x00[\"']?\s+(?:by\s+[\w. ]{2,40}?\s)?(?:is|was)\s+an?\s")
_THAT = re.compile(r"\s(?:that|which)\s+(?P<said>(?P<verb>(?:\w+\s+){1,4}?(?:in|on|by|at))\s[^,;:.]{2,60})")
_HEAD = re.compile(r",\s+(?:an?|the|who|which|where|whose|with|one)\s")
_TRIGGER = re.compile(r"\b(?:called|named|known|titled|by|whose|an?|from|in|that|who|which)\b|,\s|\b[12]\d{3}\s", re.IGNORECASE)
_OWN_NAME = re.compile(
    rf"\b(?P<link>by|product of|brand of)\s+(?:an?|the)\s+(?:[\w-]+\s+){{1,5}}?(?:called|named)\s+"
    rf"(?:[\"']?(?P<own>\x00+)[\"']?(?=\s*[,.;]|$|\s+(?:in|that|which|based)\b)|{_NAME})"
)
_DOER = re.compile(
    rf"^(?:The|An?)\s+(?:[a-z-]+\s+){{1,2}}(?:that|who|which)\s+(?P<said>[a-z]+(?:\s[a-z]+)?)\s+(?:the\s+)?\x00+\s+(?:is|was)\s+"
    rf"(?:an?\s+(?:[\w-]+\s+){{1,6}}?(?:called|named)\s+(?P<own>\x00+)|{_NAME})"
)
_BESIDE = frozenset({"near", "from", "borders", "bordering", "by", "after", "with", "to", "than", "outside", "like", "unlike", "of"})
"""Behind one of these it is another thing's."""
_SAME = listed("same_as")
_PLACES = _SAME | {"region", "part", "area", "side", "coast", "state", "mountains", "hills", "valley"}
_KIND_IS = r"\x00[\"']?\s+(?:is|are|was|were)\s+(?:an?|the|one of the|another)\s+"
_OF_KIND = re.compile(rf"{_KIND_IS}(?:[a-z]+\s+)?(?P<adjective>{_UPPER}(?:\s{_UPPER})?)\s+(?P<nouns>[a-z-]+(?:\s+[a-z-]+){{0,2}})\b")
_KIND_OF = re.compile(
    rf"{_KIND_IS}(?:[\w-]+\s+){{1,8}}?(?P<said>(?:[a-z]+\s+)?(?:by|in|from|to|at))\s+(?:the\s+)?"
    rf"(?:(?:[\w-]+\s+){{0,2}}(?:{'|'.join(sorted(_PLACES))})\s+of\s+(?:the\s+)?)?{_NAME}(?:,\s+(?P<within>{_UPPER}))?"
)
_MOST_CHARS = 400


def told_beside(sentence: str, asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """The claim on what was asked that a sentence makes beside its statement; spans are those of the sentence. Hold the view's lock."""
    if len(asked.missing) > 1 and len({one.entity for one in asked.missing}) == 1:
        parts = (told_beside(sentence, asked._replace(missing=(one,)), graph) for one in asked.missing)
        return [found for part in parts for found in part]
    if len(asked.missing) != 1 or len(sentence) > _MOST_CHARS or not _TRIGGER.search(sentence):
        return []
    (missing,) = asked.missing
    if missing.side != "object":
        return []
    kind = graph.ontology[missing.predicate].value
    text = _Sentence(sentence, _without_owner(sentence, asked, graph), missing, asked, graph)
    rules: tuple[_Rule, ...] = (_opening, _head, _behind_aside)
    if kind is ValueKind.ENTITY:
        rules = (_own_name, _called, _called_in_small, _described, _apposed, _by, _whose, *rules, _of_kind, _kind_of, _kind_stated)
    elif kind is ValueKind.DATE:
        rules = (_of_year, *rules)
    return next((found for rule in rules if (found := list(rule(text)))), [])


class _Sentence:
    """A sentence, and what was asked."""

    def __init__(self, text: str, hidden: str, missing: Missing, asked: Asked, graph: Hypergraph) -> None:
        self.text = text
        self.hidden = hidden
        """The same with NUL characters for the name of what was asked of."""
        self.missing = missing
        self.asked = asked
        self.graph = graph

    def claim(self, match: re.Match[str]) -> Iterator[Triplet]:
        """That the missing side is the name of a match; a longer one where the graph knows it."""
        start, end = match.span("quoted" if match["quoted"] else "name")
        mention = next((one for one in self.graph.entities_in(self.text, ambiguous=True) if one.start == start), None)
        end = max(end, mention.end) if mention is not None else end
        said = self.text[start:end].rstrip(" .,'")
        if "\x00" not in self.hidden[start:end] and not any(word.text in DENIALS for word in words(said)):
            owner = next(iter(self.graph.names_of(self.missing.entity)), self.missing.entity)
            yield Triplet(subject=owner, predicate=self.missing.predicate, object=said, object_span=(start, start + len(said)), rule=RULE)

    def of_owner(self, match: re.Match[str], group: str) -> Triplet:
        """That the missing side is what a group of a match holds, as it stands."""
        start, end = match.span(group)
        owner = next(iter(self.graph.names_of(self.missing.entity)), self.missing.entity)
        return Triplet(
            subject=owner, predicate=self.missing.predicate, object=self.text[start:end], object_span=(start, end), rule=RULE
        )  # fmt: skip

    def speaks(self, context: str, *, last: bool = False) -> bool:
        """Whether words before a name speak of what was asked, and of nothing else; `last`: the very last of them do."""
        if context.replace("\x00", "").strip() and self._names_another(context):
            return False
        plain = re.sub(r"\s*(?:\bof\s+(?:the\s+)?)?\x00+(?:'s)?", " ", context)
        tokens = [word.text for word in words(plain)]
        turning = TURNING - self.asked.question.words - {"first"}
        if any(token in DENIALS or token in DOUBT or token in turning for token in tokens):
            return False
        ontology = self.graph.ontology
        windows = (" ".join(tokens[-1:]), " ".join(tokens[-2:])) if last else (plain,)
        return any(self.missing.predicate in ontology.predicates_in(one) for one in windows)

    def asks(self, said: str) -> bool:
        """Whether words are those of the relation that was asked, in any form, or nearly say it."""
        ontology = self.graph.ontology
        plain = said.replace("\x00", "")
        matched = {match.name for match in ontology.match_all(plain) if not match.reversed}
        return self.missing.predicate in {*matched, *ontology.predicates_in(plain), *ontology.asked_by(plain)}

    def _names_another(self, context: str) -> bool:
        known = (*words(context),)
        for number, word in enumerate(known):
            if number and context[word.start].isupper() and word.text not in self.asked.question.words and word.text not in FRAME:
                return True
        return any(not self.asked.is_echo(one.entity) for one in self.graph.entities_in(context, ambiguous=True))


_Rule = Callable[[_Sentence], Iterator[Triplet]]


def _without_owner(sentence: str, asked: Asked, graph: Hypergraph) -> str:
    for mention in graph.entities_in(sentence, ambiguous=True):
        if asked.is_echo(mention.entity) or any(asked.is_echo(one) for one in graph.entities(mention.entity)):
            sentence = sentence[: mention.start] + "\x00" * (mention.end - mention.start) + sentence[mention.end :]
    return sentence


def _called(text: _Sentence) -> Iterator[Triplet]:
    """ "The capital, which is called X", "people use a currency named X"."""
    for match in _CALLED.finditer(text.hidden):
        if text.speaks(text.hidden[: match.start()], last=True):
            yield from text.claim(match)
            return


def _called_in_small(text: _Sentence) -> Iterator[Triplet]:
    """ "It is a mineral called pyrite", where the true one is written in small letters, too."""
    graph, missing = text.graph, text.missing
    if not all(one.fact.object.islower() for one in graph.statements(missing.entity, missing.predicate)):
        return
    match = _CALLED_SMALL.search(text.hidden)
    known = graph.ontology.classes | listed("general_nouns") | listed("part_nouns") | {"called", *graph.ontology[missing.predicate].nouns}
    if match is not None and known.isdisjoint(match["said"].split()) and text.speaks(text.hidden[: match.start()], last=True):
        yield text.of_owner(match, "said").model_copy(update={"rule": OFFERED})


@lru_cache(maxsize=64)
def _stated(nouns: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?P<before>\w+)\s+(?:the|an?)\s+(?:[\w-]+\s+){{0,3}}?(?P<noun>{nouns})\s+(?:(?P<of>of\s+)|called\s+|named\s+)?"
        rf"(?:[\"']?(?P<own>\x00+)[\"']?(?=\s*[,.;!]|$)|{_NAME}{_END})"
    )


def _kind_stated(text: _Sentence) -> Iterator[Triplet]:
    """ "In the month of May", "the northern city of X", "the planet X" of a moon X: it says itself that it is what was asked for."""
    nouns = [re.escape(noun) for noun in text.graph.ontology[text.missing.predicate].nouns if " " not in noun]
    if not nouns:
        return
    match = _stated("|".join(nouns)).search(text.hidden) if is_about(text.text, text.missing, text.graph) else None
    before = {word.text for word in words(text.hidden[: match.start() + 1])} if match is not None else set()
    if match is None or match["before"].lower() in _BESIDE or before & (DENIALS | DOUBT | TURNING - text.asked.question.words - {"part"}):
        return
    if match["of"] and match["noun"] not in _SAME:
        return  # "in the capital of X" says of what
    if match["own"] is not None and not match["of"]:
        if re.search(rf"\b{match['noun']}\s+{re.escape(text.text[slice(*match.span('own'))])}", text.asked.text, re.IGNORECASE):
            return  # "a baby X" is called "a baby X": what is asked of, said again
        yield text.of_owner(match, "own").model_copy(update={"rule": NAMED})
    elif match["own"] is None:
        yield from (one.model_copy(update={"rule": NAMED}) for one in text.claim(match))


def _described(text: _Sentence) -> Iterator[Triplet]:
    """ "The author is a British writer, X", "None other than the famous writer, X"."""
    alone = _ALONE.match(text.hidden.strip())
    for match in (*([alone] if alone is not None else ()), *_DESCRIBED.finditer(text.hidden)):
        inner = {word.text for word in words(match["kind"])}
        plain = match["name"] and not inner & (TURNING | DENIALS) and len(inner & FUNCTION_WORDS) < 2
        if plain and (match is alone or text.speaks(text.hidden[: match.start("kind")])):
            yield from text.claim(match)
            return


def _apposed(text: _Sentence) -> Iterator[Triplet]:
    """ "The author of Y, X, was a teacher"."""
    match = _APPOSED.search(text.hidden)
    if match is not None and text.speaks(match["relation"] or text.hidden[: match.start()], last=True):
        yield from text.claim(match)


def _own_name(text: _Sentence) -> Iterator[Triplet]:
    """ "Y is built by a company called Y": the same name, of another."""
    match = _OWN_NAME.search(text.hidden) or _DOER.search(text.hidden)
    if match is None or not is_made(text.graph.ontology[text.missing.predicate]):
        return
    said = match["said"] if match.re is _DOER else text.hidden[: match.end("link")]
    if not (text.asks(said) or (match.re is _OWN_NAME and match["link"] != "by")):
        return
    if match["own"] is None:
        yield from text.claim(match)
    else:
        yield text.of_owner(match, "own")


def _of_kind(text: _Sentence) -> Iterator[Triplet]:
    """ "Y is a Japanese kind of beetle", "Y is a Beatles album": what the graph has as an object of what was asked."""
    match = _OF_KIND.search(text.hidden)
    if match is None or text.graph.ontology.classes.isdisjoint(match["nouns"].split()):
        return
    entity = text.graph.resolve(match["adjective"]).entity
    if entity is not None and text.graph.statements_to(entity, text.missing.predicate):
        yield text.of_owner(match, "adjective")


def _kind_of(text: _Sentence) -> Iterator[Triplet]:
    """ "Y is a kind of beetle native to X", "Y is a ship built by X"."""
    for match in _KIND_OF.finditer(text.hidden):
        before = {word.text for word in words(text.hidden[: match.start("said")])}
        first, _, last = match["said"].partition(" ")
        said = last if first in text.graph.ontology.classes else match["said"]  # "a kind of beetle from Y"
        is_cut_off = match.end() == len(text.hidden) and text.hidden[-1:] not in ".!?\"'"
        if is_cut_off or not text.asks(said) or not _SOURCES.isdisjoint(before) or before & (DENIALS | DOUBT):
            continue
        within = text.graph.resolve(match["within"] or "").entity
        if within is not None and text.graph.statements_to(within, text.missing.predicate):
            yield text.of_owner(match, "within")
        else:
            yield from text.claim(match)
        return


def _by(text: _Sentence) -> Iterator[Triplet]:
    """ "The novel Y by X tells of": who made it."""
    if not is_made(text.graph.ontology[text.missing.predicate]):
        return
    for owner in re.finditer(r"\x00+", text.hidden):
        match = _BY.match(text.hidden, owner.end())
        before = [word.text for word in words(text.hidden[: owner.start()])]
        classes = text.graph.ontology.classes
        plain = all(word in FRAME or word in classes or word in text.asked.question.words or word in _STORIES for word in before)
        if match is not None and plain and not any(word in DENIALS or word in DOUBT for word in before):
            yield from text.claim(match)
            return


def _whose(text: _Sentence) -> Iterator[Triplet]:
    """ "X is a canton in the west whose capital is Y"."""
    match = _WHOSE.search(text.hidden)
    if match is not None and _IS_A.match(text.hidden) and text.speaks(match["relation"]):
        yield from text.claim(match)


def _of_year(text: _Sentence) -> Iterator[Triplet]:
    """ "It is a 1976 opera", where that is the one date that is known of it."""
    match = _YEAR.search(text.hidden)
    graph, missing = text.graph, text.missing
    dates = [name for name in graph.predicates() if graph.ontology[name].value is ValueKind.DATE and graph.statements(missing.entity, name)]
    if match is None or dates != [missing.predicate] or match["noun"] not in graph.ontology.classes or not _IS_A.match(text.hidden):
        return
    yield text.of_owner(match, "year")


def _opening(text: _Sentence) -> Iterator[Triplet]:
    """ "Built by X, the ship sank"."""
    match = _OPENING.match(text.hidden)
    if match is None:
        return
    head = text.text[: match.end("head")]
    verb = _VERB.match(head)
    if verb is not None and verb["first"].lower() not in FUNCTION_WORDS and text.speaks(verb.group()):
        yield from read_fragment(head, text.asked, text.graph)


def _behind_aside(text: _Sentence) -> Iterator[Triplet]:
    """ "Y by Z, a writer, was first published in 1969", "Y is a novel by Z that came out in 1813": of what the sentence begins with."""
    if not _BEGINS.match(text.hidden):
        return
    pattern = _THAT if _IS_KIND.search(text.hidden) else _BEHIND
    for match in pattern.finditer(text.hidden):
        start, end = match.span("said")
        if pattern is _THAT and not _SOURCES.isdisjoint(word.text for word in words(text.hidden[: match.start()])):
            continue  # "an opera based on a play that was first performed in 1887"
        if text.speaks(match["verb"]) and (found := read_fragment(text.text[start:end], text.asked, text.graph)):
            yield from (
                one.model_copy(update={"object_span": (one.object_span[0] + start, one.object_span[1] + start)})
                for one in found
                if one.object_span is not None
            )
            return


def _head(text: _Sentence) -> Iterator[Triplet]:
    """The sentence up to what says more of its last name: "The author of Y is X, a character who"."""
    cut = _HEAD.search(text.text)
    if cut is None:
        return
    head = text.text[: cut.start()]
    stated = statement_in(head, text.graph)
    if stated is None or stated.predicate != text.missing.predicate:
        return
    if text.graph.resolve(head[slice(*stated.subject)]).entity == text.missing.entity:
        sides = (head[slice(*stated.subject)], head[slice(*stated.object)])
        yield Triplet(
            subject=sides[0], predicate=stated.predicate, object=sides[1].strip(" \"'"), subject_span=stated.subject,
            object_span=stated.object, rule=RULE, negated=stated.denied,
        )  # fmt: skip


_SOURCES = frozenset(
    ("based", "on", "from", "about", "after", "adaptation", "adapted", "sequel", "prequel", "version",
     "inspired", "remake", "in", "at", "near", "with", "whose", "like", "unlike", "set")
)  # fmt: skip
"""Words behind which a "that" may speak of another work."""
_STORIES = listed("editions") | {"story", "tale", "music", "plot", "text", "work", "famous", "classic"}
