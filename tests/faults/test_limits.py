"""What is too large, too deep, or a compression bomb goes to the dead letters in bounded memory, and the next record is trained."""

from __future__ import annotations

import json
from pathlib import Path

from kafka import KafkaProducer

from schemas.sample import Sample
from streams.kafka.consumer import read_range
from streams.kafka.decompression import LIMIT_BYTES
from tests.faults.runs import ALL_THERE_ONCE, account, produce
from tests.integration.worker_process import WorkerProcess, eventually

BOMB_BYTES = 2 * LIMIT_BYTES


def test_oversize_deep_and_compressed_bombs_are_dead_lettered_in_bounded_memory(settings, new_run):
    topic = settings.topics.band("sft", 0).name
    producer = KafkaProducer(**settings.client_options(), compression_type="gzip", max_request_size=2 * BOMB_BYTES)
    bomb = b'{"sample_id": "bomb", "completion": "' + b" " * BOMB_BYTES + b'"}'
    oversize = json.dumps({"sample_id": "big", "completion": "x" * 1_050_000}).encode()
    deep = b'{"a":' * 5000 + b"1" + b"}" * 5000
    for value in (bomb, oversize, deep, bomb):
        producer.send(topic, key=b"k", value=value).get(timeout=60)
    producer.close()
    samples = produce(settings, 1000)
    run = new_run()
    child = run.start(("batch", 1))
    child.wait_for("waiting")
    highest, now = (memory(child.process.pid, name) for name in ("VmHWM", "VmRSS"))
    child.go_on()
    child.succeed()
    assert account(run.trained(), samples) == ALL_THERE_ONCE
    reasons = {}
    for record in read_range(settings, settings.topics.dead_letters.name):
        headers = dict(record.headers)
        reasons[int(headers["pelton.offset"])] = headers["pelton.reason"].decode()
    assert reasons == {0: "too_large", 1: "too_large", 2: "too_deep", 3: "too_large"}
    assert highest - now < LIMIT_BYTES, "a bomb is never decompressed, not even to the limit at once"


def test_a_bomb_among_samples_is_dead_lettered_by_the_curriculum_in_bounded_memory(settings, tmp_path):
    topic = settings.topics.samples.name
    bomb = b'{"sample_id": "bomb", "text": "' + b" " * BOMB_BYTES + b'"}'
    good = Sample(sample_id="good", text="some text")
    with WorkerProcess("curriculum", settings, tmp_path) as worker:
        pid = worker.ready().process.pid
        before = memory(pid, "VmRSS")
        producer = KafkaProducer(**settings.client_options(), compression_type="zstd", max_request_size=2 * BOMB_BYTES)
        for value in (bomb, good.encode()):
            producer.send(topic, key=b"k", value=value, partition=0).get(timeout=60)
        producer.close()
        eventually(lambda: [record.key for record in banded(settings)] == [b"good"], "the next sample in a band")
        highest = memory(pid, "VmHWM")
    (letter,) = [dict(record.headers) for record in read_range(settings, settings.topics.dead_letters.name)]
    assert letter["pelton.reason"] == b"too_large"
    assert b"1 records at offsets 0 to 0" in letter["pelton.error"]
    assert highest - before < LIMIT_BYTES, "it was never decompressed"


def banded(settings):
    return [record for topic in settings.topics.bands("sft") for record in read_range(settings, topic.name)]


def memory(pid: int, name: str) -> int:
    """Resident memory of a process in bytes: VmRSS now, VmHWM at most so far."""
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status[name].split()[0]) * 1024
