#!/usr/bin/env bash
# A consumer group has committed nothing of a partition yet. What a member has fetched of it is thrown away (as in a rebalance), and the
# member asks aiokafka to seek to the committed offsets, so that it comes again. It does not: such a partition stays where fetching has come
# to, and the next commit passes over what nobody has handled. Starts Apache Kafka, so Java 17 and Maven are needed.
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
"$folder/venv/bin/python" - "$port" <<'PY'
import asyncio
import sys
from importlib.metadata import version

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

server = f"127.0.0.1:{sys.argv[1]}"


async def filled():
    for _ in range(60):
        producer = AIOKafkaProducer(bootstrap_servers=server)
        try:
            await producer.start()
            for number in range(10):
                await producer.send_and_wait("found", str(number).encode())
            return
        except KafkaError:
            await asyncio.sleep(1)
        finally:
            await producer.stop()
    sys.exit("the broker did not come up")


async def some(consumer):
    while True:
        for records in (await consumer.getmany(timeout_ms=500, max_records=4)).values():
            return [record.offset for record in records]


async def main():
    await filled()
    async with AIOKafkaConsumer(
        "found", bootstrap_servers=server, group_id="new", enable_auto_commit=False, auto_offset_reset="earliest"
    ) as consumer:
        first = await some(consumer)
        await consumer.seek_to_committed()
        again = await some(consumer)
    print(f"aiokafka {version('aiokafka')}: a group that has committed nothing reads offsets {first}, and seeks to what is committed")
    print(f"expected: it begins anew, where its offset reset says: {first}")
    print(f"seen:     it goes on behind them: {again}")
    sys.exit(0 if again[0] == first[-1] + 1 else 1)


asyncio.run(main())
PY
