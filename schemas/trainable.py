"""What a sample must say, as JSON Schema: which fields each task needs, and which task a sample without one is of.

The rules are those of `streams.curriculum.task_detector`, as far as a schema can tell: not that a label is in its set, that two sides
differ, or what the turns of a conversation say. A test holds the two together. They stand under `allOf` and in conditions, which validators
read and generators of code pass over, so that a sample is one class for them.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
SIDES = ("chosen", "rejected")


def has(name: str, **wanted: Any) -> Schema:
    """The field is there, and so."""
    return {"type": "object", "required": [name], "properties": {name: wanted}}


def said(name: str) -> Schema:
    """The field is a text with a word in it."""
    return has(name, type="string", pattern=r"\S")


def turns(name: str) -> Schema:
    """The field is a conversation of at least one turn."""
    return has(name, type="array", minItems=1)


def among(*ways: Schema) -> Schema:
    """At least one of these holds."""
    return {"anyOf": list(ways)}


def every(*parts: Schema) -> Schema:
    """All of these hold."""
    return {"allOf": list(parts)}


def unless(condition: Schema, then: Schema, otherwise: Schema | bool) -> Schema:
    """One thing where the condition holds, another where it does not."""
    return {"if": condition, "then": then, "else": otherwise}


def side(name: str) -> Schema:
    """One side of a preference, as a text or as turns."""
    return among(said(name), turns(f"{name}_messages"))


LEARNT = has(
    "messages",
    type="array",
    contains={
        "type": "object",
        "required": ["role"],
        "properties": {"role": {"const": "assistant"}, "weight": {"enum": [1, None]}},
    },
)
"""A conversation with a turn of the assistant's that is learnt."""
ASKED = among(said("prompt"), turns("messages"))
GENERATION = among(said("text"), said("prompt"), LEARNT)
QA = among(every(ASKED, said("answer")), LEARNT)
CLASSIFICATION = every(among(said("text"), said("prompt"), turns("messages")), said("label"))
PREFERENCE = every(ASKED, side("chosen"), side("rejected"))
PROMPT = among(said("prompt"), said("text"), turns("messages"))
NEEDS = {
    "generation": GENERATION,
    "qa": QA,
    "classification": CLASSIFICATION,
    "preference": PREFERENCE,
    "rlhf_ppo": PROMPT,
    "rlhf_grpo": PROMPT,
}
"""Task -> what a sample of it says."""


def blank(*names: str) -> Schema:
    """One of these fields is there; where it is asked, none of them says anything."""
    return among(*(has(name) for name in names))


TEXT = every(said("text"), {"not": every(blank("label"), {"not": blank("answer", *SIDES)})})
QUESTION_ALONE = every(said("prompt"), {"not": blank("answer", "label", *SIDES)})
UNTOLD = unless(
    every(*map(side, SIDES)),
    PREFERENCE,
    unless(
        said("answer"),
        QA,
        unless(
            said("label"),
            CLASSIFICATION,
            unless(
                among(*map(side, SIDES)),
                {"not": {}},
                unless(
                    turns("messages"),
                    among(LEARNT, has("gold", type="array", minItems=1)),
                    among(TEXT, every(said("prompt"), {"not": said("text")}, has("gold", type="array", minItems=1)), QUESTION_ALONE),
                ),
            ),
        ),
    ),
)
"""A sample without a task: its fields say the task, and then it must have what that needs."""


def refuse_untrainable(schema: Schema) -> None:
    """Add to a sample's schema that it must say what its task needs, and has no fields beside those that it can have."""
    told = [unless(has("task", const=task), needed, True) for task, needed in NEEDS.items()]
    schema["allOf"] = [*told, unless(has("task", type="string"), {}, UNTOLD)]
    schema["additionalProperties"] = False
