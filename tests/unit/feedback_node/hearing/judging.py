"""A judge of answers by a few facts, for all tests of what is heard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from feedback_node.extraction.extractor import TripletExtractor
from feedback_node.hearing import prepare
from feedback_node.reward import judge_output
from schemas.fact import Fact
from schemas.graph_reward import GraphReward
from schemas.model_output import ModelOutput
from schemas.triplet import Verdict
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.ontology import Ontology

Domain = tuple[dict[str, Any], list[str], list[tuple[str, str, str]]]
"""Predicates, classes and facts."""


def judge_of(ontology: dict[str, Any] | Ontology, facts: Iterable[Sequence[Any]]) -> Callable[[str, str], GraphReward]:
    """What judges an answer to a question, by facts (subject, predicate, object and, where there are any, qualifiers) under an ontology."""
    graph = Hypergraph(ontology if isinstance(ontology, Ontology) else Ontology.from_dict(ontology))
    for offset, (subject, predicate, target, *qualifiers) in enumerate(facts):
        graph.put(Fact(subject=subject, predicate=predicate, object=target, qualifiers=qualifiers[0] if qualifiers else {}), offset)
    extractor = TripletExtractor(graph.ontology)

    def judge(question: str, answer: str) -> GraphReward:
        utterance = prepare(question, answer, graph)
        (triplets,) = extractor.extract([utterance.text], [utterance.names])
        output = ModelOutput(prompt_id="p", prompt=question, completion=answer, model_version="m/1")
        return judge_output(output, triplets, graph, utterance=utterance)

    return judge


def counts_of(ontology: dict[str, Any], facts: Iterable[Sequence[str]]) -> Callable[[str, str], tuple[int, int]]:
    """The same: how many claims are verified, and how many contradicted."""
    judge = judge_of(ontology, facts)

    def counted(question: str, answer: str) -> tuple[int, int]:
        judged = judge(question, answer)
        return judged.verified, judged.contradicted

    return counted


def verdicts_of(domains: Mapping[str, Domain]) -> Callable[[str, str, str], set[Verdict]]:
    """The verdicts, but for unknown, on an answer in one of some domains, each made when it is first asked for."""
    made: dict[str, Callable[[str, str], GraphReward]] = {}

    def judge(domain: str, question: str, answer: str) -> set[Verdict]:
        if domain not in made:
            predicates, classes, facts = domains[domain]
            made[domain] = judge_of({"predicates": predicates, "classes": classes}, facts)
        reward = made[domain](question, answer)
        return {one.verdict for one in reward.triplets if not one.triplet.hedged} - {Verdict.UNKNOWN}

    return judge
