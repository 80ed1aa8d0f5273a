import urllib.error
import urllib.request

import pytest
from prometheus_client import generate_latest

from schemas.errors import ConfigError
from streams import metrics


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
    with metrics.start_metrics(0, ready=lambda: waiting_for[0], remarks=lambda: waiting_for[1:]) as started:
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
        metrics.start_metrics(server.port)
    assert "\n" not in str(caught.value)


def test_a_closed_server_gives_its_port_back():
    first = metrics.start_metrics(0)
    port = first.port
    first.close()
    metrics.start_metrics(port).close()


def test_the_series_of_runs_named_in_messages_are_bounded_and_those_of_finished_runs_go_away():
    now = [0.0]
    runs = metrics.RunSeries(most=3, idle_s=60.0, clock=lambda: now[0])

    def tell(run_id):
        runs.seen(run_id)
        metrics.REWARD_AVG.labels(run_id).set(0.5)
        metrics.VERDICTS.labels(run_id, "verified").inc()
        metrics.REWARD_SECONDS.labels(run_id).observe(1.0)

    def told():
        text = generate_latest().decode()
        return {number for number in range(40) if f'run_id="bounded-{number}"' in text}

    for number in range(40):
        tell(f"bounded-{number}")
    assert told() == {37, 38, 39}
    now[0] = 59.0
    tell("bounded-38")
    now[0] = 61.0
    runs.forget()  # as each look at /metrics does
    assert told() == {38}
    assert [name in runs for name in ("bounded-38", "bounded-39")] == [True, False]
