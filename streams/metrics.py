"""What a node tells a monitor: its metrics by name, and whether it is alive and ready, on one port.

Metrics are declared here once. All carry labels, so that a node exposes only what it has: a gauge that nobody set does not appear as 0.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

from schemas.errors import ConfigError

TRAINING_LOSS = Gauge("training_loss", "Loss of the last optimizer step; of samples, in nats per completion token", ["run_id", "objective"])
TRAINING_STEP = Gauge("pelton_training_step", "Optimizer steps taken", ["run_id"])
TRUNCATED_SAMPLES = Counter("pelton_truncated_samples", "Samples longer than the model or --max-seq allows, and cut", ["run_id"])
ADAPTED_SAMPLES = Counter("pelton_adapted_samples", "Samples whose turns were changed for the model's chat template", ["run_id", "rule"])
VAL_METRIC = Gauge("val_metric", "Value of the validation metric at the last evaluation", ["run_id", "objective"])
VAL_SCORE = Gauge(
    "val_score", "What was measured at the last evaluation: val_loss, val_accuracy and others", ["run_id", "objective", "score"]
)
GPU_VRAM_BYTES = Gauge("gpu_vram_bytes", "Accelerator memory in use by the trainer, in bytes", ["run_id"])
REWARD_AVG = Gauge("reward_avg", "Mean of the last rewards that are not None, 0 to 1", ["run_id"])
HALLUCINATION_RATE = Gauge("hallucination_rate", "Contradicted claims among all claims of the last judged outputs, 0 to 1", ["run_id"])
VERDICTS = Counter("pelton_verdicts", "Distinct claims judged, by verdict", ["run_id", "verdict"])
EXTRACTION_SECONDS = Histogram(
    "pelton_extraction_seconds",
    "Seconds in which the claims of one batch of outputs were found",
    ["node"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
REWARD_SECONDS = Histogram(
    "pelton_reward_seconds",
    "Seconds from an output's creation to its judgement",
    ["run_id"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)
PREFERENCE_PAIRS = Counter("pelton_preference_pairs", "Preference pairs sent", ["run_id"])
RECORDS_IN = Counter("pelton_records_in", "Records read", ["node", "topic"])
RECORDS_OUT = Counter("pelton_records_out", "Records sent and acknowledged", ["node", "topic"])
RECORDS_SKIPPED = Counter("pelton_records_skipped", "Records read and left alone on purpose", ["node", "why"])
CONVERSATIONS_CHANGED = Counter("pelton_conversations_changed", "Conversations of which turns were left out", ["node", "why"])
DEAD_LETTERS = Counter("pelton_dead_letters", "Records dead-lettered", ["node", "reason"])
SOURCE_PAUSED = Gauge(
    "pelton_source_paused", "1 for each source whose records are put away for now, most of them being bad", ["node", "source"]
)
OFFSETS_LOST = Counter("pelton_offsets_lost", "Offsets that retention removed before this node had read them", ["node", "topic"])
BATCH_SECONDS = Gauge("pelton_batch_seconds", "Seconds that the last batch took", ["node"])

OF_OTHERS_RUNS = (REWARD_AVG, HALLUCINATION_RATE, VERDICTS, REWARD_SECONDS, PREFERENCE_PAIRS)
"""What a worker tells of runs whose names it takes from messages."""
MOST_RUNS = 50
"""Runs of which a worker tells at a time; the one longest without a message goes first."""
RUN_IDLE_S = 3600.0
"""Seconds without a message after which a run's series go away: it has finished."""

logger = logging.getLogger(__name__)


class RunSeries:
    """Which runs' series stand, so that names taken from messages do not make series without end. May be used from any thread."""

    def __init__(self, most: int = MOST_RUNS, idle_s: float = RUN_IDLE_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._idle_s = idle_s
        self._clock = clock
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def seen(self, run_id: str) -> None:
        """A message of this run came; call it before its series are written."""
        with self._lock:
            self._seen[run_id] = self._clock()
            self._seen.move_to_end(run_id)
        self.forget()

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._seen

    def forget(self) -> None:
        """Let go of runs that are too many or too long silent."""
        with self._lock:
            while self._seen:
                oldest, at = next(iter(self._seen.items()))
                if len(self._seen) <= self._most and self._clock() - at < self._idle_s:
                    return
                del self._seen[oldest]
                for metric in OF_OTHERS_RUNS:
                    metric.remove_by_labels({"run_id": oldest})


RUNS = RunSeries()
"""Of this process."""


class MetricsServer:
    """Serves `/metrics`, `/healthz` (the process answers) and `/readyz` (it is doing its work) from a thread of its own."""

    def __init__(
        self,
        port: int,
        host: str = "127.0.0.1",
        ready: Callable[[], str | None] = lambda: None,
        remarks: Callable[[], Sequence[str]] = lambda: (),
    ) -> None:
        handler = type("Handler", (_Handler,), {"ready": staticmethod(ready), "remarks": staticmethod(remarks)})
        try:
            self._server = ThreadingHTTPServer((host, port), handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigError(f"metrics port {port} on {host} cannot be used ({reason}); choose another, or 0 for any free one") from None
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def start_metrics(
    port: int,
    host: str = "127.0.0.1",
    ready: Callable[[], str | None] = lambda: None,
    remarks: Callable[[], Sequence[str]] = lambda: (),
) -> MetricsServer:
    """Serve this process's metrics and health.

    Args:
        port: 0 for any free one.
        host: address to listen on.
        ready: says what the node still waits for, or None when it is at work; asked at each `/readyz`.
        remarks: what else a person should know, a line each, below that; it changes no status.

    Raises:
        ConfigError: the port is taken or not allowed.
    """
    return MetricsServer(port, host, ready, remarks)


class _Handler(BaseHTTPRequestHandler):
    ready: Callable[[], str | None]
    remarks: Callable[[], Sequence[str]]

    def do_GET(self) -> None:
        path = self.path.split("?", 1)[0]
        if path == "/metrics":
            RUNS.forget()
            self._answer(HTTPStatus.OK, generate_latest(), CONTENT_TYPE_LATEST)
        elif path == "/healthz":
            self._answer(HTTPStatus.OK, b"alive\n")
        elif path == "/readyz":
            waiting_for = self.ready()
            status = HTTPStatus.OK if waiting_for is None else HTTPStatus.SERVICE_UNAVAILABLE
            self._answer(status, "".join(f"{line}\n" for line in (waiting_for or "ready", *self.remarks())).encode())
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"there are /metrics, /healthz and /readyz\n")

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str = "text/plain; charset=utf-8") -> None:
        with suppress(ConnectionError):  # whoever asked has gone away
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are no news."""
        logger.debug(format, *args)
