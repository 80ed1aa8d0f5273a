"""What `pelton train` shows: figures that there are, bands with those that pacing keeps closed marked, and rates over a window."""

from __future__ import annotations

import io
import logging
import sys
import time
import types

import pytest
from rich.console import Console

from cli.progress import duration, line, panel, shown
from schemas.training_sample import Objective
from trainer_node.commit.history import History, read_history
from trainer_node.run.progress import BandLag, Progress, Snapshot


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def batch(step: int, samples: int = 4, tokens: int = 10) -> types.SimpleNamespace:
    sample = types.SimpleNamespace(band=1, difficulty=types.SimpleNamespace(score=0.25))
    items = [types.SimpleNamespace(example=[0] * tokens, sample=sample)] * samples
    return types.SimpleNamespace(step=step, pass_number=2, objective=Objective.SFT, items=items)


@pytest.fixture
def progress(tmp_path):
    made = Progress(History(tmp_path, 1, 0), 2, clock := Clock())
    for step in range(1, 4):
        clock.now += 2.0
        made.stepped(batch(step), 2.0 / step, 1e-3, step * 0.5, 4 * step, 0, None)
    made.evaluated({"val_loss": 1.5, "val_accuracy": 0.5}, 3, Objective.SFT)
    made.rewarded(3, [1.0, None, 0.5], seconds=0.25)
    made.lagged([BandLag("sft.0", 8, True), BandLag("sft.1", 5, False), BandLag("dpo.0", 0, True)])
    return made


def test_rates_and_the_time_left_are_those_of_the_last_minute(progress):
    now = progress.snapshot()
    assert (now.step, now.loss, now.samples_per_s, now.tokens_per_s, now.waiting_share) == (3, 2.0 / 3, 2.0, 20.0, 0.25)
    assert now.reward == 0.75, "an answer without a reward is no zero"
    assert now.left_s == 13 / 2.0, "in the last pass: what waits, at the rate of now"


def test_all_that_is_noted_is_in_the_history(progress, tmp_path):
    rows = read_history(tmp_path).to_pylist()
    assert [row["value"] for row in rows if row["name"] == "training_loss"] == [2.0, 1.0, 2.0 / 3]
    assert {row["name"]: row["value"] for row in rows if row["name"].startswith("lag:sft")} == {"lag:sft.0": 8, "lag:sft.1": 5}
    assert {row["value"] for row in rows if row["name"] == "unrewarded_train"} == {1}
    assert {row["value"] for row in rows if row["name"] == "reward_wait_seconds"} == {0.25}


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_panel_has_every_figure_and_marks_closed_bands(progress, width):
    console = Console(file=io.StringIO(), width=width)
    console.print(panel(progress.snapshot(), "run-7", 95, width))
    told = console.file.getvalue()
    assert all(len(text) <= width for text in told.splitlines())
    for part in ("run-7", "step 3", "1 min 35 s", "0.6667", "reward", "data wait", "sft 8 [5]", "about 6 s"):
        assert part in told, part
    assert "dpo" not in told, "nothing waits there"


def test_a_line_says_the_same_and_nothing_that_is_not_known():
    assert line(Snapshot("loading the model")).startswith("loading the model  memory ")
    assert "loss" not in line(Snapshot("loading the model"))
    assert "step 7" in line(Snapshot("training", step=7, loss=1.25))


def test_the_last_line_says_what_waits_at_the_end_though_no_step_has_been_taken_since(progress, monkeypatch, caplog):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    monkeypatch.setattr("cli.progress.LINE_S", 0.01)
    caplog.set_level(logging.INFO, "cli.progress")
    progress.lagged([BandLag("sft.0", 1, True)])
    with shown(progress.snapshot, "run-7"):
        while "lag sft 1" not in caplog.text:
            time.sleep(0.01)
        progress.lagged([BandLag("sft.0", 0, True)])
    assert "lag" not in caplog.messages[-1]
    assert len(caplog.messages) == 2, "each once, for as long as there is no news"


def test_durations_are_in_words():
    assert [duration(seconds) for seconds in (None, 5.4, 95, 7260)] == ["–", "5 s", "1 min 35 s", "2 h 1 min"]
