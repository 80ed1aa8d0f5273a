"""Faust's consumer as the workers use it."""

import asyncio

import pytest
from faust.types import TP

from streams import committed
from streams.app import build_app
from streams.committed import CommittedTransport
from streams.kafka.settings import KafkaSettings

FIRST, SECOND = TP("samples", 0), TP("samples", 1)


@pytest.mark.parametrize("drained", [FIRST, SECOND])
def test_a_worker_whose_buffers_were_full_reads_on_as_soon_as_one_has_room(tmp_path, monkeypatch, drained):
    monkeypatch.setattr(committed, "FULL_SECONDS", 3600.0)  # else it would look by itself

    async def read_on():
        app = build_app(KafkaSettings(), "group", str(tmp_path))
        app.transport = CommittedTransport(app.conf.broker_consumer, app, positions=None)
        consumer = app.consumer
        fetched = []

        async def fetch(active_partitions, timeout):
            fetched.append(set(active_partitions))
            return {}

        async def sleep(seconds):
            raise AssertionError(f"it sleeps for {seconds} s, whatever the buffers do")

        monkeypatch.setattr(consumer, "_getmany", fetch)
        monkeypatch.setattr(consumer, "sleep", sleep)
        consumer._set_active_tps({FIRST, SECOND})
        for tp in (FIRST, SECOND):
            consumer.on_buffer_full(tp)
        waiting = asyncio.create_task(consumer._wait_next_records(1.0))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not waiting.done(), "nothing is fetched for full buffers"
        consumer.on_buffer_drop(drained)
        records, active = await waiting
        assert (records, active) == ({}, {drained})
        await consumer._wait_next_records(1.0)
        consumer._thread.thread_loop.close()  # of a thread that was never started
        return fetched

    assert asyncio.run(asyncio.wait_for(read_on(), 60)) == [{drained}]
