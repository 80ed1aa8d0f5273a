"""The knowledge graph at 100,000 facts: how long it takes to load, how much memory it holds, how long a verdict takes.

The facts are made from a seed: persons born in, working in and knowing others, in towns of regions, with populations, second names and
a few hubs that a thousand facts share. Each run is a process of its own, so that memory is measured from nothing.

Measured: loading (`Hypergraph.put` of ready `Fact` objects, and decoding them from JSON as a view does), resident memory added by the
facts and by the graph over them, `judge` per claim (true, false, unknown, long phrases, in turns), `entities_in` per 25-word text,
`hops` per pair (random persons; two persons of the largest hub; from that hub), `centrality`. Latencies are wall time on a machine that
may be shared (the load average is in the file); loading is told in processor seconds too.

Run: `python benchmarks/bench_graph.py [--facts 100000] [--runs 5]` (writes `benchmarks/results/bench_graph.json`).
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
SEED = 20240229
CLAIMS = 5_000
TEXTS = 1_000
PAIRS = 300

from schemas.fact import Fact  # noqa: E402
from schemas.triplet import Triplet  # noqa: E402
from streams.knowledge.hypergraph import Hypergraph  # noqa: E402
from streams.knowledge.judge import judge  # noqa: E402
from streams.knowledge.ontology import Ontology  # noqa: E402
from streams.knowledge.paths import hops  # noqa: E402

ONTOLOGY = Ontology.from_dict(
    {
        "classes": ["town", "region"],
        "predicates": {
            "born_in": {"functional": True, "phrases": ["{subject} was born in {object}"]},
            "works_in": {"phrases": ["{subject} works in {object}"]},
            "knows": {"symmetric": True, "verbs": ["know"]},
            "lies_in": {"functional": True, "phrases": ["{subject} lies in {object}"]},
            "population": {"functional": True, "value": "number", "tolerance": 0.02, "nouns": ["population"]},
        },
        "chains": [{"premises": ["works_in", "lies_in"], "conclusion": "works_in"}],
    }
)
_SYLLABLES = "ba ce di fo gu ha je ki lo mu na pe qui ro su ta ve wi xo yu za bre cli dro fla gri".split()  # noqa: SIM905


def name(rng: random.Random, parts: int) -> str:
    return " ".join("".join(rng.choices(_SYLLABLES, k=rng.randint(2, 3))).capitalize() for _ in range(parts))


def make_facts(count: int, seed: int) -> list[Fact]:
    """Exactly `count` facts: an eighth about towns, a tenth aliases, the rest about persons; a third of all work is in one of ten hubs."""
    rng = random.Random(seed)
    towns = [f"{name(rng, 1)} {number}" for number in range(count // 16)]
    persons = [f"{name(rng, 2)} {number}" for number in range(count // 5)]
    regions = [f"Region of {name(rng, 1)} {number}" for number in range(40)]

    def said() -> Iterator[tuple[str, str, str]]:
        for town in towns:
            yield town, "lies_in", rng.choice(regions)
            yield town, "population", f"{rng.randint(1_000, 10_000_000):,}"
        for person in persons[: count // 10]:
            yield person, "alias", f"{person.split()[0][:3]}. {person.split(maxsplit=1)[1]}"
        for person in persons:
            yield person, "born_in", rng.choice(towns)
        while True:
            person = rng.choice(persons)
            town = rng.choice(towns[:10]) if rng.random() < 1 / 3 else rng.choice(towns)
            yield (person, "works_in", town) if rng.random() < 0.5 else (person, "knows", rng.choice(persons))

    facts: dict[str, Fact] = {}
    for subject, predicate, target in said():
        fact = Fact(subject=subject, predicate=predicate, object=target)
        facts[fact.fact_id] = fact
        if len(facts) == count:
            break
    return list(facts.values())


def make_claims(facts: Sequence[Fact], seed: int) -> list[Triplet]:
    """True, false, unknown and wordy claims in turns."""
    rng = random.Random(seed + 1)
    births = [fact for fact in facts if fact.predicate == "born_in"]
    towns = sorted({fact.object for fact in births})
    claims = []
    for number in range(CLAIMS):
        fact = rng.choice(births)
        target = [fact.object, rng.choice(towns), "a small town by the sea", f"the quiet town of {fact.object}", "Xanadu"][number % 5]
        claims.append(Triplet(subject=fact.subject, predicate="was born in", object=target, rule="bench"))
    return claims


def make_texts(facts: Sequence[Fact], seed: int) -> list[str]:
    """25 words with two names each."""
    rng = random.Random(seed + 2)
    filler = "in those days there was talk of a journey that nobody had made before and of what it would cost them".split()  # noqa: SIM905
    texts = []
    for _ in range(TEXTS):
        fact = rng.choice(facts)
        words = filler[:]
        words.insert(rng.randrange(len(words)), fact.subject)
        words.insert(rng.randrange(len(words)), fact.object)
        texts.append(" ".join(words))
    return texts


def timed(call: Callable[[], object]) -> float:
    """Seconds of one call."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def latencies(calls: Sequence[Callable[[], object]]) -> dict[str, float]:
    """Median, 99th percentile and mean of single calls, in microseconds."""
    taken = sorted(timed(call) for call in calls)
    rank = min(len(taken) - 1, int(len(taken) * 0.99))
    micro = [1e6 * value for value in (statistics.median(taken), taken[rank], statistics.fmean(taken))]
    return dict(zip(("median_us", "p99_us", "mean_us"), (round(value, 1) for value in micro), strict=True))


def resident() -> int:
    gc.collect()
    return psutil.Process().memory_info().rss


def run(count: int, seed: int) -> dict[str, object]:
    """One run, in a process of its own."""
    facts_before = resident()
    facts = make_facts(count, seed)
    facts_bytes = resident() - facts_before
    encoded = [fact.encode() for fact in facts]
    before = resident()
    graph = Hypergraph(ONTOLOGY)
    processor = time.process_time()
    load_s = timed(lambda: [graph.put(fact, offset) for offset, fact in enumerate(facts)])
    load_cpu_s = time.process_time() - processor
    graph_bytes = resident() - before
    decode_s = timed(lambda: [Fact.decode(value) for value in encoded])
    rng = random.Random(seed + 3)
    persons = sorted({fact.subject for fact in facts if fact.predicate == "born_in"})
    hub = max(
        (fact.object for fact in facts if fact.predicate == "works_in"), key=lambda town: graph.degree(graph.resolve(town).entity or "")
    )
    workers = [fact.subject for fact in graph.facts_of(graph.resolve(hub).entity or "") if fact.predicate == "works_in"]
    pairs = [rng.sample(persons, 2) for _ in range(PAIRS)]
    colleagues = [rng.sample(workers, 2) for _ in range(PAIRS)]
    claims = make_claims(facts, seed)
    verdicts = [judge(graph, claim).verdict.value for claim in claims]
    return {
        "facts": len(facts),
        "names": len(graph._lexicon),
        "hub_degree": graph.degree(graph.resolve(hub).entity or ""),
        "load_s": round(load_s, 3),
        "load_cpu_s": round(load_cpu_s, 3),
        "decode_s": round(decode_s, 3),
        "facts_mib": round(facts_bytes / 2**20, 1),
        "graph_mib": round(graph_bytes / 2**20, 1),
        "verdicts": {name: verdicts.count(name) for name in sorted(set(verdicts))},
        "judge": latencies([lambda claim=claim: judge(graph, claim) for claim in claims]),
        "entities_in_25_words": latencies([lambda text=text: graph.entities_in(text) for text in make_texts(facts, seed)]),
        "hops_random": latencies([lambda a=a, b=b: hops(graph, [a], [b]) for a, b in pairs]),
        "hops_in_hub": latencies([lambda a=a, b=b: hops(graph, [a], [b]) for a, b in colleagues]),
        "hops_from_hub": latencies([lambda b=b: hops(graph, [hub], [b]) for _, b in pairs]),
        "centrality": latencies([lambda a=a: graph.centrality(a.lower()) for a, _ in pairs]),
    }


def main() -> None:
    """All runs, and the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--facts", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--one", type=int, metavar="SEED", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one is not None:
        print(json.dumps(run(arguments.facts, arguments.one)))
        return
    from benchmarks.record import Record

    seeds = list(range(SEED, SEED + arguments.runs))
    record, runs = Record("bench_graph", arguments, {"runs": seeds}), []
    for seed in seeds:
        command = [sys.executable, __file__, "--facts", str(arguments.facts), "--one", str(seed)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout)
        runs.append({"seed": seed, **found})
        print(json.dumps(runs[-1]), file=sys.stderr)
    medians = {key: statistics.median(one[key] for one in runs) for key in ("load_s", "load_cpu_s", "decode_s", "facts_mib", "graph_mib")}
    timings = ("judge", "entities_in_25_words", "hops_random", "hops_in_hub", "hops_from_hub", "centrality")
    medians |= {f"{key}_{part}": statistics.median(one[key][part] for one in runs) for key in timings for part in ("median_us", "p99_us")}
    record.write({"median_of_runs": medians, "runs": runs})
    print(json.dumps(medians, indent=2))


if __name__ == "__main__":
    main()
