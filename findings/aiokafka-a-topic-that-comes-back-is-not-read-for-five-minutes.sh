#!/usr/bin/env bash
# A topic is deleted while a group reads it, and made again seconds later with a record in it. A member of aiokafka's (0.14.0) notices the
# first, because its fetches are refused: it hands out no partitions. Then nothing is fetched, so nothing is refused, and that it asked for a
# topic that was not there has it ask no sooner: it goes on polling, raises nothing, and reads the record only after metadata_max_age_ms, five
# minutes by default. A member with a maximum age of two seconds reads it at once. Starts Apache Kafka, so Java 17 and Maven are needed.
set -euo pipefail
folder=$(mktemp -d); broker=""
trap '[ -z "$broker" ] || kill "$broker" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
if command -v uv >/dev/null; then uv venv -q --python python3 "$folder/venv"; install=(uv pip install -q --python "$folder/venv/bin/python")
else python3 -m venv "$folder/venv"; install=("$folder/venv/bin/pip" install -q); fi
"${install[@]}" aiokafka==0.14.0
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
"$folder/venv/bin/python" - "$port" 2>/dev/null <<'PY'
import asyncio
import sys
import time
from importlib.metadata import version

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

server = f"127.0.0.1:{sys.argv[1]}"
SOON = 25.0


async def connected():
    for _ in range(60):
        admin = AIOKafkaAdminClient(bootstrap_servers=server)
        try:
            await admin.start()
            return admin
        except KafkaError:
            await admin.close()
            await asyncio.sleep(1)
    sys.exit("the broker did not come up")


async def make(admin, topic, said):
    for _ in range(60):
        answer = await admin.create_topics([NewTopic(topic, 1, 1)])
        if answer.topic_errors[0][1] == 0:
            break
        await asyncio.sleep(0.5)
    producer = AIOKafkaProducer(bootstrap_servers=server)
    await producer.start()
    await producer.send_and_wait(topic, said)
    await producer.stop()


async def polled(consumer, seconds):
    """What comes first, polling all the while; None where nothing does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            return records[0].value.decode()
    return None


async def tried(admin, topic, **options):
    await make(admin, topic, b"of the first topic")
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=server, group_id=topic, enable_auto_commit=False, auto_offset_reset="earliest", **options
    ) as consumer:
        before = await polled(consumer, 60)
        await admin.delete_topics([topic])
        while consumer.assignment():
            await consumer.getmany(timeout_ms=200)
        await make(admin, topic, b"of the second topic")
        after = await polled(consumer, SOON)
        print(f"  {options or 'metadata_max_age_ms by default'}: before {before!r}; within {SOON:.0f} s of being made again {after!r}")
    return after


async def main():
    admin = await connected()
    print("aiokafka", version("aiokafka"))
    print("expected: a consumer that polls all the while reads a topic that is there again soon, as it noticed soon that it was gone")
    print("seen:")
    default, young = await tried(admin, "by-default"), await tried(admin, "young", metadata_max_age_ms=2000)
    await admin.close()
    sys.exit(0 if (default, young) == (None, "of the second topic") else "this has changed")


asyncio.run(main())
PY
