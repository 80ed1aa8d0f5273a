"""torchrun over two nodes that share a run's folder and a network, and nothing else of their networks: either is killed, none is lost.

`make test-nodes` makes two network namespaces and runs this in the first, which holds the broker; PELTON_OTHER_NODE names the second.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

import psutil
import pytest

from schemas.model_output import ModelOutput
from tests.faults.runs import ALL_THERE_ONCE, PATIENCE, account, produce
from tests.integration.test_rl_stream import JudgeThread, by_length, send_prompts
from tests.integration.test_two_processes import Training
from tests.models.tiny import build

pytestmark = [
    pytest.mark.skipif("PELTON_OTHER_NODE" not in os.environ, reason="needs two network namespaces: make test-nodes"),
    pytest.mark.timeout(1800),
]


class TwoNodes(Training):
    """Incarnations of a run on two nodes, one process on each."""

    def start_nodes(self) -> list[subprocess.Popen[bytes]]:
        """Rank 0 here, with the broker; rank 1 in the other namespace."""
        return [self._start(rank) for rank in (0, 1)]

    def _start(self, rank: int) -> subprocess.Popen[bytes]:
        self.rank = rank
        self.where = ("ip", "netns", "exec", os.environ["PELTON_OTHER_NODE"]) if rank else ()
        return self.launch(2)

    def launcher(self, processes: int) -> list[str]:
        address = ["--master_addr", os.environ["PELTON_FIRST_ADDRESS"], "--master_port", "29500"]
        return ["torch.distributed.run", "--nnodes", str(processes), "--nproc_per_node", "1", "--node_rank", str(self.rank), *address]

    def succeed_on_nodes(self) -> None:
        for node in self.start_nodes():
            assert node.wait(PATIENCE) == 0, self.log_text()


def kill_node(launcher: subprocess.Popen[bytes]) -> None:
    """All of a node's processes at once."""
    process = psutil.Process(launcher.pid)
    for one in [*process.children(recursive=True), process]:
        one.kill()
    launcher.wait(PATIENCE)


def until_checkpoints(run: TwoNodes, nodes: list[subprocess.Popen[bytes]], epoch: int) -> None:
    until = time.monotonic() + PATIENCE
    while len(list((run.folder / "checkpoints").glob(f"e{epoch:06d}-s*"))) < 2:
        assert all(node.poll() is None for node in nodes), run.log_text()
        assert time.monotonic() < until, run.log_text()
        time.sleep(0.02)


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("tiny"))


def test_samples_are_trained_once_over_two_nodes_of_which_either_is_killed(settings, tmp_path, tiny_model):
    samples = produce(settings, 1000)
    run = TwoNodes(settings, tmp_path, tiny_model, "nodes", trainer="sft")
    for victim in (0, 1):
        nodes = run.start_nodes()
        until_checkpoints(run, nodes, epoch=victim + 1)
        kill_node(nodes[victim])
        assert nodes[1 - victim].wait(PATIENCE) != 0, "the other ends by itself"
        assert len(run.trained()) < len(samples), "it was killed in the middle"
    run.succeed_on_nodes()
    assert account(run.trained(), samples) == ALL_THERE_ONCE
    assert run.newest.manifest.epoch == 3


@pytest.mark.parametrize("victim", [0, 1])
def test_prompts_are_trained_once_on_their_rewards_over_two_nodes_of_which_one_is_killed(settings, tmp_path, tiny_model, victim):
    prompts = send_prompts(settings, 50)
    run = TwoNodes(settings, tmp_path, tiny_model, "rewarded", trainer="grpo")
    asked, killed = threading.Event(), threading.Event()

    def reward(output: ModelOutput) -> float:
        if output.model_version.endswith("/2"):
            asked.set()
            assert killed.wait(PATIENCE)
        return by_length(output)

    with JudgeThread(settings, reward) as judge:
        nodes = run.start_nodes()
        assert asked.wait(PATIENCE), run.log_text()
        kill_node(nodes[victim])
        killed.set()
        assert nodes[1 - victim].wait(PATIENCE) != 0, "the other ends by itself"
        run.succeed_on_nodes()
    assert account(run.trained(objective="prompt"), prompts) == ALL_THERE_ONCE
    assert {output.prompt_id for output in judge.outputs} == set(prompts), "those of both nodes are judged"
    assert run.newest.manifest.epoch == 2
