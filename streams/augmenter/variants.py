"""Variants of a sample: the same answer, asked in other words, under an id that follows from the parent's."""

from __future__ import annotations

from schemas.base import content_id
from schemas.sample import Sample, Task
from schemas.training_sample import TrainingSample
from streams.augmenter.paraphrase import Text, paraphrases
from streams.knowledge.hypergraph import Hypergraph

ORIGIN = "augmenter"


def variants_of(sample: TrainingSample, graph: Hypergraph, run_id: str, count: int) -> list[Sample]:
    """At most `count` variants, with the sample's task, labels and gold; none where it cannot be said in other words."""
    text = _text_of(sample)
    if text is None:
        return []
    seed = f"{sample.sample_id}/{sample.generation}"
    return [_variant(sample, words, index, run_id) for index, words in enumerate(paraphrases(text, graph, seed, count))]


def variant_id(parent_id: str, generation: int, index: int) -> str:
    """The same for the same parent, so that a variant made twice is one sample."""
    return "v-" + content_id(parent_id, str(generation), str(index))


def _text_of(sample: TrainingSample) -> Text | None:
    """What may be said in other words: the question; of plain text, the text."""
    fixed = tuple(string for string in (*(sample.gold or ()), sample.rejected) if string)
    if not sample.prompt:
        return Text(sample.completion) if sample.completion else None
    if len(sample.prompt) > 1:
        return None  # a `Sample` holds one turn
    answer = sample.chosen or sample.completion or ""
    if sample.task is Task.CLASSIFICATION:  # a text with a label is no question
        return Text(sample.prompt[0].content, fixed=(*fixed, answer))
    return Text(sample.prompt[0].content, answer, fixed)


def _variant(parent: TrainingSample, words: str, index: int, run_id: str) -> Sample:
    generation = parent.generation + 1
    asks = bool(parent.prompt)
    is_labelled = parent.task is Task.CLASSIFICATION
    is_generation = parent.task is Task.GENERATION
    return Sample(
        sample_id=variant_id(parent.sample_id, generation, index),
        task=parent.task,
        prompt=words if asks and not is_labelled else None,
        text=words if is_labelled or not asks else (parent.completion if is_generation else None),
        answer=parent.completion if not is_labelled and not is_generation else None,
        label=parent.completion if is_labelled else None,
        label_set=parent.label_set,
        chosen=parent.chosen,
        rejected=parent.rejected,
        gold=parent.gold,
        run_id=run_id,
        parent_id=parent.sample_id,
        generation=generation,
        origin=ORIGIN,
    )
