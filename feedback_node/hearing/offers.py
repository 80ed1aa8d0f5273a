"""Fragments and echoes: what a short sentence offers as the side that the question leaves open.

Read where every word is accounted for: the offered names or values, words of the question and of its relation, and words that frame an
answer ("It is", "The answer is", "If you went there, you would be in"). Another word may change what is said: with some of them only what
the graph verifies is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from feedback_node.extraction.lexicon import words as listed
from feedback_node.hearing.asked import Asked, Missing
from feedback_node.hearing.frame import DENIALS, DOUBT, TURNING, denies
from feedback_node.hearing.languages import is_another_language
from feedback_node.hearing.name_offers import Offer, Offers, offers_in
from feedback_node.value_spans import value_spans
from schemas.triplet import Triplet, Verdict
from streams.knowledge.dates import parse_date
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.judge import NAMED, judge
from streams.knowledge.names import fold, words
from streams.knowledge.ontology import ValueKind
from streams.knowledge.persons import is_made
from streams.knowledge.quantities import parse_quantity

_REGIONS = frozenset(name.replace("-", " ") for name in listed("world_regions"))
"""Parts of the world: where the graph does not know one, it says too little to be told wrong."""
RULE = "fragment"
"""Rule name of these claims; that of one whose whole sentence is a name is `judge.NAMED`."""
RULES = frozenset({RULE, NAMED})
_LABEL = re.compile(r"^\s*(?=[^:=\n]*[^\W\d_])(?P<label>[^:.!?\n]{1,60}?)\s*(?:[:=]|\s[–—-])\s+(?=\S)")
_LABEL_WORDS = 6
_MOST_CHARS, _MOST_UNCUT = 160, 400
"""Of a sentence, and of one with what says more about its answer, or a list."""
_LONG_LIST = 3
"""Commas, at least, of a list that may be as long."""
_MOST_OTHERS = 6
"""With more words that are not accounted for a sentence says something else."""
_APPOSED = re.compile(
    r"\s+while\s|,\s+(?:while|(?:also|better|otherwise|best) known|also called|(?P<whose>who|which|where|whose|(?:even )?though|although)"
    r"|located|situated|(?:just |much |exactly )?like"
    r"|born|by far|one of|(?:just |right )?(?:outside|near|close to)|not far from"
    r"|(?:led|headed|commanded|founded|owned|ruled|based|followed|joined|helped|aided|supported|backed|working)"
    r" (?:by|with|in|at|for|the)|(?P<more>the|an?))\s"
)
"""What follows says more about what was offered."""
_ARTICLE = re.compile(r"\b(?:an?|the)\s", re.IGNORECASE)
_WHEN = re.compile(r"\b(?:in|on|since|around|from|during)\s+$", re.IGNORECASE)
_BY = re.compile(r"\b(?:by|with)\s+(?:the\s+)?$", re.IGNORECASE)
_THEN_BY = re.compile(r"[\"'”’*,]*\s+by\s+(?:the\s+)?")
_OTHER_WORK = re.compile(r"\b(?:is|was)\s+[\"'*]*(?P<work>[A-Z][^.\n]{2,60}?)[\"'*]*\s+by\s+[A-Z]")
_WHERE = re.compile(r"\b(?:in|at|near)\s+(?:the\s+)?$")
HAS_VERB = re.compile(r"\b(?:is|are|was|were|has|have|had|offers?|lies)\b")
_LATER_VERB = re.compile(r",\s+(?:is|are|was|were|has|have|had|offers?|lies)\b")
"""Behind the clause that says more: "X, who was a painter, is the author"."""
_NAMED_BETWEEN = re.compile(r"(?P<head>[^,]{3,60}),\s+(?P<name>[^\W\d_a-z][^,]{1,40}),\s+(?:is|are|was|were|has|had|lies|sits|stands)\b")
"""The end of "The author of Y, X, was a teacher"."""
_MOVED = re.compile(r"\b(?:came|brought|introduced|imported|exported|moved)\s+to\b", re.IGNORECASE)
"""Where something went later is no answer."""
_DESCRIBES = re.compile(r"\b(?:is|are|was|were)\s+an?\s+(?!\d|million|thousand|hundred|dozen|half)\w")
"""To say what kind of thing something is answers no question for a name."""
_ADVICE = re.compile(r"\byou\s+(?:should|could)\b", re.IGNORECASE)
"""To say what should, or could, be done for the answer is to give it: "You should turn to Africa", "You could watch it on X"."""
_INTO_IT = re.compile(r"\binto\s+(?:it|them)\b", re.IGNORECASE)
"""What goes into a thing is not what comes of it."""
_HOW = "by|from|in|at|on|to|into|with|as|for|of"
_ENDS_IN = re.compile(rf"\b(?P<verb>\w+)\s+(?P<how>{_HOW})\W*$", re.IGNORECASE)
_ALSO = re.compile(
    r"\s*(?:,|/|=|,?\s*\bor\b|,?\s*\bwhich is\b|,?\s*\bthat is\b|\()\s*(?:about|roughly|approximately|around|some)?\s*", re.IGNORECASE
)
_SAME_MEASURE = 0.01
"""As much as two roundings of one measure may differ."""
_UNFINISHED = re.compile(r"\b(?:is|are|was|were|an?|the|of|in|by|and|or|with|to|from|that|which|for|as)\s*$", re.IGNORECASE)
"""How an answer ends that was cut off."""


def read_fragment(sentence: str, asked: Asked, graph: Hypergraph, *, alone: bool = False) -> list[Triplet]:
    """The claims of a short sentence on what was asked; spans are those of the sentence. None where it is no such answer.

    `alone`: the sentence is the whole answer.
    """
    if len(sentence) > _MOST_UNCUT or (not asked.missing and not _LABEL.match(sentence)):
        return []
    label, missing = _labelled(sentence, asked, graph)
    if asked.question.by_gold and _is_turned(sentence, asked.text):
        return []
    if not missing or _is_foreign(sentence) or _MOVED.search(sentence) or ("into" not in asked.text and _INTO_IT.search(sentence)):
        return []
    sentence = _without_apposition(sentence, label, graph)
    is_list = sentence.count(",") >= _LONG_LIST and not HAS_VERB.search(sentence)
    if (len(sentence) > _MOST_CHARS and not is_list) or _UNFINISHED.search(sentence):
        return []
    plain = masked(sentence, asked, graph)
    wanted = [one for one in missing if _is_value(one, graph)]
    spans = [*value_spans(plain, label)] if wanted else []
    beside = spans if wanted else [span for span in value_spans(plain, label) if _is_when(sentence, *span)]
    offers = offers_in(sentence, label, beside, asked, graph, alone=alone)
    if _is_of_another_work(sentence, offers, missing, graph) or _is_of_another(sentence, offers, missing, graph):
        return []
    if is_another_language(sentence):  # a word in capitals may be any noun
        offers = offers._replace(names=[one for one in offers.names if one.is_known])
    if wanted and spans and not any(_is_date(one, graph) for one in wanted):
        offers = offers._replace(names=[one for one in offers.names if one.is_known or not _is_counted(sentence, one, spans)])
    if _DESCRIBES.search(sentence, label) and not spans and not _is_by(sentence, offers, missing, graph):
        return []
    claims = _value_claims(sentence, plain[label:], spans, wanted, graph)
    named = [one for one in missing if not _is_value(one, graph)]
    if named and not (spans and not claims):
        claims += _assign(offers, sentence, named, graph)
    elif not all(_is_beside(sentence, one, spans) for one in offers.names) and not (claims and _speaks_of(sentence, missing, graph)):
        return []
    apart = [word for word in words(sentence) if not any(start <= word.start < end for start, end in spans)]
    tokens = [word.text for word in apart if not (word.text == "may" and word.start and sentence[word.start].isupper())]  # the month
    if offers.others:
        claims = _only_verified(claims, offers, tokens, graph)
    advised = {"should", "could"} if _ADVICE.search(sentence) else set()
    hedged = bool(claims) and any(word in DOUBT - advised and word not in graph.ontology.vocabulary for word in tokens)
    return [claim.model_copy(update={"hedged": True}) for claim in claims] if hedged else claims


def _is_turned(sentence: str, question: str) -> bool:
    """Whether a sentence says by whom what a question asks from where, or the other way round: "governed by", "governed from"."""
    ends = _ENDS_IN.search(question)
    if ends is None:
        return False
    said = re.search(rf"\b{re.escape(ends['verb'])}\s+(?P<how>{_HOW})\b", sentence, re.IGNORECASE)
    return said is not None and (said["how"].lower() == "by") != (ends["how"].lower() == "by")


def _is_of_another_work(sentence: str, offers: Offers, missing: Sequence[Missing], graph: Hypergraph) -> bool:
    """Whether the maker that is named is that of another work: "The book is Lord Jim by X", where another was asked of."""
    if len(offers.names) < 2 or not all(is_made(graph.ontology[one.predicate]) for one in missing):
        return False
    work = _OTHER_WORK.search(sentence)
    if work is not None and not any(
        missing[0].entity in (one.entity, *graph.entities(one.entity)) for one in graph.entities_in(work["work"], ambiguous=True)
    ):
        return True
    return any(_THEN_BY.fullmatch(sentence, left.end, right.start) for left, right in pairwise(offers.names))


def _is_of_another(sentence: str, offers: Offers, missing: Sequence[Missing], graph: Hypergraph) -> bool:
    """Whether a sentence says what was asked of another thing, which it names: "Y founded Z", where the founder of X was asked."""
    if len(offers.names) < 2 or not _speaks_of(sentence, missing, graph):
        return False
    objects = [one for one in missing if one.side == "object" and not graph.ontology[one.predicate].symmetric]
    return any(
        graph.statements(name.entity, one.predicate) and not graph.statements_to(name.entity, one.predicate)
        for name in offers.names
        if name.entity is not None
        for one in objects
    )


def masked(sentence: str, asked: Asked, graph: Hypergraph) -> str:
    """The sentence without names, but for those of digits alone that its question does not have: "sea" in "Black Sea" is no unit."""
    for mention in graph.entities_in(sentence, ambiguous=True):
        said = sentence[mention.start : mention.end]
        known = asked.question.entities & {mention.entity, *graph.entities(mention.entity)}
        if known or (said[:1].isupper() and not any(char.isdigit() for char in said)):
            sentence = sentence[: mention.start] + " " * (mention.end - mention.start) + sentence[mention.end :]
    return sentence


def _is_foreign(sentence: str) -> bool:
    """Whether most letters are of another alphabet than the rules read."""
    letters = [char for char in sentence if char.isalpha()]
    return 2 * sum(char > "\u024f" for char in letters) > len(letters)


def is_label(sentence: str) -> bool:
    """Whether a sentence is an item with its label: "Author: X"."""
    return _LABEL.match(sentence) is not None


def _without_apposition(sentence: str, label: int, graph: Hypergraph) -> str:
    """The sentence up to what says more about its answer: "X, the famous chemist"; "X, the Y" is a list where the graph knows Y."""
    named = _NAMED_BETWEEN.match(sentence, label)
    if named is not None and graph.ontology.predicates_in(named["head"]) and not HAS_VERB.search(named["head"]):
        return sentence[: named.end("name")]
    cut = _APPOSED.search(sentence, label + 1)
    if cut is None or (_LATER_VERB if cut["whose"] else HAS_VERB).search(sentence, cut.end()):
        return sentence
    is_list = cut["more"] == "the" or _ARTICLE.search(sentence[label : cut.start()])  # "a lion, a tiger"
    if cut["more"] and is_list and any(start == cut.end() for _, start, _ in graph.entities_in(sentence, ambiguous=True)):
        return sentence
    return sentence[: cut.start()]


def _is_when(sentence: str, start: int, end: int) -> bool:
    """Whether a span says when, beside what was asked: "by ESA on 2 March 2004"."""
    return _WHEN.search(sentence, 0, start) is not None and parse_date(sentence[start:end].strip()) is not None


def _is_counted(sentence: str, name: Offer, values: Sequence[tuple[int, int]]) -> bool:
    """Whether a name is what the number before it counts, or its unit: "24% ABV"."""
    return any(end <= name.start and not sentence[end : name.start].strip() for _, end in values)


def _is_date(missing: Missing, graph: Hypergraph) -> bool:
    return graph.ontology[missing.predicate].value is ValueKind.DATE


def _is_beside(sentence: str, name: Offer, values: Sequence[tuple[int, int]]) -> bool:
    """Whether a name only says by whom, or where, beside the value that was asked for: "On 25 July 1976, in Avignon"."""
    if _BY.search(sentence, 0, name.start) is not None:
        return True
    return bool(values) and values[-1][1] <= name.start and _WHERE.search(sentence, 0, name.start) is not None


def _is_by(sentence: str, offers: Offers, missing: Sequence[Missing], graph: Hypergraph) -> bool:
    """For "It is an album by X", where who made it was asked."""
    named = [one for one in offers.names if _BY.search(sentence, 0, one.start)]
    return bool(named) and len(named) == len(offers.names) and all(is_made(graph.ontology[one.predicate]) for one in missing)


def _speaks_of(sentence: str, missing: Sequence[Missing], graph: Hypergraph) -> bool:
    """Whether a sentence has words of what was asked: "X finished it in 1937" says when, whoever X is."""
    spoken = {*graph.ontology.predicates_in(sentence), *graph.ontology.asked_by(sentence)}
    return any(one.predicate in spoken for one in missing)


def _only_verified(claims: list[Triplet], offers: Offers, tokens: list[str], graph: Hypergraph) -> list[Triplet]:
    """Of a sentence with words that are not accounted for: one claim that is true, and nothing that turns it."""
    if len(claims) != 1 or len(offers.others) > _MOST_OTHERS or len(offers.names) > 1:
        return []
    if any(token in TURNING or token in DENIALS for token in tokens):
        return []
    return [claim for claim in claims if judge(graph, claim).verdict is Verdict.VERIFIED]


def _is_value(missing: Missing, graph: Hypergraph) -> bool:
    return missing.side == "object" and graph.ontology[missing.predicate].value is not ValueKind.ENTITY


def _labelled(sentence: str, asked: Asked, graph: Hypergraph) -> tuple[int, list[Missing]]:
    """Where the answer begins behind its label, and what the label says it is: "Author: X", "Answer: X", "Peru: X"."""
    match = _LABEL.match(sentence)
    if match is None:
        return 0, list(asked.missing)
    label = match["label"]
    if not any(char.isalpha() for char in label):
        return 0, list(asked.missing)
    if len(label.split()) > _LABEL_WORDS or HAS_VERB.search(label):
        return 0, [] if HAS_VERB.search(label) and not match.group().rstrip().endswith(":") else list(asked.missing)
    predicates = graph.ontology.predicates_in(label)
    if any(word.text in {"not", "former", "wrong", "incorrect", "previous"} for word in words(label)):
        return 0, []
    named = [entity for mention in graph.entities_in(label) for entity in (mention.entity,)]
    missing = [one for one in asked.missing if (not predicates or one.predicate in predicates) and (not named or one.entity in named)]
    if missing:
        return match.end(), missing
    if predicates and len(predicates) == 1 and not named:
        owners = {one.entity for one in asked.question.parts}
        if len(owners) == 1 and len(label.split()) <= 4:
            return match.end(), [Missing(predicates[0], owners.pop(), "object")]
    return 0, []


# --- values


def _value_claims(sentence: str, plain: str, spans: Sequence[tuple[int, int]], wanted: list[Missing], graph: Hypergraph) -> list[Triplet]:
    """The one value of a sentence, where numbers or dates were asked: one for each that was, in their order."""
    if len(wanted) == 1 and (measure := _of_one_measure(sentence, spans)):
        found = [_claim(wanted[0], sentence[start:end].strip(), (start, end), graph, denied=False) for start, end in measure]
        return [next((one for one in found if judge(graph, one).verdict is Verdict.VERIFIED), found[0])]
    if not spans or len(spans) > len(wanted):
        return []
    offset = len(sentence) - len(plain)
    claims = []
    for one, (start, end) in zip(wanted, spans, strict=False):
        text = sentence[start:end].strip()
        kind = graph.ontology[one.predicate].value
        if (parse_date(text) if kind is ValueKind.DATE else parse_quantity(text)) is not None:
            denied = any(denies(plain, word) for word in words(plain[: start - offset]))
            claims.append(_claim(one, text, (start, end), graph, denied=denied))
    return claims


def _of_one_measure(sentence: str, spans: Sequence[tuple[int, int]]) -> Sequence[tuple[int, int]]:
    """Two spans that are one measure in two units: "1,333 ft, or 406 metres"; none where they are not."""
    if len(spans) != 2 or not _ALSO.fullmatch(sentence, spans[0][1], spans[1][0]) or not {*DENIALS}.isdisjoint(sentence.lower().split()):
        return ()
    first, second = (parse_quantity(sentence[start:end].strip()) for start, end in spans)
    if first is None or second is None or first.dimension is None or first.dimension != second.dimension:
        return ()
    same = abs(first.low - second.low) <= _SAME_MEASURE * max(abs(first.low), abs(second.low))
    return spans if same and first.factor != second.factor else ()


# --- who is what


def _assign(offered: Offers, sentence: str, missing: list[Missing], graph: Hypergraph) -> Iterator[Triplet]:
    """Each offer as the missing side of what was asked: of several questions by its kind, else in their order."""
    offers = [one for one in offered.names if not _is_region(sentence[one.start : one.end], one, missing, graph)]
    if not offers or not missing:
        return
    rule = NAMED if offered.bare and not offered.others and len(missing) == 1 else RULE
    if len(missing) == 1 or (len({(one.predicate, one.side) for one in missing}) == 1 and len(offers) != len(missing)):
        if len(missing) > 1:
            return
        if rule == NAMED or all(_fits(missing[0], offer, graph) for offer in offers):
            yield from (_offer(missing[0], offer, sentence, graph, rule) for offer in offers)
        return
    left = list(missing)
    for offer in offers:
        ranked = sorted(left, key=lambda one: -_likely(one, offer, graph))
        if ranked and _fits(ranked[0], offer, graph):
            left.remove(ranked[0])
            yield _offer(ranked[0], offer, sentence, graph)


def _is_region(said: str, offer: Offer, missing: Sequence[Missing], graph: Hypergraph) -> bool:
    """Whether a name is a part of the world that the graph does not know, where none was asked for."""
    if offer.entity is not None or fold(said) not in _REGIONS:
        return False
    return not any(fold(told.fact.object) in _REGIONS for one in missing for told in graph.statements(one.entity, one.predicate))


def _likely(missing: Missing, offer: Offer, graph: Hypergraph) -> int:
    if offer.entity is None:
        return 0
    told = graph.statements_to if missing.side == "object" else graph.statements
    return 1 if told(offer.entity, missing.predicate) else 0


def _fits(missing: Missing, offer: Offer, graph: Hypergraph) -> bool:
    """Whether an offer may be the missing side: not where it is known to be something else of the entity ("It is in South America")."""
    if offer.entity is None or _likely(missing, offer, graph):
        return True
    if offer.entity in graph.neighbours(missing.entity):
        return any(
            missing.entity in (*graph.entities(one.subject), *graph.entities(one.object))
            for one in graph.statements_to(offer.entity, missing.predicate)
        )
    return missing.side != "object" or not _follows(missing, offer.entity, graph)


def _follows(missing: Missing, said: str, graph: Hypergraph) -> bool:
    """Whether what is said is true of the entity by another predicate that a chain gives it: the state of the town where it stands."""
    names = {chain.conclusion for chain in graph.ontology.chains} - {missing.predicate}
    claims = (Triplet(subject=missing.entity, predicate=name, object=said, rule=RULE) for name in sorted(names))
    return any(judge(graph, one).verdict is Verdict.VERIFIED for one in claims)


def _offer(missing: Missing, offer: Offer, sentence: str, graph: Hypergraph, rule: str = RULE) -> Triplet:
    return _claim(missing, sentence[offer.start : offer.end], (offer.start, offer.end), graph, denied=offer.denied, rule=rule)


def _claim(missing: Missing, said: str, span: tuple[int, int], graph: Hypergraph, *, denied: bool, rule: str = RULE) -> Triplet:
    known = next(iter(graph.names_of(missing.entity)), missing.entity)
    said = said if fold(said) else said.strip()
    values = (
        {"subject": known, "object": said, "object_span": span}
        if missing.side == "object"
        else {"subject": said, "object": known, "subject_span": span}
    )
    return Triplet(predicate=missing.predicate, rule=rule, negated=denied, **values)
