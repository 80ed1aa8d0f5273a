#!/usr/bin/env bash
# A Faust agent is slower than its topic, so the buffer of its stream fills up. Faust stops fetching, as it should, and begins again when there
# is room, one would think. It does not: once the buffers of all partitions are full, its fetcher sleeps for a whole second, and an agent that
# empties its buffer sooner has nothing to do until then, whatever lies in the log. Starts Apache Kafka, so Java 17 and Maven are needed.
set -euo pipefail
folder=$(mktemp -d); broker=""
trap '[ -z "$broker" ] || kill "$broker" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
if command -v uv >/dev/null; then uv venv -q --python python3 "$folder/venv"; install=(uv pip install -q --python "$folder/venv/bin/python")
else python3 -m venv "$folder/venv"; install=("$folder/venv/bin/pip" install -q); fi
"${install[@]}" faust-streaming==0.15.3
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
cat > "$folder/slow.py" <<'PY'
import asyncio
import logging
import sys
import tempfile
import time
from importlib.metadata import version

import faust
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from faust.transport.drivers.aiokafka import Consumer

COUNT, BUFFER = 20_000, 1024
server = f"127.0.0.1:{sys.argv[1]}"
slept, times = [], []


async def filled():
    for _ in range(60):
        producer = AIOKafkaProducer(bootstrap_servers=server)
        try:
            await producer.start()
            for number in range(COUNT):
                await producer.send("found", str(number).encode())
            await producer.flush()
            return
        except KafkaError:
            await asyncio.sleep(1)
        finally:
            await producer.stop()
    sys.exit("the broker did not come up")


sleeps = Consumer.sleep


async def sleep(self, seconds, **options):
    if sys._getframe(1).f_code.co_name == "_wait_next_records" and 0 < len(times) < COUNT:
        slept.append(seconds)
    await sleeps(self, seconds, **options)


Consumer.sleep = sleep


async def main():
    await filled()
    app = faust.App(
        "slow", broker=f"kafka://{server}", store="memory://", web_enabled=False, topic_disable_leader=True, datadir=tempfile.mkdtemp(),
        stream_buffer_maxsize=BUFFER, consumer_auto_offset_reset="earliest", broker_max_poll_records=512,
    )
    topic, done = app.topic("found", value_type=bytes, value_serializer="raw"), asyncio.Event()

    @app.agent(topic)
    async def reads(stream):
        async for _ in stream:
            for _ in range(5):
                await asyncio.sleep(0)
            times.append(time.monotonic())
            if len(times) == COUNT:
                done.set()

    await app.start()
    await asyncio.wait_for(done.wait(), 120)
    took, idle = times[-1] - times[0], sum(gap for before, after in zip(times, times[1:]) if (gap := after - before) > 0.1)
    print(f"faust-streaming {version('faust-streaming')}: {COUNT} records in the log, a buffer of {BUFFER}, an agent that never waits for anything")
    print("expected: the agent is always at work")
    print(f"seen:     of {took:.1f} s it had nothing to do for {idle:.1f} s; the fetcher slept {len(slept)} times for a second")
    await app.stop()
    sys.exit(0 if slept and idle > took / 5 else 1)


logging.disable(logging.ERROR)
asyncio.run(main())
PY
"$folder/venv/bin/python" "$folder/slow.py" "$port"
