"""`make test-containers`: the integration suite against Apache Kafka in a container, and then deploy/compose.yaml as a whole.

Needs an engine (DOCKER_HOST or the default socket) and the images; without, it says what is missing and ends with 0. KAFKA_IMAGE names
another broker image than the published one, TESTS what else than tests/integration is to run.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from streams.kafka.distribution import KAFKA_VERSION
from streams.kafka.embedded import free_port

ROOT = Path(__file__).parents[1]
IMAGE = os.environ.get("KAFKA_IMAGE") or f"apache/kafka:{KAFKA_VERSION}"
CLUSTER_ID = "cGVsdG9uLWNvbnRhaW5lcnM"
# ITSELF: for transactions the broker speaks to itself, and within the container nothing is at the port that clients are told.
PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:9093
listeners=PLAINTEXT://0.0.0.0:9092,ITSELF://localhost:9094,CONTROLLER://localhost:9093
advertised.listeners=PLAINTEXT://127.0.0.1:{port},ITSELF://localhost:9094
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,ITSELF:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=ITSELF
controller.listener.names=CONTROLLER
log.dirs=/var/lib/kafka/data
auto.create.topics.enable=false
offsets.retention.minutes=86400
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16000000
message.max.bytes=10000000
replica.fetch.max.bytes=10000000
"""


def missing() -> str | None:
    """Why no container can be started here; None where one can."""
    import docker

    try:
        client = docker.from_env()
        client.ping()
    except docker.errors.DockerException as error:
        return f"no container engine answers ({' '.join(str(error).split())[:200]})"
    try:
        client.images.get(IMAGE)
    except docker.errors.ImageNotFound:
        try:
            client.images.pull(IMAGE)
        except docker.errors.APIError as error:
            return f"the image {IMAGE} is not here and cannot be pulled ({' '.join(str(error).split())[:200]}); KAFKA_IMAGE names another"
    return None


def suite_against_a_container(tests: list[str]) -> int:
    """Run the tests with a broker in a container; pytest's exit code."""
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")  # one more image, for what the `with` below does
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.waiting_utils import wait_for_logs

    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "server.properties").write_text(PROPERTIES.format(port=port), encoding="utf-8")
        container = DockerContainer(IMAGE).with_bind_ports(9092, port).with_volume_mapping(folder, "/mnt/shared/config", "ro")
        container = container.with_env("CLUSTER_ID", CLUSTER_ID).with_env("KAFKA_HEAP_OPTS", "-Xms512m -Xmx512m")
        with container as started:
            wait_for_logs(started, r"Kafka Server started", timeout=120)
            environ = os.environ | {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}"}
            sys.stdout.write(f"{IMAGE} at 127.0.0.1:{port}: pytest {shlex.join(tests)}\n")
            sys.stdout.flush()
            return subprocess.call([sys.executable, "-m", "pytest", "-q", *tests], cwd=ROOT, env=environ)


def main() -> int:
    """Both, or the reason why not."""
    reason = missing()
    if reason:
        sys.stdout.write(f"skipped: {reason}\n")
        return 0
    tests = shlex.split(os.environ.get("TESTS") or "-n 3 --dist loadfile tests/integration")
    failed = suite_against_a_container(tests)
    together = subprocess.call(
        [sys.executable, "-m", "pytest", "-q", "tests/containers"], cwd=ROOT, env=os.environ | {"PELTON_TEST_COMPOSE": "1"}
    )
    return failed or together


if __name__ == "__main__":
    sys.exit(main())
