"""From what the extraction found to what was said: fragments, yes and no, what is set apart, abstention, and what stayed unread."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from feedback_node.extraction.lexicon import words as listed
from feedback_node.hearing.abstention import says_not_to_know
from feedback_node.hearing.asked import Asked, asked_of
from feedback_node.hearing.chosen import as_chosen
from feedback_node.hearing.closer import brought_closer
from feedback_node.hearing.compared import compared
from feedback_node.hearing.dates_beside import date_beside
from feedback_node.hearing.described import told_beside
from feedback_node.hearing.frame import says_something
from feedback_node.hearing.given_back import given_back
from feedback_node.hearing.inverse import named_again
from feedback_node.hearing.known_objects import with_known_offers
from feedback_node.hearing.named_parts import with_named_parts
from feedback_node.hearing.offers import HAS_VERB, is_label, read_fragment
from feedback_node.hearing.own_nouns import with_own_noun
from feedback_node.hearing.plain_lists import plain_list
from feedback_node.hearing.plain_offers import plain_offer
from feedback_node.hearing.plurals import of_many
from feedback_node.hearing.replies import affirms, denies
from feedback_node.hearing.reread import PLACE, inside_place, is_of_kind, owner_of, reread
from feedback_node.hearing.said_again import with_said_again
from feedback_node.hearing.second_readings import without_second_readings
from feedback_node.hearing.set_apart import denied_beside, denied_of
from feedback_node.hearing.sole import is_about, is_liked_there, sole_offer
from feedback_node.hearing.stand_in import said_of_owner
from feedback_node.hearing.surface import Statement, statement_in
from feedback_node.hearing.utterance import Utterance
from feedback_node.hearing.whose import gives_value, owner_first, without_others
from feedback_node.question import Question
from feedback_node.sentences import sentences
from feedback_node.verification import claim_key
from schemas.triplet import Triplet, Verdict
from streams.knowledge.english import DETERMINERS, FUNCTION_WORDS
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.judge import OFFERED, judge
from streams.knowledge.names import words
from streams.knowledge.ontology import ValueKind
from streams.knowledge.phrases import read

_ASKS = re.compile(
    r"^(?:[^.!?]*!\s+)?(?:in |on |at )?(?:is|are|was|were|do|does|did|has|have|had|can|could|who|whose|what|when|where|which|how|why)\b"
    r"[^.!]*\?\W*$",
    re.IGNORECASE,
)
"""A question says nothing."""
_ONLY_SAID = re.compile(rf"\b(?:{'|'.join(sorted(listed('doubt_nouns')))})\b(?:\s+\w+){{0,3}}\s+that\b", re.IGNORECASE)
"""What stands behind "it is a myth that" or "legend has it that" is no answer of the text's own."""
_CUT_OFF = re.compile(r"^\W*(?:it|he|she|they)\s+\w+(?:\s+not)?$", re.IGNORECASE)
"""Behind other sentences no reply: "No, it does not. It is" was to go on, as was "and it is not"."""
_JOINED = re.compile(r",?\s+(?:and|but|although|though)\s+(?=(?:it|they|he|she)\s|(?P<me>(?:I|we|the \w+)\b))")
_OF_ONESELF = re.compile(r"\W*(?:I|we|as an?)\b", re.IGNORECASE)
_REASON = re.compile(r"^\s*(?:because|since|as|for)\s+(?=\w)", re.IGNORECASE)
_REPLY = "yes-no"
_THAT, _SO = frozenset({"that", "this", "it"}), frozenset({"right", "correct", "true", "so", "wrong", "false", "incorrect"})
_SOLE_SENTENCES = 2
_SHORT_CHARS = 100
"""A sentence of more characters is left to the parse."""


class Heard(NamedTuple):
    """What an answer says."""

    triplets: list[Triplet]
    """Its claims; spans are those of the answer as it was written."""
    abstained: bool
    unread: int


def hear(utterance: Utterance, triplets: Sequence[Triplet], prompt: str, question: Question, graph: Hypergraph) -> Heard:
    """Read an answer against its question. `triplets` are what the extraction found in the utterance's prose. Hold the view's lock."""
    asked = whole = asked_of(prompt, question, graph)
    triplets = brought_closer(reread(of_many(triplets, graph), utterance.text, asked, graph), utterance.text, graph)
    triplets = as_chosen(triplets, asked, graph)
    is_long = len(utterance.text) > _SHORT_CHARS
    if utterance.guessed and is_long:
        triplets = [one for one in triplets if _is_known(one, graph)]
    found = [one for one in (*triplets, *denied_of(utterance.denied, triplets)) if not _only_agrees(one)]
    heard: list[Triplet] = [one for one in found if one.object_span is None]
    unread = 0
    doubtful = says_not_to_know(utterance.text)
    on_question = {id(one) for one in found if _is_asked(one, asked, graph)}
    spans = list(_clauses(utterance))
    is_open = not any(_is_asked(one, asked, graph) for one in heard)  # whether the next sentence may be a short answer
    for start, end in spans:
        sentence = utterance.text[start:end]
        own = [one for one in found if one.object_span is not None and start <= _place(one) < end]
        if any(id(one) in on_question for one in own) or (doubtful and says_not_to_know(sentence)):
            denied = _yes_or_no(sentence, asked, start)
            said, is_short = own, False
            if denied is not None and denied.negated and not any(one.negated for one in own):
                said = [denied, *own]  # "No, it is X"
            if is_open and len(asked.missing) > len(left := _left_of(asked, own).missing) > 0:
                said = [*said, *_moved(read_fragment(sentence, asked._replace(missing=left), graph), start)]  # "X made it in 1919"
        else:
            may_be_short = is_open or is_label(sentence)
            said, is_short = _read_sentence(sentence, start, own, asked, graph, may_be_short=may_be_short, alone=len(spans) == 1)
        if not is_short and not doubtful and not _ONLY_SAID.search(sentence):
            said = _with_told_beside(sentence, start, said, asked, graph)
        said += denied_beside(utterance.denied, said, start, end) if is_short else []
        asked = _left_of(asked, [one for one in said if not one.negated]) if is_short else asked
        is_frame = not says_something(sentence) or _asks_again(sentence, asked, graph)
        is_denial = is_short and bool(said) and all(one.negated for one in said)  # "X did not; Y did"
        is_open = is_open and (is_frame or is_denial or (bool(said) and is_short and bool(asked.missing)))
        heard += said
        unread += not said and _states(sentence)
    heard = without_others(heard, asked, graph)
    heard = [one for one in heard if not is_liked_there(one, utterance.text, graph)]
    if not doubtful:
        heard = _with_what_was_asked(heard, utterance, whole, graph)
    heard = (compared(utterance.text, prompt, graph) if not doubtful else []) or with_said_again(heard, utterance, whole, graph)
    if utterance.guessed:
        heard = _without_words(heard, graph, is_long=is_long)
    abstained = doubtful and not any(_is_asked(one, asked, graph) for one in heard)
    if abstained:
        heard = [one for one in heard if graph.ontology.match_predicate(one.predicate) is not None]
        unread = 0
    heard = without_second_readings([with_own_noun(one, utterance.text, graph) for one in heard], whole, graph)
    return Heard([_placed(one, utterance.mapped.span) for one in heard], abstained, unread)


def _with_what_was_asked(heard: list[Triplet], utterance: Utterance, asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """The claims with those that are looked for where nothing told was heard of what was asked, the plainest first."""
    heard = with_named_parts(heard, utterance, asked, graph)
    return with_known_offers(_with_sole_offers(heard, utterance, asked, graph), utterance, asked, graph)


def _clauses(utterance: Utterance) -> Iterator[tuple[int, int]]:
    """The sentences of an answer; one is two where "and it", or "but I do not know", joins them."""
    text = utterance.text
    for start, end in sentences(text, utterance.names):
        joined = _JOINED.search(text, start + 1, end)
        unknowing = joined is not None and says_not_to_know(text[joined.end() : end])
        if (
            joined is None
            or (joined["me"] and not unknowing)
            or (unknowing and (says_not_to_know(text[start : joined.start()]) or _OF_ONESELF.match(text, start)))
        ):
            yield start, end
        else:
            yield start, joined.start()
            yield joined.end(), end


def _left_of(asked: Asked, said: Sequence[Triplet]) -> Asked:
    """What of a question with several parts is still open behind a short answer; all behind a bare yes or no ("Yes. It was X")."""
    is_reply = all(one.rule == _REPLY for one in said)
    answered = {one.predicate for one in said if not is_reply}
    return asked._replace(missing=tuple(one for one in asked.missing if one.predicate not in answered))


def _only_agrees(triplet: Triplet) -> bool:
    """For "That's right": it says nothing of its own."""
    return triplet.subject.lower() in _THAT and triplet.object.lower() in _SO


def _place(triplet: Triplet) -> int:
    spans = [span for span in (triplet.predicate_span, triplet.object_span) if span is not None]
    return spans[0][0]


def _read_sentence(
    sentence: str, start: int, own: list[Triplet], asked: Asked, graph: Hypergraph, *, may_be_short: bool, alone: bool
) -> tuple[list[Triplet], bool]:
    """The claims of one sentence, and whether it was read as a short answer."""
    if (replied := _yes_or_no(sentence, asked, start)) is not None:
        rest = _REASON.sub("", sentence.split(",", 1)[1]) if "," in sentence else ""
        shift = len(sentence) - len(rest)
        more = _moved(_of_other(sentence, asked, graph), start)
        if rest and not more:
            more = _moved([*read_fragment(rest, asked, graph), *date_beside(rest, asked, graph)], start + shift)
        more = more or _moved(_of_owner(sentence, asked, graph), start)
        return [replied, *more, *(one for one in own if graph.ontology.match_predicate(one.predicate) is not None)], True
    if _ONLY_SAID.search(sentence) or _ASKS.match(sentence):
        return own, False
    if may_be_short and (listed_things := plain_list(sentence, asked, graph)):
        return _moved(listed_things, start), True
    if may_be_short and own and (offered := _named_with_place(sentence, start, own, asked, graph)):
        return offered, True
    # a statement of its own, about something else than was asked
    if gives_value(own, asked, graph) or any(_is_whole(one, graph) for one in own):
        beside = owner_first(sentence, own, asked, graph) if asked.question.value else _value_beside(sentence, own, asked, graph)
        return [*own, *(_moved(beside, start) if may_be_short else [])], False
    if may_be_short and (offered := read_fragment(sentence, asked, graph, alone=alone)):
        placed = [inside_place(one, sentence, asked, graph) for one in offered]
        return _moved([*placed, *date_beside(sentence, asked, graph)], start), True
    if not any(graph.ontology.match_predicate(one.predicate) for one in own) and (said := _of_owner(sentence, asked, graph)):
        return _moved(said, start), may_be_short
    short = len(sentence) <= _SHORT_CHARS
    if (
        short
        and not any(graph.ontology.match_predicate(one.predicate) for one in own)
        and (stated := statement_in(sentence, graph)) is not None
    ):
        return [*_moved([_triplet(sentence, stated, "short")], start)], False
    return own, False


def _of_other(sentence: str, asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """What a reply says of something else than was asked: "Yes, because it was built by X"."""
    wanted = {one.predicate for one in asked.missing}
    return [
        one for one in _of_owner(sentence, asked, graph) if one.predicate not in wanted and judge(graph, one).verdict is not Verdict.UNKNOWN
    ]


def _of_owner(sentence: str, asked: Asked, graph: Hypergraph) -> list[Triplet]:
    if len(sentence) > _SHORT_CHARS:
        return []
    owner = owner_of(asked)
    if owner is None and asked.statement is not None:
        owner = read(graph, asked.text[slice(*asked.statement.subject)]).entity
    return said_of_owner(sentence, owner, asked, graph) if owner is not None else []


def _named_with_place(sentence: str, start: int, own: list[Triplet], asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """An answer that is a name with its place, and no sentence: "X in Y", "X, a town in Y". What nobody knows of the place is no claim."""
    if HAS_VERB.search(sentence):
        return []
    offered = read_fragment(sentence, asked, graph)
    is_true = any(judge(graph, one).verdict is Verdict.VERIFIED for one in offered)
    if not offered or not (is_true or all(one.rule == PLACE for one in own)):
        return []
    offered += date_beside(sentence, asked, graph)
    return [*_moved(offered, start), *(one for one in own if judge(graph, one).verdict is not Verdict.UNKNOWN)]


def _value_beside(sentence: str, own: list[Triplet], asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """The date that was asked for, behind who did it: "X invented it in 1979"."""
    owners = {one.entity for one in asked.missing}
    spoken = {*graph.ontology.predicates_in(sentence), *graph.ontology.asked_by(sentence)}
    for one in own:
        match = graph.ontology.match_predicate(one.predicate)
        if match is not None and graph.ontology[match.name].value is not ValueKind.ENTITY:
            return []
    if not any(read(graph, side).entity in owners for one in own for side in (one.subject, one.object)):
        return []
    offered = read_fragment(sentence, asked, graph)
    return [one for one in offered if one.predicate in spoken and graph.ontology[one.predicate].value is ValueKind.DATE]


def _with_told_beside(sentence: str, start: int, said: list[Triplet], asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """The claims of a sentence with what it says of what was asked beside its statement, where that tells nothing."""
    on_question = [one for one in said if _is_asked(one, asked, graph)]
    if any(judge(graph, one).verdict is not Verdict.UNKNOWN for one in on_question):
        return said
    told = given_back(sentence, asked, graph) or [inside_place(one, sentence, asked, graph) for one in told_beside(sentence, asked, graph)]
    told = told or plain_offer(sentence, asked, graph) or plain_list(sentence, asked, graph) or named_again(sentence, asked, graph)
    if not told:
        return said
    again = [one for one in said if one.predicate in ("is", "was") and any(other.object in one.object for other in told)]
    kept = (
        one for one in said if one not in again and (_is_name(one.object) or not (one in on_question or one.predicate in ("is", "was")))
    )
    return [*kept, *_moved(told, start)]


def _with_sole_offers(heard: list[Triplet], utterance: Utterance, asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """The claims with the one candidate for each thing asked of which they tell nothing; what they say of that untold is left out."""
    for missing in asked.missing:
        on_it = [one for one in heard if missing.predicate in {match.name for match in graph.ontology.match_all(one.predicate)}]
        if any(not one.negated and judge(graph, one).verdict is not Verdict.UNKNOWN for one in on_it):
            continue
        for start, end in islice(sentences(utterance.text, utterance.names), _SOLE_SENTENCES):
            sentence = utterance.text[start:end]
            if _ASKS.match(sentence) or not says_something(sentence):
                continue
            if _ONLY_SAID.search(sentence):
                break
            if offered := _moved([inside_place(one, sentence, asked, graph) for one in sole_offer(sentence, asked, missing, graph)], start):
                heard = [one for one in heard if one not in on_it or one.negated] + offered
                break
            is_said = any(one.object_span is not None and start <= _place(one) < end for one in on_it if not one.negated)
            if is_said or not is_about(sentence, missing, graph):
                break
    return heard


def _without_words(claims: list[Triplet], graph: Hypergraph, *, is_long: bool) -> list[Triplet]:
    """Where capitals are guessed: without names that nobody knows; in a short answer only where another is known for the same predicate."""
    known = {one.predicate for one in claims if _is_known(one, graph)}
    return [one for one in claims if one.rule == OFFERED or _is_known(one, graph) or not (is_long or one.predicate in known)]


def _is_known(triplet: Triplet, graph: Hypergraph) -> bool:
    """Whether the graph has both sides, or one is a value: in a text without capitals of its own an unknown word may be no name."""
    match = graph.ontology.match_predicate(triplet.predicate)
    if match is None or graph.ontology[match.name].value is not ValueKind.ENTITY:
        return True
    readings = [read(graph, side) for side in (triplet.subject, triplet.object)]
    return all(one.entity is not None or one.candidates for one in readings)


def _is_whole(triplet: Triplet, graph: Hypergraph) -> bool:
    """Whether a claim says something of two names by itself; "it was written by X" and "X wrote the novel" need their question."""
    match = graph.ontology.match_predicate(triplet.predicate)
    if match is None:
        return False
    kind = graph.ontology[match.name].value
    if kind is not ValueKind.ENTITY:
        sides = (triplet.object, triplet.subject) if match.reversed else (triplet.subject, triplet.object)
        return is_of_kind(sides[1], kind) and bool(read(graph, sides[0]).candidates)
    return all(_is_name(text) or read(graph, text).entity is not None for text in (triplet.subject, triplet.object))


def _is_name(text: str) -> bool:
    content = [word for word in text.split() if word.lower() not in FUNCTION_WORDS]
    return bool(content) and content[0][:1].isupper()


def _is_asked(triplet: Triplet, asked: Asked, graph: Hypergraph) -> bool:
    """Whether a claim is about what was asked, with something on the other side that the question does not have."""
    if not asked.question.parts:
        return False
    matches = {match.name for match in graph.ontology.match_all(triplet.predicate)}
    if not matches:
        return False
    if asked.question.value:
        key = claim_key(triplet, graph)
        return (key.predicate, key.object) == asked.question.parts[0][:2]
    sides = [read(graph, text).entity for text in (triplet.subject, triplet.object)]
    for part in asked.question.parts:
        if part.entity in sides and (part.predicate in matches or (part.predicate is None and matches)):
            at = 1 if sides[0] == part.entity else 0
            other = sides[at]
            if part.predicate is not None and not is_of_kind((triplet.subject, triplet.object)[at], graph.ontology[part.predicate].value):
                continue  # "X finished the painting" says no date
            if other is None or not asked.is_echo(other) or asked.statement is not None:
                return True
    return False


def _yes_or_no(sentence: str, asked: Asked, start: int) -> Triplet | None:
    """What a yes affirms and a no denies; `start`: where the sentence begins."""
    if asked.statement is None or (start and _CUT_OFF.match(sentence)):
        return None
    yes, no = affirms(sentence), denies(sentence)
    if not yes and not no:
        return None
    claim = _triplet(asked.text, asked.statement, _REPLY)
    return claim.model_copy(update={"negated": asked.statement.denied != no, "object_span": None, "subject_span": None})


def _triplet(text: str, statement: Statement, rule: str) -> Triplet:
    return Triplet(
        subject=text[slice(*statement.subject)].strip(" \"'"),
        predicate=statement.predicate,
        object=text[slice(*statement.object)].strip(" \"'"),
        subject_span=statement.subject,
        object_span=statement.object,
        rule=rule,
        negated=statement.denied,
    )


# --- places


def _moved(triplets: Sequence[Triplet], by: int) -> list[Triplet]:
    return [_placed(one, lambda start, end: (start + by, end + by)) for one in triplets]


def _placed(triplet: Triplet, place: Callable[[int, int], tuple[int, int]]) -> Triplet:
    spans = {
        name: place(*span) for name in ("subject_span", "predicate_span", "object_span") if (span := getattr(triplet, name)) is not None
    }
    return triplet.model_copy(update=spans) if spans else triplet


def _asks_again(sentence: str, asked: Asked, graph: Hypergraph) -> bool:
    """Whether a sentence only says the question again, as one, or what it asks for: "The cotton gin? That was X.", "The author? X."."""
    if not sentence.rstrip().endswith("?"):
        return False
    left = {word.text for word in words(sentence)} - asked.question.words - DETERMINERS
    return not left or (len(left) == 1 and any(one.predicate in graph.ontology.predicates_in(*left) for one in asked.question.parts))


def _states(sentence: str) -> bool:
    """Whether a sentence has content that could have been a claim."""
    return not sentence.rstrip().endswith("?") and any(word.text not in FUNCTION_WORDS for word in words(sentence))
