"""A prompt and model version have one preference pair, whatever is killed with SIGKILL, and when."""

import os
import subprocess
import sys
from contextlib import contextmanager

import pytest
from worker_process import REPOSITORY, WorkerProcess, eventually, producer_of_books

from schemas.model_output import ModelOutput
from streams.kafka.consumer import read_range

GOOD, BAD = "Dune was written by Frank Herbert.", "Dune was written by Jane Austen."
HALF = "Dune was written by Frank Herbert. Emma was written by Frank Herbert."


@pytest.fixture
def producer(settings, tmp_path):
    with producer_of_books(settings, tmp_path) as made:
        yield made


@pytest.fixture
def start(settings, tmp_path):
    """Starts feedback workers."""
    started = []

    def starting(*options):
        started.append(WorkerProcess("feedback", settings, tmp_path, "--ontology", "books.yaml", "--preferences", *options))
        return started[-1].ready()

    yield starting
    for worker in started:
        worker.__exit__()


@contextmanager
def stopped_at(point, settings, folder):
    """A worker that is killed once it has come to `point`; the block sends what brings it there."""
    environ = {**os.environ, **settings.to_environ(), "PYTHONPATH": f"{REPOSITORY}"}
    program = [sys.executable, str(REPOSITORY / "tests/integration/stopping_feedback.py"), point, str(folder / "books.yaml")]
    with (folder / "stopping.err").open("wb") as stderr:
        worker = subprocess.Popen(program, env=environ, stdout=subprocess.PIPE, stderr=stderr)
    with worker:
        try:
            yield
            assert worker.stdout.readline() == b"here\n", (folder / "stopping.err").read_text()
        finally:
            worker.kill()


def send(producer, settings, *completions, prompt_id="ask", version="r1/1"):
    for number, completion in enumerate(completions):
        output = ModelOutput(
            output_id=f"{prompt_id}/{version}/{number}/{completion}",
            prompt_id=prompt_id,
            prompt="Who is the author of Dune?",
            completion=completion,
            model_version=version,
            run_id="r1",
            phase="train",
        )
        producer.send(settings.topics.outputs, prompt_id, output)
    producer.flush()


def rewards(settings):
    return [settings.topics.rewards.value.decode(record.value) for record in read_range(settings, settings.topics.rewards.name)]


def pairs(settings):
    return [settings.topics.samples.value.decode(record.value) for record in read_range(settings, settings.topics.samples.name)]


def test_a_window_that_was_open_when_its_worker_was_killed_is_completed_by_the_next_and_its_pair_not_sent_again_by_the_one_after(
    settings, producer, start
):
    worker = start()
    send(producer, settings, BAD)
    eventually(lambda: len(rewards(settings)) == 1, "the first reward")
    worker.kill()
    send(producer, settings, GOOD)
    worker = start()
    (pair,) = eventually(lambda: pairs(settings), "the pair")
    assert (pair.chosen, pair.rejected, pair.parent_id, pair.run_id) == (GOOD, BAD, "ask", "r1")
    assert (pair.provenance.chosen.reward, pair.provenance.rejected.reward) == (1.0, 0.0)
    assert pair.provenance.rejected.output_id == f"ask/r1/1/0/{BAD}"
    worker.kill()
    send(producer, settings, HALF, BAD + " ", GOOD + " ")
    second = start()
    eventually(lambda: len({reward.completion for reward in rewards(settings)}) == 5, "all judged")
    assert pairs(settings) == [pair]
    send(producer, settings, BAD, GOOD, version="r1/2")
    eventually(lambda: len(pairs(settings)) == 2, "another version's pair")
    assert second.metric("pelton_preference_pairs_total", run_id="r1") == 1


@pytest.mark.parametrize("point", ["rewarded", "acknowledged"])
def test_a_worker_killed_between_reward_pair_and_commit_leaves_one_pair(settings, producer, start, tmp_path, point):
    with stopped_at(point, settings, tmp_path):
        send(producer, settings, BAD, HALF, GOOD)
    assert len(rewards(settings)) == 3
    assert len(pairs(settings)) == (1 if point == "acknowledged" else 0)
    start()
    eventually(lambda: [reward.completion for reward in rewards(settings)].count(GOOD) == 2, "the last output judged again")
    send(producer, settings, BAD, GOOD, prompt_id="another")  # in order behind them
    eventually(lambda: "another" in {pair.parent_id for pair in pairs(settings)}, "the pair after it")
    found = [(pair.parent_id, pair.chosen, pair.rejected) for pair in pairs(settings)]
    assert sorted(found) == [("another", GOOD, BAD), ("ask", GOOD, BAD)]


def test_two_workers_share_prompts_and_each_has_one_pair_when_one_is_killed(settings, producer, start):
    first, _ = start(), start()
    prompts = [f"p{number}" for number in range(60)]
    for prompt in prompts:
        send(producer, settings, BAD, prompt_id=prompt)
    eventually(lambda: len({reward.prompt_id for reward in rewards(settings)}) == len(prompts), "one answer to each judged")
    first.kill()
    for prompt in prompts:
        send(producer, settings, GOOD, prompt_id=prompt)
    eventually(lambda: {pair.parent_id for pair in pairs(settings)} == set(prompts), "a pair of each")
    assert len(pairs(settings)) == len(prompts)


@pytest.mark.parametrize("option", [("--preference-margin", "0.6"), ("--preference-max-age", "0.000001")])
def test_margin_and_staleness_are_options_of_the_worker(settings, producer, start, option):
    worker = start(*option)
    send(producer, settings, BAD, HALF)  # half apart, and judged a moment apart
    eventually(lambda: len(rewards(settings)) == 2 and worker.metric("pelton_records_in_total") == 2, "both judged")
    assert worker.stop() == 0  # its batch is done
    assert pairs(settings) == []
