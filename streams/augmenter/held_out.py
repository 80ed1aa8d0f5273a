"""Held-out samples, so that no variant comes near one: read from `samples`, where producers say what is held out.

Two texts say the same where their content words are nearly the same: what is left without the words of the language (`english`) and those
with which questions are put. A variant leaks where it says what a held-out text says, and either its parent did not, or it says it in
nearly the same words.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from schemas.errors import BadRecord
from schemas.sample import Sample, Split
from streams.kafka.reader import TopicReader
from streams.kafka.signatures import Signatures
from streams.knowledge.english import FUNCTION_WORDS
from streams.knowledge.names import fold

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings

logger = logging.getLogger(__name__)

SAME_CONTENT = 0.9
"""Two texts say the same where so many of their content words, of all of both, are in both."""
SAME_CONTENT_LONG = 0.7
"""The same where the held-out text has at least LONG content words: there one word more or less changes little."""
LONG = 10
SAME_WORDING = 0.8
"""And in the same words where so many of the held-out text's pairs of neighbouring words are in the other."""
_ASKING = """
tell please state know like name give answer question following fill blank complete sentence gap belongs asked ask say here one does did
"""
ASKING = frozenset(_ASKING.split())
"""Words with which the same question is put in different ways."""
MOST_WORDS = 1_000
"""Of a text, what is compared: its beginning."""
MOST_PAIRS = 500_000
"""Pairs of words of all held-out texts that are remembered, some 100 MB: 40,000 questions. The first ones, since those are what a trainer
measures by."""
MARK = b'"validation"'
"""What a record holds that says of a sample that it is held out."""


@dataclass(frozen=True)
class _Text:
    content: frozenset[str]
    pairs: frozenset[tuple[str, str]]


class HeldOut:
    """The texts of held-out samples. One thread uses it."""

    def __init__(self, most_pairs: int = MOST_PAIRS) -> None:
        self._most_pairs = most_pairs
        self._texts: list[_Text] = []
        self._by_word: dict[str, list[int]] = {}
        self._known: set[frozenset[tuple[str, str]]] = set()
        self._pairs = 0
        self._is_full = False

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, sample: Sample) -> None:
        """Keep clear of this sample from now on, where there is room for it."""
        for text in _texts_of(sample):
            made = _text(text)
            if self._pairs + len(made.pairs) > self._most_pairs:
                self._tell_full(sample)
            elif made.content and made.pairs not in self._known:
                self._pairs += len(made.pairs)
                self._known.add(made.pairs)
                for word in made.content:
                    self._by_word.setdefault(word, []).append(len(self._texts))
                self._texts.append(made)

    def _tell_full(self, sample: Sample) -> None:
        if not self._is_full:
            logger.warning(
                "variants keep clear of the first %d held-out texts; of %s and later ones they do not", len(self), sample.sample_id
            )
        self._is_full = True

    def holds(self, text: str) -> bool:
        """Whether a text is one of them, in nearly the same words."""
        asked = _text(text)
        return any(_says_same(asked, held) and _covers(asked, held) for held in self._near(asked))

    def leaks(self, variant: str, parent: str) -> bool:
        """Whether a variant of a text that is not held out itself would show the model what it is measured by."""
        said, before = _text(variant), _text(parent)
        return any(_says_same(said, held) and (not _says_same(before, held) or _covers(said, held)) for held in self._near(said))

    def _near(self, said: _Text) -> Iterator[_Text]:
        """Texts that may say the same: to share seven words in ten is to share one of the rarest three tenths and one more."""
        rarest = sorted(said.content, key=lambda word: (len(self._by_word.get(word, ())), word))
        needed = len(rarest) - int(SAME_CONTENT_LONG * len(rarest)) + 1
        for number in sorted({number for word in rarest[:needed] for number in self._by_word.get(word, ())}):
            yield self._texts[number]


class HeldOutView:
    """What `samples` says is held out. One thread uses it, and closes it."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._signatures = Signatures(settings)
        self._log: TopicReader | None = None
        self._next: Counter[int] = Counter()
        self._is_new = False
        self._texts = HeldOut()

    def begin_batch(self) -> None:
        """What is asked next wants a new look."""
        self._is_new = False

    def texts_now(self) -> HeldOut:
        """Those on the log now, or when they were first asked for in this batch.

        Raises:
            BrokerError: no broker answers: no variant is made of what is not known to be clear of held-out samples.
        """
        if not self._is_new:
            self._read()
            self._is_new = True
        return self._texts

    def _read(self) -> None:
        self._log = self._log or TopicReader(self._settings)
        for record in self._log.topic(self._settings.topics.samples.name, start=dict(self._next)):
            self._next[record.partition] = record.offset + 1
            if record.value is None or MARK not in record.value:
                continue
            try:
                self._signatures.check(record)
                sample = Sample.decode(record.value)
            except BadRecord:
                continue  # the curriculum tells of it
            if sample.split is Split.VALIDATION:
                self._texts.add(sample)

    def close(self) -> None:
        """Disconnect."""
        if self._log is not None:
            self._log.close()
            self._log = None


def _texts_of(sample: Sample) -> Iterator[str]:
    """What a held-out sample asks, or is."""
    yield from (text for text in (sample.prompt, sample.text) if text)
    asked = [turn.content for turn in sample.messages or () if turn.role == "user" and turn.content]
    yield from asked[-1:]


def _text(text: str) -> _Text:
    words = fold(text).split(maxsplit=MOST_WORDS)[:MOST_WORDS]
    content = frozenset(word for word in words if word not in FUNCTION_WORDS and word not in ASKING)
    return _Text(content or frozenset(words), frozenset(pairwise(words)))


def _says_same(said: _Text, held: _Text) -> bool:
    overlap = len(said.content & held.content) / len(said.content | held.content)
    return overlap >= (SAME_CONTENT_LONG if len(held.content) >= LONG else SAME_CONTENT)


def _covers(said: _Text, held: _Text) -> bool:
    return len(said.pairs & held.pairs) >= SAME_WORDING * len(held.pairs)
