"""A better and a worse answer: TRL's preference shapes in both styles, UltraFeedback's lists of scored answers, OpenAI's."""

from __future__ import annotations

import operator
from typing import Any

from reading.columns import CHOSEN, CONVERSATIONS, QUESTIONS, REJECTED, SYSTEMS, TOOLS
from reading.refusal import Refused, Skip
from reading.shapes.base import Columns, Fields, Made, Way, are_said, joined, with_system
from reading.shapes.implicit import divided, marked_turns
from reading.turns import Turn, turns_of
from reading.values import is_blank, text

SCORES = ("overall_score", "score", "rating", "fine-grained_score")


def preference(columns: Columns) -> Way | None:
    """The way of a row with a better and a worse side."""
    chosen, rejected = columns.first(CHOSEN), columns.first(REJECTED)
    if chosen is None and rejected is None:
        return None
    question = columns.first(QUESTIONS)
    about = columns.first(("input", "context"), question)
    before, system, tools = columns.first(CONVERSATIONS), columns.first(SYSTEMS), columns.first(TOOLS)

    def convert(row: dict[str, Any]) -> Made:
        if chosen is None or rejected is None:
            raise Refused(Skip.MISSING, f"preference needs `{'chosen' if chosen is None else 'rejected'}`")
        for side in (chosen, rejected):
            if is_blank(row[side]):
                raise Refused(Skip.MISSING, f"`{side}` is {'null' if row[side] is None else 'blank'}")
        asked = row.get(question) if question else None
        if about and type(asked) is str and not is_blank(row.get(about)):
            asked = joined(asked, text(row[about], about))
        turns = row.get(before) if before else None
        made = _pair(asked, turns, row[chosen], row[rejected], chosen, rejected)
        made = with_system(made, row.get(system) if system else None)
        if tools and not is_blank(row.get(tools)):
            made["tools"] = row[tools]
        return made

    def convert_many(rows: list[dict[str, Any]]) -> list[Fields] | None:
        columns = str(question), str(chosen), str(rejected)
        asked, better, worse = ([row[column] for row in rows] for column in columns)
        if not (are_said(asked) and are_said(better) and are_said(worse)):
            return None
        if any(map(operator.eq, map(str.strip, better), map(str.strip, worse))) or any(map(str.startswith, better, asked)):
            return None
        if tuple(rows[0]) == ("prompt", "chosen", "rejected"):
            return rows
        return [{"prompt": one, "chosen": good, "rejected": bad} for one, good, bad in zip(asked, better, worse, strict=True)]

    is_alone = question and chosen and rejected and not (about or before or system or tools)
    return Way("preference" if question or before else "implicit-preference", convert, convert_many if is_alone else None)


def _pair(asked: Any, before: Any, better: Any, worse: Any, chosen: str, rejected: str) -> Fields:
    if isinstance(asked, dict) and "messages" in asked:  # OpenAI's files of preferences
        asked = asked["messages"]
    if type(better) is str and type(worse) is str and is_blank(before) and not isinstance(asked, list):
        if better.strip() == worse.strip():
            raise Refused(Skip.INVALID, "the chosen side is the same as the rejected one")
        if is_blank(asked):
            return _implicit(better, worse)
        return {"prompt": text(asked, "prompt"), **_without(text(asked, "prompt"), better, worse)}
    sides = [_side(better, chosen), _side(worse, rejected)]
    turns = _turns_before(asked, before, sides)
    if sides[0] == sides[1]:
        raise Refused(Skip.INVALID, "the chosen side is the same as the rejected one")
    return _made(turns, *_cut(turns, *sides))


def _without(asked: str, better: str, worse: str) -> Fields:
    """The two sides without the prompt, where both repeat it."""
    if better.startswith(asked) and worse.startswith(asked) and better[len(asked) :].strip() and worse[len(asked) :].strip():
        better, worse = better[len(asked) :].lstrip(), worse[len(asked) :].lstrip()
    return {"chosen": better, "rejected": worse}


def _implicit(better: str, worse: str) -> Fields:
    """Two texts that begin alike: what they share is the prompt."""
    sides = marked_turns(better), marked_turns(worse)
    if sides[0] and sides[1]:
        return _made([], *_cut([], sides[0], sides[1]))
    prompt, better, worse = divided(better, worse)
    return {"prompt": prompt, "chosen": better, "rejected": worse}


def _side(value: Any, column: str) -> list[Turn]:
    if isinstance(value, dict):
        value = [value]
    if type(value) is str and not value.lstrip().startswith("[{"):
        return [{"role": "assistant", "content": value}]
    return turns_of(value, column) if isinstance(value, list | str) else [{"role": "assistant", "content": text(value, column)}]


def _turns_before(asked: Any, before: Any, sides: list[list[Turn]]) -> list[Turn]:
    """What both sides answer, as far as columns say it."""
    if isinstance(asked, list):
        return turns_of(asked, "prompt")
    given = [] if is_blank(before) else turns_of(before, "messages")
    if given and given == sides[0]:  # UltraFeedback's `messages` is the chosen side once more
        given = []
    if given:
        return given
    return [] if is_blank(asked) or sides[0][0]["role"] != "assistant" else [{"role": "user", "content": text(asked, "prompt")}]


def _cut(before: list[Turn], better: list[Turn], worse: list[Turn]) -> tuple[list[Turn], list[Turn], list[Turn]]:
    """What both sides begin with goes before them, as far as the answer that differs."""
    if before and better[: len(before)] == before == worse[: len(before)]:
        better, worse = better[len(before) :], worse[len(before) :]
    shared = 0
    while shared < min(len(better), len(worse)) and better[shared] == worse[shared]:
        shared += 1
    while shared and not (_answers(better, shared) and _answers(worse, shared)):
        shared -= 1
    before = [*before, *better[:shared]]
    better, worse = better[shared:], worse[shared:]
    if not better or not worse or better[0]["role"] not in ("assistant", "tool") or worse[0]["role"] not in ("assistant", "tool"):
        raise Refused(Skip.BAD_TURN, "the two sides do not divide at an answer of the assistant")
    if not before:
        raise Refused(Skip.MISSING, "nothing stands before the two sides: a preference needs what they answer")
    return before, better, worse


def _answers(side: list[Turn], place: int) -> bool:
    return place < len(side) and side[place]["role"] == "assistant"


def _made(_given: list[Turn], before: list[Turn], better: list[Turn], worse: list[Turn]) -> Fields:
    """As strings where these say it all, else as turns."""
    asked = _text_alone(before, "user")
    made: Fields = {"messages": before} if asked is None else {"prompt": asked}
    sides = _text_alone(better, "assistant"), _text_alone(worse, "assistant")
    if sides[0] is None or sides[1] is None:
        return made | {"chosen_messages": better, "rejected_messages": worse}
    for name, side in zip(("chosen", "rejected"), sides, strict=True):
        if is_blank(side):
            raise Refused(Skip.MISSING, f"the {name} answer is blank")
    return made | {"chosen": sides[0], "rejected": sides[1]}


def _text_alone(turns: list[Turn], role: str) -> str | None:
    if len(turns) == 1 and turns[0].keys() == {"role", "content"} and turns[0]["role"] == role and type(turns[0]["content"]) is str:
        return str(turns[0]["content"])
    return None


def scored(columns: Columns) -> Way | None:
    """The way of a row with several answers and their scores: the best is chosen, the worst rejected."""
    answers = columns.first(("completions", "responses"))
    question = columns.first(QUESTIONS) if answers else None
    if answers is None or question is None:
        return None

    def convert(row: dict[str, Any]) -> Made:
        found = row[answers]
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise Refused(Skip.NOT_SUPPORTED, f"`{answers}` without scores (stepwise verdicts, say) are not trained here")
        ranked = sorted(((_score(one), place) for place, one in enumerate(found)), key=lambda one: one[0])
        if len(ranked) < 2 or ranked[0][0] == ranked[-1][0]:
            raise Refused(Skip.MISSING, f"`{answers}` has no two answers of different scores")
        texts = [
            text(found[place].get("response", found[place].get("text", found[place].get("content"))), "response") for _, place in ranked
        ]
        return {"prompt": text(row[question], question), "chosen": texts[-1], "rejected": texts[0]}

    return Way("ultrafeedback", convert)


def _score(answer: dict[str, Any]) -> float:
    for name in SCORES:
        try:
            return float(answer[name])
        except (KeyError, TypeError, ValueError):
            continue
    raise Refused(Skip.MISSING, "an answer of `completions` has no score")


def arena(columns: Columns) -> Way | None:
    """The way of a row with two conversations and which of them won, as LMSYS' arena has them."""
    sides, winner = (columns.first(("conversation_a",)), columns.first(("conversation_b",))), columns.first(("winner",))
    if None in sides or winner is None:
        return None
    first, second = map(str, sides)

    def convert(row: dict[str, Any]) -> Made:
        won = str(row[winner])
        if won not in ("model_a", "model_b"):
            raise Refused(Skip.MISSING, f"`{winner}` is {won[:30]!r}: neither side won")
        better, worse = (first, second) if won == "model_a" else (second, first)
        return _pair(None, None, row[better], row[worse], better, worse)

    return Way("preference", convert)
