"""How long a trainer takes from SIGTERM to saying so, and to its end, at each moment of its life.

Each moment is a real `pelton train` on an embedded broker (SmolLM2-135M where it is in the cache, else the tiny model), which gets SIGTERM
when its own log, its journal or what the kernel knows of it shows that the moment has come. Where C code runs (a library that is loaded,
weights that are read, a kernel that is compiled), Python cannot end before that returns: what is measured there is that return.

Run: `python benchmarks/bench_stop.py` (writes `benchmarks/results/bench_stop.json`).
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

LOOK_S = 0.01
HELD_OUT = 4000


def caught(pid: int) -> bool:
    """Whether the process has something of its own to do on SIGTERM."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigCgt"))
    return bool(int(line.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def journalled(run_dir: Path) -> int:
    """Batches chosen so far."""
    return sum(path.read_bytes().count(b"\n") for path in (run_dir / "journal").glob("*.jsonl")) if run_dir.exists() else 0


def moments() -> dict[str, tuple[Callable[[int, str, Path], bool], list[str]]]:
    """Name -> whether it has come, by process id, what was said and the run's folder; and the flags that it needs."""
    return {
        "the first moment": (lambda pid, said, run: caught(pid), []),
        "loading libraries": (lambda pid, said, run: "libtorch_cpu" in Path(f"/proc/{pid}/maps").read_text(), []),
        "loading the model": (lambda pid, said, run: "loader: loading" in said, []),
        "the first step": (lambda pid, said, run: journalled(run) == 1, []),
        "a later step": (lambda pid, said, run: journalled(run) >= 3, []),
        "an evaluation": (lambda pid, said, run: "evaluating " in said, ["--eval-steps", "1"]),
        "answering": (lambda pid, said, run: "held-out prompts (before)" in said, ["--held-out-prompts", "200", "--max-new-tokens", "200"]),
    }


def stop_at(name: str, model: str, settings: Any, folder: Path) -> dict[str, float]:
    """Seconds from SIGTERM to "stopping" and to the end of one process."""
    has_come, flags = moments()[name]
    run_dir, log = folder / "run", folder / "log"
    command = [sys.executable, "-m", "cli.main", "-v", "train", "--model", model, "--run-id", "bench", "--run-dir", str(run_dir), *flags]
    command += ["--trainer", "sft", "--batch-size", "4", "--until-consumed", "--checkpoint-steps", "1000"]
    with log.open("w") as output:
        process = subprocess.Popen(command, stderr=output, env=os.environ | settings.to_environ())
    while not has_come(process.pid, log.read_text(), run_dir):
        if process.poll() is not None:
            raise RuntimeError(f"{name}: it ended before: {log.read_text()[-2000:]}")
        time.sleep(LOOK_S)
    sent = time.monotonic()
    process.send_signal(signal.SIGTERM)
    said = None
    while process.poll() is None:
        if said is None and "stopping" in log.read_text():
            said = time.monotonic() - sent
        time.sleep(LOOK_S)
    ended = time.monotonic() - sent
    if process.returncode != 0:
        raise RuntimeError(f"{name}: it ended with {process.returncode}: {log.read_text()[-2000:]}")
    return {"said_s": round(ended if said is None else said, 2), "ended_s": round(ended, 2)}


def measure(model: str, repeats: int, names: list[str]) -> list[dict[str, Any]]:
    """Every moment, on topics of its own."""
    from schemas.sample import Split
    from schemas.training_sample import Objective
    from streams.kafka.admin import create_topics
    from streams.kafka.broker import open_broker
    from streams.kafka.producer import Producer
    from streams.kafka.settings import KafkaSettings
    from tests.faults.runs import sample

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        broker = open_broker(KafkaSettings(), Path(folder) / "broker")
        try:
            settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
            create_topics(settings, settings.topics).raise_if_wrong()
            with Producer(settings) as producer:
                samples = [sample(number) for number in range(200)]
                samples += [sample(number, sample_id=f"v{number}", split=Split.VALIDATION) for number in range(HELD_OUT)]
                samples += [sample(n, Objective.PROMPT, sample_id=f"p{n}", chosen=None, rejected=None) for n in range(200)]
                for one in samples:
                    producer.send(settings.topics.band(one.objective, 0), one.sample_id, one)
            for name in names:
                found = []
                for number in range(repeats):
                    place = Path(folder) / f"{name}-{number}"
                    place.mkdir()
                    found.append(stop_at(name, model, settings, place))
                    print(name, found[-1], flush=True)
                middle = {key: statistics.median(one[key] for one in found) for key in found[0]}
                rows.append({"moment": name, "median": middle, "runs": found})
        finally:
            broker.stop()
    return rows


def main() -> None:
    from benchmarks.record import Record
    from tests.models.tiny import build

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="default")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=list(moments()))
    parser.add_argument("--out", type=Path, default=argparse.SUPPRESS)
    arguments = parser.parse_args()
    record = Record("bench_stop", arguments, seeds={})
    with tempfile.TemporaryDirectory() as folder:
        model = str(build(Path(folder) / "tiny")) if arguments.model == "tiny" else arguments.model
        record.write({"load": os.getloadavg(), "moments": measure(model, arguments.repeats, arguments.only)})


if __name__ == "__main__":
    main()
