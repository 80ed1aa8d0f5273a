"""Extraction: pair F1 on the development texts, and speed against bare `nlp.pipe` with the same pipeline parts.

Metric: per text, predicted (subject, object) pairs are matched to gold pairs one to one, greedily, best first, by the product of the
token-overlap F1 of the two sides (lower case, punctuation stripped, underscores as spaces). `match` counts a pair as 1 where both
overlaps are at least 0.5; `soft` counts the product. Precision, recall and F1 are micro averages over all pairs. Plain claims only:
what is marked negated or hedged is not predicted.

Texts: `tests/data/extraction_dev.jsonl`, by which the rules were made (development figures), and `extraction_cold.jsonl`, three batches of
encyclopedic texts whose gold triples were fixed before the extractor first ran on them; what it scored then, cold, is kept in
`benchmarks/data/extraction_cold_first_runs.json`. Each batch was used to mend rules afterwards, so its figure of today is no cold one.

`extraction_manners.jsonl`: 227 sentences of facts, written with their gold before the extractor ran on them, in four annotating manners:
`facts` (properties from a table, as data-to-text annotators tell them), `encyclopedia` (an article's first sentence, with class and
country), `table` (a row) and `clauses` (each clause's verb and what it takes). Those of split `manners` were used to mend rules; those of
`manners_held_back` were measured once, when the rules were done. `benchmarks/data/extraction_manners_first_runs.json` keeps what both
scored before the rules were mended, and the held-back ones' single run. Why each pair of `manners` is missed was read by hand from its
parse (`extraction_manners_misses.json`): by the parser, by names cut wrongly before it, by the rules, or by annotating otherwise.

`--webnlg DIR` scores texts that others wrote of triples of theirs (`triple_texts.py`), which are not in this repository: those that were
read to mend rules, and those that never were. Both sides are compared without accents and ".0", full dates as dates.
`benchmarks/data/extraction_outside_first_runs.json` keeps what these scored before the rules were mended by them.

`--other-model DIR` scores all texts with another spaCy model in the same rules, to see what a larger parser gives. A run without one of
these two arguments keeps what the last run with it measured, with how that came to be.

Entities: the same with the model's named entities telling persons from things for pronouns, which costs a fourth pipeline part.

Speed: documents a second of `TripletExtractor.extract` and of spaCy's own pipeline with the same parts and its own tokenizer on the
same texts, in turns, in one process; the ratio is taken run by run, of wall time and of processor time (less disturbed by a busy machine).

Run: `python benchmarks/bench_extraction.py` (writes `benchmarks/results/bench_extraction.json`).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
DEV = ROOT / "tests" / "data" / "extraction_dev.jsonl"
COLD = ROOT / "tests" / "data" / "extraction_cold.jsonl"
MANNERS = ROOT / "tests" / "data" / "extraction_manners.jsonl"
MISSES = ROOT / "benchmarks" / "data" / "extraction_manners_misses.json"
MANNERS_RUNS = ROOT / "benchmarks" / "data" / "extraction_manners_first_runs.json"
OUTSIDE_RUNS = ROOT / "benchmarks" / "data" / "extraction_outside_first_runs.json"
FIRST_RUNS = ROOT / "benchmarks" / "data" / "extraction_cold_first_runs.json"
PERSONS, THINGS = frozenset({"PERSON"}), frozenset({"GPE", "LOC", "FAC", "ORG", "PRODUCT", "WORK_OF_ART", "EVENT"})
OUTSIDE_TEXTS = 1000
"""Texts of each part of what others wrote, at most."""
ROUNDS = 9
DOCS = 1000
Pair = tuple[str, str]


def tokens(text: str) -> Counter[str]:
    """Lower-case words of a side."""
    return Counter(re.findall(r"\w+", re.sub(r"(?<=\d),(?=\d)", "", text.replace("_", " ").lower())))


def overlap(left: str, right: str) -> float:
    """Token-overlap F1 of two strings, 0 to 1."""
    a, b = tokens(left), tokens(right)
    common = sum((a & b).values())
    return 2 * common / (sum(a.values()) + sum(b.values())) if common else 0.0


def match_pairs(predicted: Sequence[Pair], gold: Sequence[Pair]) -> list[tuple[int, int, float, float]]:
    """(index of prediction, index of gold, overlap of subjects, overlap of objects), one to one, best product first."""
    scored = []
    for p, (subject, target) in enumerate(predicted):
        for g, (gold_subject, gold_target) in enumerate(gold):
            first, second = overlap(subject, gold_subject), overlap(target, gold_target)
            if first * second > 0:
                scored.append((first * second, p, g, first, second))
    scored.sort(key=lambda row: (-row[0], row[1], row[2]))
    used_p: set[int] = set()
    used_g: set[int] = set()
    matches = []
    for _, p, g, first, second in scored:
        if p not in used_p and g not in used_g:
            used_p.add(p)
            used_g.add(g)
            matches.append((p, g, first, second))
    return matches


def score(predictions: Sequence[Sequence[Pair]], golds: Sequence[Sequence[Pair]]) -> dict[str, float]:
    """Micro precision, recall and F1, by `match` and by `soft` counting."""
    match = soft = 0.0
    for predicted, gold in zip(predictions, golds, strict=True):
        # a soft pair must not take a full one's place: matches are counted on pairs that may match
        match += sum(1 for _, _, a, b in match_pairs(predicted, gold) if min(a, b) >= 0.5)
        soft += sum(a * b for _, _, a, b in match_pairs(predicted, gold))
    said, wanted = sum(map(len, predictions)), sum(map(len, golds))
    result: dict[str, float] = {"texts": len(golds), "predicted": said, "gold": wanted}
    for name, hits in (("match", match), ("soft", soft)):
        precision, recall = hits / max(said, 1), hits / max(wanted, 1)
        result[f"{name}_precision"] = round(precision, 4)
        result[f"{name}_recall"] = round(recall, 4)
        result[f"{name}_f1"] = round(2 * precision * recall / (precision + recall), 4) if hits else 0.0
    return result


def load_dev(path: Path = DEV) -> list[dict[str, Any]]:
    """The development texts."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def gold_pairs(row: dict[str, Any]) -> list[Pair]:
    """The gold (subject, object) pairs of a row."""
    return [(subject, target) for subject, _, target in row["triplets"]]


def predicted_pairs(triplets: Iterable[Any]) -> list[Pair]:
    """The distinct (subject, object) pairs of plain claims."""
    return list(dict.fromkeys((t.subject, t.object) for t in triplets if not t.negated and not t.hedged))


def quality(extractor: Any) -> dict[str, dict[str, float]]:
    """Scores of each split of the development texts, each cold batch and each annotating manner, as they are now."""
    rows = load_dev() + load_dev(COLD) + load_dev(MANNERS)
    found = [predicted_pairs(triplets) for triplets in extractor.extract([row["text"] for row in rows])]
    scores = {}
    for split in dict.fromkeys(row["split"] for row in rows):
        chosen = [at for at, row in enumerate(rows) if row["split"] == split]
        scores[split] = score([found[at] for at in chosen], [gold_pairs(rows[at]) for at in chosen])
    for name in dict.fromkeys(f"{row['split']} {row['manner']}" for row in rows if "manner" in row):
        chosen = [at for at, row in enumerate(rows) if "manner" in row and name == f"{row['split']} {row['manner']}"]
        scores[name] = score([found[at] for at in chosen], [gold_pairs(rows[at]) for at in chosen])
    return scores


def loss(pair: Pair, predicted: Sequence[Pair], text: str) -> str:
    """How a gold pair is missed that no prediction matches."""

    def same(left: str, right: str) -> bool:
        return overlap(left, right) >= 0.5

    if any(same(one, pair[1]) and same(other, pair[0]) for one, other in predicted):
        return "the other way round"
    for side, name in ((pair[1], "object"), (pair[0], "subject")):
        if 2 * sum((tokens(side) & tokens(text)).values()) < sum(tokens(side).values()):
            return f"{name} is not in the text"
    if any(same(other, pair[1]) for _, other in predicted):
        return "said of another subject"
    return "said as a subject" if any(same(one, pair[1]) for one, _ in predicted) else "not claimed"


def quality_outside(extractor: Any, folder: Path) -> dict[str, dict[str, Any]]:
    """Scores of each part of others' texts, and of it by triples a text and by category; of the parts also how their pairs are missed."""
    from benchmarks.triple_texts import folded, load

    def sides(pairs: Iterable[Pair]) -> list[Pair]:
        return list(dict.fromkeys((folded(left), folded(right)) for left, right in pairs))

    told = load(folder, OUTSIDE_TEXTS)
    found = [sides(predicted_pairs(triplets)) for triplets in extractor.extract([one.text for one in told])]
    groups: dict[str, list[int]] = {}
    for at, one in enumerate(told):
        for name in (one.part, f"{one.part}, {len(one.pairs)} triples", f"{one.part} {one.category}"):
            groups.setdefault(name, []).append(at)
    golds = [sides(one.pairs) for one in told]
    scores: dict[str, dict[str, Any]] = {}
    for name, chosen in sorted(groups.items()):
        scores[name] = dict(score([found[at] for at in chosen], [golds[at] for at in chosen]))
    for part in dict.fromkeys(one.part for one in told):
        missed: Counter[str] = Counter()
        for at in groups[part]:
            hit = {g for _, g, left, right in match_pairs(found[at], golds[at]) if min(left, right) >= 0.5}
            missed.update(loss(pair, found[at], folded(told[at].text)) for g, pair in enumerate(golds[at]) if g not in hit)
        scores[part]["missed"] = dict(missed.most_common())
    return scores


def quality_of_model(folder: Path) -> dict[str, dict[str, float]]:
    """Scores with another spaCy model, which a folder holds."""
    from feedback_node.extraction import pipeline
    from feedback_node.extraction.extractor import TripletExtractor

    plain = pipeline.installed_model
    pipeline.load_pipeline.cache_clear()
    pipeline.installed_model = lambda: str(folder)  # type: ignore[attr-defined]
    try:
        return quality(TripletExtractor())
    finally:
        pipeline.installed_model = plain  # type: ignore[attr-defined]
        pipeline.load_pipeline.cache_clear()


def quality_with_entities() -> dict[str, dict[str, float]]:
    """Scores where named entities say who is a person and what is a thing."""
    import spacy

    from feedback_node.extraction import extractor
    from feedback_node.extraction.extractor import TripletExtractor
    from feedback_node.extraction.pipeline import PARTS, MergingTokenizer
    from feedback_node.extraction.reading import Reading
    from streams.english_model import installed_model

    entities: dict[int, str] = {}
    plain_read_doc, plain_name = extractor.read_doc, Reading.name

    def read_doc(doc: Any, labels: dict[int, str]) -> Any:
        entities.clear()
        entities.update({token.i: token.ent_type_ for token in doc if token.ent_type_ and token.text != "Smith"})  # no stand-ins
        return plain_read_doc(doc, labels)

    def name(reading: Any, at: int) -> Any:
        mention = plain_name(reading, at)
        if mention is not None and reading.parse.is_name(at):
            if entities.get(at) in THINGS:
                reading.topics.is_thing(mention)
            elif entities.get(at) in PERSONS and " " in mention.text:
                reading.topics.is_person(mention)
        return mention

    with_entities = TripletExtractor()
    nlp = spacy.load(installed_model())
    nlp.select_pipes(enable=[*PARTS, "ner"])
    nlp.tokenizer = MergingTokenizer(nlp)
    with_entities._nlp = nlp
    extractor.read_doc, Reading.name = read_doc, name  # type: ignore[method-assign]
    try:
        return quality(with_entities)
    finally:
        extractor.read_doc, Reading.name = plain_read_doc, plain_name  # type: ignore[method-assign]


def speed(extractor: Any) -> dict[str, Any]:
    """Documents a second of both, in turns."""
    import spacy

    from feedback_node.extraction.extractor import BATCH
    from feedback_node.extraction.pipeline import PARTS
    from streams.english_model import installed_model

    rows = load_dev()
    texts = [rows[at % len(rows)]["text"] for at in range(DOCS)]
    bare = spacy.load(installed_model())
    bare.select_pipes(enable=list(PARTS))
    runs: dict[str, list[float]] = {"bare": [], "extract": []}
    cpu: dict[str, list[float]] = {"bare": [], "extract": []}

    def clock(name: str, work: Any) -> None:
        began, cpu_began = time.perf_counter(), time.process_time()
        work()
        runs[name].append(len(texts) / (time.perf_counter() - began))
        cpu[name].append(len(texts) / (time.process_time() - cpu_began))

    for number in range(ROUNDS + 1):
        clock("bare", lambda: [None for _ in bare.pipe(texts, batch_size=BATCH)])
        clock("extract", lambda: extractor.extract(texts))
        if number == 0:  # the first run of each warms caches
            for values in [*runs.values(), *cpu.values()]:
                values.clear()
    ratios = [ours / theirs for ours, theirs in zip(runs["extract"], runs["bare"], strict=True)]
    cpu_ratios = [ours / theirs for ours, theirs in zip(cpu["extract"], cpu["bare"], strict=True)]
    return {
        "docs": len(texts),
        "characters_mean": round(statistics.mean(map(len, texts)), 1),
        "parts": list(PARTS),
        "docs_per_second": {name: [round(value, 1) for value in values] for name, values in runs.items()},
        "median_docs_per_second": {name: round(statistics.median(values), 1) for name, values in runs.items()},
        "ratio_runs": [round(value, 4) for value in ratios],
        "ratio_median": round(statistics.median(ratios), 4),
        "docs_per_cpu_second": {name: [round(value, 1) for value in values] for name, values in cpu.items()},
        "cpu_ratio_runs": [round(value, 4) for value in cpu_ratios],
        "cpu_ratio_median": round(statistics.median(cpu_ratios), 4),
    }


def unmeasured(path: Path) -> dict[str, Any]:
    """What an earlier run measured with an argument, which a run without it must not lose."""
    kept = ("quality_outside", "outside_made", "quality_of_other_model", "other_model_made")
    earlier = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {name: earlier[name] for name in kept if earlier.get(name) is not None}


def main() -> None:
    """Measure, print and write."""
    os.environ["OMP_NUM_THREADS"] = "1"  # as in the processes of a worker
    from benchmarks.record import Record
    from feedback_node.extraction.extractor import TripletExtractor
    from feedback_node.extraction.pipeline import installed_model

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--other-model", type=Path, metavar="DIR", help="a spaCy model's folder, whose scores are wanted, too")
    parser.add_argument("--webnlg", type=Path, metavar="DIR", help="a folder of WebNLG's XML files, whose scores are wanted, too")
    arguments = parser.parse_args()
    record = Record("bench_extraction", arguments, {})

    extractor = TripletExtractor()
    report = {
        "model": installed_model(),
        "quality": quality(extractor),
        "cold_first_runs": json.loads(FIRST_RUNS.read_text(encoding="utf-8"))["batches"],
        "manners_first_runs": json.loads(MANNERS_RUNS.read_text(encoding="utf-8")),
        "manners_misses_by_cause": Counter(miss["cause"] for miss in json.loads(MISSES.read_text(encoding="utf-8"))["misses"]),
        "outside_first_runs": json.loads(OUTSIDE_RUNS.read_text(encoding="utf-8")),
        "quality_with_entities": quality_with_entities(),
        "speed": speed(extractor),
    }
    if arguments.webnlg:
        report |= {"quality_outside": quality_outside(extractor, arguments.webnlg), "outside_made": record.made()}
    if arguments.other_model:
        report |= {"quality_of_other_model": quality_of_model(arguments.other_model), "other_model_made": record.made()}
    report = unmeasured(record.path) | report
    record.write(report)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
