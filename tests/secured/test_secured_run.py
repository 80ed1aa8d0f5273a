"""The main job where nobody may do more than `pelton acls` prints: SCRAM over TLS, ACLs, signatures required; what is forged is refused,
and no secret is written anywhere. `make test-secured` runs this; it takes some minutes."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaTimeoutError, TopicAuthorizationFailedError

from schemas.roles import RIGHTS, Role
from schemas.sample import Sample
from schemas.training_sample import Objective, TrainingSample
from streams.kafka.dead_letters import read_dead_letters
from streams.kafka.embedded import EmbeddedBroker, free_port
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings
from tests.integration.worker_process import REPOSITORY, WorkerProcess
from tests.models.signing import one_for_each_role, signing_as
from tests.models.tiny import build
from trainer_node.commit.ledger import Ledger, Outcome
from trainer_node.commit.manifest import checkpoints

pytestmark = pytest.mark.skipif(not os.environ.get("PELTON_TEST_SECURED"), reason="minutes long: make test-secured")

SAMPLES = 40


class ClosedBroker(EmbeddedBroker):
    """Apache Kafka that lets nobody do anything who was not allowed to. Its plain listener, for the test alone, is the super user's."""

    def __init__(self, data_dir: Path, key: str, certificate: str) -> None:
        super().__init__(data_dir)
        self.port = free_port()
        self._pem = {"key": key, "certificate.chain": certificate}

    def properties(self, node: int) -> str:
        given = dict(line.split("=", 1) for line in super().properties(node).splitlines())
        given["listeners"] += f",SASL_SSL://127.0.0.1:{self.port}"
        given["advertised.listeners"] += f",SASL_SSL://127.0.0.1:{self.port}"
        given["listener.security.protocol.map"] += ",SASL_SSL:SASL_SSL"
        given["sasl.enabled.mechanisms"] = "SCRAM-SHA-512"
        login = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        given["listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config"] = login
        given["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
        given["super.users"] = "User:ANONYMOUS"
        given["ssl.keystore.type"] = "PEM"
        for name, text in self._pem.items():
            given[f"ssl.keystore.{name}"] = text.replace("\n", "\\n")
        return "".join(f"{name}={value}\n" for name, value in given.items())


def pelton(settings: KafkaSettings, folder: Path, *words: str) -> str:
    """A command of Pelton's, as the user of these settings; what it printed, on both streams."""
    environ = {**os.environ, **settings.to_environ(), "PYTHONPATH": str(REPOSITORY)}
    words = (sys.executable, "-m", "cli.main", "-v", *words)
    done = subprocess.run(words, env=environ, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", timeout=300)
    with (folder / "commands.log").open("a", encoding="utf-8") as log:
        log.write(done.stdout)
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


class Installation:
    """A closed broker, a user and a key for each role, and the ACLs that `pelton acls` prints."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.secrets = folder, {role: f"password-of-{role.value}-{os.urandom(8).hex()}" for role in Role}
        (folder / "keys").mkdir()
        one_for_each_role(folder / "keys")
        key, self.certificate = folder / "keys" / "tls.pem", folder / "keys" / "cert.pem"
        make = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            str(key),
            "-out",
            str(self.certificate),
            "-days",
            "2",
        ]
        subprocess.run([*make, "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        self.broker = ClosedBroker(folder / "broker", key.read_text(), self.certificate.read_text())
        self.broker.start()
        self.super_user = KafkaSettings(bootstrap_servers=self.broker.bootstrap_servers)
        for role, password in self.secrets.items():
            (folder / "keys" / f"{role.value}.password").write_text(password + "\n", encoding="utf-8")
        pelton(self.super_user, folder, "acls", "--apply", "--passwords", str(folder / "keys"))
        pelton(self.settings(Role.OPERATOR), folder, "topics", "create")

    def settings(self, role: Role) -> KafkaSettings:
        """Of a process of this role."""
        base = KafkaSettings.load(
            environ={}, bootstrap_servers=f"127.0.0.1:{self.broker.port}", security_protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-512",
            sasl_username=role.value, sasl_password=self.secrets[role], ssl_cafile=str(self.certificate),
        )  # fmt: skip
        return signing_as(base, self.folder / "keys", role.value)


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("needs the program openssl to make a certificate")
    made = Installation(tmp_path_factory.mktemp("installation"))
    yield made
    made.broker.stop()


def test_the_main_job_runs_with_exactly_the_acls_that_are_printed_and_writes_no_secret(installation):
    folder, topics = installation.folder, installation.super_user.topics
    rows = [{"sample_id": f"s-{n}", "prompt": f"What is {n} and {n}?", "answer": f"It is {2 * n}."} for n in range(SAMPLES)]
    (folder / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "facts.jsonl").write_text('{"subject": "Peru", "predicate": "capital", "object": "Lima"}\n', encoding="utf-8")
    pelton(installation.settings(Role.FACTS), folder, "facts", "facts.jsonl")
    pelton(installation.settings(Role.PRODUCER), folder, "produce", "samples.jsonl")
    unsigned = installation.settings(Role.PRODUCER).model_copy(update={"sign_key": None})
    with Producer(unsigned) as producer:
        forged = Sample(sample_id="forged", text="x")
        producer.send(topics.samples, "forged", forged)
        producer.flush()
    workers = [
        WorkerProcess("curriculum", installation.settings(Role.CURRICULUM), folder, "--state-dir", "state"),
        WorkerProcess("augmenter", installation.settings(Role.AUGMENTER), folder, "--warm-up", "1", "--every", "1"),
        WorkerProcess("feedback", installation.settings(Role.FEEDBACK), folder, "--preferences"),
    ]
    for worker in workers:
        worker.ready()
    pelton(installation.settings(Role.OPERATOR), folder, "forget", "s-3", "--why", "asked by mail")
    with Producer(installation.settings(Role.CURRICULUM).model_copy(update={"sign_key": None})) as producer:
        banded = TrainingSample(sample_id="smuggled", objective=Objective.SFT, task="generation", band=0, completion="x")
        producer.send(topics.band(Objective.SFT, 0), "smuggled", banded)
    model = build(folder / "model")
    train = ["train", "--model", str(model), "--run-id", "r", "--run-dir", "run", "--until-consumed", "--wait-for", "curriculum"]
    train += ["--wait-for", "augmenter", "--epochs", "1", "--bits", "32", "--batch-size", "8", "--max-seq", "64", "--lora-r", "2"]
    pelton(installation.settings(Role.TRAINER), folder, *train, "--trainer", "sft", "--wandb", "secured")
    assert [worker.stop() for worker in workers] == [0, 0, 0], [worker.stderr[-2000:] for worker in workers]
    newest = checkpoints(folder / "run")[-1]
    outcomes = Counter(
        row.outcome for row in Ledger(folder / "run" / "ledger", newest.manifest.segments).find({row["sample_id"] for row in rows})
    )
    assert outcomes == {Outcome.TRAINED: SAMPLES - 1, Outcome.FORGOTTEN: 1}
    operator = installation.settings(Role.OPERATOR)
    letters = {(letter.stage, letter.reason.value) for letter, _ in read_dead_letters(operator)}
    assert letters == {("curriculum", "unsigned"), ("trainer", "unsigned")}
    assert "trained" in pelton(operator, folder, "trace", "s-1", "--run-dir", "run")
    pelton(operator, folder, "lag")
    pelton(operator, folder, "topics", "check")
    pelton(operator, folder, "dead-letters", "replay", "--all")
    assert leaks(installation) == []


def leaks(installation) -> list[str]:
    """Files that hold a secret: logs, checkpoints, W&B's folder, state; not those that are for it."""
    keys = [json.loads(path.read_text()) for path in (installation.folder / "keys").glob("*.json") if path.name != "allowed.json"]
    secrets = [*installation.secrets.values(), *(jwk.get("d") or jwk["k"] for jwk in keys)]
    kept = [installation.folder / name for name in ("keys", "broker")]
    files = [path for path in installation.folder.rglob("*") if path.is_file() and not any(folder in path.parents for folder in kept)]
    assert len(files) > 20
    assert any("wandb" in path.parts for path in files)
    return [f"{path}" for path in files for content in [path.read_bytes()] if any(secret.encode() in content for secret in secrets)]


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.OPERATOR])
def test_nobody_writes_reads_or_sees_more_than_the_table_says(installation, role):
    settings = installation.settings(role)
    rights, short = RIGHTS[role], {}
    for topic in settings.topics:
        short.setdefault("bands" if ".curriculum." in topic.name else topic.name.removeprefix("pelton."), topic.name)
    consumer = KafkaConsumer(**settings.client_options(), auto_offset_reset="earliest")
    seen = {name for name, full in short.items() if full in consumer.topics()}
    assert seen == {*rights.writes, *rights.reads, *rights.describes}
    for name in seen - {*rights.reads}:
        partition = TopicPartition(short[name], 0)
        consumer.assign([partition])
        consumer.seek(partition, 0)
        with pytest.raises(TopicAuthorizationFailedError):
            poll_for_ten_seconds(consumer)
    consumer.close()
    producer = KafkaProducer(**settings.client_options(), max_block_ms=5_000, enable_idempotence=False)
    for name in short.keys() - {*rights.writes}:
        with pytest.raises((TopicAuthorizationFailedError, KafkaTimeoutError)):  # of a topic that it does not see it hears nothing
            producer.send(short[name], b"x", key=b"k").get(timeout=15)
    producer.close(timeout=1)


def poll_for_ten_seconds(consumer: KafkaConsumer) -> None:
    for _ in range(40):
        consumer.poll(timeout_ms=250)


def test_a_quota_that_is_printed_slows_a_producer_down_and_loses_nothing(installation):
    line = next(
        row
        for row in pelton(installation.super_user, installation.folder, "acls", "--role", "producer", "--quota", "100000").splitlines()
        if "kafka-configs" in row
    )
    from streams.kafka.distribution import cached_classpath, find_java

    tool = [str(find_java()), "-cp", ":".join(map(str, cached_classpath() or ())), "kafka.admin.ConfigCommand", *shlex.split(line)[1:]]
    subprocess.run(tool, check=True, capture_output=True)
    settings = installation.settings(Role.PRODUCER)
    producer = KafkaProducer(**settings.client_options(), batch_size=0)
    for number in range(12):
        producer.send(settings.topics.samples.name, b"x" * 100_000, key=str(number).encode()).get(timeout=120)
    throttled = producer.metrics()
    producer.close()
    assert any(
        "throttle" in name and value > 0 for group in throttled.values() for name, value in group.items() if isinstance(value, float)
    )
