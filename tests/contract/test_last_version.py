"""A rolling upgrade has records of two versions on one log: those of the last version are read by today's code, today's by its schemas.

`tests/data/messages-1.0` was written by the code of commit 07ebdcc, the last with messages 1.0, and holds its published schemas. `make
upgrade` has that version's and today's processes work together.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas.base import Message
from schemas.fact import Fact
from schemas.graph_reward import GraphReward
from schemas.model_output import ModelOutput
from schemas.model_version import ModelVersion
from schemas.sample import Sample
from schemas.sample_loss import SampleLoss
from schemas.training_sample import TrainingSample
from tests.models.messages import EXAMPLES

KEPT = Path(__file__).parents[1] / "data" / "messages-1.0"
RECORDS = [json.loads(line) for line in (KEPT / "records.jsonl").read_text(encoding="utf-8").splitlines()]
SCHEMAS = json.loads((KEPT / "schemas.json").read_text(encoding="utf-8"))
CLASSES: dict[str, type[Message]] = {
    kind.__name__: kind for kind in (Fact, GraphReward, ModelOutput, ModelVersion, Sample, SampleLoss, TrainingSample)
}
OLD_KINDS = [message for message in EXAMPLES if type(message) in CLASSES.values()]
"""Of the kinds that the last version knew: on topics of newer ones it neither reads nor writes."""
NAMES = {kind: "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind).lstrip("_") for kind in CLASSES}


def is_kept(old: Any, new: Any) -> bool:
    """Whether all that an old record says stands in the new one, whose version and further fields may differ."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(is_kept(value, new.get(name)) for name, value in old.items() if name != "schema_version")
    if isinstance(old, list):
        return isinstance(new, list) and len(old) == len(new) and all(map(is_kept, old, new))
    return bool(old == new)


@pytest.mark.parametrize("number", range(len(RECORDS)))
def test_a_record_of_the_last_version_means_the_same_to_today_s_code(number: int):
    kind, value = RECORDS[number]["message"], RECORDS[number]["value"]
    message = CLASSES[kind].decode(json.dumps(value).encode())
    assert is_kept(value, json.loads(message.encode()))


def test_every_kind_of_message_is_kept():
    assert {record["message"] for record in RECORDS} == set(CLASSES) == {type(message).__name__ for message in OLD_KINDS}


@pytest.mark.parametrize("number", range(len(OLD_KINDS)))
def test_a_record_of_today_is_valid_to_a_reader_of_the_last_version_which_ignores_what_is_new(number: int):
    message = OLD_KINDS[number]
    written = json.loads(message.encode())
    assert written["schema_version"].split(".")[0] == "1"
    Draft202012Validator(SCHEMAS[NAMES[type(message).__name__]]).validate(written)
