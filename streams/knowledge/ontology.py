"""The ontology: which predicates there are, what contradicts what, how they are said, and which follow from which.

It is data (YAML or JSON, see `docs/ontology.md`); this module reads it, refuses what is wrong with it, and answers questions about it.
How free words of a relation lead to a predicate is `relations`.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from schemas.errors import ConfigError
from streams.knowledge.english import FUNCTION_WORDS, base_forms, inflections
from streams.knowledge.names import fold, words
from streams.knowledge.near_words import like_words
from streams.knowledge.relations import PredicateMatch, RelationIndex, Template, parse_template

ALIAS = "alias"
"""The reserved predicate: `object` is another name of `subject`."""
_NAME = r"^[A-Za-z][A-Za-z0-9_]*$"


class ValueKind(StrEnum):
    """What the object of a predicate is."""

    ENTITY = "entity"
    NUMBER = "number"
    DATE = "date"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, ignored_types=(cached_property,))


_Model = TypeVar("_Model", bound=BaseModel)


class Predicate(_Part):
    """One predicate and all that is said about it."""

    name: str = Field(pattern=_NAME)
    """As facts and triplets name it."""
    functional: bool = False
    """One object per subject: a different known object contradicts."""
    inverse_functional: bool = False
    """One subject per object: the object of another known subject contradicts."""
    symmetric: bool = False
    """Subject and object may change places."""
    inverse: str | None = Field(default=None, pattern=_NAME)
    """Name of the reverse; a claim or fact said in it is turned round."""
    value: ValueKind = ValueKind.ENTITY
    """What the object is."""
    tolerance: float = Field(default=0.0, ge=0, lt=1)
    """Numbers: relative difference that still agrees."""
    closed: bool = False
    """The listed objects of a known subject are complete, so that another object contradicts although there may be many."""
    listed_range: bool = False
    """Only what the graph lists as an object of it can contradict: for predicates whose words say other things too ("is in")."""
    phrases: tuple[str, ...] = ()
    """Surface templates with the slots {subject} and {object}."""
    nouns: tuple[str, ...] = ()
    """Relation nouns, naming the object's part: "the <noun> of <subject> is <object>"."""
    verbs: tuple[str, ...] = ()
    """Lemmas of verbs; a phrase that uses one says which side acts, else the name does (`composed_by`), else the subject acts."""

    @field_validator("phrases")
    @classmethod
    def _check_phrases(cls, phrases: tuple[str, ...]) -> tuple[str, ...]:
        for phrase in phrases:
            parse_template(phrase)
        return phrases

    @field_validator("nouns", "verbs")
    @classmethod
    def _check_words(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        if any(not word.strip() or "{" in word for word in words):
            raise ValueError("plain words are wanted, not empty and without slots")
        return words

    @model_validator(mode="after")
    def _check_sense(self) -> Self:
        if self.symmetric and self.inverse:
            raise ValueError("a symmetric predicate is its own inverse: drop `inverse` or `symmetric`")
        if self.value is not ValueKind.ENTITY and (self.symmetric or self.inverse):
            raise ValueError(f"a {self.value} cannot be a subject: drop `inverse` and `symmetric`")
        if self.tolerance and self.value is not ValueKind.NUMBER:
            raise ValueError("`tolerance` is for `value: number` only")
        return self

    @cached_property
    def templates(self) -> tuple[Template, ...]:
        """The phrases, parsed."""
        return tuple(parse_template(phrase) for phrase in self.phrases)

    @property
    def one_object(self) -> bool:
        """Whether another object than the listed ones contradicts."""
        return self.functional or self.closed


@lru_cache(maxsize=1024)
def _undeclared(name: str) -> Predicate:
    """One that the ontology does not know; they do not change, and are asked for with every fact."""
    return Predicate.model_construct(name=name)


class Chain(_Part):
    """X `premises[0]` Y and Y `premises[1]` Z entail X `conclusion` Z."""

    premises: tuple[str, str]
    """The two predicates, in order."""
    conclusion: str
    """What follows."""


class Ontology(_Part):
    """All predicates and chains. An empty one takes every predicate as non-functional."""

    predicates: dict[str, Predicate] = {}
    """By name."""
    chains: tuple[Chain, ...] = ()
    """Declared entailments of two hops."""
    classes: frozenset[str] = frozenset()
    """Common nouns that may stand by a name and leave it what it is, folded: "the <class> of <name>", "the <class> <name>".

    They stand for each other in relations: "is a <class> in" is said by "is a <adjective> <other class> in" too.
    """

    @classmethod
    def load(cls, path: str | Path) -> Ontology:
        """Read a YAML or JSON file.

        Raises:
            ConfigError: the file cannot be read or is wrong; names file, predicate and field.
        """
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8")
            data = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        except OSError as error:
            raise ConfigError(f"ontology {path}: cannot be read ({error.strerror}); give the path of a YAML or JSON file") from None
        except (ValueError, yaml.YAMLError) as error:
            raise ConfigError(f"ontology {path}: neither YAML nor JSON: {' '.join(str(error).split())}") from None
        return cls.from_dict({} if data is None else data, source=str(path))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], source: str = "ontology") -> Ontology:
        """Build from a parsed document; `source` is the name that errors give it.

        Raises:
            ConfigError: names source, predicate and field.
        """
        if not isinstance(data, Mapping) or not isinstance(data.get("predicates") or {}, Mapping):
            raise ConfigError(f"{source}: a mapping with `predicates` (name: settings) is wanted; see docs/ontology.md")
        try:
            predicates = {}
            for name, settings in (data.get("predicates") or {}).items():
                if not isinstance(settings or {}, Mapping):
                    raise ConfigError(f"{source}: predicate {name}: a mapping of fields is wanted; see docs/ontology.md")
                predicates[name] = _validated(Predicate, {**(settings or {}), "name": name}, f"{source}: predicate {name}")
            chains = tuple(_validated(Chain, chain, f"{source}: chain {n}") for n, chain in enumerate(data.get("chains") or (), 1))
            unknown = sorted(set(data) - {"predicates", "chains", "classes"})
            if unknown:
                raise ConfigError(f"{source}: no such field: {unknown[0]}; there are `predicates`, `chains` and `classes`")
            classes = frozenset(fold(word) for word in data.get("classes") or ())
        except TypeError as error:
            raise ConfigError(f"{source}: {error}") from None
        ontology = cls(predicates=predicates, chains=chains, classes=classes)
        ontology._check(source)
        return ontology

    def _check(self, source: str) -> None:
        """What no single predicate can know: inverses and chains name what exists, once."""
        owners: dict[str, str] = {}
        for predicate in self.predicates.values():
            where = f"{source}: predicate {predicate.name}"
            if predicate.name == ALIAS and (predicate.one_object or predicate.inverse or predicate.value is not ValueKind.ENTITY):
                raise ConfigError(f"{where}: reserved for other names of an entity; only phrases, nouns and verbs may be set")
            if predicate.inverse is None:
                continue
            if predicate.inverse in self.predicates:
                raise ConfigError(f"{where}: inverse: {predicate.inverse} is a predicate itself; name the reverse here only")
            if predicate.inverse in owners:
                raise ConfigError(f"{where}: inverse: {predicate.inverse} is already the inverse of {owners[predicate.inverse]}")
            owners[predicate.inverse] = predicate.name
        for number, chain in enumerate(self.chains, 1):
            for field, name in [*(("premises", name) for name in chain.premises), ("conclusion", chain.conclusion)]:
                if name not in self.predicates:
                    raise ConfigError(f"{source}: chain {number}: {field}: no predicate {name}; there are {', '.join(self.predicates)}")

    def __bool__(self) -> bool:
        return bool(self.predicates)

    def __getitem__(self, name: str) -> Predicate:
        """The predicate of that name; one that the ontology does not know is non-functional."""
        return self.predicates.get(name) or _undeclared(name)

    @cached_property
    def _inverses(self) -> dict[str, str]:
        return {predicate.inverse: name for name, predicate in self.predicates.items() if predicate.inverse}

    @cached_property
    def _relations(self) -> RelationIndex:
        return RelationIndex(self.predicates.values(), self.classes)

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Every word by which its predicates are spoken of, folded, verbs in all their forms, and words that say nearly the same."""
        said = [phrase.replace("{subject}", " ").replace("{object}", " ") for one in self.predicates.values() for phrase in one.phrases]
        nouns = [form for one in self.predicates.values() for noun in one.nouns for form in (noun, f"{noun}s")]
        verbs = [form for one in self.predicates.values() for verb in one.verbs for form in (verb, *inflections(verb.split()[0]))]
        found = {word.text for text in (*said, *nouns, *verbs) for word in words(text)}
        spoken = {word.text for text in said for word in words(text) if word.text not in FUNCTION_WORDS}
        found |= {form for word in spoken for lemma in base_forms(word) for form in inflections(lemma)}
        phrases = ([word.text for word in words(text)] for text in said)
        return frozenset(found | like_words(found, phrases))

    def canonical(self, name: str) -> PredicateMatch | None:
        """A predicate by its own name or the name of its inverse (`reversed` then); None where it is neither.

        An empty ontology takes every name as it is.
        """
        if name in self.predicates or name == ALIAS or not self.predicates:
            return PredicateMatch(name, reversed=False)
        if name in self._inverses:
            return PredicateMatch(self._inverses[name], reversed=True)
        return None

    def suggestion(self, name: str) -> str:
        """What to say of a predicate that is none: which may have been meant, else which there are."""
        names = [*self.predicates, *self._inverses]
        folded = {fold(known.replace("_", " ")): known for known in reversed(names)}
        if close := difflib.get_close_matches(fold(name.replace("_", " ")), folded, 1):
            return f"did you mean {folded[close[0]]!r}?"
        return f"there are {', '.join(self.predicates)}"

    def predicates_in(self, text: str) -> list[str]:
        """Predicates that a text speaks of by a relation noun, a verb, or the words between a phrase's slots; for questions."""
        return self._relations.spoken_of(text)

    def asked_by(self, text: str) -> list[str]:
        """The same with the words in any form and order, and words that say nearly the same; for questions in which the others are not."""
        return self._relations.asked_by(text)

    def sentence(self, predicate: str, subject: str, object_: str) -> str:
        """A statement as a person would read it: by the predicate's first phrase, else its first noun, else its name."""
        known = self[predicate]
        if known.phrases:
            return known.phrases[0].replace("{subject}", subject).replace("{object}", object_)
        if known.nouns:
            return f"the {known.nouns[0]} of {subject} is {object_}"
        return f"{subject} {predicate.replace('_', ' ')} {object_}"

    def match_all(self, words: str) -> tuple[PredicateMatch, ...]:
        """Every predicate that words between a left and a right side may mean; `reversed` where the left side is the object."""
        exact = self.canonical(words.strip())
        return (exact,) if exact else self._relations.match(words)

    def match_predicate(self, words: str) -> PredicateMatch | None:
        """The one predicate that the words of a relation mean; None where there is none, or more than one.

        `match_predicate("was composed by")` -> `PredicateMatch("composed_by", reversed=False)`;
        `match_predicate("is the composer of")` -> `PredicateMatch("composed_by", reversed=True)`.
        """
        found = self.match_all(words)
        return found[0] if len(found) == 1 else None


def _validated(model: type[_Model], data: Any, where: str) -> _Model:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{where}: {field + ': ' if field else ''}{first['msg'].removeprefix('Value error, ')}") from None
