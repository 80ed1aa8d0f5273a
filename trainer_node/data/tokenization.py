"""Samples to examples: the model's own chat template, then token ids, with loss on what the assistant says and on what ends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from schemas.errors import BadRecord, DeadLetterReason
from schemas.sample import Task
from schemas.training_sample import Objective, TrainingSample
from schemas.turns import Turn
from trainer_node.config import TrainConfig
from trainer_node.data.batch_tokenizer import BatchTokenizer, has_turns_to_learn, with_choices
from trainer_node.data.examples import IGNORED, AnyExample, Example, PairExample, PromptExample


def prepare(sample: TrainingSample, tokenizer: Any, config: TrainConfig) -> AnyExample:
    """A sample of any objective, as this run trains it: no longer than `config.max_seq`, nor than its model takes.

    Args:
        sample: what is to be trained.
        tokenizer: a loaded model's; its `model_max_length` is what the model takes (`LoadedModel.max_seq`).
        config: the run's settings.

    Raises:
        BadRecord: it cannot be trained; the reason is in it.
    """
    max_seq = min(config.max_seq, tokenizer.model_max_length)
    if sample.objective is Objective.PROMPT:
        return format_prompt(sample, tokenizer, max_seq, config.max_new_tokens)
    build = format_rlhf if sample.objective is Objective.PREFERENCE else format_supervised
    return build(sample, tokenizer, max_seq, config.too_long, config.loss_on)


def format_supervised(
    sample: TrainingSample, tokenizer: Any, max_seq: int, too_long: str = "truncate", loss_on: str = "assistant"
) -> Example:
    """The builder that the sample's task asks for. The classes of a classification are never learnt, whatever `loss_on` says."""
    if sample.task is Task.CLASSIFICATION and not sample.messages:
        return format_classif(sample, tokenizer, max_seq, too_long)
    return format_sft(sample, tokenizer, max_seq, too_long, loss_on)


def format_sft(sample: TrainingSample, tokenizer: Any, max_seq: int, too_long: str = "truncate", loss_on: str = "assistant") -> Example:
    """Generation, question answering and conversations: loss on what the assistant says and on the end of its turn (all of a plain text).

    Args:
        sample: of one completion, or a conversation.
        tokenizer: the model's.
        max_seq: longest example in tokens.
        too_long: `truncate` cuts the end of a longer one; `dead-letter` refuses it.
        loss_on: `assistant`, `last` or `all` (`trainer_node.data.rendering`); of a single completion `all` is its prompt too.

    Raises:
        BadRecord: untrainable (nothing to learn), or too_long where the policy says so or nothing that is learnt fits into `max_seq`.
    """
    tokens = BatchTokenizer.of(tokenizer)
    if sample.messages:
        return _fitting(_conversation(sample, sample.messages, tokens, loss_on), max_seq, too_long)
    prompt_ids, rules = _prompt(sample, tokens)
    completion_ids = completion_tokens(sample.completion, tokens, bool(sample.prompt))
    completion_ids, truncated_from = _fit(prompt_ids, completion_ids, max_seq, too_long)
    prompt_labels = prompt_ids if loss_on == "all" and sample.prompt else [IGNORED] * len(prompt_ids)
    return Example(prompt_ids + completion_ids, prompt_labels + completion_ids, truncated_from, rules)


def format_classif(sample: TrainingSample, tokenizer: Any, max_seq: int, too_long: str = "truncate") -> Example:
    """Classification: the text and the classes, then the label as the completion. Of what is too long, the text is cut at its end.

    Raises:
        BadRecord: untrainable when the label is outside its set; too_long where the policy says so, or the classes alone fill `max_seq`.
    """
    if sample.label_set and sample.completion not in sample.label_set:
        raise BadRecord(DeadLetterReason.UNTRAINABLE, f"label {sample.completion!r} is not one of {', '.join(sample.label_set)}")
    tokens = BatchTokenizer.of(tokenizer)
    whole = with_choices(sample)
    room = max_seq - _longest_label(sample, tokens)
    length = len(prompt_tokens(whole, tokens))
    if too_long == "dead-letter" or length <= room:
        return format_sft(whole, tokens, max_seq, too_long)
    example = format_sft(_with_less_text(sample, tokens, room), tokens, max_seq, too_long)
    return replace(example, truncated_from=length + len(completion_tokens(sample.completion, tokens)))


def _longest_label(sample: TrainingSample, tokens: BatchTokenizer) -> int:
    """Tokens of the longest label that can be answered, its end included."""
    labels = [label for label in (sample.completion, *(sample.label_set or ())) if label and label.strip()]
    return max((len(completion_tokens(label, tokens)) for label in labels), default=0)


def _with_less_text(sample: TrainingSample, tokens: BatchTokenizer, room: int) -> TrainingSample:
    """The sample as it is asked, with as much of its last turn's text as `room` tokens hold beside the classes and the template.

    Raises:
        BadRecord: too_long where nothing of the text has room.
    """
    asked, last = with_choices(sample), sample.prompt[-1] if sample.prompt else None
    ids = tokens.ids(tokens.answer(last.content)) if last else []
    while (excess := len(prompt_tokens(asked, tokens)) - room) > 0:
        ids = ids[: max(0, len(ids) - excess)]  # again where the cut text makes other tokens than it was cut at
        if not ids or last is None:
            raise BadRecord(DeadLetterReason.TOO_LONG, f"the classes leave no room for the text; {room} tokens are there for both")
        shorter = last.model_copy(update={"content": tokens.decode(ids)})
        asked = with_choices(sample.model_copy(update={"prompt": (*sample.prompt[:-1], shorter)}))
    return asked


def format_rlhf(
    sample: TrainingSample, tokenizer: Any, max_seq: int, too_long: str = "truncate", loss_on: str = "assistant"
) -> PairExample:
    """A preference pair for DPO: of each side what its assistant says; with `loss_on` `last`, the last turn of it.

    Raises:
        BadRecord: untrainable when either side is empty, or both are the same to the model; too_long when they differ only in what is
            cut, or as `format_sft`.
    """
    tokens = BatchTokenizer.of(tokenizer)
    build = _pair_of_turns if has_turns_to_learn(sample) else _pair_of_texts
    pair, whole = build(sample, tokens, max_seq, too_long, loss_on)
    if (pair.chosen_ids, pair.chosen_labels) == (pair.rejected_ids, pair.rejected_labels):
        if whole:
            raise BadRecord(DeadLetterReason.UNTRAINABLE, "the chosen and the rejected side are the same to the model")
        detail = f"the two sides differ only behind their first {len(pair)} tokens; max_seq is {max_seq}"
        raise BadRecord(DeadLetterReason.TOO_LONG, detail)
    return pair


def _pair_of_texts(sample: TrainingSample, tokens: BatchTokenizer, max_seq: int, too_long: str, _: str) -> tuple[PairExample, bool]:
    """The pair, and whether its sides are the same before anything of them is cut."""
    prompt_ids, rules = _prompt(sample, tokens)
    whole = [completion_tokens(side, tokens) for side in (sample.chosen, sample.rejected)]
    (chosen, chosen_from), (rejected, rejected_from) = (_fit(prompt_ids, side, max_seq, too_long) for side in whole)
    return PairExample(prompt_ids, chosen, rejected, max(chosen_from, rejected_from), rules), whole[0] == whole[1]


def _pair_of_turns(sample: TrainingSample, tokens: BatchTokenizer, max_seq: int, too_long: str, loss_on: str) -> tuple[PairExample, bool]:
    """The pair, and whether its sides are the same before anything of them is cut."""
    which = "last" if loss_on == "last" else "assistant"
    whole = [_conversation(sample, turns or (), tokens, which) for turns in (sample.chosen_messages, sample.rejected_messages)]
    chosen, rejected = (_fitting(side, max_seq, too_long) for side in whole)
    shared = _shared(chosen, rejected)
    pair = PairExample(
        chosen.input_ids[:shared],
        chosen.input_ids[shared:],
        rejected.input_ids[shared:],
        max(chosen.truncated_from, rejected.truncated_from),
        tuple(dict.fromkeys(chosen.rules + rejected.rules)),
        chosen.labels[shared:],
        rejected.labels[shared:],
    )
    return pair, whole[0] == whole[1]


def _shared(one: Example, other: Example) -> int:
    """Tokens before the first that is learnt, or that differs."""
    pairs = zip(one.input_ids, other.input_ids, one.labels, other.labels, strict=False)
    both = enumerate(a == b and label == other_label == IGNORED for a, b, label, other_label in pairs)
    return next((place for place, same in both if not same), min(len(one), len(other)))


def format_prompt(sample: TrainingSample, tokenizer: Any, max_seq: int, max_new_tokens: int) -> PromptExample:
    """A prompt for reinforcement learning, as the model is asked it: classes are named.

    Raises:
        BadRecord: untrainable when it is empty; too_long when no room is left for an answer. A prompt is never cut.
    """
    if not any(turn.content.strip() for turn in sample.prompt):
        raise BadRecord(DeadLetterReason.UNTRAINABLE, "the prompt is empty")
    asked = with_choices(sample) if sample.task is Task.CLASSIFICATION else sample
    ids, rules = _prompt(asked, BatchTokenizer.of(tokenizer))
    if len(ids) + max_new_tokens > max_seq:
        raise BadRecord(DeadLetterReason.TOO_LONG, f"{len(ids)} tokens and {max_new_tokens} for the answer; max_seq is {max_seq}")
    return PromptExample(ids, rules)


def prompt_tokens(sample: TrainingSample, tokenizer: Any) -> list[int]:
    """The turns before the completion under the model's chat template, ready for the assistant; [] for plain text.

    A tokenizer without a template gets a plain `role: text` layout.

    Raises:
        BadRecord: untrainable where the template refuses the turns: many take no system's turn, or none but in alternation.
    """
    return _prompt(sample, BatchTokenizer.of(tokenizer))[0]


def _prompt(sample: TrainingSample, tokens: BatchTokenizer) -> tuple[list[int], tuple[str, ...]]:
    """The same, and the rules by which the turns were changed for the template."""
    if not sample.prompt:
        return [tokens.bos_token_id] if tokens.bos_token_id is not None else [], ()
    written = tokens.prompt(sample)
    return tokens.ids(written.text), written.rules


def completion_tokens(text: str | None, tokenizer: Any, is_turn: bool = True) -> list[int]:
    """A completion and the token that ends it: the end of the assistant's turn, or of a plain text.

    Raises:
        BadRecord: untrainable where there is nothing to learn.
    """
    if not text or not text.strip():
        raise BadRecord(DeadLetterReason.UNTRAINABLE, "the completion is empty")
    tokens = BatchTokenizer.of(tokenizer)
    end = tokens.ending if is_turn else tokens.end_of_text or tokens.ending
    return tokens.ids(tokens.answer(text)) + end


def _conversation(sample: TrainingSample, turns: Sequence[Turn], tokens: BatchTokenizer, loss_on: str) -> Example:
    """Turns behind those of the prompt, whole."""
    written, learnt = tokens.conversation(sample, turns, loss_on)
    ids, labels = tokens.labelled(learnt)
    return Example(ids, labels, rules=written.rules)


def _fitting(example: Example, max_seq: int, too_long: str) -> Example:
    """As much of a conversation as fits, from its beginning.

    Raises:
        BadRecord: too_long where the policy says so, or nothing that is learnt fits.
    """
    length = len(example)
    if length <= max_seq:
        return example
    labels = example.labels[:max_seq]
    if too_long == "dead-letter" or all(label == IGNORED for label in labels[1:]):
        detail = f"{length} tokens; max_seq is {max_seq}"
        raise BadRecord(DeadLetterReason.TOO_LONG, detail if too_long == "dead-letter" else f"{detail}, and nothing learnt is within it")
    return replace(example, input_ids=example.input_ids[:max_seq], labels=labels, truncated_from=length)


def _fit(prompt: list[int], completion: list[int], max_seq: int, too_long: str) -> tuple[list[int], int]:
    """As much of the completion as fits behind the prompt; and the tokens of both before it was cut, 0 where it was not."""
    length = len(prompt) + len(completion)
    if length <= max_seq:
        return completion, 0
    if too_long == "dead-letter" or len(prompt) >= max_seq:
        raise BadRecord(DeadLetterReason.TOO_LONG, f"{length} tokens; max_seq is {max_seq}")
    return completion[: max_seq - len(prompt)], length
