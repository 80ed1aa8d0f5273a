"""The data of `bench_curriculum`: what is held out is not trained, what is wrong is wrong, and what runs are called."""

from __future__ import annotations

import json
import lzma
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT)]

from benchmarks.bench_curriculum import devices, key_of, summary  # noqa: E402
from benchmarks.curriculum_data import Source, conversation, first_answer  # noqa: E402
from benchmarks.curriculum_runs import Plan  # noqa: E402

LABELS = ["earn", "grain", "ship"]


def splits(rows: list[dict]) -> list[dict]:
    return [row | {"split": "validation" if place % 5 == 4 else "train"} for place, row in enumerate(rows)]


@pytest.fixture
def prepared(tmp_path):
    found = {
        "topics": [{"task": "classification", "text": f"text {n}", "label": LABELS[n % 3], "label_set": LABELS} for n in range(100)],
        "stories": [{"task": "generation", "text": f"once upon a time {n}"} for n in range(100)],
        "talk": [conversation(f"passage {n}", "question1: how many?", f"possible answers for question1:\npassage {n}") for n in range(100)],
    }
    file = tmp_path / "data.xz"
    file.write_bytes(lzma.compress(json.dumps({name: splits(rows) for name, rows in found.items()}).encode()))
    return file


def test_the_first_of_several_answers_is_the_longest_span_of_the_passage():
    passage = "In 1983 she married Nikos. She moved to Athens, where she sang. The band broke up."
    assert first_answer("In 1983 she married Nikos. married Nikos", passage) == "In 1983 she married Nikos."
    assert first_answer("In 1983 she married Nikos. She sang", passage) == "In 1983 she married Nikos."
    assert first_answer("She moved to Athens, to Athens", passage) == "She moved to Athens"
    assert first_answer("CANNOTANSWER CANNOTANSWER", passage) == "That is not said."


@pytest.mark.parametrize("name", ["topics", "stories", "talk"])
def test_nothing_held_out_is_trained_and_every_seed_is_measured_by_the_same(prepared, name):
    trained, held_out = Source(name, prepared).samples(50, 15, seed=1)
    assert len({one.sample_id for one in trained}) == 50
    assert not {one.sample_id for one in trained} & {one.sample_id for one in held_out}
    assert {one.split for one in held_out} == {"validation"}
    others, again = Source(name, prepared).samples(50, 15, seed=2)
    assert again == held_out
    assert others != trained


@pytest.mark.parametrize(("name", "said"), [("topics", "label"), ("talk", "messages")])
def test_a_share_of_the_answers_is_wrong_and_the_rest_as_it_was(prepared, name, said):
    rows = json.loads(lzma.decompress(prepared.read_bytes()))[name]
    right = {row["text"] if name == "topics" else row["messages"][0]["content"]: row for row in rows}
    trained, held_out = Source(name, prepared).samples(80, 15, 0, noise=0.5)
    wrong = [one for one in trained if _answer(one) != _right(right, one)]
    assert 0.3 < len(wrong) / len(trained) < 0.7
    assert all(_answer(one) == _right(right, one) for one in held_out)
    assert all(getattr(one, said) for one in wrong)


def _answer(sample) -> str:
    return sample.label or sample.messages[-1].content


def _right(rows, sample) -> str:
    row = rows[sample.text or sample.messages[0].content]
    return row.get("label") or row["messages"][-1]["content"]


def test_stories_have_no_wrong_answers_and_more_than_there_is_is_refused(prepared):
    with pytest.raises(SystemExit, match="no answers that could be wrong"):
        Source("stories", prepared).samples(10, 5, 0, noise=0.2)
    with pytest.raises(SystemExit, match="there are 80"):
        Source("stories", prepared).samples(81, 5, 0)


def test_runs_of_other_data_are_told_apart_and_those_of_hops_keep_their_names():
    plan = Plan("clean", "shuffled", 0, 3e-4)
    assert (plan.name, plan.log) == ("clean-shuffled-0-0.0003", "clean0.difficulty.")
    topics = Plan("clean", "shuffled", 0, 3e-4, "topics")
    assert (topics.name, topics.log) == ("topics-clean-shuffled-0-0.0003", "topics.clean0.difficulty.")
    run = {"condition": "clean", "arm": "shuffled", "seed": 0, "lr": 3e-4, "size": {"samples": 9, "passes": 1, "batch_size": 8}}
    measured = {"final_loss": 1.0, "early_area": 1.0, "accuracy": 0.5}
    assert key_of(run) == key_of(run | {"data": "hops"}) != key_of(run | {"data": "topics"})
    told = summary([run | measured, run | measured | {"data": "topics", "macro_f1": 0.25}])
    assert [line.split()[0] for line in told] == ["clean", "topics"]
    assert "macro_f1 0.2500" in told[1]
    assert "macro_f1" not in told[0]


def test_each_device_is_seen_alone_and_one_is_left_as_it_is():
    assert devices(1, {"CUDA_VISIBLE_DEVICES": "5"}) == [{}]
    assert devices(2, {}) == [{"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "1"}]
    assert devices(2, {"CUDA_VISIBLE_DEVICES": "5,7,8"}) == [{"CUDA_VISIBLE_DEVICES": "5"}, {"CUDA_VISIBLE_DEVICES": "7"}]
    with pytest.raises(SystemExit, match="names 1"):
        devices(2, {"CUDA_VISIBLE_DEVICES": "5"})
