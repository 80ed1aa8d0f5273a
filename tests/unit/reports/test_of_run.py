"""The page and the comparison of any run are made from its folder alone, whether it has ended or not."""

from __future__ import annotations

import json
import math

import pytest
from click.testing import CliRunner
from made_up_run import judged

from cli.main import pelton
from reports.folder import load_run
from reports.from_topics import FromTopics
from reports.of_run import report_data
from reports.page import Answer, render
from reports.several import differences
from schemas.errors import ConfigError
from trainer_node.commit.history import BEGINNING, EVALUATION, SAMPLE, STEP, History


def made(folder, seed: int = 0, better: float = 0.0, lr: float = 1e-3, steps: int = 40):
    """A run's folder as the trainer leaves it when it is killed: no checkpoint, no summary, an open part of its history."""
    history = History(folder, 1, 0)
    for step in range(1, steps + 1):
        values = {"training_loss": 3 / step + seed / 100, "tokens": 100, "samples": 8, "seconds": 0.5, "waited_seconds": 0.1}
        history.add(STEP, values | {"highest_band": step % 5, "difficulty": step / 50}, step, "sft", 1 + step // 25)
    history.add(SAMPLE, {"lag:sft.0": 12, "lag:sft.1": 3}, steps)
    history.add(BEGINNING, {"val_loss": 2.5, "val_accuracy": 0.25, "val_accuracy_baseline": 0.5}, 0, "sft")
    history.add(EVALUATION, {"val_loss": 1.5 - better + seed / 50, "val_accuracy": 0.75, "val_accuracy_baseline": 0.5}, steps, "sft")
    history.add(SAMPLE, {"reward_train": 0.5, "unrewarded_train": 2}, steps, "prompt")
    start = {"epoch": 1, "settings": {"lr": lr, "seed": seed}, "seed": seed, "versions": {"torch": "2.13.0"}, "machine": {"cores": 2}}
    partitions = {"pelton.curriculum.sft.0:0": {"first": 0, "done_below": 12, "done_above": [[14, 15]], "topic_id": None}}
    document = {"run_id": f"run-{folder.name}", "starts": [start], "data": {"partitions": partitions, "lost": []}}
    (folder / "run.json").write_text(json.dumps(document))
    return folder


@pytest.fixture
def run(tmp_path):
    (tmp_path / "a").mkdir()
    return made(tmp_path / "a")


def test_a_run_that_was_killed_has_its_curves_evaluations_settings_and_data_on_the_page(run):
    page = render(report_data(load_run(run), FromTopics(missing="no broker <answers>")))
    assert "Held-out loss fell from 2.5 to 1.5 and held-out accuracy rose from 25.0" in page
    for part in ("Training loss, sft", "Held-out scores, sft", "Reward", "Curriculum", "Lag", "Speed", "0.001", "torch 2.13.0", "pass 2"):
        assert part in page, part
    assert "offsets 0 to 11, and 2 above" in page
    assert "no broker &lt;answers&gt;" in page
    assert "at work, or ended without a word" in page
    assert "src=" not in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_no_card_for_times_that_a_run_which_did_not_end_never_told(run):
    assert "<h3>Time</h3>" not in render(report_data(load_run(run), FromTopics()))
    (run / "trainer-e1.json").write_text(json.dumps({"step": 40, "timings": {"training (sft)": 3.0}}))
    assert "<h3>Time</h3>" in render(report_data(load_run(run), FromTopics()))


def test_times_are_added_up_once(run):
    told = {"training (prompt)": 100.0, "judging (train)": 40.0, "waiting for samples": 30.0, "training (sft)": 50.0, "checkpoints": 5.0}
    (run / "trainer-e1.json").write_text(json.dumps({"step": 40, "timings": told}))
    assert report_data(load_run(run), FromTopics()).timings == told | {"training (prompt)": 60.0}


def test_answers_that_were_not_read_are_not_said_to_be_none(run):
    assert "No answers were judged" not in render(report_data(load_run(run), FromTopics(missing="--no-topics was given")))
    assert "No answers were judged" in render(report_data(load_run(run), FromTopics()))


def test_answers_with_claims_and_dead_letters_by_reason_are_on_it_where_the_topics_have_them(run):
    before = judged("p1", "What is the capital of Laos?", "Lousiana", [], ["Vientiane"], "before")
    after = judged("p1", "What is the capital of Laos?", "It is Vientiane.", [], ["Vientiane"])
    topics = FromTopics([Answer(before.prompt, ["Vientiane"], before, after)], [before], [after], {}, {"untrainable": 41})
    data = report_data(load_run(run), topics)
    assert data.environment["answers judged by"] == after.policy
    page = render(data)
    assert "It is Vientiane." in page
    assert "answers judged by" in page
    assert "untrainable" in page
    assert "41" in page


def test_a_folder_that_is_no_run_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match="no run's folder"):
        load_run(tmp_path)


def test_the_command_writes_the_page_into_the_run_s_folder(run):
    done = CliRunner().invoke(pelton, ["report", str(run), "--no-topics"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "Run run-a" in (run / "report.html").read_text()


def test_runs_are_compared_in_a_table_by_json_and_on_a_page(run, tmp_path):
    (tmp_path / "b").mkdir()
    other = made(tmp_path / "b", better=0.5, lr=2e-3)
    page = tmp_path / "compare.html"
    done = CliRunner().invoke(pelton, ["compare", str(run), str(other), "-o", str(page)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    rows = {line[:34].strip(): line[34:].split() for line in done.output.splitlines() if line.startswith(("val_loss", "--lr", "steps"))}
    assert rows["val_loss (sft)"] == ["1.5", "1"]
    assert rows["--lr"] == ["0.001", "0.002"]
    assert "Training loss, sft" in page.read_text()
    document = json.loads(CliRunner().invoke(pelton, ["compare", str(run), str(other), "--json"]).stdout)
    assert document["settings_that_differ"] == {"lr": [0.001, 0.002]}
    assert [one["figures"]["val_loss (sft)"] for one in document["runs"]] == [1.5, 1.0]


def test_two_arms_are_paired_by_seed_and_the_smallest_p_is_said(tmp_path):
    arms: list[list[str]] = [[], []]
    for number in range(8):
        arm, seed = divmod(number, 4)
        (tmp_path / f"{arm}-{seed}").mkdir()
        arms[arm].append(str(made(tmp_path / f"{arm}-{seed}", seed, better=arm * 0.2, steps=3)))
    against = [word for path in arms[1] for word in ("--against", path)]
    told = json.loads(CliRunner().invoke(pelton, ["compare", *arms[0], *against, "--json"], catch_exceptions=False).stdout)["differences"]
    assert told["val_loss (sft)"]["mean"] == pytest.approx(-0.2)
    assert told["val_loss (sft)"]["p"] == told["val_loss (sft)"]["smallest_p"] == 2 / 2**4
    refused = CliRunner().invoke(pelton, ["compare", *arms[0], "--against", arms[1][0]])
    assert refused.exit_code == 2
    assert "seed" in refused.output


def test_answers_of_two_runs_are_compared_by_question():
    one = {f"p{n}": judged(f"p{n}", "?", "x", [], ["y"]) for n in range(10)}
    two = {f"p{n}": judged(f"p{n}", "?", "y", [], ["y"]) for n in range(3, 12)}
    [found] = differences([one, two])
    assert (found["exact"].pairs, found["exact"].mean) == (7, 1.0)
    assert "reward" not in found, "no reward is not a zero"


def test_losses_that_are_no_numbers_leave_the_page_whole(run):
    history = History(run, 2, 40)
    history.add(STEP, {"training_loss": math.nan}, 41, "sft", 2)
    history.add(EVALUATION, {"val_loss": math.inf}, 41, "sft")
    history.close()
    assert "nan" not in render(report_data(load_run(run), FromTopics())).lower()
