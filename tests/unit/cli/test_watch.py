"""`pelton watch` fits 80 columns and 200, shows what is in trouble first, and colours the words of claims."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.console import Console

from cli.watch import drawn
from reports.installation import NodeRow, TopicRow, View, here, nodes_of, scraped
from schemas.graph_reward import GraphReward, RewardStatus
from schemas.model_version import ModelVersion
from schemas.triplet import JudgedTriplet, Triplet, Verdict
from streams.kafka.lag import Lag
from streams.kafka.lag_watch import Judged
from streams.kafka.lag_words import Word
from streams.kafka.settings import KafkaSettings
from streams.metrics import INSTALLATION_INFO, start_metrics


def lag(group: str, topic: str, behind: int, word: Word) -> Judged:
    return Judged(Lag(group, topic, 0, 10, 10 + behind, behind), word, 1.5, 12.0, 1)


def answer() -> GraphReward:
    claim = Triplet(subject="Laos", predicate="capital", object="Lousiana", object_span=(23, 31), rule="phrase")
    return GraphReward(
        reward_id="r", output_id="o", prompt_id="p", model_version="m", prompt="What is the capital of Laos?",
        completion="The capital of Laos is Lousiana.\x1b[2J", reward=0.0, status=RewardStatus.OK, policy="strict", total=1, verified=0,
        contradicted=1, unknown=0, triplets=(JudgedTriplet(triplet=claim, verdict=Verdict.CONTRADICTED),), graph_version=1,
    )  # fmt: skip


@pytest.fixture
def view() -> View:
    topics = [TopicRow("samples", 1200, 3.5), *(TopicRow(f"curriculum.sft.{band}", 10 * band, 0.5) for band in range(5))]
    groups = [
        lag("pelton.curriculum", "pelton.samples", 0, Word.OK),
        lag("pelton.trainer.x", "pelton.curriculum.sft.4", 40, Word.CLOSED),
        lag("pelton.feedback", "pelton.outputs", 7, Word.STOP),
    ]
    trainer = NodeRow("trainer", "x", "127.0.0.1:9740", "ready", {"pelton_training_step": 68.0, "training_loss": 0.673})
    nodes = [trainer, NodeRow("feedback", "-", "127.0.0.1:9730", "away")]
    models = [ModelVersion(run_id="x", version="x/68", step=68, pass_number=4, epoch=1, base_model="m", path="p", sha256="s")]
    return View(datetime(2026, 11, 29, tzinfo=UTC), "127.0.0.1:9092", "pelton.", topics, groups, nodes, models, {"empty": 2}, 6, [answer()])


def text_of(view: View, width: int, height: int = 0, colour: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=colour, color_system="truecolor" if colour else None)
    console.print(drawn(view, width, height))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 200])
def test_an_answer_without_a_share_says_what_the_policy_gave_it(view, width):
    abstains = answer().model_copy(update={"reward": None, "policy": "ternary", "value": -1.0, "triplets": ()})
    told = text_of(replace(view, answers=[abstains]), width)
    assert "– ternary -1 What is the capital" in told
    assert all(len(line) <= width for line in told.splitlines())


@pytest.mark.parametrize("width", [80, 200])
def test_all_is_there_and_fits(view, width):
    told = text_of(view, width)
    assert all(len(line) <= width for line in told.splitlines())
    for part in (
        "2026-11-29T00:00:00+00:00",
        "samples",
        "0 10 20 30 40",
        "trainer",
        "68",
        "0.673",
        "away",
        "CLOSED",
        "dead letters 6",
        "empty 2",
    ):
        assert part in told, part
    assert told.index("STOP") < told.index("CLOSED"), "trouble first"
    assert "\\u001b" in told, "what a model says is not obeyed by a terminal"


def test_the_words_of_a_contradicted_claim_are_red(view):
    assert "\x1b[1;4;31mLousiana" in text_of(view, 200, colour=True)


def test_a_screen_is_not_overrun(view):
    assert len(text_of(view, 80, 24).splitlines()) <= 24 + 2


def test_nodes_of_another_installation_on_this_machine_are_left_out_or_told_apart():
    def node(broker: str, prefix: str | None) -> NodeRow:
        return NodeRow("trainer", "r", "127.0.0.1:9740", "ready", {}, broker, prefix)

    settings = KafkaSettings(bootstrap_servers="here:9092", topic_prefix="mine.")
    ours, elsewhere, silent = node("here:9092", "mine."), node("there:9092", "mine."), node("", None)
    found = here([ours, elsewhere, silent, node("here:9092", "theirs.")], settings)
    assert [row.state for row in found] == ["ready", "at there:9092: ready", "ready"]


def test_a_node_says_which_installation_it_is_of():
    with start_metrics("curriculum", 0) as server:
        INSTALLATION_INFO.labels("curriculum", "here:9092", "mine.").set(1)
        row = scraped({"node": "curriculum", "host": "127.0.0.1", "port": server.port, "run_id": None})
    assert row is not None
    assert (row.broker, row.topic_prefix) == ("here:9092", "mine.")


def test_nodes_are_found_by_what_they_wrote_into_a_folder_and_one_that_is_gone_is_away(tmp_path):
    (tmp_path / "run" / "state").mkdir(parents=True)
    with start_metrics("curriculum", 0) as server:
        said = {"node": "curriculum", "host": "127.0.0.1", "port": server.port, "run_id": "x"}
        (tmp_path / "run" / "state" / "metrics.json").write_text(json.dumps(said))
        gone = {"node": "trainer", "host": "127.0.0.1", "port": 1, "run_id": "x"}
        (tmp_path / "run" / "metrics.json").write_text(json.dumps(gone))
        found = {(row.node, row.run_id, row.address): row.state for row in nodes_of([tmp_path])}
    assert found["curriculum", "x", f"127.0.0.1:{server.port}"].startswith("ready")
    assert found["trainer", "x", "127.0.0.1:1"] == "away"
