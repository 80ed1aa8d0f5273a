"""Samples as token ids: what goes through the model, and which of its tokens carry loss."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

IGNORED = -100
"""Label of a token that carries no loss."""


@dataclass(frozen=True)
class Example:
    """One tokenised sequence. `input_ids` and `labels` have the same length; labels are IGNORED over the prompt."""

    input_ids: list[int]
    labels: list[int]
    truncated_from: int = 0
    """Tokens it had before it was cut; 0 where it is whole."""
    rules: tuple[str, ...] = ()
    """By which its turns were changed for the model's template (`trainer_node.data.turns`)."""

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
    rules: tuple[str, ...] = ()
    """By which its turns were changed for the model's template."""
    chosen_labels: list[int] | None = None
    """Of each chosen token, where not all of them are learnt: a side of several turns."""
    rejected_labels: list[int] | None = None
    """Of each rejected token, likewise."""

    @property
    def truncated(self) -> bool:
        """Whether something of it was cut."""
        return self.truncated_from > 0

    def __len__(self) -> int:
        """Tokens of the longer of its two sequences."""
        return len(self.prompt_ids) + max(len(self.chosen_ids), len(self.rejected_ids))

    def sequences(self) -> list[Example]:
        """What goes through the model: the prompt with the chosen completion, and with the rejected one."""
        ignored = [IGNORED] * len(self.prompt_ids)
        sides = ((self.chosen_ids, self.chosen_labels), (self.rejected_ids, self.rejected_labels))
        return [Example(self.prompt_ids + ids, ignored + (ids if labels is None else labels)) for ids, labels in sides]

    def without_loss(self) -> Self:
        """The prompt alone: nothing of it is learnt."""
        return replace(self, chosen_ids=[], rejected_ids=[], chosen_labels=None, rejected_labels=None)


@dataclass(frozen=True)
class PromptExample:
    """A prompt to be answered, as token ids."""

    prompt_ids: list[int]
    rules: tuple[str, ...] = ()
    """By which its turns were changed for the model's template."""

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
