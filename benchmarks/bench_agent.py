"""Samples per second of the curriculum worker against a bare Faust pass-through, with the demo's facts loaded.

All read the same records of `samples`, in rounds that take turns, against one broker: the worker parses, understands, measures each
sample on the graph, puts it in a band, and sends it on, validated; the pass-through sends on the bytes as they came (`async for event in
stream.events(): await topic.send(...)`, Faust's own producer and commits). Each is a process of its own that begins at the first record.
The pass-through stands still for much of each second, as Faust's fetcher sleeps that long once its buffer is full (`findings/`); the
worker's does not. So the pass-through is measured a second time with a buffer that is never full.

The rate is taken from the times that the records sent on have in the log, after the first quarter: what starting costs is not in it, nor
what the worker measures before the first band (`--hold-back`), which it does once in a run. Beside it stands the processor time that each
process took for a record meanwhile: on a machine shared with others that is the figure that means something.

Samples are the demo's, repeated under ids of their own; `--distinct` gives each a question and an answer that no other has, so that
nothing that is remembered of an earlier text helps.

Run: `python benchmarks/bench_agent.py [--records N] [--rounds N] [--distinct] [--out FILE]`.
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
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SKIP = 0.25
"""Share of a round's records that are left out at its beginning."""
LOOK_S = 0.2
PATIENCE_S = 600.0
PASS_THROUGHS = {"pass-through": 1024, "pass-through, never full": 10_000_000}
"""Records that fit into the buffer of each."""


def pass_through(group: str, out: str, buffer: int) -> None:
    """The bare Faust worker with a buffer of so many records, until it is stopped."""
    import asyncio

    import faust

    from streams.kafka.settings import KafkaSettings

    settings = KafkaSettings.load()
    app = faust.App(
        group, **settings.faust_options(), store="memory://", web_enabled=False, autodiscover=False, topic_allow_declare=False,
        topic_disable_leader=True, key_serializer="raw", value_serializer="raw", consumer_auto_offset_reset="earliest",
        datadir=tempfile.mkdtemp(), broker_max_poll_records=512, stream_buffer_maxsize=buffer,
    )  # fmt: skip
    source, target = (app.topic(name, key_type=bytes, value_type=bytes) for name in (settings.topics.samples.name, out))

    @app.agent(source)  # type: ignore[untyped-decorator]
    async def passes(stream: Any) -> None:
        async for event in stream.events():
            await target.send(key=event.key, value=event.value)

    async def serve() -> None:
        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        await app.start()
        await stopping.wait()
        await app.stop()

    asyncio.run(serve())


def send_records(settings: Any, count: int, distinct: bool) -> None:
    """The demo's facts and samples; of the latter as many as asked for."""
    from demo.countries import facts
    from demo.dataset import samples
    from streams.kafka.producer import Producer

    made = samples().train
    with Producer(settings) as producer:
        for fact in facts():
            producer.send(settings.topics.facts, fact.fact_id, fact)
        for number in range(count):
            sample = made[number % len(made)]
            changes: dict[str, Any] = {"sample_id": f"{sample.sample_id}-{number}"}
            if distinct and sample.prompt:
                changes["prompt"] = f"{sample.prompt} (No. {number})"
            if distinct and sample.answer:
                changes["answer"] = f"{sample.answer} (No. {number})"
            producer.send(settings.topics.samples, changes["sample_id"], sample.model_copy(update=changes))


class Round:
    """One arm once: its process, and how far it has come."""

    def __init__(self, command: list[str], settings: Any, topics: list[str], log: Path) -> None:
        from streams.kafka.admin import end_offsets

        self._settings, self._topics = settings, topics
        self._begin = end_offsets(settings, topics)
        environ = {**os.environ, **settings.to_environ(), "PYTHONPATH": str(ROOT)}
        with log.open("wb") as stderr:
            self._process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environ, stdout=stderr, stderr=stderr)

    def run(self, count: int) -> dict[str, float]:
        """Wait until `count` records were sent on; rate, and processor seconds of a record, over the part that counts."""
        process = psutil.Process(self._process.pid)
        try:
            looks = [(0, 0.0)]
            deadline = time.monotonic() + PATIENCE_S
            while (done := self._sent()) < count:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"the worker ended or hung after {done} of {count} records")
                if done != looks[-1][0]:
                    looks.append((done, _cpu_seconds(process)))
                time.sleep(LOOK_S)
            looks.append((done, _cpu_seconds(process)))
        finally:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(60)
        first = next(look for look in looks if look[0] >= SKIP * count)
        per_record = (looks[-1][1] - first[1]) / max(1, looks[-1][0] - first[0])
        return {"per_s": self._rate(count), "cpu_us": 1e6 * per_record}

    def _sent(self) -> int:
        from streams.kafka.admin import end_offsets

        return sum(end - self._begin[tp] for tp, end in end_offsets(self._settings, self._topics).items())

    def _rate(self, count: int) -> float:
        """Records a second by the times in the log."""
        from streams.kafka.consumer import read_range

        stamps = sorted(
            record.timestamp
            for name in self._topics
            for record in read_range(self._settings, name, {tp.partition: offset for tp, offset in self._begin.items() if tp.topic == name})
        )
        counted = stamps[int(SKIP * count) :]
        return 1000 * (len(counted) - 1) / max(1, counted[-1] - counted[0])


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def arms(settings: Any, number: int) -> dict[str, tuple[list[str], list[str]]]:
    """Command and topics written of each arm, in this round."""
    out = settings.topics.outputs.name
    bands = [topic.name for topic in settings.topics.bands("sft")] + [topic.name for topic in settings.topics.bands("preference")]
    bands += [topic.name for topic in settings.topics.bands("prompt")]
    worker = ["-m", "cli.main", "worker", "curriculum", "--run-id", f"round{number}", "--metrics-port", "0"]
    worker += ["--ontology", str(ROOT / "demo" / "ontology.yaml")]
    found = {arm: ([__file__, "--pass-through", f"bare{room}-{number}", out, str(room)], [out]) for arm, room in PASS_THROUGHS.items()}
    return found | {"curriculum": (worker, bands)}


def measure(records: int, rounds: int, distinct: bool) -> list[dict[str, Any]]:
    """Each round's figures, by arm; arms take turns, and who is first changes."""
    from streams.kafka.admin import create_topics
    from streams.kafka.broker import open_broker
    from streams.kafka.settings import KafkaSettings

    found = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        broker = open_broker(KafkaSettings(), folder / "broker")
        try:
            settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers, topic_prefix="bench.")
            create_topics(settings, settings.topics).raise_if_wrong()
            send_records(settings, records, distinct)
            for number in range(rounds):
                made = arms(settings, number)
                for arm in sorted(made, reverse=number % 2 == 1):
                    command, topics = made[arm]
                    figures = Round(command, settings, topics, folder / f"{arm}{number}.log").run(records)
                    found.append({"arm": arm, "round": number, **figures})
                    print(
                        f"round {number}: {arm} {figures['per_s']:.0f} records/s, {figures['cpu_us']:.0f} µs of processor a record",
                        flush=True,
                    )
        finally:
            broker.stop()
    return found


def summary(found: list[dict[str, Any]]) -> dict[str, float]:
    """Medians, and the median over rounds of the worker's figure to that of each pass-through."""
    by_arm = {arm: [one for one in found if one["arm"] == arm] for arm in (*PASS_THROUGHS, "curriculum")}
    told = {f"{arm}_{name}": statistics.median(one[name] for one in many) for arm, many in by_arm.items() for name in ("per_s", "cpu_us")}
    for arm in PASS_THROUGHS:
        pairs = list(zip(by_arm["curriculum"], by_arm[arm], strict=True))
        told[f"ratio to {arm}"] = statistics.median(ours["per_s"] / bare["per_s"] for ours, bare in pairs)
        told[f"cpu_ratio to {arm}"] = statistics.median(bare["cpu_us"] / ours["cpu_us"] for ours, bare in pairs)
    return {name: round(value, 3) for name, value in told.items()}


def main() -> None:
    """Measure, and keep it."""
    from benchmarks.record import Record

    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--distinct", action="store_true", help="no two samples ask the same")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--pass-through", nargs=3, metavar=("GROUP", "TOPIC", "BUFFER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.pass_through:
        group, out, buffer = arguments.pass_through
        pass_through(group, out, int(buffer))
        return
    del arguments.pass_through
    record = Record("bench_agent", arguments, {})
    found = measure(arguments.records, arguments.rounds, arguments.distinct)
    told = summary(found)
    print(told)
    record.keep({"distinct": arguments.distinct, "rounds": found, "summary": told}, lambda run: run["distinct"])


if __name__ == "__main__":
    main()
