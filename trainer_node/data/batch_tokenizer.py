"""Samples through the model's template and tokenizer: all texts in one call, on all cores, instead of one call for each."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from schemas.errors import BadRecord, DeadLetterReason
from schemas.sample import Task
from schemas.training_sample import TrainingSample
from schemas.turns import Turn
from trainer_node.data.control_tokens import Encoded, Text
from trainer_node.data.examples import IGNORED
from trainer_node.data.rendering import Learnt, Written, renderer_of
from trainer_node.data.turns import Spoken, spoken


class BatchTokenizer:
    """Stands where a tokenizer stands. The texts of the samples it was made with went together; one it has not seen goes through then."""

    def __init__(self, tokenizer: Any, samples: Iterable[TrainingSample] = (), loss_on: str = "assistant") -> None:
        self._tokenizer = tokenizer
        self._renderer = renderer_of(tokenizer)
        self.bos_token_id = tokenizer.bos_token_id  # as a property of the tokenizer, each look costs as much as all else here
        self.eos_token_id = tokenizer.eos_token_id
        self._written: dict[Hashable, Written] = {}
        self._learnt: dict[Hashable, Learnt] = {}
        self._ids: dict[str, list[int]] = {}
        self._encoded: dict[str, Encoded] = {}
        texts: list[str] = []
        conversations: list[str] = []
        for sample in samples:
            try:
                (texts if not has_turns_to_learn(sample) else conversations).extend(
                    text.text for text in self._texts(sample, loss_on) if not text.said
                )
            except BadRecord:
                continue  # its builder will say so
        if texts := list(dict.fromkeys(texts)):
            self._ids = dict(zip(texts, tokenizer(texts, add_special_tokens=False)["input_ids"], strict=True))
        if conversations and self._renderer.control.is_fast:
            self._encoded = dict(zip(conversations, self._renderer.control.measured(conversations), strict=True))

    @classmethod
    def of(cls, tokenizer: Any) -> BatchTokenizer:
        """The tokenizer itself, where it is one already."""
        return tokenizer if isinstance(tokenizer, cls) else cls(tokenizer)

    def __getattr__(self, name: str) -> Any:
        """All else is the tokenizer's own."""
        return getattr(self._tokenizer, name)

    @property
    def ending(self) -> list[int]:
        """Ids of the tokens that end the assistant's turn; the tokenizer's end token where its template writes none."""
        return self._renderer.ending or self.end_of_text

    @property
    def end_of_text(self) -> list[int]:
        """Id of the token that ends a plain text; none where the tokenizer has none."""
        return [] if self.eos_token_id is None else [self.eos_token_id]

    @property
    def stops(self) -> list[int]:
        """Ids of the tokens at which an answer is over."""
        return list(dict.fromkeys((*self.ending[-1:], *self.end_of_text)))

    def prompt(self, sample: TrainingSample) -> Written:
        """The turns before the answer, ready for it. Raises BadRecord where the template refuses them."""
        turns = [spoken(turn) for turn in sample.prompt]
        key = _key("prompt", turns, sample)
        if key not in self._written:
            self._written[key] = self._renderer.prompt(turns, sample.tools)
        return self._written[key]

    def conversation(self, sample: TrainingSample, turns: Sequence[Turn], loss_on: str) -> tuple[Written, Learnt]:
        """Turns to learn, behind those of the sample's prompt, which are context.

        Raises:
            BadRecord: untrainable; the template refuses them, or does not say which part of it is the assistant's.
        """
        before = [replace(spoken(turn), weight=0) for turn in sample.prompt]
        whole = [*before, *(spoken(turn) for turn in turns)]
        key = _key(loss_on, whole, sample)
        if key not in self._learnt:
            self._written[key] = self._renderer.conversation(whole, sample.tools)
            self._learnt[key] = self._renderer.learnt(self._written[key], loss_on)
        return self._written[key], self._learnt[key]

    def answer(self, text: str) -> Text:
        """What an assistant is to say; characters of control tokens in it are text."""
        return self._renderer.control.answer(text)

    def ids(self, text: Text) -> list[int]:
        """Token ids of a text."""
        if text.said:
            return self._renderer.control.encode(text).ids
        found = self._ids.get(text.text)
        if found is None:
            found = self._tokenizer(text.text, add_special_tokens=False)["input_ids"]
        return list(found)

    def labelled(self, learnt: Learnt) -> tuple[list[int], list[int]]:
        """Token ids of a conversation, and labels: the same where they are learnt, IGNORED elsewhere.

        Raises:
            BadRecord: untrainable where a token reaches over the end of what is learnt.
        """
        if self._renderer.control.is_fast:
            encoded = self._encode(learnt.text)
            bounds = [encoded.tokens(span) for span in learnt.spans]
            if all(bounds):
                labels = [IGNORED] * len(encoded.ids)
                for first, behind in filter(None, bounds):
                    labels[first:behind] = encoded.ids[first:behind]
                return self._ended(list(encoded.ids), labels, learnt)
        return self._ended(*self._in_pieces(learnt), learnt)

    def _encode(self, text: Text) -> Encoded:
        control = self._renderer.control
        if text.said:
            return control.encode(text)
        return self._encoded.get(text.text) or control.measured([text.text])[0]

    def _in_pieces(self, learnt: Learnt) -> tuple[list[int], list[int]]:
        """Each part by itself: as the model meets it, which is given the one and makes the other."""
        text = learnt.text
        ids: list[int] = []
        labels: list[int] = []
        starts = {start for start, _ in learnt.spans}
        bounds = sorted({0, len(text.text), *(bound for span in learnt.spans for bound in span)})
        for start, end in itertools.pairwise(bounds):
            piece = self.ids(text.part(start, end))
            ids += piece
            labels += piece if start in starts else [IGNORED] * len(piece)
        if self._read(ids) != self._read(self.ids(text)):
            detail = "a token of the model's tokenizer reaches over the beginning or the end of what the assistant says"
            raise BadRecord(DeadLetterReason.UNTRAINABLE, detail)
        return ids, labels

    def _read(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, clean_up_tokenization_spaces=False))

    def _ended(self, ids: list[int], labels: list[int], learnt: Learnt) -> tuple[list[int], list[int]]:
        """With the end token where the template writes none; without what follows the last learnt token, which changes nothing."""
        if not learnt.ends_itself:
            ids, labels = ids + self.ending, labels + self.ending
        last = next((place for place in range(len(labels) - 1, -1, -1) if labels[place] != IGNORED), -1)
        return ids[: last + 1], labels[: last + 1]

    def _texts(self, sample: TrainingSample, loss_on: str) -> Iterator[Text]:
        """What the builders will ask for."""
        for turns in filter(None, (sample.messages, sample.chosen_messages, sample.rejected_messages)):
            yield self.conversation(sample, turns, loss_on)[1].text
        if has_turns_to_learn(sample):
            return
        asked = with_choices(sample) if sample.task is Task.CLASSIFICATION else sample
        if asked.prompt:
            yield self.prompt(asked).text
        yield from (self.answer(text) for text in (sample.completion, sample.chosen, sample.rejected, *(sample.label_set or ())) if text)


def _key(kind: str, turns: Sequence[Spoken], sample: TrainingSample) -> Hashable:
    """What some turns are rendered from. A model's `repr` would take as long as all else."""
    said = tuple((turn.role, turn.content, turn.weight, repr(turn.rest) if turn.rest else "") for turn in turns)
    return kind, said, repr(sample.tools) if sample.tools else ""


def has_turns_to_learn(sample: TrainingSample) -> bool:
    """Whether what is learnt of a sample is turns, rather than one text behind the others."""
    return bool(sample.messages or sample.chosen_messages or sample.rejected_messages)


def with_choices(sample: TrainingSample) -> TrainingSample:
    """The sample with its classes named after the text, so that a model is asked what it is trained to answer."""
    if not sample.label_set or not sample.prompt:
        return sample
    last = sample.prompt[-1]
    choices = last.content + "\n\nOne of: " + ", ".join(sample.label_set)
    return sample.model_copy(update={"prompt": (*sample.prompt[:-1], last.model_copy(update={"content": choices}))})
