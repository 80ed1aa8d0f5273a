"""What variants are for: a fact learnt in several wordings is recalled in others too; one learnt in one wording is not."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from schemas.fact import Fact
from schemas.sample import Sample
from streams.augmenter.variants import other_texts
from streams.curriculum.task_detector import to_training_sample
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.ontology import Ontology
from tests.models.tiny import build

STEPS = 100
LEARNT = 7
"""Wordings of a fact that are learnt, the question itself among them; as many others are asked."""
NAMES = ("Bimo", "Cadu", "Fego", "Gilu", "Hepa", "Kory", "Lusa", "Mido", "Nebu", "Pato", "Riba", "Tofe")
FACTS = dict(zip(NAMES, (f"Q{letter}" for letter in "ABCDEFGHIJKL"), strict=True))


def wordings(graph: Hypergraph, name: str) -> list[str]:
    """A question about a country, and its variants."""
    asked = Sample(sample_id=name, prompt=f"What is the capital of {name}?", answer=FACTS[name])
    return [str(asked.prompt), *(said.words for said in islice(other_texts(to_training_sample(asked), graph), 2 * LEARNT - 1))]


def padded(rows: Sequence[tuple[list[int], list[int]]]) -> dict[str, torch.Tensor]:
    """Prompts and answers as a batch; the answer alone is learnt."""
    longest = max(len(asked) + len(said) for asked, said in rows)
    rest = [longest - len(asked) - len(said) for asked, said in rows]
    return {
        "input_ids": torch.tensor([[*asked, *said, *[0] * more] for (asked, said), more in zip(rows, rest, strict=True)]),
        "labels": torch.tensor([[*[-100] * len(asked), *said, *[-100] * more] for (asked, said), more in zip(rows, rest, strict=True)]),
        "attention_mask": torch.tensor([[1] * (longest - more) + [0] * more for more in rest]),
    }


class Learner:
    """A tiny model that learns answers, and is asked for them."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._model: Any = AutoModelForCausalLM.from_pretrained(folder)

    def _row(self, question: str, answer: str) -> tuple[list[int], list[int]]:
        return self._tokenizer(f"<user>{question}<eos><assistant>").input_ids, self._tokenizer(f"{answer}<eos>").input_ids

    def learn(self, asked: Mapping[str, Sequence[str]]) -> None:
        """STEPS steps, in each of which every fact comes once, in a wording that is drawn."""
        rng, optimizer = random.Random(1), torch.optim.AdamW(self._model.parameters(), lr=3e-3)
        for _ in range(STEPS):
            rows = [self._row(rng.choice(questions), FACTS[name]) for name, questions in asked.items()]
            self._model(**padded(rows)).loss.backward()
            optimizer.step()
            optimizer.zero_grad()

    def recall(self, asked: Mapping[str, Sequence[str]]) -> float:
        """Share of the questions that it answers right."""
        batch = padded([self._row(question, FACTS[name]) for name, questions in asked.items() for question in questions])
        with torch.no_grad():
            found = self._model(**batch).logits.argmax(-1)[:, :-1]
        wanted = batch["labels"][:, 1:]
        return float(((found == wanted) | (wanted == -100)).all(-1).float().mean())


def test_facts_learnt_in_variants_are_recalled_in_wordings_that_were_never_learnt(tmp_path: Path) -> None:
    graph = Hypergraph(Ontology.from_dict({"predicates": {"capital": {"functional": True, "nouns": ["capital"]}}}))
    for name, answer in FACTS.items():
        graph.put(Fact(subject=name, predicate="capital", object=answer))
    asked = {name: wordings(graph, name) for name in FACTS}
    others = {name: questions[LEARNT:] for name, questions in asked.items()}
    plain, augmented = (Learner(build(tmp_path / "tiny")) for _ in range(2))
    plain.learn({name: questions[:1] for name, questions in asked.items()})
    augmented.learn({name: questions[:LEARNT] for name, questions in asked.items()})
    assert augmented.recall(others) >= plain.recall(others) + 0.3
