"""`TripletExtractor`: texts in, claims out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from feedback_node.extraction.bounds import readable
from feedback_node.extraction.claims import Claim
from feedback_node.extraction.clauses import read_verb
from feedback_node.extraction.directions import mend_directions
from feedback_node.extraction.lists import mend_lists
from feedback_node.extraction.lost_subjects import mend_subjects
from feedback_node.extraction.marks import hedged, is_question, is_rather, negated
from feedback_node.extraction.measured import mend_measures
from feedback_node.extraction.mends import mend
from feedback_node.extraction.nouns import read_noun
from feedback_node.extraction.parse import Parse, read_doc
from feedback_node.extraction.patterns import RULE, Patterns, merge
from feedback_node.extraction.pipeline import MergingTokenizer, Spans, load_pipeline, plain_tokens
from feedback_node.extraction.reading import Reading
from feedback_node.extraction.relatives import mend_relatives
from feedback_node.extraction.times import is_time, tells_only_when, time_of
from feedback_node.extraction.two_roles import mend_two_roles
from schemas.triplet import Triplet
from streams.knowledge.ontology import ValueKind

if TYPE_CHECKING:
    from streams.knowledge.ontology import Ontology
    from streams.knowledge.relations import PredicateMatch

BATCH = 64
"""Texts parsed at once: what more of them need does not stay in a processor's cache."""
_BRING = ("has", "have", "had", "with", "by", "uses", "use")
"""Last words of relations by which a thing has the value that they bring."""
_BEHIND = 4
"""Words of a phrase behind its number, at most."""
MAX_WORDS = 500_000
"""Distinct words that a process keeps: some 100 MB."""


class TripletExtractor:
    """Finds the claims of texts, in batches.

    Two layers: the ontology's phrases as patterns, and open extraction over the parse. The same texts give the same triplets.
    A text of more than 20,000 characters (`bounds.MAX_CHARS`) is cut at the last sentence end before that. One thread at a time.

    Raises:
        UserError: no English model is installed.
    """

    def __init__(self, ontology: Ontology | None = None) -> None:
        self._ontology = ontology if ontology else None
        self._nlp = load_pipeline()
        self._labels: dict[int, str] = {}
        self._patterns = Patterns(self._ontology, plain_tokens(self._nlp)) if self._ontology else None

    def extract(self, texts: Iterable[str | None], names: Sequence[Spans] = ()) -> list[list[Triplet]]:
        """The triplets of each text, in the order of the texts; an empty text gives an empty list.

        `names`: for each text the spans that are known to be one name each; they are one word to the parser.
        """
        read = [readable(text) for text in texts]
        known = [*names, *[()] * (len(read) - len(names))]
        tokenizer = self._nlp.tokenizer
        assert isinstance(tokenizer, MergingTokenizer)
        found: list[list[Triplet]] = [[] for _ in read]
        with self._bounded_memory():
            # texts of like length together: the parser takes a batch's steps side by side
            order = sorted(range(len(read)), key=lambda at: len(read[at]))
            for at, doc in zip(order, self._nlp.pipe((tokenizer(read[at], known[at]) for at in order), batch_size=BATCH), strict=True):
                found[at] = self._read(read_doc(doc, self._labels))
        return found

    def _bounded_memory(self) -> AbstractContextManager[object]:
        """Words met are kept, which makes tokenizing quick, up to `MAX_WORDS`; from then on new ones are forgotten after each batch."""
        return self._nlp.memory_zone() if len(self._nlp.vocab.strings) > MAX_WORDS else nullcontext()

    def _read(self, parse: Parse) -> list[Triplet]:
        mend_lists(parse)
        mend_two_roles(parse)
        mend(parse)
        mend_measures(parse)
        mend_directions(parse)
        mend_subjects(parse)
        mend_relatives(parse)
        reading = Reading(parse)
        found: list[Triplet] = []
        seen: set[tuple[str, str, str]] = set()
        for first, last in parse.sentences:
            if is_question(parse, first, last):
                continue
            reading.first = first
            begin = len(reading.claims)
            for at in range(first, last):
                if parse.is_verb(at):
                    read_verb(reading, at)
                elif parse.is_noun(at):
                    read_noun(reading, at)
            claims = reading.claims[begin:]
            if self._patterns is not None and self._ontology is not None:
                self._patterns.read(reading, first, last)
                claims = merge(reading.claims[begin:], self._ontology.match_predicate)
            for claim in claims:
                if self._ontology is not None and (tells_only_when(parse, claim, claims) or self._says_no_more(claim)):
                    continue
                triplet = self._triplet(parse, claim, first)
                key = (triplet.subject.lower(), triplet.predicate, triplet.object.lower())
                if key not in seen:
                    seen.add(key)
                    found.append(triplet)
        return found

    def _says_no_more(self, claim: Claim) -> bool:
        """What Y did in "X by Y", and the class in "X is a game by Y", are left to the question, unless the ontology knows the words."""
        assert self._ontology is not None
        return claim.rule in ("name-by", "class-beside") and self._ontology.match_predicate(claim.words) is None

    def _match(self, parse: Parse, claim: Claim) -> PredicateMatch | None:
        """The predicate that a claim's words mean; none where it would have a date for a thing ("was in 2001")."""
        assert self._ontology is not None
        match = self._ontology.match_predicate(claim.words) or self._named_value(parse, claim) or self._counted(claim)
        if match is not None and self._ontology[match.name].value is ValueKind.ENTITY and is_time(parse, claim.right.at):
            return None
        return match

    def _counted(self, claim: Claim) -> PredicateMatch | None:
        """The predicate whose phrase goes on behind its number: "has 12 islands", "lies 4,061 m above sea level"."""
        assert self._ontology is not None
        words = claim.right.text.split()
        for size in range(1, min(_BEHIND, len(words) - 1) + 1):
            if not words[-size].isalpha() or not words[-size].islower():
                return None
            match = self._ontology.match_predicate(" ".join((claim.words, *words[-size:])))
            if match is not None and self._ontology[match.name].value is ValueKind.NUMBER:
                return match
        return None

    def _named_value(self, parse: Parse, claim: Claim) -> PredicateMatch | None:
        """The predicate that stands before its value: "is denoted by the symbol X", "has the symbol X"."""
        if self._ontology is None or not claim.words.endswith(_BRING) or claim.right.at < 0:
            return None
        at = claim.right.at
        noun = at - 1 if at and parse.head[at] == at - 1 and parse.is_common(at - 1) else at  # "the symbol X": X stands behind its noun
        before = [kid for kid in parse.kids[noun] if kid < at and parse.dep[kid] in ("compound", "amod", "nmod") and parse.is_common(kid)]
        before += [noun] if noun != at else []
        return self._ontology.match_predicate(" ".join(parse.low[kid] for kid in before)) if before else None

    def _triplet(self, parse: Parse, claim: Claim, first: int) -> Triplet:
        turned, predicate = claim.turned, claim.name if claim.turned else claim.words
        if self._ontology is not None and claim.rule != RULE and (match := self._match(parse, claim)) is not None:
            turned, predicate = match.reversed, match.name
        subject, target = (claim.right, claim.left) if turned else (claim.left, claim.right)
        values: dict[str, Any] = {
            "subject": subject.text,
            "predicate": predicate,
            "object": target.text,
            "subject_span": (subject.start, subject.end),
            "predicate_span": (claim.start, claim.end),
            "object_span": (target.start, target.end),
            "rule": claim.rule,
            "qualifiers": {"date": when} if (when := time_of(parse, claim)) else {},
            "negated": negated(parse, claim.verb) and not is_rather(parse, claim.right.at),
            "hedged": hedged(parse, claim.verb, first),
        }
        return Triplet(**values)
