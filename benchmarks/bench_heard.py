"""The judge on 600 answers of the small model in four domains, half of them in fragments; films and states were never looked at before.

Gold by rule, before judging: an answer is right where it holds an accepted string (`facts.json`, the demo's countries), or, without any
year, the decade or the century of the year that was asked for; wrong otherwise; an answer that says that it does not know is left out (by
the wordings of `hearing.abstention`). So "wrong" also holds answers that say nothing of what was asked, which no judge can contradict:
recall on wrong answers is a lower bound. It is also given with the labels that `data/heard/by_hand.json` corrects ("seen, by hand",
"unseen, by hand", "all, by hand"): answers that say nothing of what was asked are left out of recall, and a verdict on one of these costs
precision. Precision: of answers with a verified claim on what was asked the share that are right by rule, and of those with a
contradicted one the share that are wrong.

Run: `python benchmarks/bench_heard.py` (writes `benchmarks/results/bench_heard.json`).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from bench_judge import countries_graph, is_asked, share  # noqa: E402
from heard_answers import ANSWERS, FOLDER  # noqa: E402

from benchmarks.record import Record  # noqa: E402
from feedback_node.extraction.extractor import TripletExtractor  # noqa: E402
from feedback_node.hearing import prepare  # noqa: E402
from feedback_node.reward import holds_gold, judge_output  # noqa: E402
from schemas.fact import Fact  # noqa: E402
from schemas.model_output import ModelOutput  # noqa: E402
from schemas.triplet import Verdict  # noqa: E402
from streams.knowledge.hypergraph import Hypergraph  # noqa: E402
from streams.knowledge.ontology import Ontology  # noqa: E402

FACTS = json.loads((FOLDER / "facts.json").read_text(encoding="utf-8"))
SEEN = ("countries", "novels")
AS_WANTED = (("right", "verified"), ("wrong", "contradicted"), ("abstained", "neither"), ("silent", "neither"))
PREDICATES = {"novels": ("author", "published"), "films": ("director", "released"), "states": ("capital", "admitted")}


def graphs() -> dict[str, Hypergraph]:
    """The facts of each domain; persons also by their last name."""
    made = {"countries": countries_graph()}
    for domain, predicates in PREDICATES.items():
        graph = made[domain] = Hypergraph(Ontology.load(FOLDER / f"{domain}.yaml"))
        for subject, *objects in FACTS[domain]:
            for predicate, value in zip(predicates, objects, strict=True):
                graph.put(Fact(subject=subject, predicate=predicate, object=str(value)))
    return made


def accepted(row: dict[str, str]) -> list[str]:
    """Strings any of which makes an answer right; from the tables."""
    from demo import countries

    if row["domain"] == "countries":
        one = next(country for country in countries.countries().values() if country.name == row["subject"])
        names = {"capital": one.capitals, "currency": (*one.currencies, *one.units), "continent": (*one.continents, *one.regions)}
        return list(countries.accepted(*names[row["asked"]]))
    fact = next(one for one in FACTS[row["domain"]] if one[0] == row["subject"])
    value = str(fact[1 + PREDICATES[row["domain"]].index(row["asked"])])
    if value[:4].isdigit():
        return [value[:4]]
    return [value, value.split()[-1]] if row["asked"] in ("author", "director") else [value]


def is_right(row: dict[str, str]) -> bool:
    """Whether an answer is right by rule."""
    names = accepted(row)
    return bool(holds_gold(row["answer"], names)) or (names[0].isdigit() and _spans(row["answer"], int(names[0])))


def _spans(answer: str, year: int) -> bool:
    """Whether an answer without any year gives the decade or the century of this one."""
    if re.search(r"\b\d{4}\b", answer):
        return False
    century = (year + 99) // 100
    return re.search(rf"\b{year // 10}0'?s\b|\b{century}(?:st|nd|rd|th)[ -]century", answer, re.IGNORECASE) is not None


def by_hand() -> dict[int, str]:
    """Labels that are not by rule, by the number of the answer."""
    listed = json.loads((FOLDER / "by_hand.json").read_text(encoding="utf-8"))
    silent = [*listed["films and states, silent"], *listed["countries and novels, silent"]]
    return {int(number): "silent" for number in silent} | {int(number): "wrong" for number in listed["countries and novels, wrong"]}


def main() -> None:
    """Judge all, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--show", nargs="*", default=[], help="list the answers of these domains that were judged otherwise than labelled")
    arguments = parser.parse_args()
    record = Record("bench_heard", arguments, {})
    counts: dict[str, Counter[str]] = {}
    all_graphs = graphs()
    extractors = {domain: TripletExtractor(graph.ontology) for domain, graph in all_graphs.items()}
    hand = by_hand()
    for number, line in enumerate(ANSWERS.read_text(encoding="utf-8").splitlines()):
        row = json.loads(line)
        graph = all_graphs[row["domain"]]
        utterance = prepare(row["question"], row["answer"], graph)
        (found,) = extractors[row["domain"]].extract([utterance.text], [utterance.names])
        output = ModelOutput(prompt_id="p", prompt=row["question"], completion=row["answer"], model_version="m")
        judged = judge_output(output, found, graph, utterance=utterance)
        verdicts = {one.verdict for one in judged.triplets if not one.triplet.hedged and is_asked(row, graph, one)}
        got = "contradicted" if Verdict.CONTRADICTED in verdicts else "verified" if Verdict.VERIFIED in verdicts else "neither"
        state = "right" if is_right(row) else "abstained" if judged.abstained else "wrong"
        said = hand.get(number, state)
        seen = "seen" if row["domain"] in SEEN else "unseen"
        for key in (row["domain"], row["manner"], seen, "all"):
            counts.setdefault(key, Counter())[f"{state}, {got}"] += 1
        for key in (f"{seen}, by hand", f"{row['manner']}, by hand", "all, by hand"):
            counts.setdefault(key, Counter())[f"{said}, {got}"] += 1
        if row["domain"] in arguments.show and (said, got) not in AS_WANTED:
            print(number, said, got, row["question"], "|", row["answer"][:160].replace("\n", " / "))
    report: dict[str, Any] = {key: figures(counted) for key, counted in counts.items()}
    record.write(report)
    print(json.dumps(report, indent=2))


def figures(counted: Counter[str]) -> dict[str, Any]:
    """Recall and precision of some answers."""
    state = {name: sum(count for key, count in counted.items() if key.startswith(name)) for name in ("right", "wrong")}
    got = {name: sum(count for key, count in counted.items() if key.endswith(name)) for name in ("verified", "contradicted")}
    return {
        "recall_right": share(counted["right, verified"], state["right"]),
        "recall_wrong": share(counted["wrong, contradicted"], state["wrong"]),
        "precision_verified": share(counted["right, verified"], got["verified"]),
        "precision_contradicted": share(counted["wrong, contradicted"], got["contradicted"]),
        "counts": dict(sorted(counted.items())),
    }


if __name__ == "__main__":
    main()
