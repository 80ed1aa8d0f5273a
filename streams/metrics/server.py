"""A node's metrics and health on one port: `/metrics`, `/healthz` and `/readyz`."""

from __future__ import annotations

import json
import logging
import os
import platform
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from schemas.errors import ConfigError
from schemas.version import own_version
from streams.metrics.declared import BUILD_INFO, registry_of
from streams.metrics.runs import RUNS

PORTS = {"curriculum": 9710, "augmenter": 9720, "feedback": 9730, "trainer": 9740, "lag": 9750}
"""Where a kind of node serves unless it is told; the next free one of PORTS_TRIED where that is taken."""
PORTS_TRIED = 10
FILE = "metrics.json"
"""In a run's or a worker's folder: `node`, `host`, `port`, `pid` and `run_id` of whoever serves now."""
ANY_ADDRESS = ("", "0.0.0.0", "::")

logger = logging.getLogger(__name__)


class MetricsServer:
    """Serves `/metrics`, `/healthz` (the process answers) and `/readyz` (it is doing its work) from a thread of its own."""

    def __init__(
        self,
        node: str,
        port: int | None,
        host: str = "127.0.0.1",
        ready: Callable[[], str | None] = lambda: None,
        remarks: Callable[[], Sequence[str]] = lambda: (),
        registry: CollectorRegistry | None = None,
    ) -> None:
        about = {"ready": staticmethod(ready), "remarks": staticmethod(remarks), "registry": registry or registry_of(node)}
        self.node, self._host = node, host
        self._told: Path | None = None
        self._server = _listening(node, port, host, type("Handler", (_Handler,), about))
        BUILD_INFO.labels(node, own_version(), platform.python_version()).set(1)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def announce(self, folder: Path | None, run_id: str | None = None) -> None:
        """Say in the log, and in a folder if there is one, where it listens."""
        logger.info("%s: metrics at http://%s:%d/metrics", self.node, self._host, self.port)
        if folder is not None:
            host = "127.0.0.1" if self._host in ANY_ADDRESS else self._host
            said = {"node": self.node, "host": host, "port": self.port, "pid": os.getpid(), "run_id": run_id}
            self._told = folder / FILE
            beside = self._told.with_suffix(f".{os.getpid()}")
            beside.write_text(json.dumps(said) + "\n", encoding="utf-8")
            beside.replace(self._told)

    def close(self) -> None:
        """Stop listening."""
        if self._told is not None:
            with suppress(OSError, ValueError):  # another may have taken its place
                if json.loads(self._told.read_text(encoding="utf-8"))["pid"] == os.getpid():
                    self._told.unlink()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def start_metrics(
    node: str,
    port: int | None = None,
    host: str = "127.0.0.1",
    ready: Callable[[], str | None] = lambda: None,
    remarks: Callable[[], Sequence[str]] = lambda: (),
    registry: CollectorRegistry | None = None,
) -> MetricsServer:
    """Serve this process's metrics and health.

    Args:
        node: its kind, one of PORTS; only what that kind has is exposed.
        port: 0 for any free one; None for that of the kind, or the next free one.
        host: address to listen on.
        ready: says what the node still waits for, or None when it is at work; asked at each `/readyz`.
        remarks: what else a person should know, a line each, below that; it changes no status.
        registry: what is exposed, where that is not simply what is declared for the kind.

    Raises:
        ConfigError: the port, or each that was tried, is taken or not allowed.
    """
    return MetricsServer(node, port, host, ready, remarks, registry)


def _listening(node: str, port: int | None, host: str, handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    port = port if node in PORTS or port is not None else 0  # a node of somebody else's
    first = PORTS[node] if port is None else port
    reason: object = None
    tried = range(first, first + (PORTS_TRIED if port is None else 1))
    for number in tried:
        try:
            return ThreadingHTTPServer((host, number), handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
    where = f"port {first}" if len(tried) == 1 else f"ports {first} to {tried[-1]}"
    raise ConfigError(f"metrics {where} on {host} cannot be used ({reason}); choose another by --metrics-port, or 0 for any free one")


class _Handler(BaseHTTPRequestHandler):
    ready: Callable[[], str | None]
    remarks: Callable[[], Sequence[str]]
    registry: CollectorRegistry

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.split("?", 1)[0]
        if path == "/metrics":
            RUNS.forget()
            self._answer(HTTPStatus.OK, generate_latest(self.registry), CONTENT_TYPE_LATEST)
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
            if self.command != "HEAD":
                self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are no news."""
        logger.debug(format, *args)
