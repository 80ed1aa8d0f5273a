"""Variants of a sample: the same answer, asked in other words, under an id that follows from the parent's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from schemas.sample import Sample, Task
from schemas.training_sample import TrainingSample
from schemas.turns import Turn, more_than_question
from streams.augmenter.ids import variant_id
from streams.augmenter.paraphrase import Paraphrase, Text, paraphrases
from streams.augmenter.rephrasing import is_of_style
from streams.knowledge.hypergraph import Hypergraph

ORIGIN = "augmenter"


def other_texts(sample: TrainingSample, graph: Hypergraph) -> Iterator[Paraphrase]:
    """What a sample may be said in other words, in an order that follows from its id and the graph; nothing where it cannot be."""
    text = text_of(sample)
    return paraphrases(text, graph, f"{sample.sample_id}/{sample.generation}") if text else iter(())


def text_of(sample: TrainingSample) -> Text | None:
    """What may be said in other words: the last question; of plain text, the text."""
    turns = _turns_of(sample)
    sides = (*(sample.chosen_messages or ()), *(sample.rejected_messages or ()))
    fixed = tuple(string for string in (*(sample.gold or ()), sample.rejected, *(turn.content for turn in sides)) if string)
    if not turns:
        return Text(sample.completion, is_asked=False) if sample.completion else None
    asked = _asked(turns)
    if asked is None:
        return None
    answer = sample.chosen or sample.completion or "".join(turn.content for turn in turns[asked + 1 :][-1:] if turn.role == "assistant")
    if sample.task is Task.CLASSIFICATION and is_of_style((answer, *(sample.label_set or ()))):
        return None
    if sample.task is Task.CLASSIFICATION:  # a text with a label is no question
        return Text(turns[asked].content, fixed=(*fixed, answer), is_asked=False)
    return Text(turns[asked].content, answer, fixed)


def _turns_of(sample: TrainingSample) -> tuple[Turn, ...]:
    """The conversation, or the turns before the answer."""
    return sample.messages or sample.prompt


def _asked(turns: Sequence[Turn]) -> int | None:
    """Number of the user's last turn."""
    return max((number for number, turn in enumerate(turns) if turn.role == "user" and turn.content.strip()), default=None)


def variant_of(parent: TrainingSample, said: Paraphrase, index: int, run_id: str) -> Sample:
    """The parent's variant of a number, with its task, labels and gold."""
    words = said.words
    generation = parent.generation + 1
    turns = _turns_of(parent)
    return Sample(
        sample_id=variant_id(parent.sample_id, generation, index),
        task=parent.task,
        **(_in_turns(parent, turns, words) if more_than_question(turns) else _in_strings(parent, words)),
        tools=parent.tools,
        label_set=parent.label_set,
        chosen=parent.chosen,
        rejected=parent.rejected,
        chosen_messages=parent.chosen_messages,
        rejected_messages=parent.rejected_messages,
        gold=parent.gold,
        run_id=run_id,
        parent_id=parent.sample_id,
        generation=generation,
        origin=ORIGIN,
        recipe=said.recipe.value,
    )


def _in_strings(parent: TrainingSample, words: str) -> dict[str, Any]:
    """What a sample of one question, or of plain text, says in other words."""
    asks = bool(parent.prompt)
    is_labelled = parent.task is Task.CLASSIFICATION
    is_generation = parent.task is Task.GENERATION
    return {
        "prompt": words if asks and not is_labelled else None,
        "text": words if is_labelled or not asks else (parent.completion if is_generation else None),
        "answer": parent.completion if not is_labelled and not is_generation else None,
        "label": parent.completion if is_labelled else None,
    }


def _in_turns(parent: TrainingSample, turns: Sequence[Turn], words: str) -> dict[str, Any]:
    """What a conversation says with its last question in other words: all other turns stay, with weights and calls."""
    asked = _asked(turns)
    said = tuple(turn.model_copy(update={"content": words}) if number == asked else turn for number, turn in enumerate(turns))
    return {"messages": said, "label" if parent.task is Task.CLASSIFICATION else "answer": parent.completion}
