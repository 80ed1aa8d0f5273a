"""The rules by which a conversation is made sound before it is measured and trained (docs/train_pipeline.md has them for producers).

- Turns after the last answer that is learnt are left out: nothing of them would be.
- An empty turn of the user's or the assistant's is refused. An empty system turn stays (it keeps a template from adding its own), and so
  does an empty result of a tool.
- Every other irregularity stays as it is (two turns of one role in a row, the assistant first, a system turn that is not the first): what
  the model's template refuses of it, the trainer brings to what the template takes (`trainer_node/data/turns.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schemas.errors import BadRecord, DeadLetterReason
from schemas.turns import Turn

ENDED = "turns after the last answer left out"


class Conversation(NamedTuple):
    """Turns made sound."""

    turns: tuple[Turn, ...]
    changed: tuple[str, ...] = ()
    """Which rules changed something."""


def to_learn(turns: Sequence[Turn]) -> Conversation:
    """A conversation to learn from: it ends with the last of the assistant's turns that is learnt.

    Raises:
        BadRecord: untrainable; says which turn is empty, or why nothing can be learnt.
    """
    learnt = [number for number, turn in enumerate(turns) if turn.is_learnt]
    if not learnt:
        why = "has weight 0" if any(turn.role == "assistant" for turn in turns) else "is missing"
        raise untrainable(
            f"nothing to learn: every turn of the assistant {why} (a prompt for reinforcement has `gold`, or says its `task`)"
        )
    _refuse_empty(left := tuple(turns[: learnt[-1] + 1]))
    return Conversation(left, (ENDED,) if len(left) < len(turns) else ())


def to_answer(turns: Sequence[Turn], what: str) -> tuple[Turn, ...]:
    """The turns before an answer; `what` names what they are for.

    Raises:
        BadRecord: untrainable; says which turn is empty, or that it is not the assistant's turn to speak.
    """
    if turns[-1].role not in ("user", "tool"):
        raise untrainable(f"{what} needs the turns before the answer: `messages` end with a turn of the {turns[-1].role}")
    _refuse_empty(turns)
    return tuple(turns)


def side(turns: Sequence[Turn], name: str) -> tuple[Turn, ...]:
    """The turns of one side of a preference.

    Raises:
        BadRecord: untrainable; says which turn is empty, or that the side does not end with the assistant.
    """
    if turns[-1].role != "assistant":
        raise untrainable(f"`{name}` ends with a turn of the {turns[-1].role}, and not with the assistant's")
    _refuse_empty(turns)
    return tuple(turns)


def as_text(turns: Sequence[Turn]) -> str | None:
    """What some turns say, where it is one turn of the assistant's and nothing but its text."""
    one = turns[0] if len(turns) == 1 else None
    return one.content if one is not None and one == Turn(role="assistant", content=one.content, weight=one.weight) else None


def untrainable(detail: str) -> BadRecord:
    """What is raised for a sample that nothing can be trained on."""
    return BadRecord(DeadLetterReason.UNTRAINABLE, detail)


def _refuse_empty(turns: Sequence[Turn]) -> None:
    for number, turn in enumerate(turns, 1):
        if turn.role in ("user", "assistant") and not turn.says_something:
            raise untrainable(f"turn {number}, of the {turn.role}, is empty")
