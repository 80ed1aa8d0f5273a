"""The judge against gold, on answers that a small model gave in its own words about countries and chemical elements.

Answers: `benchmarks/data/judge_answers.jsonl` (made by `judge_answers.py`), which rules and words were developed by, so that `development`
is what was reached on known answers; and `judge_answers_held_out.jsonl`, made and labelled before short answers were read against their
question, and after all else that moved a verdict.
Facts: the demo's countries; symbol, atomic number, weight and year of discovery of each element from mendeleev. From text to verdict all is
what the feedback node runs.

Gold is of two kinds, neither made by the code that is measured:

- of claims: `judge_labels.json` says for each claim that got a verdict, by hand, whether the text's sentence is true (`true`), false
  (`false`), or says nothing of the kind (`neither`: the extraction misread it). Precision of `verified` is the share of true ones,
  precision of `contradicted` that of false ones; misread ones count against both.
- of answers: whether an answer states the asked property rightly (it holds an accepted string), not at all (by hand), or else wrongly;
  where the strings mislead, `judge_labels.json` says otherwise by hand. Recall is the share of right answers that got a verified claim
  on what was asked, and of wrong ones that got a contradicted claim.

Effect on R (strict): for each kind of mistake, the answers that have one, and what it changed in R, on average over these and over all
answers that have an R: a claim judged wrongly is set right (one that says nothing of the kind is left out); a right answer without a
verified claim, and a wrong one without a contradicted one, gets that claim.

Run: `python benchmarks/bench_judge.py` (writes `benchmarks/results/bench_judge.json`); `--unlabelled` lists what has no label yet.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]
DATA = ROOT / "benchmarks" / "data"

from judge_answers import ANSWERS, HELD_OUT, elements  # noqa: E402

from benchmarks.record import Record  # noqa: E402
from feedback_node.extraction.extractor import TripletExtractor  # noqa: E402
from feedback_node.hearing import hear, prepare  # noqa: E402
from feedback_node.question import read_question  # noqa: E402
from feedback_node.reward import holds_gold  # noqa: E402
from schemas.fact import Fact  # noqa: E402
from schemas.triplet import JudgedTriplet, Verdict  # noqa: E402
from streams.knowledge.hypergraph import Hypergraph  # noqa: E402
from streams.knowledge.judge import judge  # noqa: E402
from streams.knowledge.ontology import Ontology  # noqa: E402
from streams.knowledge.phrases import read  # noqa: E402


def countries_graph(ontology: Ontology | None = None) -> Hypergraph:
    """The demo's facts under the demo's ontology, or another."""
    from demo.countries import facts

    graph = Hypergraph(ontology or Ontology.load(ROOT / "demo" / "ontology.yaml"))
    for fact in facts():
        graph.put(fact)
    return graph


def elements_graph(ontology: Ontology | None = None) -> Hypergraph:
    """mendeleev's elements."""
    graph = Hypergraph(ontology or Ontology.load(DATA / "elements.yaml"))
    columns = {"symbol": "symbol", "atomic_number": "atomic_number", "atomic_weight": "atomic_weight", "discovered": "discovery_year"}
    for row in elements():
        for predicate, column in columns.items():
            if row[column]:
                graph.put(
                    Fact(subject=row["name"], predicate=predicate, object=str(row[column]), source=f"mendeleev {version('mendeleev')}")
                )
    return graph


def accepted(row: dict[str, str]) -> list[str]:
    """Strings any of which makes an answer right; from the tables, not from the graph."""
    if row["domain"] == "elements":
        element = next(one for one in elements() if one["name"] == row["subject"])
        if row["asked"] == "atomic_weight":
            weight = element["atomic_weight"]
            return [f"{weight:.{digits}f}" for digits in range(4)]
        column = {"discovered": "discovery_year"}.get(row["asked"], row["asked"])
        return [str(element[column])] if element[column] else []
    from demo import countries

    country = next(one for one in countries.countries().values() if one.name == row["subject"])
    names = {
        "capital": country.capitals,
        "currency": (*country.currencies, *country.units),
        "continent": (*country.continents, *country.regions),
    }
    return list(countries.accepted(*names[row["asked"]]))


def is_right(row: dict[str, str]) -> bool:
    """Whether the answer holds an accepted string; a symbol in its own letters, a name however it is written."""
    wanted = accepted(row)
    if row["asked"] == "symbol":
        return any(re.search(rf"(?<!\w){re.escape(one)}(?!\w)", row["answer"]) for one in wanted)
    return bool(holds_gold(row["answer"], wanted))


def judge_all() -> tuple[list[dict[str, str]], list[list[JudgedTriplet]], list[Hypergraph], float]:
    """Answers, their judged claims, the graph of each, and milliseconds per answer."""
    rows = [
        {**json.loads(line), "part": part}
        for part, path in (("development", ANSWERS), ("held_out", HELD_OUT))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    graphs = {"countries": countries_graph(), "elements": elements_graph()}
    extractors = {domain: TripletExtractor(graph.ontology) for domain, graph in graphs.items()}
    extractors["countries"].extract(["A word."])
    begin = time.perf_counter()
    judged = []
    for row in rows:
        graph = graphs[row["domain"]]
        utterance = prepare(row["question"], row["answer"], graph)
        (triplets,) = extractors[row["domain"]].extract([utterance.text], [utterance.names])
        heard = hear(utterance, triplets, row["question"], read_question(row["question"], graph), graph)
        found = [judge(graph, triplet) for triplet in heard.triplets if not triplet.hedged]
        judged.append([claim for claim in found if not (claim.triplet.negated and claim.verdict is Verdict.UNKNOWN)])
    taken = 1000 * (time.perf_counter() - begin) / len(rows)
    return rows, judged, [graphs[row["domain"]] for row in rows], taken


def label_key(number: int, claim: JudgedTriplet) -> str:
    """Under which a claim's label is kept: the answer's number and what the claim says."""
    triplet = claim.triplet
    return f"{number}: {triplet.subject} | {'not ' if triplet.negated else ''}{triplet.predicate} | {triplet.object}"


def is_asked(row: dict[str, str], graph: Hypergraph, claim: JudgedTriplet) -> bool:
    """Whether a claim is about the subject and the property that the question asked."""
    subject = graph.resolve(row["subject"]).entity
    sides = {read(graph, text, as_subject=True).entity for text in (claim.triplet.subject, claim.triplet.object)}
    return subject in sides and row["asked"] in {match.name for match in graph.ontology.match_all(claim.triplet.predicate)}


def share(part: int, whole: int) -> float | None:
    """A ratio; None of nothing."""
    return round(part / whole, 4) if whole else None


MISTAKES = {
    ("contradicted", "true"): "true statement contradicted",
    ("contradicted", "neither"): "misread claim contradicted",
    ("verified", "false"): "false statement verified",
    ("verified", "neither"): "misread claim verified",
}
"""Verdict and label of a claim judged wrongly."""


def effect_on_reward(rows: Any, judged: Any, states: list[str], gots: list[str], labels: dict[str, Any]) -> dict[str, Any]:
    """By kind of mistake: answers that have it, and the mean of R as it is minus R without it."""
    changes: dict[str, list[float]] = {}
    rewarded = 0
    for (number, _), found, state, got in zip(rows, judged, states, gots, strict=True):
        verified, total = sum(claim.verdict is Verdict.VERIFIED for claim in found), len(found)
        rewarded += bool(total)
        for kind in set(MISTAKES.values()) if total else ():
            wrong = [
                (claim.verdict, label)
                for claim in found
                if MISTAKES.get((claim.verdict.value, label := labels["claims"].get(label_key(number, claim), ""))) == kind
            ]
            if wrong:
                mended = verified + sum((label == "true") - (verdict is Verdict.VERIFIED) for verdict, label in wrong)
                left = total - sum(label == "neither" for _, label in wrong)
                changes.setdefault(kind, []).append(verified / total - (mended / left if left else 0.0))
        missed = {("right", "neither"): ("right answer not verified", 1), ("wrong", "neither"): ("wrong answer not contradicted", 0)}
        if total and (state, got) in missed:
            kind, gained = missed[state, got]
            changes.setdefault(kind, []).append(verified / total - (verified + gained) / (total + 1))
    return {
        kind: {
            "answers": len(found),
            "mean_change_of_these": round(sum(found) / len(found), 4),
            "mean_change_of_all": round(sum(found) / rewarded, 4),
        }
        for kind, found in sorted(changes.items())
    }


def measure(rows: Any, judged: Any, graphs: Any, labels: dict[str, Any]) -> dict[str, Any]:
    """All figures of some answers; `rows` come with their numbers."""
    claims: Counter[tuple[str, str]] = Counter()
    verdicts: Counter[str] = Counter()
    answers: Counter[tuple[str, str]] = Counter()
    states_of, gots = [], []
    for (number, row), found, graph in zip(rows, judged, graphs, strict=True):
        for claim in found:
            verdicts[claim.verdict.value] += 1
            if claim.verdict is not Verdict.UNKNOWN:
                claims[claim.verdict.value, labels["claims"].get(label_key(number, claim), "unlabelled")] += 1
        state = "right" if is_right(row) or number in labels["right"] else "none" if number in labels["none"] else "wrong"
        state = "wrong" if number in labels["wrong"] else state
        asked = {claim.verdict for claim in found if is_asked(row, graph, claim)}
        got = "contradicted" if Verdict.CONTRADICTED in asked else "verified" if Verdict.VERIFIED in asked else "neither"
        answers[state, got] += 1
        states_of.append(state)
        gots.append(got)
    total = {verdict: sum(count for (one, _), count in claims.items() if one == verdict) for verdict in ("verified", "contradicted")}
    states = {state: sum(count for (one, _), count in answers.items() if one == state) for state in ("right", "wrong", "none")}
    return {
        "answers": len(rows),
        "claims": dict(verdicts),
        "labels": {f"{verdict} {label}": count for (verdict, label), count in sorted(claims.items())},
        "precision_verified": share(claims["verified", "true"], total["verified"]),
        "precision_contradicted": share(claims["contradicted", "false"], total["contradicted"]),
        "answers_by_gold_and_verdict": {f"{state}, {got}": count for (state, got), count in sorted(answers.items())},
        "recall_verified_of_right_answers": share(answers["right", "verified"], states["right"]),
        "recall_contradicted_of_wrong_answers": share(answers["wrong", "contradicted"], states["wrong"]),
        "effect_on_strict_reward": effect_on_reward(rows, judged, states_of, gots, labels),
    }


def main() -> None:
    """Measure, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unlabelled", action="store_true", help="list claims and answers without a label, with their text")
    arguments = parser.parse_args()
    record = Record("bench_judge", arguments, {})
    path = DATA / "judge_labels.json"
    labels = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"claims": {}, "none": [], "right": [], "wrong": []}
    rows, judged, graphs, taken = judge_all()
    if arguments.unlabelled:
        for number, (row, found) in enumerate(zip(rows, judged, strict=True)):
            for claim in found:
                if claim.verdict is not Verdict.UNKNOWN and label_key(number, claim) not in labels["claims"]:
                    print(f"{claim.verdict.value:<12} {label_key(number, claim)}   [{row['answer']!r}]")
        return
    numbered = list(enumerate(rows))
    report: dict[str, Any] = {}
    for part in ("development", "development countries", "development elements", "held_out"):
        chosen = [index for index, row in numbered if part in (row["part"], f"{row['part']} {row['domain']}")]
        report[part] = measure(*([one[index] for index in chosen] for one in (numbered, judged, graphs)), labels)
    report["ms_per_answer"] = round(taken, 2)
    record.write(report)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
