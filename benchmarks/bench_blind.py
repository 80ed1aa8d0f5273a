"""The judge on answers labelled before it saw them: the small model before and after RL, in sets of four domains, two of them new.

Sets: `blind_sets.py`. Questions: `blind_questions.py`. Answers: `blind_answers.py`, greedy, 40 new tokens, untrained (`before`)
and after RL (`after`). Labels: one for each answer, by hand, committed before the first run:

- `right`: all that it says of what was asked is so; `wrong`: something that it says of what was asked is not so, whatever else is
  (also of two parts, or of a list of guesses);
- `abstained`: it says that it does not know; `neither`: it says nothing of what was asked, or cannot be read, or only says the question
  again; `invented`: it says something of what the facts do not have (names that mean nothing), which no judge can tell.

What the judge says of an answer: `contradicted` where a claim on what was asked is, else `verified` where one is, else `neither`. Recall is
over the answers labelled right, and wrong. Precision: of the answers with such a verdict, the share with that label; all labels count.
Intervals are Wilson's, 95 %.

With `--gold` each answer comes with its question's gold answers, as a trainer sends them of samples that have some (run `NAME, gold`).

Run: `python benchmarks/bench_blind.py [--set NAME] [--run NAME] [--gold] [--show]` (adds the run to `benchmarks/results/bench_blind.json`).
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "benchmarks" / "data"
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from blind_sets import KNOWN, graph_of, names, rows  # noqa: E402

from benchmarks.record import Record  # noqa: E402
from feedback_node.extraction.extractor import TripletExtractor  # noqa: E402
from feedback_node.hearing import prepare  # noqa: E402
from feedback_node.reward import judge_output  # noqa: E402
from schemas.graph_reward import GraphReward  # noqa: E402
from schemas.model_output import ModelOutput  # noqa: E402
from schemas.triplet import JudgedTriplet, Verdict  # noqa: E402
from streams.knowledge.hypergraph import Hypergraph  # noqa: E402
from streams.knowledge.names import fold  # noqa: E402
from streams.knowledge.phrases import read  # noqa: E402

Z = 1.96
AS_WANTED = {"right": "verified", "wrong": "contradicted"}


def is_asked(row: dict[str, Any], graph: Hypergraph, claim: JudgedTriplet) -> bool:
    """Whether a claim is about the subject and a property that the question asked."""
    subject = graph.resolve(row["subject"]).entity or fold(row["subject"])  # or the value that the question gives: "Which has number 51?"
    sides = {read(graph, text, as_subject=True).entity or fold(text) for text in (claim.triplet.subject, claim.triplet.object)}
    return subject in sides and not {*row["asked"]}.isdisjoint(match.name for match in graph.ontology.match_all(claim.triplet.predicate))


def verdict_on(row: dict[str, Any], judged: GraphReward, graph: Hypergraph) -> str:
    """What the judge says of an answer."""
    verdicts = {one.verdict for one in judged.triplets if not one.triplet.hedged and is_asked(row, graph, one)}
    if Verdict.CONTRADICTED in verdicts:
        return "contradicted"
    return "verified" if Verdict.VERIFIED in verdicts else "abstained" if judged.abstained else "neither"


def share(part: int, whole: int) -> list[float] | None:
    """A ratio with its 95 % interval (Wilson's score interval)."""
    if not whole:
        return None
    ratio, squared = part / whole, Z * Z / whole
    middle = (ratio + squared / 2) / (1 + squared)
    half = Z * math.sqrt(ratio * (1 - ratio) / whole + squared / whole / 4) / (1 + squared)
    return [round(one, 3) for one in (ratio, middle - half, middle + half)]


def figures(counted: Counter[tuple[str, str]]) -> dict[str, Any]:
    """Recall and precision of some answers, and their counts."""
    labels, gots = Counter[str](), Counter[str]()
    for (label, got), count in counted.items():
        labels[label] += count
        gots[got] += count
    return {
        "answers": sum(counted.values()),
        "recall_right": share(counted["right", "verified"], labels["right"]),
        "recall_wrong": share(counted["wrong", "contradicted"], labels["wrong"]),
        "recall_abstained": share(counted["abstained", "abstained"], labels["abstained"]),
        "precision_verified": share(counted["right", "verified"], gots["verified"]),
        "precision_contradicted": share(counted["wrong", "contradicted"], gots["contradicted"]),
        "counts": {f"{label}, {got}": count for (label, got), count in sorted(counted.items())},
    }


def judged(name: str, show: bool, gold: bool = False) -> dict[str, dict[str, Any]]:
    """Figures of a set: of all, of new and known domains, and of each domain, model and kind of question."""
    questions = {row["id"]: row for row in rows(name, "questions.jsonl")}
    labels = json.loads((DATA / name / "labels.json").read_text(encoding="utf-8"))["labels"]
    graphs = {domain: graph_of(name, domain) for domain in {row["domain"] for row in questions.values()}}
    extractors = {domain: TripletExtractor(graph.ontology) for domain, graph in graphs.items()}
    counts: dict[str, Counter[tuple[str, str]]] = {}
    for answer in rows(name, "answers.jsonl"):
        row = questions[answer["id"]]
        graph = graphs[row["domain"]]
        utterance = prepare(row["prompt"], answer["answer"], graph)
        (found,) = extractors[row["domain"]].extract([utterance.text], [utterance.names])
        known_gold = tuple(row["gold"]) or None if gold else None
        output = ModelOutput(prompt_id="p", prompt=row["prompt"], completion=answer["answer"], model_version="m", gold=known_gold)
        got = verdict_on(row, judge_output(output, found, graph, utterance=utterance), graph)
        label = labels[f"{answer['id']} {answer['model']}"]
        known = "known domains" if row["domain"] in KNOWN else "new domains"
        for key in ("all", known, row["domain"], answer["model"], row["kind"]):
            counts.setdefault(key, Counter())[label, got] += 1
        if show and got != AS_WANTED.get(label, got if got in ("neither", "abstained") else ""):
            print(f"{answer['id']} {answer['model']} {label}, {got} | {row['prompt']} | {answer['answer'][:200]!r}")
    return {key: figures(counted) for key, counted in counts.items()}


def main() -> None:
    """Judge the sets, and add a run of each to the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=names(), help="one set [default: each]")
    parser.add_argument("--run", default="now", help="name under which the run is kept")
    parser.add_argument("--show", action="store_true", help="list the answers that were judged otherwise than labelled")
    parser.add_argument("--gold", action="store_true", help="judge with the questions' gold answers")
    arguments = parser.parse_args()
    run = f"{arguments.run}, gold" if arguments.gold else arguments.run
    for name in [arguments.set] if arguments.set else names():
        record = Record("bench_blind", arguments, {})
        report = judged(name, arguments.show, arguments.gold)
        record.keep({"set": name, "run": run, "figures": report}, key=lambda run: (run.get("set", "blind"), run.get("run")))
        for key, found in report.items():
            print(name, key, {figure: value for figure, value in found.items() if figure != "counts"})


if __name__ == "__main__":
    main()
