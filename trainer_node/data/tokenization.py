"""Neutral messages to token ids: prompt + the model's own chat template + EOS. The only place that knows templates.

`IGNORED` marks tokens that carry no loss: the prompt's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Self

from schemas.errors import BadRecord, DeadLetterReason
from schemas.sample import Task
from schemas.training_sample import Objective, TrainingSample
from schemas.turns import Turn
from trainer_node.config import TrainConfig

IGNORED = -100


@dataclass(frozen=True)
class Example:
    """One tokenised sequence. `input_ids` and `labels` have the same length; labels are IGNORED over the prompt."""

    input_ids: list[int]
    labels: list[int]
    truncated_from: int = 0
    """Tokens it had before it was cut; 0 where it is whole."""

    @property
    def truncated(self) -> bool:
        """Whether something of it was cut."""
        return self.truncated_from > 0

    def __len__(self) -> int:
        """Tokens."""
        return len(self.input_ids)

    def sequences(self) -> list[Example]:
        """What goes through the model."""
        return [self]

    def without_loss(self) -> Self:
        """The same tokens, none of which is learnt."""
        return replace(self, labels=[IGNORED] * len(self.labels))


@dataclass(frozen=True)
class PairExample:
    """A preference pair: prompt, and two completions with EOS, as token ids."""

    prompt_ids: list[int]
    chosen_ids: list[int]
    rejected_ids: list[int]
    truncated_from: int = 0
    """Tokens that the longer of its two sequences had before it was cut; 0 where both are whole."""

    @property
    def truncated(self) -> bool:
        """Whether something of it was cut."""
        return self.truncated_from > 0

    def __len__(self) -> int:
        """Tokens of the longer of its two sequences."""
        return len(self.prompt_ids) + max(len(self.chosen_ids), len(self.rejected_ids))

    def sequences(self) -> list[Example]:
        """What goes through the model: the prompt with the chosen completion, and with the rejected one."""
        prompt, ignored = self.prompt_ids, [IGNORED] * len(self.prompt_ids)
        return [Example(prompt + completion, ignored + completion) for completion in (self.chosen_ids, self.rejected_ids)]

    def without_loss(self) -> Self:
        """The prompt alone: nothing of it is learnt."""
        return replace(self, chosen_ids=[], rejected_ids=[])


@dataclass(frozen=True)
class PromptExample:
    """A prompt to be answered, as token ids."""

    prompt_ids: list[int]

    def __len__(self) -> int:
        """Tokens."""
        return len(self.prompt_ids)


LossExample = Example | PairExample
"""A sample that carries a loss of its own."""
AnyExample = LossExample | PromptExample
"""A sample of any objective as token ids."""


def with_loss(example: AnyExample) -> LossExample:
    """The same example, which is no prompt: the caller trains on what samples say, not on what is answered to them."""
    assert not isinstance(example, PromptExample), "a prompt has nothing to imitate"
    return example


class BatchTokenizer:
    """A tokenizer through which the texts of these samples went together: one call, on all cores, instead of one for each text.

    Stands where a tokenizer stands; a text it has not seen goes through it then.
    """

    def __init__(self, tokenizer: Any, samples: Iterable[TrainingSample]) -> None:
        self._tokenizer = tokenizer
        self.bos_token_id = tokenizer.bos_token_id  # as a property of the tokenizer, each look costs as much as all else here
        self.eos_token_id = tokenizer.eos_token_id
        self._rendered: dict[str, str] = {}
        texts = list(dict.fromkeys(text for sample in samples for text in self._texts(sample)))
        self._ids = dict(zip(texts, tokenizer(texts, add_special_tokens=False)["input_ids"], strict=True)) if texts else {}

    def __getattr__(self, name: str) -> Any:
        """All else is the tokenizer's own."""
        return getattr(self._tokenizer, name)

    def __call__(self, text: str, *, add_special_tokens: bool) -> dict[str, list[int]]:
        """Token ids of a text."""
        if add_special_tokens or text not in self._ids:
            found: dict[str, list[int]] = self._tokenizer(text, add_special_tokens=add_special_tokens)
            return found
        return {"input_ids": self._ids[text]}

    def apply_chat_template(self, turns: list[dict[str, str]], **options: Any) -> str:
        """The turns under the model's template; rendered once."""
        key = repr((turns, options))
        if key not in self._rendered:
            self._rendered[key] = self._tokenizer.apply_chat_template(turns, **options)
        return self._rendered[key]

    def _texts(self, sample: TrainingSample) -> list[str]:
        """What the builders will ask for; nothing of a sample whose prompt cannot be rendered, which its builder will say."""
        asked = with_choices(sample) if sample.task is Task.CLASSIFICATION else sample
        try:
            prompt = [prompt_text(asked, self)] if asked.prompt else []
        except BadRecord:
            return []
        return prompt + [text for text in (sample.completion, sample.chosen, sample.rejected, *(sample.label_set or ())) if text]


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
    return build(sample, tokenizer, max_seq, config.too_long)


def format_sft(sample: TrainingSample, tokenizer: Any, max_seq: int, too_long: str = "truncate") -> Example:
    """Generation and question answering: loss on the completion and its EOS (all of a plain text).

    Raises:
        BadRecord: untrainable (no completion), or too_long where the policy says so or the prompt alone fills `max_seq`.
    """
    prompt_ids = prompt_tokens(sample, tokenizer)
    completion_ids = completion_tokens(sample.completion, tokenizer)
    completion_ids, truncated_from = _fit(prompt_ids, completion_ids, max_seq, too_long)
    return Example(prompt_ids + completion_ids, [IGNORED] * len(prompt_ids) + completion_ids, truncated_from)


def format_classif(sample: TrainingSample, tokenizer: Any, max_seq: int, too_long: str = "truncate") -> Example:
    """Classification: the text and the classes, then the label as the completion. Of what is too long, the text is cut at its end.

    Raises:
        BadRecord: untrainable when the label is outside its set; too_long where the policy says so, or the classes alone fill `max_seq`.
    """
    if sample.label_set and sample.completion not in sample.label_set:
        raise BadRecord(DeadLetterReason.UNTRAINABLE, f"label {sample.completion!r} is not one of {', '.join(sample.label_set)}")
    whole = with_choices(sample)
    room = max_seq - _longest_label(sample, tokenizer)
    length = len(prompt_tokens(whole, tokenizer))
    if too_long == "dead-letter" or length <= room:
        return format_sft(whole, tokenizer, max_seq, too_long)
    example = format_sft(_with_less_text(sample, tokenizer, room), tokenizer, max_seq, too_long)
    return replace(example, truncated_from=length + len(completion_tokens(sample.completion, tokenizer)))


def _longest_label(sample: TrainingSample, tokenizer: Any) -> int:
    """Tokens of the longest label that can be answered, its EOS included."""
    labels = [label for label in (sample.completion, *(sample.label_set or ())) if label and label.strip()]
    return max((len(completion_tokens(label, tokenizer)) for label in labels), default=0)


def _with_less_text(sample: TrainingSample, tokenizer: Any, room: int) -> TrainingSample:
    """The sample as it is asked, with as much of its last turn's text as `room` tokens hold beside the classes and the template.

    Raises:
        BadRecord: too_long where nothing of the text has room.
    """
    asked, last = with_choices(sample), sample.prompt[-1] if sample.prompt else None
    ids = tokenizer(last.content, add_special_tokens=False)["input_ids"] if last else []
    while (excess := len(prompt_tokens(asked, tokenizer)) - room) > 0:
        ids = ids[: max(0, len(ids) - excess)]  # again where the cut text makes other tokens than it was cut at
        if not ids or last is None:
            raise BadRecord(DeadLetterReason.TOO_LONG, f"the classes leave no room for the text; {room} tokens are there for both")
        shorter = Turn(role=last.role, content=tokenizer.decode(ids))
        asked = with_choices(sample.model_copy(update={"prompt": (*sample.prompt[:-1], shorter)}))
    return asked


def with_choices(sample: TrainingSample) -> TrainingSample:
    """The sample with its classes named after the text, so that a model is asked what it is trained to answer."""
    if not sample.label_set or not sample.prompt:
        return sample
    last = sample.prompt[-1]
    choices = last.content + "\n\nOne of: " + ", ".join(sample.label_set)
    return sample.model_copy(update={"prompt": (*sample.prompt[:-1], Turn(role=last.role, content=choices))})


def format_rlhf(sample: TrainingSample, tokenizer: Any, max_seq: int, too_long: str = "truncate") -> PairExample:
    """A preference pair for DPO.

    Raises:
        BadRecord: untrainable when either side is empty, or as `format_sft`.
    """
    prompt_ids = prompt_tokens(sample, tokenizer)
    chosen_ids, chosen_from = _fit(prompt_ids, completion_tokens(sample.chosen, tokenizer), max_seq, too_long)
    rejected_ids, rejected_from = _fit(prompt_ids, completion_tokens(sample.rejected, tokenizer), max_seq, too_long)
    return PairExample(prompt_ids, chosen_ids, rejected_ids, max(chosen_from, rejected_from))


def format_prompt(sample: TrainingSample, tokenizer: Any, max_seq: int, max_new_tokens: int) -> PromptExample:
    """A prompt for reinforcement learning, as the model is asked it: classes are named.

    Raises:
        BadRecord: untrainable when it is empty; too_long when no room is left for an answer. A prompt is never cut.
    """
    if not any(turn.content.strip() for turn in sample.prompt):
        raise BadRecord(DeadLetterReason.UNTRAINABLE, "the prompt is empty")
    asked = with_choices(sample) if sample.task is Task.CLASSIFICATION else sample
    ids = prompt_tokens(asked, tokenizer)
    if len(ids) + max_new_tokens > max_seq:
        raise BadRecord(DeadLetterReason.TOO_LONG, f"{len(ids)} tokens and {max_new_tokens} for the answer; max_seq is {max_seq}")
    return PromptExample(ids)


def format_supervised(sample: TrainingSample, tokenizer: Any, max_seq: int, too_long: str = "truncate") -> Example:
    """The builder that the sample's task asks for."""
    build = format_classif if sample.task is Task.CLASSIFICATION else format_sft
    return build(sample, tokenizer, max_seq, too_long)


def prompt_tokens(sample: TrainingSample, tokenizer: Any) -> list[int]:
    """The turns before the completion under the model's chat template, ready for the assistant; [] for plain text.

    A tokenizer without a template gets a plain `role: text` layout.
    """
    if not sample.prompt:
        return [tokenizer.bos_token_id] if tokenizer.bos_token_id is not None else []
    return list(tokenizer(prompt_text(sample, tokenizer), add_special_tokens=False)["input_ids"])


def prompt_text(sample: TrainingSample, tokenizer: Any) -> str:
    """The turns before the completion, as the model reads them.

    Raises:
        BadRecord: untrainable where the template refuses the turns: many take no system's turn, or none but in alternation.
    """
    turns = [{"role": turn.role, "content": turn.content} for turn in sample.prompt]
    if tokenizer.chat_template:
        try:
            text: str = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        except Exception as error:  # a template may raise anything
            raise BadRecord(DeadLetterReason.UNTRAINABLE, f"the model's chat template refuses the turns: {error}") from error
        return text
    return "".join(f"{turn['role']}: {turn['content']}\n" for turn in turns) + "assistant: "


def completion_tokens(text: str | None, tokenizer: Any) -> list[int]:
    """Completion and EOS. Raises BadRecord where there is nothing to learn."""
    if not text or not text.strip():
        raise BadRecord(DeadLetterReason.UNTRAINABLE, "the completion is empty")
    return [*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]


def _fit(prompt: list[int], completion: list[int], max_seq: int, too_long: str) -> tuple[list[int], int]:
    """As much of the completion as fits behind the prompt; and the tokens of both before it was cut, 0 where it was not."""
    length = len(prompt) + len(completion)
    if length <= max_seq:
        return completion, 0
    if too_long == "dead-letter" or len(prompt) >= max_seq:
        raise BadRecord(DeadLetterReason.TOO_LONG, f"{length} tokens; max_seq is {max_seq}")
    return completion[: max_seq - len(prompt)], length
