"""What is too large, too deep, or a compression bomb goes to the dead letters in bounded memory, and the next record is trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kafka import KafkaProducer

from streams.kafka.consumer import read_range
from tests.faults.runs import ALL_THERE_ONCE, account, produce

pytestmark = pytest.mark.durable

BOMB_BYTES = 60_000_000


def test_oversize_deep_and_compressed_bombs_are_put_aside_in_bounded_memory(settings, new_run):
    topic = settings.topics.band("sft", 0).name
    producer = KafkaProducer(**settings.client_options(), compression_type="gzip", max_request_size=2 * BOMB_BYTES)
    bomb = b'{"sample_id": "bomb", "completion": "' + b" " * BOMB_BYTES + b'"}'
    oversize = json.dumps({"sample_id": "big", "completion": "x" * 1_050_000}).encode()
    deep = b'{"a":' * 5000 + b"1" + b"}" * 5000
    for value in (bomb, oversize, deep, bomb):
        producer.send(topic, key=b"k", value=value).get(timeout=60)
    producer.close()
    samples = produce(settings, 96)
    run = new_run()
    child = run.start(("batch", 1))
    child.wait_for("waiting")
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{child.process.pid}/status").read_text().splitlines())
    highest, now = (int(status[name].split()[0]) * 1024 for name in ("VmHWM", "VmRSS"))
    child.go_on()
    child.succeed()
    assert account(run.trained(), samples) == ALL_THERE_ONCE
    reasons = {}
    for record in read_range(settings, settings.topics.dead_letters.name):
        headers = dict(record.headers)
        reasons[int(headers["pelton.offset"])] = (headers["pelton.reason"].decode(), headers.get("pelton.truncated_from"))
    assert reasons == {
        0: ("too_large", str(len(bomb)).encode()),
        1: ("too_large", None),
        2: ("too_deep", None),
        3: ("too_large", str(len(bomb)).encode()),
    }
    assert highest - now < 6 * BOMB_BYTES, "two bombs and a copy or two of each, whatever the number on the topic"
