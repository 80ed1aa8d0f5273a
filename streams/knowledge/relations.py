"""From the words of a relation ("was written by", "is the capital city of") to a predicate of the ontology and its direction.

Predicates say how they are spoken of by phrases, nouns and verbs. Each is brought to a key of plain words; the words of a claim are brought
to keys by the same rules, and looked up.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Literal, NamedTuple, Protocol

from streams.knowledge.english import CHANGING, COPULAS, DETERMINERS, FILLERS, FUNCTION_WORDS, HAVE, WIDESPREAD, base_forms, inflections
from streams.knowledge.names import fold
from streams.knowledge.names import words as folded_words
from streams.knowledge.near_words import grouped, stems, verbs_of_agent

Slot = Literal["subject", "object"]
_SLOTS = re.compile(r"\{([^{}]*)\}")
_LONGEST = 8
"""Words of the longest phrase looked for in a question."""
_REMEMBERED = 4096
"""Relations remembered with what they mean."""
_OF = frozenset({"of", "for", "in", "to"})
_WHEN = ("in", "on", "during", "around")
_NAMED = frozenset({"called", "named", "known as"})
_DENIALS = frozenset({"not", "never", "nt"})
_AUXILIARIES = frozenset({"do", "does", "did", "can", "could", "will", "would"})


class PredicateMatch(NamedTuple):
    """A predicate that some words mean, and which way round."""

    name: str
    """The predicate."""
    reversed: bool
    """The left side of the words is the predicate's object, the right side its subject."""


class Template(NamedTuple):
    """A phrase with two slots: `before <first> between <second> after`, texts as written, spaces at their ends cut."""

    first: Slot
    """Which slot comes first."""
    before: str
    """Text before the first slot; mostly empty."""
    between: str
    """Text between the slots."""
    after: str
    """Text after the second slot; mostly empty."""

    @property
    def reversed(self) -> bool:
        """The first slot is the object."""
        return self.first == "object"


def parse_template(phrase: str) -> Template:
    """`"{object} composed {subject}"` -> `Template("object", "", "composed", "")`.

    Raises:
        ValueError: the phrase has not each of the two slots once, or no words.
    """
    slots = _SLOTS.findall(phrase)
    if sorted(slots) != ["object", "subject"]:
        raise ValueError(f"{phrase!r} must have {{subject}} and {{object}}, once each, and no other slot")
    before, _, between, _, after = (part.strip() for part in _SLOTS.split(phrase))
    if not any(part.strip(" ,;:.'\"") for part in (before, between, after)):
        raise ValueError(f"{phrase!r} has no words beside its slots")
    return Template("subject" if slots[0] == "subject" else "object", before, between, after)


class Spoken(Protocol):
    """What this module needs of a predicate."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def templates(self) -> tuple[Template, ...]:
        """Its phrases."""

    @property
    def nouns(self) -> tuple[str, ...]:
        """Its relation nouns."""

    @property
    def verbs(self) -> tuple[str, ...]:
        """Its verbs."""

    @property
    def value(self) -> str:
        """What its object is."""

    @property
    def symmetric(self) -> bool:
        """Whether direction matters."""


class RelationIndex:
    """Keys of plain words to predicates. Built once for an ontology; read-only, so threads may share it."""

    def __init__(self, predicates: Collection[Spoken], classes: frozenset[str] = frozenset()) -> None:
        self._classes = classes
        self._keys: dict[str, dict[str, PredicateMatch]] = defaultdict(dict)
        self._spoken: dict[str, dict[str, None]] = {}
        self._made = {one.name: PredicateMatch(one.name, reversed=False) for one in predicates if _is_made(one)}
        self._forms: dict[str, dict[str, PredicateMatch]] = defaultdict(dict)
        self._near: dict[str, dict[str, PredicateMatch]] = defaultdict(dict)
        self._stems: list[tuple[frozenset[str], str]] = []
        self._found: dict[str, tuple[PredicateMatch, ...]] = {}
        for predicate in predicates:
            spoken = list(_words_of(predicate))
            for words in spoken:
                self._spoken.setdefault(words, {})[predicate.name] = None
            self._stems += [(found, predicate.name) for words in (*spoken, *_agent_verbs(predicate)) if (found := stems(words.split()))]
            for key, turned in _keys_of(predicate):
                match = PredicateMatch(predicate.name, turned and not predicate.symmetric)
                self._keys[key].setdefault(predicate.name, match)
                self._near[_near_key(key)].setdefault(predicate.name, match)
            for key, turned in _inflected(predicate):
                match = PredicateMatch(predicate.name, turned and not predicate.symmetric)
                self._forms[key].setdefault(predicate.name, match)
                self._near[_near_key(key)].setdefault(predicate.name, match)
            for template in predicate.templates:
                if (general := self._general(relation_key(template.between))) is not None:
                    match = PredicateMatch(predicate.name, template.reversed and not predicate.symmetric)
                    self._keys[general].setdefault(predicate.name, match)

    def match(self, words: str) -> tuple[PredicateMatch, ...]:
        """Every predicate under the key of these words, in the order of the ontology.

        Words not found are looked for again without a class noun behind another noun ("seat town of"), without words that say how usual
        it is ("most common coin"), with any class noun for theirs, without what describes it ("small village in" for "town in"), at last
        in other forms of their verb and with words that say nearly the same (`near_words`).
        """
        key = relation_key(words)
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            found = self._found[key] = self._find(_affirmed(key))
        return found

    def _find(self, key: str) -> tuple[PredicateMatch, ...]:
        for attempt in (key, self._without_class(key), _without_widespread(key), self._general(key)):
            if attempt is not None and (found := self._keys.get(attempt)):
                return tuple(found.values())
        return tuple((self._forms.get(key) or self._near.get(_near_key(key)) or self._of_class(key)).values())

    def _of_class(self, key: str) -> dict[str, PredicateMatch]:
        """For "is a town in" where "is in" is known, and "is a novel by" where an object is who made its subject."""
        general = self._general(key)
        if general is None or general.count(" ") != 1:
            return {}
        link = general.removeprefix("_ ")
        return self._made if link == "by" else self._keys.get(link, {})

    def _without_class(self, key: str) -> str:
        tokens = key.split()
        return " ".join(token for n, token in enumerate(tokens) if not n or token not in self._classes)

    def _general(self, key: str) -> str | None:
        """The key with its class noun, and what describes it, as a blank: "landlocked country in" -> "_ in"."""
        tokens = key.split()
        at = next((n for n, token in enumerate(tokens[:-1]) if token in self._classes), None)
        while at is not None and at + 2 < len(tokens) and tokens[at + 1] in self._classes:
            at += 1  # "island nation in"
        if at is None or any(token in CHANGING or token in FUNCTION_WORDS or token in self._spoken for token in tokens[:at]):
            return None
        return " ".join(["_", *tokens[at + 1 :]])

    def spoken_of(self, text: str) -> list[str]:
        """Predicates whose noun, verb or phrase stands in a text, in the order they come; the longest words count at each place.

        Words of several mean the one that other words in the text mean alone: "At which university was it developed?".
        """
        tokens = [word.text for word in folded_words(text)]
        found: list[dict[str, None]] = []
        position = 0
        while position < len(tokens):
            for size in range(min(_LONGEST, len(tokens) - position), 0, -1):
                if names := self._spoken.get(" ".join(tokens[position : position + size])):
                    found.append(names)
                    position += size - 1
                    break
            position += 1
        alone = {name for names in found if len(names) == 1 for name in names}
        return list(dict.fromkeys(name for names in found for name in names if name in alone or alone.isdisjoint(names)))

    def asked_by(self, text: str) -> list[str]:
        """The same for a question that has their words in another form or order ("Into which sea does it flow?"): most words in common."""
        said = stems(word.text for word in folded_words(text))
        held = [(len(wanted), name) for wanted, name in self._stems if wanted <= said]
        most = max((size for size, _ in held), default=0)
        return list(dict.fromkeys(name for size, name in held if size == most))


def _is_made(predicate: Spoken) -> bool:
    """Whether its object is who made its subject: "{subject} was written by {object}"."""
    return any(template.between.endswith(" by") and not template.reversed for template in predicate.templates)


def _affirmed(key: str) -> str:
    """A key without what denies it, and the auxiliaries at its begin: "does not flow into" -> "flow into"."""
    tokens = [token for token in key.split() if token not in _DENIALS]
    while len(tokens) > 1 and tokens[0] in _AUXILIARIES:
        tokens = tokens[1:]
    left = " ".join(tokens)
    return relation_key(left) if left != key else key  # "does not have the symbol": "symbol"


def _near_key(key: str) -> str:
    return " ".join(grouped(key.split()))


@lru_cache(maxsize=_REMEMBERED)
def relation_key(words: str) -> str:
    """Words without copulas, articles and fillers: "is also the capital city of" -> "capital city of"."""
    tokens = [word.text for word in folded_words(" " + words.replace("_", " "))]
    kept = [token for token in tokens if token not in COPULAS and token not in DETERMINERS and token not in FILLERS]
    while kept and kept[0] in HAVE and len(kept) > 1:  # "has been written by", "has as its capital"
        if len(kept) > 2 and kept[-1] == "of" and not any(token in COPULAS for token in tokens):
            kept.pop()  # "has a population of" gives what it has, unlike "is the capital of"
        kept = kept[1:]
        if kept[0] == "as" and len(kept) > 1:
            kept = kept[1:]
    return " ".join(kept)


def _words_of(predicate: Spoken) -> Iterator[str]:
    """Words by which a question speaks of a predicate: nouns (and their plural), verbs, phrases whose words are more than prepositions."""
    for noun in predicate.nouns:
        yield from (fold(noun), fold(noun + "s"), fold(noun[:-1] + "ies") if noun.endswith("y") else fold(noun + "s"))
    for verb in predicate.verbs:
        lemma, _, particle = verb.partition(" ")
        yield from (fold(f"{form} {particle}") for form in inflections(lemma))
    for template in predicate.templates:
        key = relation_key(template.between)
        if any(word not in FUNCTION_WORDS for word in key.split()):
            yield fold(template.between)
            yield key
            yield from _asked([word.text for word in folded_words(template.between)])
        if (after := fold(template.after)) and after not in FUNCTION_WORDS and len(after.split()) == 1:
            yield after  # "how high is it?" of "{subject} is {object} high"


def _asked(tokens: list[str]) -> Iterator[str]:
    """As a question with "did" says it: "came out in" -> "come out", "joined the Union in" -> "join the union"."""
    while tokens and tokens[-1] in _WHEN:
        tokens = tokens[:-1]
    if len(tokens) > 1 and tokens[-1] != "by":
        yield from (" ".join([lemma, *tokens[1:]]) for lemma in base_forms(tokens[0]))


def _without_widespread(key: str) -> str:
    tokens = key.split()
    while len(tokens) > 1 and tokens[0] in WIDESPREAD:
        tokens = tokens[1:]
    return " ".join(tokens)


def _keys_of(predicate: Spoken) -> Iterator[tuple[str, bool]]:
    """Every key of a predicate with whether it is reversed; what is said outright (phrases) comes first and wins.

    Words after the second slot belong to the relation: "uses _ as its coin" is keyed "uses as coin".
    """
    for template in predicate.templates:
        if not template.before and (key := relation_key(f"{template.between} {template.after}")):
            yield key, template.reversed
            head, _, last = key.rpartition(" ")
            if predicate.value == "date" and head and last in _WHEN:
                yield from ((f"{head} {other}", template.reversed) for other in _WHEN)
    for noun in predicate.nouns:
        yield from _noun_keys(noun)
    for verb in predicate.verbs:
        yield from _verb_keys(verb, predicate)
    yield relation_key(predicate.name), False


def _inflected(predicate: Spoken) -> Iterator[tuple[str, bool]]:
    """Keys of a phrase in the other forms of its verb ("flows into": "flow into"), and those of the verbs of its agent nouns."""
    for template in predicate.templates:
        first, _, rest = relation_key(f"{template.between} {template.after}").partition(" ")
        if template.before or not rest or first in FUNCTION_WORDS or first in CHANGING:
            continue
        for lemma in {first, *base_forms(first)}:
            yield from ((f"{form} {rest}", template.reversed) for form in inflections(lemma))
    for verb in _agent_verbs(predicate):
        yield from _verb_keys(verb, predicate)


def _agent_verbs(predicate: Spoken) -> Iterator[str]:
    """Of a predicate whose object is named as an agent: "painter" -> paint."""
    for noun in predicate.nouns:
        yield from verbs_of_agent(noun.lower())


def _noun_keys(noun: str) -> Iterator[tuple[str, bool]]:
    """`<object> is the <noun> of <subject>` is reversed; `<subject> has <noun> <object>` is not."""
    key = relation_key(noun)
    if not key:
        return
    for preposition in _OF:
        yield f"{key} {preposition}", True
    yield key, False
    for linked in _NAMED:
        yield f"{key} {linked}", False
    yield f"of {key}", False


def _verb_keys(verb: str, predicate: Spoken) -> Iterator[tuple[str, bool]]:
    """Active and passive of a verb, maybe with a particle ("flow into"); a phrase or a name that uses it says which side acts."""
    lemma, _, particle = verb.strip().lower().partition(" ")
    forms = inflections(lemma)
    tail = f" {particle}" if particle else ""
    turned = _object_acts(forms, predicate)
    for form in forms:
        yield f"{form}{tail}", turned
        yield f"{form}{tail} by", not turned


def _object_acts(forms: frozenset[str], predicate: Spoken) -> bool:
    if any(form in forms for form in _agent_verbs(predicate)):
        return True
    said = [(template.between, template.reversed) for template in predicate.templates]
    for words, turned in [*said, (predicate.name, False)]:  # "composed_by" reads as "<subject> composed by <object>"
        key = relation_key(words).split()
        if any(word in forms for word in key):
            return turned != (key[-1] == "by")
    return False
