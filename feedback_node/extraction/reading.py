"""One text being read: its parse, what it has spoken of, and the claims found so far."""

from __future__ import annotations

from feedback_node.extraction.claims import Claim, Mention
from feedback_node.extraction.coreference import PLACE_NOUNS, Topics
from feedback_node.extraction.lexicon import words
from feedback_node.extraction.parse import Parse
from feedback_node.extraction.phrases import (
    PRONOUNS,
    is_bare,
    is_class,
    is_date_or_number,
    is_kind_of,
    left_edge,
    mention_of,
    noun_before,
    same_thing,
)

MAX_CLAIMS = 400
"""Most claims kept of one text."""
_AROUND = words("happenings") | words("work_nouns")
"""What is around all things, and what "the film" stands for."""
_ROLES = words("titles")
_BE = frozenset({"is", "was", "are", "were"})
_RELATIVE = frozenset({"which", "who", "that", "whom", "whose"})


class Reading:
    """State that the rules share while one text is read."""

    def __init__(self, parse: Parse) -> None:
        self.parse = parse
        self.topics = Topics()
        self.claims: list[Claim] = []
        self.subjects: dict[int, list[tuple[Mention, str]]] = {}
        self.first = 0
        """First token of the sentence being read."""

    def add(
        self, left: Mention, words: str, right: Mention, rule: str, verb: int, where: tuple[int, int], turned: bool = False, name: str = ""
    ) -> None:
        """Keep a claim, unless a side is empty, or both are the same thing and it is no property ("the capital of X is X").

        `where`: first and last token of the relation.
        """
        if (
            len(self.claims) >= MAX_CLAIMS
            or not left.text
            or not right.text
            or (left.text.lower() == right.text.lower() and rule != "property")
        ):
            return
        first, last = min(where), max(where)
        start, end = self.parse.start[first], self.parse.end[last]
        self.claims.append(Claim(left, words, right, rule, verb, start, end, turned, name))

    def name(self, at: int) -> Mention | None:
        """What a token's phrase stands for, pronouns resolved; None for "I", "there" and pronouns with nothing to stand for."""
        parse = self.parse
        if parse.tag[at] in PRONOUNS or (parse.low[at] in ("this", "that", "these", "those") and parse.tag[at] == "DT"):
            return self._pronoun(at)
        if parse.tag[at] in ("EX", "WRB"):
            return None
        at = same_thing(parse, at)
        if is_bare(parse, at) and (known := self.topics.noun(parse.low[at])) is not None:
            return Mention(known.text, parse.start[at], parse.end[at], at)
        mention = mention_of(parse, at)
        if not mention.text:  # nothing but punctuation
            return None
        if parse.tag[at] in ("NNS", "NNPS") and not parse.kind[at]:
            self.topics.is_several(mention)
        if parse.is_name(at):
            mention = self.topics.full_name(mention)
            if self._opens_with_role(mention):
                self.topics.is_person(mention)
            self._remember_kind(at, mention)
            if parse.child(at, "det") is not None:
                self.topics.is_thing(mention)
            if parse.dep[at] == "pobj" and parse.low[parse.head[at]] in ("in", "from") and parse.kind[at] in ("name", ""):
                self.topics.is_place(mention)
        if not is_date_or_number(parse, at):
            self.topics.seen(mention)
        return mention

    @staticmethod
    def _opens_with_role(mention: Mention) -> bool:
        """For "Manager Alex Ferguson"."""
        first, _, rest = mention.text.partition(" ")
        return bool(rest) and first.lower() in _ROLES and rest[0].isupper()

    def owner(self, at: int) -> Mention | None:
        """What "the band" in "the band's singer" stands for: what was called so, else the last subject."""
        if not is_bare(self.parse, at) or self.topics.noun(self.parse.low[at]) is not None:
            return self.name(at)
        topic = self.topics.described(self.parse.low[at])
        if topic is None or topic.text[0].islower() or not self.topics.can_be(topic, self.parse.low[at]):
            return self.name(at)
        return Mention(topic.text, self.parse.start[at], self.parse.end[at], at)

    def thing(self, at: int, subject: Mention) -> Mention | None:
        """What a phrase beside a verb stands for; "the club" is what was spoken of before, other than the subject."""
        if not is_bare(self.parse, at):
            return self.name(at)
        low = self.parse.low[at]
        known = self.topics.noun(low) or (self.topics.place(subject) if low in PLACE_NOUNS else None) or self.topics.other(subject, low)
        if known is not None and self._is_apart(at, known) and not self.topics.is_called(known, low):
            return None
        if low not in _AROUND and (known is None or self._is_of_this_sentence(at, known)):
            return self.name(at)
        if known is None:
            return None
        return Mention(known.text, self.parse.start[at], self.parse.end[at], at)

    def _is_of_this_sentence(self, at: int, known: Mention) -> bool:
        """In "X separates Y from the savanna" the savanna is not Y: what the same sentence names is meant only by its kind."""
        low = self.parse.low[at]
        return known.at >= self.first and not self.topics.is_called(known, low) and low not in PLACE_NOUNS

    def _is_apart(self, at: int, known: Mention) -> bool:
        """In "X painted those who died in the war" what a clause on a noun names is not what its sentence is about."""
        clause = self.parse.head[at]
        for _ in range(6):
            if self.parse.dep[clause] in ("relcl", "acl"):
                return self.first <= known.at < clause and self.parse.low[at] not in PLACE_NOUNS
            clause = self.parse.head[clause]
        return False

    def _remember_kind(self, at: int, mention: Mention) -> None:
        """In "the band Twilight" and "Twilight, a band" Twilight is a band."""
        parse = self.parse
        if at > 0 and parse.is_common(at - 1) and (parse.head[at - 1] == at or parse.head[at] == at - 1):
            self.topics.called(mention, parse.low[at - 1])

    def _pronoun(self, at: int) -> Mention | None:
        parse = self.parse
        if parse.low[at] in _RELATIVE and (relative := self.antecedent(at)) is not None:
            return relative
        found = self.topics.pronoun(parse.low[at])
        return None if found is None else Mention(found.text, parse.start[at], parse.end[at], at)

    def antecedent(self, at: int) -> Mention | None:
        """What "which", "who", "that" or "whose" stands for: the noun that its clause hangs on."""
        parse = self.parse
        clause = at
        for _ in range(6):
            if parse.dep[clause] == "relcl":
                head = parse.head[clause]
                near = noun_before(parse, at)
                if near is None and not parse.is_noun(head) and parse.tag[at - 1] == "IN":
                    near = noun_before(parse, at - 1)  # "in X, from which"
                if near is not None and not parse.is_noun(head):
                    head = near
                return self.referent(head) if parse.is_noun(head) else None
            if parse.head[clause] == clause:
                break
            clause = parse.head[clause]
        return self._before_comma(at)

    def _before_comma(self, at: int) -> Mention | None:
        """The noun before the comma, where the parser took ", which …" or ", the leader of which …" for a clause of its own."""
        parse = self.parse
        for comma in range(at - 1, max(at - 7, 0), -1):
            if parse.low[comma] == "," and parse.is_noun(comma - 1):
                return self.name(comma - 1)
        return None

    def referent(self, at: int) -> Mention | None:
        """What a noun is said of: in "X is a city located in Y" and "X, a city located in Y" the city is X."""
        parse = self.parse
        if is_class(parse, at):
            head = parse.head[at]
            near = (
                noun_before(parse, left_edge(parse, at) - 1) if parse.low[max(left_edge(parse, at) - 1, 0)] in ("a", "an", "the") else None
            )
            if (
                near is not None
                and parse.is_name(near)
                and parse.dep[at] in ("appos", "attr")
                and near + 1 < at
                and parse.low[near + 1] == ","
            ):
                return self.name(near)
            some = parse.tag[at] == "NNS" and parse.child(at, "poss") is None  # "Lichens are organisms composed of Y"
            if parse.dep[at] == "attr" and self.subjects.get(head) and (some or parse.child(at, "det") is not None):
                return self.subjects[head][0][0]
            value = parse.child(head, "attr") if parse.dep[at] == "nsubj" and parse.low[head] in _BE else None
            if value is not None and parse.child(at, "poss") is not None and parse.is_name(value):
                return self.name(value)  # "his wife, born in X, was Y"
            if parse.dep[at] == "appos" and (parse.is_name(head) or is_kind_of(parse, head, at)):
                return self.name(head)
            return self.owner(at)
        return self.name(at)
