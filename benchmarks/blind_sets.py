"""The sets of `bench_blind`: folders `benchmarks/data/blind*`, and the facts of their domains.

A set holds:

- `questions.jsonl`: `id`, `domain`, `subject` (what the question names), `asked` (properties), `kind`, `prompt`, `gold`;
- `answers.jsonl`: `id`, `model` (`before` or `after` RL), `run`, `answer`;
- `labels.json`: `{"note": …, "labels": {"ID MODEL": label}}`;
- of each new domain `DOMAIN.yaml`, an ontology, and `DOMAIN.jsonl`, its facts: `subject`, `predicate`, `object` (`alias`: another name);
- of the domains known before (`KNOWN`) `words.json`: predicates that they lack, and words of the questions; `DOMAIN.jsonl` adds facts;
- `plan.yaml`, from which `blind_questions.py` makes the questions.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]
DATA = ROOT / "benchmarks" / "data"

from bench_judge import countries_graph, elements_graph  # noqa: E402

from schemas.fact import Fact  # noqa: E402
from streams.knowledge.hypergraph import Hypergraph  # noqa: E402
from streams.knowledge.ontology import Ontology  # noqa: E402


def novels_graph(ontology: Ontology) -> Hypergraph:
    """The novels of `bench_heard`."""
    graph = Hypergraph(ontology)
    for title, author, year in json.loads((DATA / "heard" / "facts.json").read_text(encoding="utf-8"))["novels"]:
        graph.put(Fact(subject=title, predicate="author", object=author))
        graph.put(Fact(subject=title, predicate="published", object=str(year)))
    return graph


KNOWN: dict[str, tuple[Path, Callable[[Ontology], Hypergraph]]] = {
    "countries": (ROOT / "demo" / "ontology.yaml", countries_graph),
    "elements": (DATA / "elements.yaml", elements_graph),
    "novels": (DATA / "heard" / "novels.yaml", novels_graph),
}
"""Domains by which rules were tried: ontology, and graph under an ontology."""


def names() -> list[str]:
    """Sets that can be judged, oldest first."""
    return sorted(path.parent.name for path in DATA.glob("blind*/labels.json"))


def rows(name: str, file: str) -> list[dict[str, Any]]:
    """Of a set, a file of objects a line."""
    return [json.loads(line) for line in (DATA / name / file).read_text(encoding="utf-8").splitlines()]


def graph_of(name: str, domain: str) -> Hypergraph:
    """A domain's facts under its ontology, both as the set has them."""
    if domain in KNOWN:
        graph = KNOWN[domain][1](_with_words(name, domain))
    else:
        graph = Hypergraph(Ontology.load(DATA / name / f"{domain}.yaml"))
    if (DATA / name / f"{domain}.jsonl").exists():
        for row in rows(name, f"{domain}.jsonl"):
            graph.put(Fact(**row))
    return graph


def _with_words(name: str, domain: str) -> Ontology:
    raw = yaml.safe_load(KNOWN[domain][0].read_text(encoding="utf-8"))
    added = json.loads((DATA / name / "words.json").read_text(encoding="utf-8")).get(domain, {})
    for predicate, words in added.items():
        known = raw["predicates"].setdefault(predicate, {})
        known |= {field: [*known.get(field, []), *more] if isinstance(more, list) else more for field, more in words.items()}
    return Ontology.from_dict(raw)
