"""`pelton simulate` on a broker: all that it promises is measured, and its topics are gone afterwards. `make test-simulate` runs this."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from streams.kafka.connection import open_admin

pytestmark = pytest.mark.skipif("PELTON_TEST_SIMULATE" not in os.environ, reason="a minute long: make test-simulate")


def test_real_workers_are_measured_and_what_a_rate_needs_follows(settings):
    flags = ["--rate", "500", "--answers", "30", "--events", "1500", "--seconds", "2", "--workers", "2", "--step-s", "0.05", "--json"]
    command = [sys.executable, "-m", "cli.main", "simulate", *flags, "--bootstrap-servers", settings.bootstrap_servers]
    done = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", timeout=400, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    for kind in ("curriculum", "feedback"):
        assert found[kind]["per_s"] > 0
        assert found[kind]["core_ms"] > 0
        assert len(found[kind]["rss_mb"]) >= 2
        assert found["workers"][kind] >= 1
    assert found["partitions"] >= max(found["workers"].values())
    assert [one["rate"] for one in found["steady"]] == sorted(one["rate"] for one in found["steady"])
    assert any(one["p50_s"] is not None and one["p50_s"] <= one["p95_s"] for one in found["steady"])
    with open_admin(settings, "looking") as admin:
        assert [name for name in admin.list_topics() if name.startswith("simulate-")] == []
