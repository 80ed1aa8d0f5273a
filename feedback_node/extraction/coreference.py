"""What pronouns and "the city" stand for: the last fitting subject, in a memory that lasts one text."""

from __future__ import annotations

from feedback_node.extraction.claims import Mention
from feedback_node.extraction.lexicon import words

_PERSON = frozenset({"he", "she", "him", "her", "his", "himself", "herself", "who", "hers"})
_SELF = frozenset({"i", "me", "my", "we", "us", "our", "you", "your", "mine", "ours", "yours"})
_PERSON_ENDINGS = ("er", "or", "ist", "ian", "ant", "ent", "man", "naut", "pilot", "hero", "star")
_THINGS = words("person_like_things")
_HAPPENINGS = words("happenings")
_WORKS = words("work_nouns")
PLACE_NOUNS = frozenset({"country", "nation", "state", "city", "town", "region"})
"""Nouns of places by which a text takes up one that it named."""
MEMORY = 12
"""Mentions remembered."""


def is_role(noun: str) -> bool:
    """Whether a noun names persons, by its ending."""
    return noun.endswith(_PERSON_ENDINGS) and noun not in _THINGS


def _is_named(mention: Mention) -> bool:
    """Whether it has a name: "55 floors" is none."""
    last = mention.text.rsplit(" ", 1)[-1]
    return not mention.text[0].islower() and not (mention.text[0].isdigit() and not last[0].isupper())


class Topics:
    """The things a text has spoken of, latest last."""

    def __init__(self) -> None:
        self._subjects: list[Mention] = []
        self._seen: list[Mention] = []
        self._persons: set[str] = set()
        self._makers: set[str] = set()
        self._things: set[str] = set()
        self._several: set[str] = set()
        self._kinds: dict[str, str] = {}
        self._place: Mention | None = None

    @property
    def current(self) -> Mention | None:
        """The last subject."""
        return self._subjects[-1] if self._subjects else None

    def subject(self, mention: Mention) -> None:
        """A clause spoke about this."""
        self._subjects = [*self._subjects[-MEMORY:], mention]
        self.seen(mention)

    def seen(self, mention: Mention) -> None:
        """This was named."""
        self._seen = [*self._seen[-MEMORY:], mention]

    def is_person(self, mention: Mention) -> None:
        """It did what persons do."""
        self._persons.add(mention.text)

    def is_maker(self, mention: Mention) -> None:
        """It made, wrote or built something."""
        self._makers.add(mention.text)

    def is_thing(self, mention: Mention) -> None:
        """It was made, stands somewhere, or has an article."""
        if mention.text not in self._persons:
            self._things.add(mention.text)

    def is_place(self, mention: Mention) -> None:
        """Something is in it or from it."""
        self._place = mention

    def place(self, apart: Mention) -> Mention | None:
        """The last place that is not this."""
        return self._place if self._place is not None and self._place.text != apart.text else None

    def is_several(self, mention: Mention) -> None:
        """It is more than one: no "it"."""
        self._several.add(mention.text)

    def called(self, mention: Mention, noun: str) -> None:
        """The text said what kind it is ("is a city")."""
        self._kinds[noun] = mention.text

    def pronoun(self, low: str) -> Mention | None:
        """The last fitting subject, else the last fitting thing named."""
        if low in _SELF:
            return None
        if low in _PERSON:
            return self._last(self._things, self._persons)
        if low in ("it", "its", "itself"):
            return self._last(self._persons | self._several, self._things)
        return self.current

    def _last(self, unfit: set[str], fit: set[str]) -> Mention | None:
        for mention in reversed(self._subjects):
            if mention.text not in unfit:
                return mention
        for mention in reversed(self._seen):
            if mention.text in fit:
                return mention
        return self.current

    def described(self, noun: str) -> Mention | None:
        """What "the <noun>" means where nothing was called so: the last subject; a thing, where a person is no <noun>."""
        current = self.current
        if noun in PLACE_NOUNS and self._place is not None:
            return self._place
        if current is None or current.text not in self._persons or is_role(noun):
            return current
        for mention in reversed(self._seen):
            if mention.text not in self._persons and not mention.text[0].islower():
                return mention
        return current

    def is_called(self, mention: Mention, noun: str) -> bool:
        """Whether the text said that it is one, or its name does."""
        return self._kinds.get(noun) == mention.text or noun in mention.text.lower().split()

    def can_be(self, mention: Mention, noun: str) -> bool:
        """Whether "the <noun>" may stand for it: a memorial is no battle, and who painted is no film."""
        if self.is_called(mention, noun):
            return True
        return noun not in _HAPPENINGS and not (noun in _WORKS and mention.text in self._makers)

    def other(self, subject: Mention, noun: str = "") -> Mention | None:
        """The last subject that is not this one, by name or part of it; for a noun of things, the last such thing."""
        thing = noun and not is_role(noun)
        for mentions in (self._subjects, self._seen if thing else []):
            for mention in reversed(mentions):
                fits = not thing or (mention.text not in self._persons and _is_named(mention) and self.can_be(mention, noun))
                if fits and mention.text not in subject.text and subject.text not in mention.text:
                    return mention
        return None

    def full_name(self, mention: Mention) -> Mention:
        """`Turing`, after `Alan Turing` was named, is that."""
        if " " in mention.text or len(mention.text) < 3:
            return mention
        for earlier in reversed(self._seen):
            if (
                earlier.text.endswith(" " + mention.text)
                and not earlier.text[0].islower()
                and not any(mark in earlier.text for mark in (" of ", ", "))
            ):
                return mention._replace(text=earlier.text)
        return mention

    def noun(self, noun: str) -> Mention | None:
        """What "the <noun>" was said of or is part of the name of."""
        for mention in reversed(self._seen):
            low = mention.text.lower()
            if self._kinds.get(noun) == mention.text or (low.endswith(noun) and len(low) > len(noun) > 3):
                return mention
        return None
