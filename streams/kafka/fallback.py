"""A light stand-in for the broker where Apache Kafka's jars cannot be had: noida-db. For small work only; it keeps its log in memory."""

from __future__ import annotations

import logging
import shutil
import sys
import time
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from schemas.errors import BrokerError
from streams.kafka.child_process import ChildProcess, DataFolderLock, FolderInUse
from streams.kafka.embedded import free_port, port_is_free

START_SECONDS = 30.0
STOP_SECONDS = 15.0

log = logging.getLogger(__name__)


class FallbackBroker:
    """noida-db, Kafka service only. Saves on an orderly stop; a crash loses what came since the start."""

    kind = "fallback"
    durable = False

    def __init__(self, data_dir: Path | str, port: int | None = None) -> None:
        self.data_dir = Path(data_dir).absolute()
        self.port = port if port is not None else free_port()
        self._process: ChildProcess | None = None

    @property
    def log_path(self) -> Path:
        """Where its log is."""
        return self.data_dir / "broker.log"

    @property
    def bootstrap_servers(self) -> str:
        """Its address."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until it answers.

        Raises:
            BrokerError: the port is taken, or noida-db does not run here.
        """
        if self.alive():
            return
        if not port_is_free(self.port):
            raise BrokerError(f"port {self.port} is taken; choose another with --port, or stop what listens there")
        log.warning(
            "the fallback broker keeps its log in memory: a crash loses it, and 100 MB is much for it; Apache Kafka is the real one"
        )
        options = ["--only", "kafka", "--kafka-port", str(self.port), "--data-dir", str(self.data_dir / "noida")]
        try:
            with DataFolderLock(self.data_dir) as lock:
                self._process = ChildProcess([self._program(), "start", *options], self.log_path, held=lock)
        except FolderInUse:
            raise BrokerError(f"another broker uses {self.data_dir}; stop it, or choose another --data-dir") from None
        except OSError as error:
            raise BrokerError(f"the fallback broker cannot be started in {self.data_dir}: {error.strerror}") from None
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if not self.alive() or time.monotonic() > deadline:
                self.stop()
                raise BrokerError(f"the fallback broker does not answer; its log: {self.log_path}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop in order, which saves its data."""
        if self._process is not None:
            self._process.terminate()
            if not self._process.wait(STOP_SECONDS):
                self._process.kill()
            self._process = None

    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.alive()

    def _answers(self) -> bool:
        if port_is_free(self.port):
            return False
        try:
            KafkaAdminClient(bootstrap_servers=self.bootstrap_servers, bootstrap_timeout_ms=2000, request_timeout_ms=2000).close()
        except KafkaError:
            return False
        return True

    @staticmethod
    def _program() -> str:
        """The binary itself, so that signals reach it."""
        import noida_db

        binary = Path(noida_db.__file__).with_name("noida-db.exe" if sys.platform == "win32" else "noida-db")
        found = str(binary) if binary.is_file() else shutil.which("noida-db")
        if not found:
            raise BrokerError("the fallback broker (noida-db) has no binary for this machine; name a broker with KAFKA_BOOTSTRAP_SERVERS")
        return found
