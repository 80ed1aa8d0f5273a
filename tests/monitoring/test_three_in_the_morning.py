"""A real Prometheus over a real installation: every query is answered, every command of the runbook runs, and for five faults the alert
fires and its entry leads to the remedy. `make test-monitoring`; it needs Debian's package prometheus, and root for a small disk.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading

import pytest

from scripts.dashboards import DASHBOARDS
from streams.kafka.producer import Producer
from tests.monitoring.house import RUN, House, eventually, prompts_and_samples
from tests.unit.deploy.test_alert_rules import ALERTS, OPERATIONS, RULES

pytestmark = [
    pytest.mark.skipif("PELTON_TEST_MONITORING" not in os.environ, reason="run by make test-monitoring"),
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs prometheus (Debian's package of that name)"),
    pytest.mark.timeout(1800),
]
ENTRIES = {
    name: re.search(r"```sh\n(.*?)```", text, re.DOTALL)[1].splitlines()
    for name, text in re.findall(r"^### (Pelton\w+)\n(.*?)(?=^##)", OPERATIONS, re.MULTILINE | re.DOTALL)
}
LONG = ("pelton worker", "pelton broker")
"""Commands that go on: they are typed in the exercise."""
QUIET = ("gpu_vram", "pelton_generation_tokens", "pelton_preference_pairs", "pelton_records_skipped", "pelton_dead_letters")
"""Metrics that this run has no series of, or none yet."""


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("house")
    runs = folder / "runs"
    runs.mkdir()
    small = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", str(runs)], capture_output=True).returncode == 0
    made = House(folder)
    made.small_disk = small
    try:
        made.start_broker()
        made.start_prometheus()
        for kind in ("curriculum", "augmenter", "feedback", "lag", "trainer"):
            made.start(kind)
        send(made, 60)
        for kind in ("curriculum", "augmenter", "feedback", "lag", "trainer"):
            eventually(lambda kind=kind: made.ready(kind), f"{kind}: {(folder / f'{kind}.log').read_text()[-2000:]}")
        stop = threading.Event()
        feeding = threading.Thread(target=feed, args=(made, stop))
        feeding.start()
        yield made
        stop.set()
        feeding.join()
    finally:
        made.close()
        if small:
            subprocess.run(["umount", "-l", str(runs)], check=False)


def send(house, count, begin=0):
    with Producer(house.settings) as producer:
        for one in prompts_and_samples(count, begin):
            producer.send(house.settings.topics.band(one.objective, one.band), one.sample_id, one)
        producer.send_bytes("pelton.samples", b"text", text_sample(f"t{begin}"))


def text_sample(sample_id):
    """One for the curriculum."""
    return json.dumps({"schema_version": "1.0", "sample_id": sample_id, "text": "all is well"}).encode()


def feed(house, stop):
    """A producer that goes on, and bears a broker that is away."""
    number = 60
    while not stop.wait(2.0):
        try:
            send(house, 8, number)
            number += 8
        except Exception:  # noqa: BLE001 - it is away on purpose
            continue


def value(house, expression):
    found = house.query(expression)
    return float(found[0]["value"][1]) if found else None


def test_a_running_installation_answers_every_query_of_every_rule_and_panel(house):
    eventually(lambda: value(house, f'pelton_training_step{{run_id="{RUN}"}}'), "a step")
    eventually(lambda: value(house, "pelton_checkpoint_bytes"), "a checkpoint")
    eventually(lambda: value(house, "run_objective:pelton_step_seconds:mean5m"), "two steps")
    eventually(lambda: value(house, 'reward_avg{kind="trainer"}') is not None, "a reward")
    eventually(lambda: value(house, "val_metric") is not None, "an evaluation")
    for rule in RULES:
        house.query(rule["expr"])

    def unanswered():
        """Queries of panels without a series, of those that this run has something of; a rate needs two looks."""
        asked = [query for panels in DASHBOARDS.values() for panel in panels for query, _ in panel.queries]
        loud = [query for query in asked if not any(name in query for name in QUIET)]
        return [query for query in loud if not house.query(query.replace("$run", ".*").replace("$group", ".*"))]

    eventually(lambda: not unanswered(), "an answer of each query")
    expected = {"PeltonEvaluationWorse"}  # random labels
    assert {alert for alert in ALERTS if house.firing(alert)} <= expected


def test_the_bands_that_the_trainer_has_not_opened_are_closed_and_its_files_say_where_it_serves(house):
    group = f"pelton.trainer.{RUN}"
    closed = f'max_over_time(pelton_consumergroup_status{{consumergroup="{group}",status="CLOSED"}}[1h])'
    was_closed = {one["metric"]["topic"] for one in house.query(closed)}
    assert "pelton.curriculum.sft.4" in was_closed
    assert "pelton.curriculum.sft.0" not in was_closed
    shown = json.loads(house.run(f"pelton lag --json --window 0 --group {group}").stdout)
    assert {row["status"] for row in shown} <= {"OK", "CLOSED"}, "it opens one band after the other"
    told = json.loads((house.folder / "runs" / RUN / "metrics.json").read_text())
    assert (told["node"], told["port"], told["run_id"]) == ("trainer", house.ports["trainer"], RUN)
    worker = json.loads((house.folder / "state" / "feedback" / "metrics.json").read_text())
    assert (worker["node"], worker["port"]) == ("feedback", house.ports["feedback"])
    assert worker["pid"] == house.processes["feedback"].pid


def test_every_command_of_the_runbook_runs(house):
    typed = {command for commands in ENTRIES.values() for command in commands if not command.startswith(LONG)}
    assert len(typed) > 12
    failed = [f"{command}: {done.stdout}{done.stderr}" for command in sorted(typed) if (done := house.run(command)).returncode]
    assert failed == []


def restart_by_entry(house, alert, kind):
    """Type what the entry says to start, on the port that Prometheus scrapes."""
    (command,) = [one for one in ENTRIES[alert] if one.startswith("pelton worker")]
    assert f"worker {kind}" in command
    house.start(kind, [*house.pelton(*command.split()[1:]), "--metrics-port", str(house.ports[kind])])


def test_a_worker_is_down(house):
    house.kill("curriculum")
    with Producer(house.settings) as producer:
        producer.send_bytes("pelton.samples", b"x", text_sample("x"))
    fired = eventually(lambda: house.firing("PeltonNodeDown"), "PeltonNodeDown")
    assert [one["kind"] for one in fired] == ["curriculum"]
    eventually(lambda: house.firing("PeltonReaderStopped"), "PeltonReaderStopped")
    assert "STOP" in house.run(ENTRIES["PeltonReaderStopped"][0]).stdout
    restart_by_entry(house, "PeltonReaderStopped", "curriculum")
    eventually(lambda: not house.firing("PeltonNodeDown") and not house.firing("PeltonReaderStopped"), "its going out")


def test_the_reward_node_is_down(house):
    house.kill("feedback")
    fired = eventually(lambda: house.firing("PeltonNodeDown"), "PeltonNodeDown")
    assert [one["kind"] for one in fired] == ["feedback"]
    eventually(lambda: house.firing("PeltonRewardsLate"), "PeltonRewardsLate")
    restart_by_entry(house, "PeltonNodeDown", "feedback")
    eventually(lambda: not house.firing("PeltonNodeDown") and not house.firing("PeltonRewardsLate"), "its going out")


def test_a_producer_is_bad(house):
    def bad(value=b"{", count=120):
        with Producer(house.settings) as producer:
            for number in range(count):
                producer.send_bytes("pelton.samples", str(number).encode(), value, [("producer", b"atlas")])

    bad()
    eventually(lambda: house.firing("PeltonDeadLetters"), "PeltonDeadLetters")
    eventually(lambda: house.firing("PeltonSourcePaused"), "PeltonSourcePaused")
    look, listed, back = ENTRIES["PeltonSourcePaused"]
    assert "source paused" in house.run(look).stdout
    assert "atlas" in house.run(look).stdout
    assert "source_paused" in house.run(listed).stdout

    def mended():
        bad(text_sample("a"), 30)
        return "source paused" not in house.run(look).stdout

    eventually(mended, "its being let in again")
    done = house.run(back)
    assert done.returncode == 0, done.stderr
    eventually(lambda: not house.firing("PeltonSourcePaused"), "its going out")


def test_the_broker_is_away(house):
    house.kill("broker")
    fired = eventually(lambda: house.firing("PeltonBrokerAway"), "PeltonBrokerAway")
    assert {one["node"] for one in fired} <= {"curriculum", "augmenter", "feedback", "trainer", "lag"}
    look = house.run(ENTRIES["PeltonBrokerAway"][0])
    assert look.returncode == 2
    assert "no broker answers" in look.stderr
    assert ENTRIES["PeltonBrokerAway"][-1] == "pelton broker --data-dir runs/broker"
    house.start_broker()
    eventually(lambda: not house.firing("PeltonBrokerAway"), "its going out")
    step = value(house, "pelton_training_step")
    eventually(lambda: (value(house, "pelton_training_step") or 0) > step, "training to go on")


def test_a_disk_is_nearly_full(house):
    if not house.small_disk:
        pytest.skip("a small disk needs root")
    old = house.folder / "runs" / "old.tar"
    free = shutil.disk_usage(house.folder / "runs").free
    with old.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - 15_000_000)
    eventually(lambda: house.firing("PeltonDiskNearlyFull"), "PeltonDiskNearlyFull")
    assert re.search(r"9[5-9]%|100%", house.run(ENTRIES["PeltonDiskNearlyFull"][0]).stdout)
    old.unlink()
    eventually(lambda: not house.firing("PeltonDiskNearlyFull"), "its going out")
    eventually(lambda: house.ready("trainer"), "a trainer that waits for nobody")
