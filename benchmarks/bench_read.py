"""What reading files of samples costs: beside `json.loads` alone, beside `ijson` alone, in memory, and beside a bare producer.

- `lines`: every line of a JSON Lines file through `json.loads`, nothing done with what it gives; and the same file read, each row's shape
  recognised, each sample validated. (Its id, a hash of the content, is made when it is sent: it counts in `sending`.) Both in turns within
  one run; the ratio is that of processor times, which other processes disturb less than the clock's.
- `array`: the same of a JSON array, beside `ijson.items(file, "item")` with the backend that a user gets, its C parser where there is one.
- `memory`: the highest resident size of a process that reads a file of 50 MB, and one of 500 MB, less that of one that reads a small file.
- `sending`: samples a second to a live broker by what `pelton produce` calls, and by kafka-python's producer with the same settings, which
  reads the same lines and sends them as they are, without a look at them. In turns, by the clock.

Run: `python benchmarks/bench_read.py [--rows N] [--rounds N] [--parts lines array memory sending]`.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SEED = 21
PARTS = ("lines", "array", "memory", "sending")
WORDS = ["the", "stream", "turns", "a", "wheel", "and", "stone", "that", "grinds", "what", "fields", "have", "given", "this", "year:"]
MEGABYTE = 1_000_000


def words(draw: random.Random, count: int) -> str:
    """Made-up prose."""
    return " ".join(draw.choice(WORDS) for _ in range(count))


def qa(draw: random.Random, number: int) -> dict[str, Any]:
    return {"prompt": f"{words(draw, 15)} {number}?", "answer": f"{words(draw, 25)}."}


def alpaca(draw: random.Random, number: int) -> dict[str, Any]:
    return {"instruction": f"{words(draw, 15)} {number}?", "input": words(draw, 10) * (number % 2), "output": f"{words(draw, 25)}."}


def sharegpt(draw: random.Random, number: int) -> dict[str, Any]:
    said = [{"from": ("human", "gpt")[turn % 2], "value": f"{words(draw, 30)} {number}"} for turn in range(6)]
    return {"id": f"c{number}", "conversations": said}


def messages(draw: random.Random, number: int) -> dict[str, Any]:
    return {"messages": [{"role": ("user", "assistant")[turn % 2], "content": f"{words(draw, 30)} {number}"} for turn in range(6)]}


def text(draw: random.Random, number: int) -> dict[str, Any]:
    return {"text": f"{words(draw, 60)} {number}"}


def long_text(draw: random.Random, number: int) -> dict[str, Any]:
    return {"text": f"{words(draw, 2000)} {number}"}


def preference(draw: random.Random, number: int) -> dict[str, Any]:
    return {"prompt": f"{words(draw, 15)} {number}?", "chosen": f"{words(draw, 25)} 1", "rejected": f"{words(draw, 25)} 2"}


KINDS: dict[str, Callable[[random.Random, int], dict[str, Any]]] = {
    "question-answer": qa, "alpaca": alpaca, "sharegpt": sharegpt, "messages": messages, "text": text,
    "long text": long_text, "preference": preference,
}  # fmt: skip


def rows(kind: str, count: int) -> Iterator[str]:
    """Rows of one kind, as JSON."""
    draw = random.Random(SEED)
    for number in range(count):
        yield json.dumps(KINDS[kind](draw, number))


def ours(path: Path) -> int:
    """Read a file as `pelton produce` does, but for sending."""
    from cli.sample_reader import SampleReader

    return sum(1 for _ in SampleReader(path).read())


def bare_json(path: Path) -> int:
    """Every line through the standard parser."""
    count = 0
    with path.open("rb") as stream:
        for line in stream:
            json.loads(line)
            count += 1
    return count


def bare_ijson(path: Path) -> int:
    """Every element through ijson, its numbers as it gives them."""
    import ijson

    with path.open("rb") as stream:
        return sum(1 for _ in ijson.items(stream, "item"))


def in_turns(path: Path, bare: Callable[[Path], int], count: int, rounds: int) -> dict[str, Any]:
    """Both sides' processor times, microseconds a row, and the ratios of their medians and of their least, which were disturbed least; who
    comes first changes with every round."""
    times: dict[str, list[float]] = {"bare": [], "ours": []}
    for number in range(rounds + 1):
        sides = [("bare", bare), ("ours", ours)]
        for name, side in sides if number % 2 else sides[::-1]:
            start = time.process_time()
            assert side(path) == count
            if number:  # the first round warms up
                times[name].append((time.process_time() - start) / count * 1e6)
    middle = {name: statistics.median(values) for name, values in times.items()}
    ratios = [mine / other for mine, other in zip(times["ours"], times["bare"], strict=True)]
    return {
        "bytes_a_row": round(path.stat().st_size / count),
        "us_a_row": {name: round(value, 2) for name, value in middle.items()},
        "ratio": round(middle["ours"] / middle["bare"], 2),
        "ratio_of_least": round(min(times["ours"]) / min(times["bare"]), 2),
        "ratios_of_rounds": [round(ratio, 2) for ratio in ratios],
    }


def lines(folder: Path, count: int, rounds: int) -> dict[str, Any]:
    """Of each kind of row."""
    found = {}
    for kind in KINDS:
        path = folder / f"{kind}.jsonl"
        many = count // 10 if kind == "long text" else count
        path.write_text("".join(f"{row}\n" for row in rows(kind, many)), encoding="utf-8")
        found[kind] = in_turns(path, bare_json, many, rounds)
    return found


def array(folder: Path, count: int, rounds: int) -> dict[str, Any]:
    """Of each kind of row, written densely; of questions and of conversations over many lines, too."""
    found = {}
    for kind in KINDS:
        for name, indent in (("dense", None), ("indented", 2)) if kind in ("question-answer", "messages") else (("dense", None),):
            path = folder / f"{kind}-{name}.json"
            many = count // 10 if kind == "long text" else count
            path.write_text(json.dumps([json.loads(row) for row in rows(kind, many)], indent=indent), encoding="utf-8")
            found[f"{kind}, {name}"] = in_turns(path, bare_ijson, many, rounds)
    return found


def peak(path: Path) -> int:
    """The highest resident size of a process that reads a file, in bytes."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from benchmarks.bench_read import ours, own_peak; ours(sys.argv[1]); own_peak()"
    done = subprocess.run([sys.executable, "-c", code.replace("sys.argv[1]", f"__import__('pathlib').Path({str(path)!r})")],
                          check=True, capture_output=True, encoding="utf-8")  # fmt: skip
    return int(done.stdout)


def own_peak() -> None:
    """Print this process's highest resident size, in bytes."""
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def memory(folder: Path) -> dict[str, Any]:
    """Of JSON Lines, of an array and of a list within an object, with ids of the producer's."""
    found: dict[str, Any] = {}
    texts = list(rows("messages", 1000))
    wrapped = {"jsonl": ("", "\n", "\n"), "array.json": ("[", ",\n", "]"), "within.json": ('{"data": [', ",", "]}")}
    for name, (start, between, end) in wrapped.items():
        sizes = {}
        for megabytes in (0, 50, 500):
            path = folder / f"memory.{name}"
            written, number = 0, 0
            with path.open("w", encoding="utf-8") as file:
                file.write(start)
                while number < 10 or written < megabytes * MEGABYTE:
                    row = f'{{"sample_id": "s{number}", {texts[number % len(texts)][1:]}'
                    file.write(f"{between if number else ''}{row}")
                    written, number = written + len(row), number + 1
                file.write(end)
            sizes[f"{megabytes} MB"] = round(peak(path) / MEGABYTE, 1)
            path.unlink()
        found[name] = {"peak_mb": sizes, "grows_mb": round(sizes["500 MB"] - sizes["50 MB"], 1)}
    return found


def sending(folder: Path, count: int, rounds: int) -> dict[str, Any]:
    """Records a second, by both sides in turns."""
    from streams.kafka.admin import create_topics
    from streams.kafka.broker import open_broker
    from streams.kafka.settings import KafkaSettings

    path = folder / "sent.jsonl"
    path.write_text("".join(f"{row}\n" for row in rows("question-answer", count)), encoding="utf-8")
    rates: dict[str, list[float]] = {"bare": [], "ours": []}
    work: dict[str, list[float]] = {"bare": [], "ours": []}
    broker = open_broker(KafkaSettings(), folder / "broker", environ={})
    try:
        settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
        create_topics(settings, settings.topics).raise_if_wrong()
        for number in range(rounds + 1):
            sides = [("bare", send_bare), ("ours", send_ours)]
            for name, side in sides if number % 2 else sides[::-1]:
                start, worked = time.perf_counter(), time.process_time()
                side(settings, path)
                if number:
                    rates[name].append(count / (time.perf_counter() - start))
                    work[name].append((time.process_time() - worked) / count * 1e6)
    finally:
        broker.stop()
    ratios = [mine / other for mine, other in zip(rates["ours"], rates["bare"], strict=True)]
    return {
        "broker": broker.kind,
        "samples_a_second": {name: round(statistics.median(values)) for name, values in rates.items()},
        "processor_us_a_sample": {name: round(statistics.median(values), 1) for name, values in work.items()},
        "ratio": round(statistics.median(ratios), 3),
        "ratios_of_rounds": [round(ratio, 3) for ratio in ratios],
    }


def send_ours(settings: Any, path: Path) -> None:
    """As `pelton produce` does."""
    from cli.sample_reader import SampleReader
    from cli.sending import own_source, send_samples

    send_samples(settings, [SampleReader(path)], own_source())


def send_bare(settings: Any, path: Path) -> None:
    """Lines as they are, with a key, as safely as ours."""
    from kafka import KafkaProducer

    producer = KafkaProducer(
        bootstrap_servers=settings.bootstrap_servers, acks="all", enable_idempotence=True, linger_ms=5, batch_size=128_000
    )
    failed: list[BaseException] = []
    with path.open("rb") as stream:
        for number, line in enumerate(stream):
            producer.send(settings.topics.samples.name, key=b"h-%016x" % number, value=line.rstrip(b"\n")).add_errback(failed.append)
    producer.flush()
    producer.close()
    assert not failed, failed[0]


def main() -> None:
    from benchmarks.record import Record

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    record = Record("bench_read", options, {"rows": SEED})
    for part in options.parts:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            given = (folder,) if part == "memory" else (folder, options.rows, options.rounds)
            result = {"part": part, "result": globals()[part](*given)}
        print(json.dumps(result, indent=1))
        record.keep(result, key=lambda run: run["part"])


if __name__ == "__main__":
    main()
