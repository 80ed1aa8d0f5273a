"""A policy learns what the graph knows: its answers are judged by the real judge, and what rises is not the reward alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch

from feedback_node.extraction.extractor import TripletExtractor
from feedback_node.hearing import prepare
from feedback_node.policies import RewardConfig, RewardPolicy
from feedback_node.reward import judge_output
from schemas.fact import Fact
from schemas.graph_reward import GraphReward
from schemas.model_output import ModelOutput
from schemas.sample import Task
from schemas.training_sample import Objective
from schemas.turns import question_of
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.ontology import Ontology
from tests.unit.trainer_node.training.test_rl import Run
from trainer_node.config import TrainConfig
from trainer_node.kinds import TrainerKind

CAPITALS = {"Peru": "Lima", "Italy": "Rome", "Norway": "Oslo", "Mali": "Bamako"}
ONTOLOGY = Ontology.from_dict({"predicates": {"capital": {"functional": True, "nouns": ["capital"]}}})
STEPS = 30


@pytest.fixture
def prompts(make_sample) -> list[Any]:
    return [
        make_sample(
            f"p-{country}", f"What is the capital of {country}?", None, objective=Objective.PROMPT, task=Task.RLHF_GRPO, gold=(city,)
        )
        for country, city in CAPITALS.items()
    ]


@pytest.fixture
def guessing(tiny_model: Path, prompts: list[Any], tmp_path: Path) -> Path:
    """A tiny model that names a capital, whichever, to each question."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(tiny_model), AutoModelForCausalLM.from_pretrained(tiny_model)
    rows, labels = [], []
    for prompt in prompts:
        turns = [{"role": "user", "content": question_of(prompt.prompt)}]
        asked = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=True, return_dict=False)
        for city in CAPITALS.values():
            said = tokenizer(f"{city}.", add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
            rows.append(asked + said)
            labels.append([-100] * len(asked) + said)
    width = max(map(len, rows))
    ids = torch.tensor([row + [tokenizer.pad_token_id] * (width - len(row)) for row in rows])
    targets = torch.tensor([row + [-100] * (width - len(row)) for row in labels])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    torch.manual_seed(0)
    for _ in range(120):
        optimizer.zero_grad()
        model(input_ids=ids, labels=targets).loss.backward()
        optimizer.step()
    model.save_pretrained(tmp_path / "guessing")
    tokenizer.save_pretrained(tmp_path / "guessing")
    return tmp_path / "guessing"


class Judge:
    """What the feedback node does with an answer, without a broker."""

    def __init__(self, policy: RewardPolicy) -> None:
        self._graph = Hypergraph(ONTOLOGY)
        for offset, (country, city) in enumerate(CAPITALS.items()):
            self._graph.put(Fact(fact_id=country, subject=country, predicate="capital", object=city), offset)
        self._extractor = TripletExtractor(ONTOLOGY)
        self._config = RewardConfig(policy=policy)
        self.judged: list[list[GraphReward]] = []

    def __call__(self, step: int, prompts: Sequence[Any], texts: Sequence[str]) -> list[float | None]:
        self.judged.append([self._judge(prompt, text) for prompt, text in zip(prompts, texts, strict=True)])
        return [reward.learnt_from for reward in self.judged[-1]]

    def _judge(self, prompt: Any, text: str) -> GraphReward:
        question = question_of(prompt.prompt)
        output = ModelOutput(prompt_id=prompt.sample_id, prompt=question, completion=text, model_version="r/0", gold=prompt.gold)
        utterance = prepare(question, text, self._graph)
        (claims,) = self._extractor.extract([utterance.text], [utterance.names])
        return judge_output(output, claims, self._graph, self._config, utterance=utterance)

    def exact(self, first: int, last: int) -> float:
        return fmean(bool(reward.exact) for step in self.judged[first:last] for reward in step)


def test_the_reward_and_right_answers_rise_where_the_graph_judges(guessing: Path, prompts: list[Any], tmp_path: Path):
    config = TrainConfig(
        model=str(guessing), bits=32, trainer=TrainerKind.GRPO, batch_size=4, num_generations=8, lora_r=8, lr=3e-3, max_new_tokens=9,
        max_seq=64, beta=0.01,
    )  # fmt: skip
    judge = Judge(RewardPolicy.TERNARY)
    run = Run(TrainerKind.GRPO, config, prompts, tmp_path / "run", steps=STEPS, judge=judge).train()
    assert len({reward for step in run.rewards[:5] for reward in step}) > 1, "it varies"
    assert 0.1 < judge.exact(0, 5) < 0.45, "it begins by guessing"
    assert run.mean_rewards(STEPS - 5, STEPS) > run.mean_rewards(0, 5) + 0.8
    assert judge.exact(STEPS - 5, STEPS) > judge.exact(0, 5) + 0.4
    share = [fmean(bool(reward.answers_question) for reward in step) for step in (judge.judged[0], judge.judged[-1])]
    assert share[1] >= share[0], "none of it by saying nothing of what was asked"
