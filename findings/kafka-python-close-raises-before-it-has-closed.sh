#!/usr/bin/env bash
# A producer whose broker is away is closed with a time limit, while a record of it is undelivered. kafka-python raises, and has not closed: its
# sender thread lives on. Who takes the error for the end keeps a thread for every such producer.
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
group.initial.rebalance.delay.ms=0
PROPERTIES
run() { java -Xmx256m -cp "$folder/libs/*" "$@"; }
run kafka.tools.StorageTool format --cluster-id Zm91bmQtYnktcGVsdG9u --config "$folder/server.properties" >"$folder/format.txt" 2>&1
java -Xmx256m -cp "$folder/libs/*" kafka.Kafka "$folder/server.properties" >"$folder/broker.txt" 2>&1 &
broker=$!
"$folder/venv/bin/python" - "$port" "$broker" 2>/dev/null <<'PY'
import os
import signal
import sys
import threading
import time
from importlib.metadata import version

from kafka import KafkaProducer
from kafka.errors import KafkaError


def connected():
    for _ in range(60):
        try:
            producer = KafkaProducer(bootstrap_servers=f"127.0.0.1:{sys.argv[1]}", bootstrap_timeout_ms=2000)
            producer.send("found", b"first").get(timeout=30)
            return producer
        except KafkaError:
            time.sleep(1)
    sys.exit("the broker did not come up")


def threads():
    return threading.active_count()


before = threads()
producer = connected()
os.kill(int(sys.argv[2]), signal.SIGTERM)
time.sleep(5)
producer.send("found", b"second")
try:
    producer.close(timeout=1)
    raised = "nothing"
except KafkaError as error:
    raised = type(error).__name__
time.sleep(2)
left = threads() - before
print(f"kafka-python {version('kafka-python')}: close(timeout=1) of a producer with one undelivered record, whose broker is away")
print("expected: when it returns or raises, the producer is closed, and its threads have ended")
print(f"seen:     it raised {raised}, and {left} of its threads still live")
sys.stdout.flush()
os._exit(0 if raised != "nothing" and left > 0 else 1)
PY
