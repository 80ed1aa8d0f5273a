"""`reward_fn`: a user's function is asked beside or instead of the graph; what it fails to say is never a zero."""

from __future__ import annotations

import logging
import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from schemas.errors import ConfigError, PeltonError, UserError
from schemas.sample import Task
from schemas.training_sample import Objective
from streams.kafka.settings import KafkaSettings
from trainer_node.config import TrainConfig
from trainer_node.reward_parts import Part, parts_of
from trainer_node.rewards.client import SILENT_LIMIT, RewardClient
from trainer_node.rewards.functions import Mixture

MODULE = """
asked = []

def length(prompts, completions, samples):
    asked.append((prompts, completions, [sample.gold for sample in samples]))
    return [float(len(text)) for text in completions]

def arrays(prompts, completions, samples):
    import numpy as np
    return np.arange(len(completions), dtype=np.float32)

def tensors(prompts, completions, samples):
    import torch
    return [torch.tensor(2.0) for _ in completions]

def odd(prompts, completions, samples):
    return [None, float("nan"), float("inf"), 1][: len(completions)]

def short(prompts, completions, samples):
    return [1.0]

def words(prompts, completions, samples):
    return ["0.5"] * len(completions)

def nothing(prompts, completions, samples):
    pass

def broken(prompts, completions, samples):
    raise KeyError("no such model")
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"judge_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return name


@pytest.fixture
def prompts(make_sample) -> list[Any]:
    return [make_sample(f"p{n}", f"what is {n}?", None, objective=Objective.PROMPT, task=Task.RLHF_GRPO, gold=(str(n),)) for n in range(4)]


TEXTS = ["a", "bb", "ccc", "dddd"]
GRAPH = [1.0, 0.0, None, 0.5]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("graph", [Part("graph", 1.0)]),
        ("m.sub:f", [Part("m.sub:f", 1.0)]),
        ("graph:0.5, my.module:score:0.5", [Part("graph", 0.5), Part("my.module:score", 0.5)]),
        ("graph,m:f:-0.1", [Part("graph", 1.0), Part("m:f", -0.1)]),
    ],
)
def test_parts_and_weights_are_read(text, wanted):
    assert parts_of(text) == wanted


@pytest.mark.parametrize("text", ["", "module", "m:", ":f", "m:f:g", "graph,graph", "m:f:0", "m:f:nan", "graph:x", "m f:g", "a:b,"])
def test_what_is_no_reward_function_is_refused_with_what_it_may_be(text):
    with pytest.raises(ValueError, match=r"module:function|twice|weight"):
        TrainConfig(reward_fn=text)


def test_a_function_is_given_questions_answers_and_samples(module, prompts):
    mixture = Mixture(f"{module}:length", "run")
    assert not mixture.asks_graph
    assert mixture.of(GRAPH, prompts, TEXTS) == [1.0, 2.0, 3.0, 4.0]
    import importlib

    assert importlib.import_module(module).asked == [([f"what is {n}?" for n in range(4)], TEXTS, [(str(n),) for n in range(4)])]


def test_a_mixture_weighs_its_parts_and_is_none_where_one_of_them_is(module, prompts):
    mixture = Mixture(f"graph:0.5,{module}:length:2", "run")
    assert mixture.asks_graph
    assert mixture.of(GRAPH, prompts, TEXTS) == [2.5, 4.0, None, 8.25]


@pytest.mark.parametrize(("name", "wanted"), [("arrays", [0.0, 1.0, 2.0, 3.0]), ("tensors", [2.0] * 4)])
def test_numbers_of_numpy_and_torch_are_numbers(module, prompts, name, wanted):
    found = Mixture(f"{module}:{name}", "run").of(GRAPH, prompts, TEXTS)
    assert found == wanted
    assert not any(isinstance(value, np.generic | torch.Tensor) for value in found)


def test_none_nan_and_infinity_are_no_reward_and_never_a_zero(module, prompts, caplog):
    found = Mixture(f"{module}:odd", "run").of(GRAPH, prompts, TEXTS)
    assert found == [None, None, None, 1.0]
    assert f"{module}:odd returned nan, which counts as no reward, not as zero" in caplog.text
    assert math.isfinite(found[3])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("short", "returned 1 rewards for 4 answers"),
        ("words", "must return numbers or None, and returned str '0.5'"),
        ("nothing", "must return a list of 4 numbers or None, and returned NoneType"),
    ],
)
def test_what_is_no_list_of_rewards_ends_the_run_with_one_line(module, prompts, name, told):
    with pytest.raises(UserError, match=f"reward_fn: {module}:{name} .*{told[-40:]}"):
        Mixture(f"{module}:{name}", "run").of(GRAPH, prompts, TEXTS)


def test_a_function_that_raises_gives_no_reward_and_is_told_with_its_line(module, prompts, caplog):
    mixture = Mixture(f"graph,{module}:broken", "run")
    assert mixture.of(GRAPH, prompts, TEXTS) == [None] * 4
    assert mixture.failed
    assert f"{module}:broken raised" in caplog.text
    assert "KeyError: 'no such model' (" in caplog.text
    assert f"{module}.py:" in caplog.text


@pytest.mark.parametrize(
    ("text", "told"), [("no_such_module_x:f", "cannot be imported: ModuleNotFoundError"), ("{}:missing", "has no function missing")]
)
def test_what_cannot_be_loaded_is_told_before_anything_is_trained(module, text, told):
    with pytest.raises(ConfigError, match=told):
        Mixture(text.format(module), "run")


class Silent(RewardClient):
    """Nobody is to be asked; what is sent goes nowhere."""

    def __init__(self, mixture: Mixture) -> None:
        super().__init__(KafkaSettings(), None, "run", 1.0, threading.Event(), mixture=mixture)  # type: ignore[arg-type]
        self.sent: list[str] = []

    def judge(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("nobody is asked where the graph is no part of the reward")

    def _send(self, output: Any) -> None:
        self.sent.append(output.completion)


def test_without_the_graph_no_judge_is_waited_for_and_outputs_are_on_the_log_all_the_same(module, prompts):
    client = Silent(Mixture(f"{module}:length", "run"))
    assert client.rewards_of(1, prompts, TEXTS) == [1.0, 2.0, 3.0, 4.0]
    assert client.sent == TEXTS
    assert client.policies == {f"{module}:length"}


def test_a_function_that_raises_step_after_step_ends_the_run(module, prompts, caplog):
    caplog.set_level(logging.WARNING)
    client = Silent(Mixture(f"{module}:broken", "run"))
    for step in range(1, SILENT_LIMIT):
        assert client.rewards_of(step, prompts, TEXTS) == [None] * 4
    with pytest.raises(PeltonError, match="reward_fn raised in 3 steps in a row"):
        client.rewards_of(SILENT_LIMIT, prompts, TEXTS)
