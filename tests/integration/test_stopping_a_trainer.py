"""SIGTERM is heard at any time, said at once, obeyed as soon as it loses nothing, and exits with 0.

No test here looks at a clock: what was begun when the signal came would go on for minutes, and is not brought to its end.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.sample import Split
from schemas.training_sample import Objective
from streams.kafka.settings import KafkaSettings
from tests.faults.runs import ALL_THERE_ONCE, Run, account, sample
from tests.integration.test_trainer_stream import send
from tests.models.tiny import build
from trainer_node.intake.held_out import HELD_OUT_LIMIT

HELD_OUT = 4000


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    return build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def new_run(settings: KafkaSettings, tmp_path: Path, tiny_model: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def make(name: str = "run", **config: Any) -> Run:
        runs.append(Run(settings, tmp_path, tiny_model, name, **{"batch_size": 4, "lora_r": 4, "pace_steps": 1} | config))
        return runs[-1]

    yield make
    for run in runs:
        run.close()


def test_an_evaluation_on_thousands_of_samples_is_left_and_what_was_trained_before_is_kept(settings, new_run):
    samples = send(settings, [sample(number) for number in range(4)])
    send(settings, [sample(number, sample_id=f"v{number}", split=Split.VALIDATION) for number in range(HELD_OUT)])
    run = new_run(batch_size=1, eval_steps=4, checkpoint_steps=1000)
    child = run.start()
    child.wait_for("batch", 4)
    child.listen(lambda event: event[:2] == ("commit", 9) and run.newest.manifest.step == 4)  # what comes before an evaluation
    child.signal(signal.SIGTERM)
    assert child.wait() == 0
    assert "stopping" in child.log
    assert "val_metric" not in run.newest.manifest.metrics
    run.finish(config={"eval_steps": 0, "patience": 0, "epochs": 1})
    assert account(run.trained(), samples) == ALL_THERE_ONCE


def test_answering_is_left(settings, new_run):
    prompts = [sample(number, Objective.PROMPT, sample_id=f"p{number}") for number in range(HELD_OUT_LIMIT + 1)]
    send(settings, [prompt.model_copy(update={"chosen": None, "rejected": None}) for prompt in prompts])
    run = new_run(held_out_prompts=HELD_OUT_LIMIT + 100, max_new_tokens=500)
    child = run.start()
    while "answering" not in child.log:
        assert child.process.is_alive(), child.log
        time.sleep(0.1)
    assert f"no more than {HELD_OUT_LIMIT} held-out prompts are kept" in child.log, "those it wants more are not waited for"
    child.signal(signal.SIGTERM)
    assert child.wait() == 0
    assert "stopped where nothing is lost by it" in child.log


def test_a_first_step_is_left_where_it_stands_and_later_ones_are_brought_to_their_end(settings, new_run):
    samples = send(settings, [sample(number) for number in range(40)])
    run = new_run()
    first = run.start(("micro", 1))
    first.wait_for("waiting")
    first.signal(signal.SIGTERM)
    assert first.wait() == 0
    assert run.newest.manifest.step == 0
    later = run.start(("micro", 3))
    later.wait_for("waiting")
    later.signal(signal.SIGTERM)
    later.go_on()
    assert later.wait() == 0
    assert run.newest.manifest.step == 3
    run.finish()
    assert account(run.trained(), samples) == ALL_THERE_ONCE


def is_listening(pid: int, said: Path) -> bool:
    """Our code runs: SIGTERM is no longer Python's own end."""
    caught = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def is_loading_libraries(pid: int, said: Path) -> bool:
    return "libtorch" in Path(f"/proc/{pid}/maps").read_text()


def is_loading_the_model(pid: int, said: Path) -> bool:
    return "backend hf" in said.read_text()


@pytest.mark.parametrize("moment", [is_listening, is_loading_libraries, is_loading_the_model])
def test_a_process_that_has_just_begun_stops_in_order(settings, tmp_path, moment, tiny_model):
    said = tmp_path / "said"
    command = [
        sys.executable,
        "-m",
        "cli.main",
        "-v",
        "train",
        "--model",
        str(tiny_model),
        "--run-id",
        "r",
        "--run-dir",
        str(tmp_path / "r"),
    ]
    with said.open("w") as output:
        process = subprocess.Popen(command, stderr=output, env=os.environ | settings.to_environ())
    while not moment(process.pid, said):
        assert process.poll() is None, said.read_text()
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0, said.read_text()
    assert "stopping" in said.read_text()
    assert "Traceback" not in said.read_text()
