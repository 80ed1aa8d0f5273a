"""A question and its answer, under whatever names: Alpaca, Dolly, SQuAD, TRL's prompt-completion, and their like."""

from __future__ import annotations

from typing import Any

from reading.columns import ABOUT, ANSWERS, QUESTIONS, SYSTEMS, TOOLS, usual
from reading.refusal import Refused, Skip
from reading.shapes.base import Columns, Fields, Made, Way, are_said, joined, with_system
from reading.turns import turns_of
from reading.values import NeedsSpelling, is_blank, text

NAMED = {
    ("instruction", "output"): "alpaca",
    ("instruction", "response"): "dolly",
    ("question", "answers"): "squad",
    ("prompt", "completion"): "prompt-completion",
}
"""Shapes that have a name of their own, by the columns that ask and answer."""
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def pair(columns: Columns, questions: tuple[str, ...] = QUESTIONS, answers: tuple[str, ...] = ANSWERS) -> Way | None:
    """The name of the shape and its way, where a column asks and another answers."""
    question = columns.first(questions)
    answer = columns.first(answers, question)
    if question is None or answer is None:
        return None
    about = columns.first(ABOUT, question, answer)
    system, tools, history = columns.first(SYSTEMS), columns.first(TOOLS), columns.first(("history",))
    choices, verdict = columns.first(("choices", "options")), columns.first(("kto_tag",)) or columns.actual.get("label")
    is_alone = not any((system, tools, history, choices, verdict))

    def convert(row: dict[str, Any]) -> Made:
        asked, said = row[question], row[answer]
        if verdict and _is_verdict(row.get(verdict), answer):
            raise Refused(Skip.NOT_SUPPORTED, KTO)
        if _is_turns(asked) or _is_turns(said):
            made = _of_turns(asked, said, question, answer)
        else:
            made = _answered(asked, said, question, answer, row.get(choices) if choices else None)
            if about and not is_blank(row.get(about)):
                made["prompt"] = joined(made["prompt"], text(row[about], about))
        made = with_system(made, row.get(system) if system else None)
        if history and not is_blank(row.get(history)):
            made = _after(made, row[history])
        if tools and not is_blank(row.get(tools)):
            made["tools"] = row[tools]
        return made

    def convert_many(rows: list[dict[str, Any]]) -> list[Fields] | None:
        asked, said = [row[question] for row in rows], [row[answer] for row in rows]
        if not (are_said(asked) and are_said(said)):
            return None
        if about:
            abouts = [row[about] for row in rows]
            asked = [f"{one}\n\n{it}" if it and str.strip(it) else one for one, it in zip(asked, abouts, strict=True)]
        elif tuple(rows[0]) == ("prompt", "answer"):
            return rows
        return [{"prompt": one, "answer": other} for one, other in zip(asked, said, strict=True)]

    name = NAMED.get((usual(question), usual(answer)), "question-answer")
    return Way(name, convert, convert_many if is_alone else None)


KTO = "an answer with a verdict (KTO) is not trained here; send pairs with chosen and rejected, or good answers alone, without the verdict"


def _is_verdict(value: Any, answer: str) -> bool:
    return isinstance(value, bool) or (usual(answer) == "completion" and str(value).lower() in ("true", "false", "0", "1"))


def _is_turns(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and ("role" in value[0] or "from" in value[0])


def _answered(asked: Any, said: Any, question: str, answer: str, choices: Any) -> Fields:
    if choices is not None and not is_blank(choices):
        return _choice(text(asked, question), said, answer, choices)
    made: Fields = {"prompt": text(asked, question)}
    if isinstance(said, dict | list) and not is_blank(said):
        accepted = [one for one in accepted_answers(said, answer) if not one.isspace() and one]
        if not accepted:
            raise Refused(Skip.MISSING, f"`{answer}` holds no answer")
        made["answer"] = accepted[0]
        if len(accepted) > 1:
            made["gold"] = list(dict.fromkeys(accepted))
        return made
    if is_blank(said):
        raise Refused(Skip.MISSING, f"`{answer}` is {'null' if said is None else 'blank'}: the question has no answer")
    made["answer"] = text(said, answer)
    return made


def accepted_answers(said: Any, column: str) -> list[str]:
    """Every answer that a question takes: a list of texts, or of `{"text": ...}`, or SQuAD's `{"text": [...]}`."""
    if isinstance(said, dict):
        if "text" not in said:
            raise Refused(Skip.INVALID, f"`{column}` is an object, not text")
        said = said["text"] if isinstance(said["text"], list) else [said["text"]]
    return [text(one["text"] if isinstance(one, dict) and "text" in one else one, column) for one in said if not is_blank(one)]


def _choice(asked: str, said: Any, answer: str, choices: Any) -> Fields:
    """A question with its choices, lettered, under it; what is learnt is the text of the right one."""
    listed = choices.get("text") if isinstance(choices, dict) and "text" in choices else choices
    listed = list(listed.values()) if isinstance(listed, dict) else listed
    if not isinstance(listed, list) or not listed:
        raise Refused(Skip.INVALID, "`choices` is no list")
    offered = [text(one, "choices") for one in listed]
    labels = choices.get("label") if isinstance(choices, dict) else None
    named = dict(zip(map(str, labels), offered, strict=True)) if isinstance(labels, list) and len(labels) == len(offered) else {}
    right: str | None = None
    key = str(said).strip()
    letter = key.upper() if len(key) == 1 else ""
    if isinstance(said, bool) or is_blank(said):
        raise Refused(Skip.MISSING, f"`{answer}` names none of the choices")
    if key in named:  # ARC's: a letter or a number, each beside its text
        right = named[key]
    elif key in offered:
        right = key
    elif key.isdigit() and int(key) < len(offered):
        right = offered[int(key)]
    elif letter in LETTERS[: len(offered)] and letter:
        right = offered[LETTERS.index(letter)]
    if right is None:
        raise Refused(Skip.INVALID, f"`{answer}` is {key[:40]!r}, none of the {len(offered)} choices")
    return {"prompt": joined(asked, "\n".join(f"{LETTERS[place % 26]}. {one}" for place, one in enumerate(offered))), "answer": right}


def _of_turns(asked: Any, said: Any, question: str, answer: str) -> Fields:
    """A conversation to go on from and what is learnt: the assistant's turns of the first are context."""
    before = turns_of(asked, question) if isinstance(asked, list) else [{"role": "user", "content": text(asked, question)}]
    after = turns_of(said, answer) if isinstance(said, list) else [{"role": "assistant", "content": text(said, answer)}]
    context = [turn | {"weight": 0} if turn["role"] == "assistant" else turn for turn in before]
    return {"messages": [*context, *after]}


def _after(made: Fields, history: Any) -> Fields:
    """A sample behind earlier questions and answers (LLaMA-Factory's `history`), as a conversation."""
    turns = made.get("messages") or [{"role": "user", "content": made["prompt"]}, {"role": "assistant", "content": made["answer"]}]
    try:
        earlier = [
            turn
            for asked, said in history
            for turn in ({"role": "user", "content": text(asked, "history")}, {"role": "assistant", "content": text(said, "history")})
        ]
    except (TypeError, ValueError):
        raise Refused(Skip.INVALID, "`history` is no list of pairs, a question and an answer each") from None
    except NeedsSpelling:
        raise
    place = 1 if turns[0]["role"] == "system" else 0
    kept = {key: value for key, value in made.items() if key not in ("prompt", "answer", "messages")}
    return kept | {"messages": [*turns[:place], *earlier, *turns[place:]]}
