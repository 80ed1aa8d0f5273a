#!/usr/bin/env bash
# Two consumers, each alone in its group, read one topic: one polls for 1000 ms at a time, one for 5 ms. The topic gets a second partition. The
# first takes part in the rebalance and reads both. The second begins it too, but its poll is over before the broker has answered, and by then
# kafka-python (3.0.12) takes the new partition for dealt with: no poll asks for the answer again. It stays in the state "rebalancing", with
# what it had before and without heartbeats, raises nothing, and never reads the new partition.
# Starts Apache Kafka and stops it, so Java 17 and Maven are needed.
set -euo pipefail
folder=$(mktemp -d); broker=""
trap '[ -z "$broker" ] || kill "$broker" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
if command -v uv >/dev/null; then uv venv -q --python python3 "$folder/venv"; install=(uv pip install -q --python "$folder/venv/bin/python")
else python3 -m venv "$folder/venv"; install=("$folder/venv/bin/pip" install -q); fi
"${install[@]}" kafka-python==3.0.12
cat > "$folder/pom.xml" <<'XML'
<project><modelVersion>4.0.0</modelVersion>
<groupId>a</groupId><artifactId>a</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>4.3.1</version></dependency>
</dependencies></project>
XML
mvn -q -f "$folder/pom.xml" dependency:copy-dependencies -DoutputDirectory="$folder/libs" >&2
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
other=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat > "$folder/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$other
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$other
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=$folder/log
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
PROPERTIES
run() { java -Xmx256m -cp "$folder/libs/*" "$@"; }
run kafka.tools.StorageTool format --cluster-id Zm91bmQtYnktcGVsdG9u --config "$folder/server.properties" >"$folder/format.txt" 2>&1
java -Xmx256m -cp "$folder/libs/*" kafka.Kafka "$folder/server.properties" >"$folder/broker.txt" 2>&1 &
broker=$!
"$folder/venv/bin/python" - "$port" 2>/dev/null <<'PY'
import sys
import time
from importlib.metadata import version

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

SERVER = f"127.0.0.1:{sys.argv[1]}"
SOON = 20.0


def connected():
    for _ in range(60):
        try:
            return KafkaAdminClient(bootstrap_servers=SERVER, bootstrap_timeout_ms=2000)
        except KafkaError:
            time.sleep(1)
    sys.exit("the broker did not come up")


def poll_until(consumer, poll_ms, wanted, seconds):
    """The partitions that gave records, until all that are wanted did or the time is over."""
    seen, end = set(), time.monotonic() + seconds
    while not wanted <= seen and time.monotonic() < end:
        seen |= {tp.partition for tp in consumer.poll(timeout_ms=poll_ms)}
    return seen


def tried(admin, poll_ms):
    """What a consumer in polls of this length reads before and after its topic gets a second partition."""
    topic = f"found{poll_ms}"
    admin.create_topics({topic: {"num_partitions": 1, "replication_factor": 1}})
    producer = KafkaProducer(bootstrap_servers=SERVER, metadata_max_age_ms=1000)
    consumer = KafkaConsumer(
        topic, bootstrap_servers=SERVER, group_id=topic, auto_offset_reset="earliest", metadata_max_age_ms=1000
    )
    producer.send(topic, b"one", partition=0).get(timeout=60)
    before = poll_until(consumer, poll_ms, {0}, 60)
    admin.create_partitions({topic: 2})
    poll_until(consumer, poll_ms, {1}, 8)
    for partition in (0, 1):
        producer.send(topic, b"two", partition=partition).get(timeout=60)
    after = poll_until(consumer, poll_ms, {0, 1}, SOON)
    held = sorted(tp.partition for tp in consumer.assignment())
    print(
        f"  polls of {poll_ms:4} ms: before, records of {sorted(before)}; after, of {sorted(after)} (assigned {held},"
        f" state {consumer.group_metadata().state})"
    )
    return before == {0}, after == {0, 1}


admin = connected()
print("kafka-python", version("kafka-python"))
print("expected: both consumers read both partitions, however long one poll waits")
print("seen:")
long, short = tried(admin, 1000), tried(admin, 5)
sys.exit(0 if long == (True, True) and short == (True, False) else "this has changed")
PY
