"""The history of a run is Parquet, survives a kill at any moment, goes on without double rows, and is bounded."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from trainer_node.commit.history import EVALUATION, SAMPLE, STEP, History, read_history


def steps_of(run_dir, kind: str = STEP) -> list[int]:
    return [row["step"] for row in read_history(run_dir).to_pylist() if row["kind"] == kind and row["name"] == "loss"]


def test_what_was_added_is_there_while_the_run_is_at_work_and_parquet_once_it_is_closed(tmp_path):
    history = History(tmp_path, 1, 0)
    history.add(STEP, {"loss": 1.5, "rate": 0.1}, 1, "sft", 1)
    history.add(EVALUATION, {"val_loss": float("nan")}, 1, "sft")
    before = read_history(tmp_path).to_pylist()
    history.close()
    [file] = (tmp_path / "history").iterdir()
    assert pq.ParquetFile(file).read().to_pylist()[0] == before[0] == read_history(tmp_path).to_pylist()[0]
    assert [(row["step"], row["objective"], row["name"]) for row in before] == [
        (1, "sft", "loss"),
        (1, "sft", "rate"),
        (1, "sft", "val_loss"),
    ]
    assert before[0]["t"].tzinfo is not None


def test_a_killed_run_keeps_what_it_measured_and_a_start_that_goes_on_from_an_earlier_step_has_no_row_twice(tmp_path):
    first = History(tmp_path, 1, 0, part_lines=4)
    for step in range(1, 9):
        first.add(STEP, {"loss": 1.0 / step}, step, "sft", 1)
    first.add(EVALUATION, {"loss": 0.5}, 6, "sft")
    tail = next((tmp_path / "history").glob("*.jsonl"))
    tail.write_text(tail.read_text() + '[17, 9, 1, "sft", "st')  # killed in the midst of a line
    assert steps_of(tmp_path) == [*range(1, 9)]
    second = History(tmp_path, 2, 6, part_lines=3)
    assert steps_of(tmp_path) == [*range(1, 7)]
    second.add(EVALUATION, {"loss": 0.5}, 6, "sft")
    for step in range(7, 12):
        second.add(STEP, {"loss": 1.0 / step}, step, "sft", 1)
    second.close()
    assert steps_of(tmp_path) == [*range(1, 12)]
    assert steps_of(tmp_path, EVALUATION) == [6], "measured again at the step it stopped at"
    assert {row["epoch"] for row in read_history(tmp_path).to_pylist() if row["step"] > 6} == {2}
    assert not list((tmp_path / "history").glob("*.jsonl"))


def test_a_process_that_wakes_up_after_another_has_taken_over_changes_nothing(tmp_path):
    sleeper = History(tmp_path, 1, 0)
    sleeper.add(STEP, {"loss": 1.0}, 1)
    newer = History(tmp_path, 2, 0)
    newer.add(STEP, {"loss": 2.0}, 1)
    sleeper.add(STEP, {"loss": 3.0}, 2)
    sleeper.close()
    newer.close()
    assert [(row["epoch"], row["value"]) for row in read_history(tmp_path).to_pylist()] == [(2, 2.0)]


def test_a_run_without_end_has_a_history_that_is_bounded_and_finer_the_newer(tmp_path):
    history = History(tmp_path, 1, 0, most_rows=400, part_lines=50)
    for step in range(1, 5001):
        history.add(STEP, {"loss": 1.0}, step)
        if step % 500 == 0:
            history.add(EVALUATION, {"loss": 0.1}, step)
    history.add(SAMPLE, {"lag": 3}, 5000)
    history.close()
    kept = steps_of(tmp_path)
    assert len(kept) < 500
    assert kept == sorted(set(kept))
    assert kept[0] < 500, "its beginning is still there"
    assert kept[-40:] == [*range(4961, 5001)]
    assert len(steps_of(tmp_path, EVALUATION)) == 10


def test_a_history_that_cannot_be_written_is_told_once_and_stops_nothing(tmp_path, caplog):
    (tmp_path / "history").write_text("in the way")
    history = History(tmp_path, 1, 0)
    for step in range(3):
        history.add(STEP, {"loss": 1.0}, step)
    history.close()
    assert [record.message.split(":")[0] for record in caplog.records] == ["the history of metrics is not written from here on"]


def test_a_run_without_a_history_has_an_empty_one(tmp_path):
    assert read_history(tmp_path).num_rows == 0


@pytest.mark.parametrize("at", ["sealed", "thinned"])
def test_a_kill_between_writing_a_file_and_removing_what_it_replaces_doubles_nothing(tmp_path, at):
    history = History(tmp_path, 1, 0, part_lines=2)
    for step in range(1, 7):
        history.add(STEP, {"loss": 1.0}, step)
    folder = tmp_path / "history"
    if at == "sealed":
        (folder / "000000.jsonl").write_text('{"epoch": 1}\n[1, 1, 0, "", "step", {"loss": 1.0}]\n')
    else:
        (folder / "000000-000001.parquet").write_bytes((folder / "000000.parquet").read_bytes())
    kept = steps_of(tmp_path)
    assert kept == ([*range(1, 7)] if at == "sealed" else [1, 2, 5, 6])
