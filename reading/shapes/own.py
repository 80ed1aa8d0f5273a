"""A sample's own fields, which any shape may have beside its text: id, split, gold and the like."""

from __future__ import annotations

import re
from typing import Any

from reading.refusal import Refused, Skip
from reading.shapes.base import Fields
from reading.shapes.table import OWN_TEXTS, Plan
from reading.values import is_blank, text, texts
from schemas.sample import Split, Task

LISTS = ("gold", "label_set")
SPLITS = {
    **dict.fromkeys(("train", "training"), Split.TRAIN.value),
    **dict.fromkeys(("validation", "valid", "val", "dev", "test", "eval", "evaluation", "heldout", "held_out"), Split.VALIDATION.value),
}
"""Names of splits in use; whatever is not for training is held out."""


def with_own(made: Fields, row: dict[str, Any], plan: Plan) -> Fields:
    """What a shape made of a row, and the row's own fields.

    Raises:
        Refused: a task or a split of a name that is none.
    """
    made = dict(made)
    for name, column in plan.own:
        value = row.get(column)
        if is_blank(value) or name in made:
            continue
        if name in LISTS:
            made[name] = texts(value, name)
        elif name == "split":
            made[name] = _split(text(value, name))
        elif name == "task":
            made[name] = _task(text(value, name))
        elif name == "sample_id":
            made[name] = text(value, name)
        elif name in OWN_TEXTS:
            if not isinstance(value, dict | list):
                made[name] = text(value, name)
        else:
            made[name] = value
    return made


def _split(said: str) -> str:
    name = said.strip().lower()
    found = SPLITS.get(name) or SPLITS.get(re.split(r"[^a-z]", name)[0])  # the hub has train_sft, test_prefs
    if found is None:
        raise Refused(Skip.INVALID, f"`split` is {said[:40]!r}; train and validation are splits; --map split= leaves the column out")
    return found


def _task(said: str) -> str:
    if said not in list(Task):
        raise Refused(Skip.INVALID, f"`task` is {said[:40]!r}, none of {', '.join(Task)}; --map task= leaves the column out")
    return said
