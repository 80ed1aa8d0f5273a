"""From output to reward: latency at a steady rate, and throughput of a backlog over processes and partitions, on a live broker.

Real workers (`pelton worker feedback`) on an embedded Apache Kafka, the demo's facts and ontology, and the 240 answers of the small model
about countries that `bench_judge` judges, in turns.

- Latency: outputs are sent at a fixed rate, whatever comes back; an output's latency is from its `created_at` to the record of
  its reward (its timestamp on `rewards`), so it holds the wait for a batch, the parse, the judgement and the sending.
- Throughput: a backlog of outputs is sent; documents a second are counted between the first and the last reward's records. Documents a
  processor second are over the processor time of the workers with all their children meanwhile, and are set against bare `nlp.pipe`
  (same pipeline parts, same texts) measured right before and after, in processor time too: the machine is shared, and wall time on it says
  more about its neighbours. The ratio is taken round by round; configurations take turns. `cpu_ratio` is against spaCy as it comes,
  `cpu_ratio_our_products` against spaCy given the same quicker matrix products that extraction gives it (`extraction/matrices.py`).

Run: `python benchmarks/bench_reward.py [--rounds 5]` (writes `benchmarks/results/bench_reward.json`).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
ANSWERS = ROOT / "benchmarks" / "data" / "judge_answers.jsonl"
BACKLOG = 4_000
PARTITIONS = 4
RATES = (10, 50)
"""Outputs a second."""
LATENCY_SECONDS = 20
BARE_BATCH = 256
"""Texts of a bare batch: the size at which it is quickest on these texts (of 16 to 1,000)."""
CONFIGURATIONS = {"1 worker, 1 extractor": (1, 1), "1 worker, 2 extractors": (1, 2), "2 workers, 1 extractor each": (2, 1)}


def answers() -> list[dict[str, str]]:
    """Questions about countries, and what the model said."""
    rows = [json.loads(line) for line in ANSWERS.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row["domain"] == "countries"]


class Worker:
    """`pelton worker feedback` in a process of its own."""

    def __init__(self, settings: Any, folder: Path, extractors: int) -> None:
        self._log = folder / f"worker-{time.monotonic_ns()}.err"
        options = ["--extractors", str(extractors), "--ontology", str(ROOT / "demo" / "ontology.yaml"), "--metrics-port", "0"]
        environ = {**os.environ, **settings.to_environ(), "PYTHONPATH": str(ROOT)}
        with self._log.open("wb") as stderr:
            command = [sys.executable, "-m", "cli.main", "worker", "feedback", *options]
            self.process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=stderr)

    def wait_ready(self) -> None:
        """Until it has its partitions and the facts."""
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(self._log.read_text())
            port = re.search(r"metrics at http://[\d.]+:(\d+)/", self._log.read_text())
            try:
                if port and urllib.request.urlopen(f"http://127.0.0.1:{port[1]}/readyz", timeout=5).status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.2)

    def cpu_seconds(self) -> float:
        """Processor time of it and its children so far."""
        tree = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        return sum(sum(one.cpu_times()[:2]) for one in tree)

    def close(self) -> None:
        """SIGTERM."""
        self.process.terminate()
        self.process.wait(60)


class Bench:
    """One broker; topics of its own for each measurement."""

    def __init__(self, broker: Any, folder: Path) -> None:
        self._broker = broker
        self._folder = folder
        self._number = 0
        self.rows = answers()

    def settings(self) -> Any:
        """New topics, with the demo's facts."""
        from demo.countries import facts
        from streams.kafka.admin import create_topics
        from streams.kafka.producer import Producer
        from streams.kafka.settings import KafkaSettings

        self._number += 1
        made = KafkaSettings.load(
            bootstrap_servers=self._broker.bootstrap_servers, topic_prefix=f"bench{self._number}.", partitions=PARTITIONS
        )
        create_topics(made, made.topics).raise_if_wrong()
        with Producer(made) as producer:
            for fact in facts():
                producer.send(made.topics.facts, fact.fact_id, fact)
        return made

    def output(self, number: int) -> Any:
        """The number-th output, created now."""
        from schemas.model_output import ModelOutput

        row = self.rows[number % len(self.rows)]
        return ModelOutput(
            output_id=f"o{number}",
            prompt_id=f"p{number}",
            prompt=row["question"],
            completion=row["answer"],
            model_version="bench",
            run_id="bench",
            created_at=time.time(),
        )

    def latency(self, rate: int) -> dict[str, float]:
        """Milliseconds from output to reward at so many outputs a second."""
        from streams.kafka.producer import Producer

        settings = self.settings()
        with ExitStack() as stack:
            worker = Worker(settings, self._folder, 1)
            stack.callback(worker.close)
            worker.wait_ready()
            producer = stack.enter_context(Producer(settings))
            total, begun = rate * LATENCY_SECONDS, time.monotonic()
            created = {}
            for number in range(total):
                time.sleep(max(0.0, begun + number / rate - time.monotonic()))
                output = self.output(number)
                created[output.output_id] = output.created_at
                producer.send(settings.topics.outputs, output.prompt_id, output)
            stamps = self._rewards(settings, total)
        found = sorted(stamp / 1000 - created[output_id] for output_id, stamp in stamps.items())
        found = [1000 * one for one in found]
        at = {f"p{share}_ms": round(found[min(len(found) - 1, len(found) * share // 100)], 1) for share in (50, 95, 99)}
        return {"rate": rate, "outputs": total, **at, "max_ms": round(found[-1], 1)}

    def throughput(self, workers: int, extractors: int) -> dict[str, float]:
        """Documents a second of wall time and of processor time."""
        from streams.kafka.producer import Producer

        settings = self.settings()
        with ExitStack() as stack:
            running = []
            for _ in range(workers):
                running.append(Worker(settings, self._folder, extractors))
                stack.callback(running[-1].close)
            for worker in running:
                worker.wait_ready()
            time.sleep(2)  # partitions are shared out
            cpu = sum(worker.cpu_seconds() for worker in running)
            with Producer(settings) as producer:
                for number in range(BACKLOG):
                    output = self.output(number)
                    producer.send(settings.topics.outputs, output.prompt_id, output)
            stamps = self._rewards(settings, BACKLOG)
            cpu = sum(worker.cpu_seconds() for worker in running) - cpu
        wall = (max(stamps.values()) - min(stamps.values())) / 1000
        return {"docs_per_second": round(BACKLOG / wall, 1), "docs_per_cpu_second": round(BACKLOG / cpu, 1)}

    @staticmethod
    def _rewards(settings: Any, wanted: int) -> dict[str, int]:
        """When each output's first reward was written; waits for all."""
        from streams.committed import newer_records

        positions: dict[int, int] = {}
        stamps: dict[str, int] = {}
        while len(stamps) < wanted:
            for record in newer_records(settings, settings.topics.rewards.name, positions, 10**9):
                stamps.setdefault(json.loads(record.value or b"{}")["output_id"], record.timestamp)
            time.sleep(1)
        return stamps


class Bare:
    """spaCy's own pipeline with the same parts; as it comes, or with the matrix products that extraction has it use."""

    def __init__(self, texts: list[str], our_products: bool = False) -> None:
        import spacy

        from feedback_node.extraction.matrices import quickest_products
        from feedback_node.extraction.pipeline import PARTS
        from streams.english_model import installed_model

        with quickest_products() if our_products else nullcontext():
            self._nlp = spacy.load(installed_model())
        self._nlp.select_pipes(enable=list(PARTS))
        self._texts = texts
        self.docs_per_cpu_second()  # warm

    def docs_per_cpu_second(self) -> float:
        """Of 1,000 texts."""
        texts = [self._texts[at % len(self._texts)] for at in range(1000)]
        begun = time.process_time()
        for _ in self._nlp.pipe(texts, batch_size=BARE_BATCH):
            pass
        return len(texts) / (time.process_time() - begun)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    from benchmarks.record import Record
    from streams.kafka.broker import open_broker
    from streams.kafka.settings import KafkaSettings

    record = Record("bench_reward", arguments, {})
    with tempfile.TemporaryDirectory() as folder:
        broker = open_broker(KafkaSettings.load(), Path(folder) / "broker")
        try:
            bench = Bench(broker, Path(folder))
            bare, quicker = (Bare([row["answer"] for row in bench.rows], ours) for ours in (False, True))
            latency = [bench.latency(rate) for _ in range(max(1, arguments.rounds // 2)) for rate in RATES]
            print(json.dumps(latency), file=sys.stderr)
            runs = []
            for number in range(arguments.rounds):
                before = bare.docs_per_cpu_second()
                for name, (workers, extractors) in CONFIGURATIONS.items():
                    found = bench.throughput(workers, extractors)
                    after = bare.docs_per_cpu_second()
                    ratio = found["docs_per_cpu_second"] / statistics.mean((before, after))
                    of_quicker = found["docs_per_cpu_second"] / quicker.docs_per_cpu_second()
                    bare_found = [round(before, 1), round(after, 1)]
                    ratios = {"cpu_ratio": round(ratio, 4), "cpu_ratio_our_products": round(of_quicker, 4)}
                    load = os.getloadavg()[0]
                    runs.append({"round": number, "configuration": name, **found, "bare": bare_found, **ratios, "load": load})
                    print(json.dumps(runs[-1]), file=sys.stderr)
                    before = after
        finally:
            broker.stop()
    report = {
        "characters_mean": round(statistics.mean(len(row["answer"]) for row in bench.rows), 1),
        "backlog": BACKLOG,
        "partitions": PARTITIONS,
        "latency": latency,
        "median_p95_ms": {str(rate): statistics.median(one["p95_ms"] for one in latency if one["rate"] == rate) for rate in RATES},
        "throughput_median": {
            name: {
                key: round(statistics.median(run[key] for run in runs if run["configuration"] == name), 4)
                for key in ("docs_per_second", "docs_per_cpu_second", "cpu_ratio", "cpu_ratio_our_products")
            }
            for name in CONFIGURATIONS
        },
        "runs": runs,
    }
    record.write(report)
    print(json.dumps({key: report[key] for key in ("median_p95_ms", "throughput_median")}, indent=2))


if __name__ == "__main__":
    main()
