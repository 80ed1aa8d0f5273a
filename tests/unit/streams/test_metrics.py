import json
import os
import urllib.error
import urllib.request

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from schemas.errors import ConfigError
from streams import metrics
from streams.metrics.page import PAGE, page


def get(server, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.fixture
def waiting_for():
    return [None]


@pytest.fixture
def server(waiting_for):
    with metrics.start_metrics("trainer", 0, ready=lambda: waiting_for[0], remarks=lambda: waiting_for[1:]) as started:
        yield started


def test_the_four_metrics_have_the_names_that_dashboards_ask_for(server):
    for number, gauge in enumerate((metrics.TRAINING_LOSS, metrics.VAL_METRIC)):
        gauge.labels("r-names", "sft").set(number)
    for number, gauge in enumerate((metrics.GPU_VRAM_BYTES, metrics.REWARD_AVG)):
        gauge.labels("r-names").set(number)
    page = get(server, "/metrics")[1]
    for number, name in enumerate(("training_loss", "val_metric")):
        assert f'{name}{{objective="sft",run_id="r-names"}} {float(number)}' in page
    for number, name in enumerate(("gpu_vram_bytes", "reward_avg")):
        assert f'{name}{{run_id="r-names"}} {float(number)}' in page


def test_a_gauge_that_nobody_set_for_a_run_is_not_there_as_zero(server):
    assert 'run_id="r-never"' not in get(server, "/metrics")[1]
    assert "\nreward_avg 0.0" not in get(server, "/metrics")[1]


def test_readiness_says_what_is_waited_for_while_the_process_is_alive(server, waiting_for):
    waiting_for[0] = "the broker"
    assert get(server, "/readyz") == (503, "the broker\n")
    assert get(server, "/healthz")[0] == 200
    waiting_for[0] = None
    assert get(server, "/readyz") == (200, "ready\n")
    waiting_for.append("a source is paused")
    assert get(server, "/readyz") == (200, "ready\na source is paused\n")


def test_there_is_nothing_else_on_the_port(server):
    assert get(server, "/table")[0] == 404
    assert get(server, "/")[0] == 404


def test_a_taken_port_is_one_line_that_names_it(server):
    with pytest.raises(ConfigError, match=f"metrics port {server.port} .*choose another") as caught:
        metrics.start_metrics("trainer", server.port)
    assert "\n" not in str(caught.value)


def test_a_closed_server_gives_its_port_back():
    first = metrics.start_metrics("trainer", 0)
    port = first.port
    first.close()
    metrics.start_metrics("trainer", port).close()


def test_a_head_request_is_answered_like_a_get_without_its_body(server, waiting_for):
    for path in ("/metrics", "/healthz", "/readyz"):
        request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", method="HEAD")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert (answer.status, answer.read()) == (200, b"")
            assert int(answer.headers["Content-Length"]) > 0


def test_a_node_exposes_the_families_of_its_kind_alone(server):
    metrics.TRAINING_LOSS.labels("r-kinds", "sft").set(1.0)
    metrics.VERDICTS.labels("r-kinds", "verified").inc()
    exposed = {family.name for family in text_string_to_metric_families(get(server, "/metrics")[1])}
    with metrics.start_metrics("feedback", 0) as other:
        page = get(other, "/metrics")[1]
    assert "training_loss" in exposed
    assert "pelton_verdicts" not in exposed
    assert "training_loss" not in page
    assert 'pelton_verdicts_total{run_id="r-kinds",verdict="verified"} 1.0' in page
    assert 'pelton_build_info{node="feedback"' in page


def test_without_a_port_a_node_takes_that_of_its_kind_or_the_next_free_one_and_says_which(tmp_path):
    with metrics.start_metrics("augmenter") as first, metrics.start_metrics("augmenter", host="0.0.0.0") as second:
        assert metrics.PORTS["augmenter"] <= first.port < second.port < metrics.PORTS["augmenter"] + 10
        second.announce(tmp_path, "nightly")
        told = json.loads((tmp_path / metrics.FILE).read_text())
        assert told == {"node": "augmenter", "host": "127.0.0.1", "port": second.port, "pid": os.getpid(), "run_id": "nightly"}
    assert not list(tmp_path.iterdir()), "it serves no more"


def test_every_family_has_the_prefix_or_a_name_that_stays_and_its_page_is_as_declared():
    kept = {"training_loss", "val_metric", "gpu_vram_bytes", "reward_avg"}
    for name, family in metrics.FAMILIES.items():
        assert name in kept or name.startswith("kafka_" if family.nodes == ("lag",) and "kafka" in name else "pelton_"), name
        assert family.labels, "without labels a gauge that nobody set is 0"
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_series_of_runs_named_in_messages_are_bounded_and_those_of_finished_runs_go_away():
    now = [0.0]
    runs = metrics.RunSeries(most=3, idle_s=60.0, clock=lambda: now[0])

    def tell(number):
        name = runs.seen(f"bounded-{number}")
        metrics.REWARD_AVG.labels(name).set(0.5)
        metrics.VERDICTS.labels(name, "verified").inc()
        metrics.REWARD_SECONDS.labels(name).observe(1.0)
        return name

    def told():
        text = generate_latest().decode()
        return {number for number in range(40) if f'run_id="bounded-{number}"' in text}

    for number in range(40):
        tell(number)
    assert told() == {0, 1, 2}, "names that come in messages push no run out"
    assert tell(39) == metrics.OTHERS
    now[0] = 59.0
    tell(1)
    now[0] = 61.0
    runs.forget()  # as each look at /metrics does
    assert told() == {1}
    assert [name in runs for name in ("bounded-1", "bounded-2", metrics.OTHERS)] == [True, False, False]
    assert tell(39) == "bounded-39", "there is room again"
