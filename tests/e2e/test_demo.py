"""The account of the main job is exact, also when each of its processes is killed in the middle; Ctrl-C leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from demo_process import DEADLINE_S, check, finish, node, start_demo, wait_for

from demo.dataset import samples
from tests.models.tiny import build

pytestmark = pytest.mark.timeout(DEADLINE_S + 120)


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("tiny"))


WORKERS = ("curriculum", "augmenter", "feedback")
TINY = ("--countries", "6", "--epochs", "2", "--train-flag=--checkpoint-steps=3", "--train-flag=--max-new-tokens=8")


def test_the_account_is_exact_when_each_process_is_killed_in_the_middle(tiny_model: Path, tmp_path: Path):
    """The workers, one after the other, as soon as they read, and then the trainer, once it has made a checkpoint."""
    run_dir = tmp_path / "run"
    demo = start_demo(run_dir, "--model", str(tiny_model), *TINY)
    for kind in WORKERS:
        log = run_dir / "logs" / f"{kind}.log"
        wait_for(demo, lambda log=log: log.exists() and "reading" in log.read_text())
        node(demo, "worker", kind).kill()
    wait_for(demo, lambda: list((run_dir / "training" / "checkpoints").glob("e000001-*")))
    node(demo, "train").kill()
    summary = finish(demo)
    check(summary, run_dir)
    assert summary["restarts"] == dict.fromkeys((*WORKERS, "trainer"), 1)
    no_sample_is_in_the_logs(run_dir, countries=6)


def no_sample_is_in_the_logs(run_dir: Path, countries: int) -> None:
    """What producers write can be anybody's secret: logs at INFO name samples by their ids alone."""
    dataset = samples(countries)
    said = {text for one in (*dataset.train, *dataset.validation, *dataset.prompts) for text in (one.prompt, one.answer, one.text) if text}
    logs = sorted((run_dir / "logs").glob("*.log"))
    assert {log.stem for log in logs} >= {*WORKERS, "trainer"}
    for log in logs:
        written = log.read_text(encoding="utf-8")
        assert "INFO" in written, log
        assert not [text for text in said if text in written], log


def test_ctrl_c_stops_every_process_and_leaves_no_orphan(tiny_model: Path, tmp_path: Path):
    demo = start_demo(tmp_path / "run", "--model", str(tiny_model), *TINY)
    wait_for(demo, lambda: node(demo, "train"))
    children = psutil.Process(demo.pid).children(recursive=True)
    demo.send_signal(2)
    _, errors = demo.communicate(timeout=DEADLINE_S)
    assert demo.returncode == 130, errors[-3000:]
    _, alive = psutil.wait_procs(children, timeout=60)  # what was being started just then ends with its parent, by the kernel
    assert not [child for child in alive if child.status() != psutil.STATUS_ZOMBIE]
