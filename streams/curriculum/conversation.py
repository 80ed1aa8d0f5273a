"""The rules by which a conversation is made sound before it is measured and trained (docs/train_pipeline.md has them for producers).

- Turns after the last answer that is learnt are left out: nothing of them would be.
- The assistant's turns before anyone else has spoken are left out; a system turn does not count as speaking.
- Turns of one role in a row are one turn, their texts joined by a blank line. Results of tools stay apart, and so do turns of several
  speakers, of several weights, and of which the first calls a tool or the second has thoughts of its own.
- An empty turn of the user's or the assistant's is refused. An empty system turn stays (it keeps a template from adding its own), and so
  does an empty result of a tool.
- A system turn that is not the first stays where it is: it is for the model's template to take or to refuse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schemas.errors import BadRecord, DeadLetterReason
from schemas.turns import Turn

JOINED = "turns of one role joined"
BEGAN = "first turns of the assistant left out"
ENDED = "turns after the last answer left out"


class Conversation(NamedTuple):
    """Turns made sound."""

    turns: tuple[Turn, ...]
    changed: tuple[str, ...] = ()
    """Which rules changed something, in their order."""


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
    made = _sound(turns[: learnt[-1] + 1])
    if not any(turn.is_learnt for turn in made.turns):
        raise untrainable("nothing to learn: the assistant speaks before the user and never after")
    return made._replace(changed=(*made.changed, *([ENDED] if learnt[-1] + 1 < len(turns) else [])))


def to_answer(turns: Sequence[Turn], what: str) -> Conversation:
    """The turns before an answer; `what` names what they are for.

    Raises:
        BadRecord: untrainable; says which turn is empty, or that it is not the assistant's turn to speak.
    """
    made = _sound(turns)
    if not made.turns or made.turns[-1].role not in ("user", "tool"):
        last = f"end with a turn of the {made.turns[-1].role}" if made.turns else "are none that the user says"
        raise untrainable(f"{what} needs the turns before the answer: `messages` {last}")
    return made


def side(turns: Sequence[Turn], name: str) -> Conversation:
    """The turns of one side of a preference.

    Raises:
        BadRecord: untrainable; says which turn is empty, or that the side does not end with the assistant.
    """
    if turns[-1].role != "assistant":
        raise untrainable(f"`{name}` ends with a turn of the {turns[-1].role}, and not with the assistant's")
    _refuse_empty(turns)
    return _joined(turns)


def as_text(turns: Sequence[Turn]) -> str | None:
    """What some turns say, where it is one turn of the assistant's and nothing but its text."""
    one = turns[0] if len(turns) == 1 else None
    return one.content if one is not None and one == Turn(role="assistant", content=one.content, weight=one.weight) else None


def untrainable(detail: str) -> BadRecord:
    """What is raised for a sample that nothing can be trained on."""
    return BadRecord(DeadLetterReason.UNTRAINABLE, detail)


def _sound(turns: Sequence[Turn]) -> Conversation:
    first = next((number for number, turn in enumerate(turns) if turn.role in ("user", "tool")), len(turns))
    before = [turn for turn in turns[:first] if turn.role == "system"]
    _refuse_empty(turns[first:], first)
    made = _joined([*before, *turns[first:]])
    return made._replace(changed=(*([BEGAN] if len(before) < first else []), *made.changed))


def _refuse_empty(turns: Sequence[Turn], first: int = 0) -> None:
    for number, turn in enumerate(turns, first + 1):
        if turn.role in ("user", "assistant") and not turn.says_something:
            raise untrainable(f"turn {number}, of the {turn.role}, is empty")


def _joined(turns: Sequence[Turn]) -> Conversation:
    made: list[Turn] = []
    for turn in turns:
        if made and _is_one(made[-1], turn):
            text = "\n\n".join(said for said in (made[-1].content, turn.content) if said.strip())
            made[-1] = made[-1].model_copy(update={"content": text, "tool_calls": turn.tool_calls})
        else:
            made.append(turn)
    return Conversation(tuple(made), (JOINED,) if len(made) < len(turns) else ())


def _is_one(first: Turn, second: Turn) -> bool:
    if first.role != second.role or first.role == "tool" or first.name != second.name or first.tool_calls:
        return False
    return second.reasoning_content is None and first.is_learnt == second.is_learnt
