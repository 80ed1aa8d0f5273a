"""The examples of docs/producers.md send what they say: run as they stand there, with this test's broker and topics put in."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from schemas import export
from schemas.dead_letter import SIGNATURE_HEADER
from schemas.roles import Role
from schemas.sample import Sample
from streams.curriculum.task_detector import content_of, detect_task
from streams.kafka.consumer import Record, read_range
from streams.kafka.settings import KafkaSettings
from streams.kafka.signatures import Signatures
from tests.clients.conftest import Run, run
from tests.models.signing import make_keys, signing_as

PAGE = (Path(__file__).parents[2] / "docs" / "producers.md").read_text(encoding="utf-8")
SCHEMA = Draft202012Validator(json.loads((export.FOLDER / "sample.json").read_text(encoding="utf-8")))


def example(heading: str, settings: KafkaSettings, folder: Path, name: str) -> Path:
    """The code block under a heading, as a file of its own."""
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    (block,) = re.findall(r"```(?:python|js|sh)\n(.*?)```", section, re.S)
    path = folder / name
    ours = block.replace("127.0.0.1:9092", settings.bootstrap_servers).replace("pelton.", settings.topic_prefix)
    path.write_text(ours.replace(f"{settings.topic_prefix}signature", SIGNATURE_HEADER), encoding="utf-8")
    return path


def received(settings: KafkaSettings) -> dict[str, Record]:
    """Every record on `samples`, by the id of its sample, which can be trained and is valid by the schema."""
    found = {}
    for record in read_range(settings, settings.topics.samples.name):
        assert record.value is not None
        sample = Sample.decode(record.value)
        content_of(sample, detect_task(sample))
        SCHEMA.validate(json.loads(record.value))
        assert record.key in (None, sample.sample_id.encode())
        found[sample.sample_id] = record
    return found


@pytest.mark.parametrize("line", re.search(r"```json\n(.*?)```", PAGE, re.S)[1].splitlines())  # type: ignore[index]
def test_an_example_of_a_record_can_be_trained_and_is_valid(line: str):
    sample = Sample.decode(line.encode())
    content_of(sample, detect_task(sample))
    SCHEMA.validate(json.loads(line))


def test_kafka_python(settings: KafkaSettings, tmp_path: Path):
    run([sys.executable, example("Python, kafka-python", settings, tmp_path, "send.py")])
    records = received(settings)
    assert set(records) == {"python-1", "python-2"}
    assert {record.headers for record in records.values()} == {(("producer", b"atlas"),)}


def test_confluent_kafka(settings: KafkaSettings, tmp_path: Path, other_python: Run):
    other_python(example("Python, confluent-kafka", settings, tmp_path, "send.py"))
    assert set(received(settings)) == {"confluent-0", "confluent-1"}


def test_kafkajs(settings: KafkaSettings, tmp_path: Path, node: Run):
    node(example("Node, kafkajs", settings, tmp_path, "send.js"))
    records = received(settings)
    assert set(records) == {"node-1", "node-2"}
    assert {record.headers for record in records.values()} == {(("producer", b"atlas"),)}


@pytest.mark.parametrize(("heading", "sample_id"), [("Signing, Python", "signed-1"), ("Signing, Node", "signed-2")], ids=["python", "node"])
def test_what_is_signed_as_the_page_says_is_taken_where_signatures_are_required(
    settings: KafkaSettings, tmp_path: Path, heading: str, sample_id: str, request: pytest.FixtureRequest
):
    make_keys(tmp_path, {"atlas.key": (Role.PRODUCER,)})
    secret, name = tmp_path / "atlas.key.json", "send.js" if "Node" in heading else "send.py"
    script = example(heading, settings, tmp_path, name)
    script.write_text(script.read_text(encoding="utf-8").replace("atlas.key.json", str(secret)), encoding="utf-8")
    if name == "send.js":
        request.getfixturevalue("node")(script)
    else:
        run([sys.executable, script])
    key = Signatures(signing_as(settings, tmp_path, None)).check(received(settings)[sample_id])
    assert key is not None
    assert key.key_id == "atlas.key"


def test_kcat(settings: KafkaSettings, tmp_path: Path):
    if shutil.which("kcat") is None:
        pytest.skip("no kcat here: apt-get install kcat")
    run(["sh", "-e", example("The command line, kcat", settings, tmp_path, "send.sh")])
    records = received(settings)
    assert records["kcat-1"].headers == (("producer", b"atlas"),)
    assert sorted(record.key is None for record in records.values()) == [False, True]


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_every_codec_is_read(settings: KafkaSettings, codec: str):
    if shutil.which("kcat") is None:
        pytest.skip("no kcat here: apt-get install kcat")
    words = ["kcat", "-P", "-b", settings.bootstrap_servers, "-t", settings.topics.samples.name, "-z", codec]
    subprocess.run(words, input="".join(f'{{"sample_id": "{n}", "text": "{"x" * 200}"}}\n' for n in range(50)).encode(), check=True)
    assert len(received(settings)) == 50


def test_what_is_not_run_says_so():
    sections = {part.split("\n", 1)[0]: part for part in PAGE.split("\n## ")[1:]}
    assert [heading for heading, part in sections.items() if "Not run by a test" in part] == ["Go, franz-go", "Kafka Connect"]
