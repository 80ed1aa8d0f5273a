"""A real Apache Kafka (KRaft) as a child process, one node or three, with nothing installed by hand."""

from __future__ import annotations

import base64
import itertools
import logging
import random
import socket
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from schemas.errors import BrokerError, DownloadError
from streams.kafka.child_process import ChildProcess, DataFolderLock, FolderInUse
from streams.kafka.connection import connect
from streams.kafka.distribution import archive_of, cached_classpath, fetch_broker, find_java

START_SECONDS = 180.0
"""Longest wait for a broker to answer: after a crash it first reads its log again."""
STOP_SECONDS = 30.0
"""Longest wait for an orderly stop, before it is killed."""
FREE_PORTS = range(20_000, 32_000)
PORT_ATTEMPTS = 3
JVM = (
    "-Xms256m",
    "-Xmx256m",
    "-XX:+AlwaysPreTouch",  # what it may take it takes at once: too little memory is found at the start, and it does not grow for hours
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
)
LOGGING = (
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server=info",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.storage.internals.log.LogManager=info",
)

logger = logging.getLogger(__name__)


class EmbeddedBroker:
    """Apache Kafka in `data_dir`, on one node or a cluster of three.

    Its log is `data_dir/broker.log` (`broker-2.log`, ... for the others). Data survives a restart, and `kill -9`. A free port is taken
    where `port` is None, and kept for the life of this object. `processes[i]` is node i + 1, so that a test can kill one.
    """

    kind = "apache"

    def __init__(self, data_dir: Path | str, port: int | None = None, brokers: int = 1) -> None:
        if brokers not in (1, 3):
            raise BrokerError(f"a cluster of {brokers} brokers is not offered; take 1 or 3")
        self.data_dir = Path(data_dir).absolute()
        self.brokers = brokers
        self.processes: list[ChildProcess] = []
        self.jvm: tuple[str, ...] = ()
        """Further flags of the nodes' JVMs."""
        self._port = port
        self._ports: list[tuple[int, int]] = []

    @property
    def log_path(self) -> Path:
        """Where the first node's log is."""
        return self._node_log(0)

    @property
    def bootstrap_servers(self) -> str:
        """Addresses of all nodes; known once it has started."""
        return ",".join(f"127.0.0.1:{port}" for port, _ in self._ports)

    def start(self, progress: Callable[[str], None] | None = None) -> None:
        """Start, and wait until every node answers. Fetches Kafka where it is not in the cache, telling `progress`.

        Raises:
            BrokerError: the port is taken, there is no Java, or Kafka stopped; the line says where its log is.
            DownloadError: Kafka is not in the cache and cannot be fetched.
        """
        if self.alive():
            return
        fetch_broker(progress)
        try:
            with DataFolderLock(self.data_dir) as lock:
                self._start_nodes(lock)
        except FolderInUse:
            raise BrokerError(f"another broker uses {self.data_dir}; stop it, or choose another --data-dir") from None
        except OSError as error:
            raise BrokerError(f"the broker's data folder {self.data_dir} cannot be used: {error.strerror}") from None

    def _start_nodes(self, lock: DataFolderLock) -> None:
        """Start all nodes; where the ports are ours to choose, choose again if another process was faster to take one."""
        chosen_now = not self._ports and self._port is None
        for attempt in range(PORT_ATTEMPTS):
            try:
                self._start_once(lock)
                return
            except BrokerError as error:
                if not chosen_now or "Address already in use" not in str(error) or attempt + 1 == PORT_ATTEMPTS:
                    raise
                self._ports = []

    def _start_once(self, lock: DataFolderLock) -> None:
        self._take_ports()
        for node in range(self.brokers):
            self._prepare(node)
        try:
            self.processes = [self._launch(node, lock) for node in range(self.brokers)]
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def restart_node(self, node: int) -> None:
        """Start one node (counted from 0) again after it was killed, and wait until all answer. The others hold the folder."""
        self.processes[node] = self._launch(node)
        self._wait_until_ready()

    def stop(self) -> None:
        """Stop all nodes in order (SIGTERM), and kill what does not stop in half a minute."""
        for process in self.processes:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in self.processes:
            if not process.wait(max(0.1, deadline - time.monotonic())):
                logger.warning("Kafka (pid %d) did not stop in %.0f s and was killed", process.pid, STOP_SECONDS)
                process.kill()
        self.processes = []

    def kill(self) -> None:
        """End every node at once, as a power cut would end the processes."""
        for process in self.processes:
            process.kill()

    def alive(self) -> bool:
        """Whether all nodes run."""
        return bool(self.processes) and all(process.alive() for process in self.processes)

    def _node_dir(self, node: int) -> Path:
        return self.data_dir / f"node-{node + 1}"

    def _node_log(self, node: int) -> Path:
        return self.data_dir / ("broker.log" if node == 0 else f"broker-{node + 1}.log")

    def _take_ports(self) -> None:
        """Client and controller port of each node; the same again on a restart."""
        if not self._ports:
            free = free_ports(2 * self.brokers)
            clients = free[: self.brokers] if self._port is None else [self._port + node for node in range(self.brokers)]
            self._ports = list(zip(clients, free[self.brokers :], strict=True))
        for port, _ in self._ports:
            if not port_is_free(port):
                raise BrokerError(f"port {port} is taken; choose another with --port, or stop what listens there")

    def _prepare(self, node: int) -> None:
        """Write the node's settings, and format its storage where it is new."""
        folder = self._node_dir(node)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "server.properties").write_text(self.properties(node), encoding="utf-8")
        if not (folder / "data" / "meta.properties").is_file():
            self._format(node)

    def _format(self, node: int) -> None:
        command = self._java("kafka.tools.StorageTool", "format", "--ignore-formatted", f"--cluster-id={self._cluster_id()}")
        process = ChildProcess([*command, "-c", str(self._node_dir(node) / "server.properties")], self._node_log(node))
        if not process.wait(START_SECONDS) or process.returncode != 0:
            process.kill()
            raise BrokerError(f"Kafka could not format {self._node_dir(node)}: {self._last_complaint(node)}")

    def _cluster_id(self) -> str:
        """The cluster's id, made once for a data folder."""
        path = self.data_dir / "cluster.id"
        if not path.is_file():
            path.write_text(base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="), encoding="utf-8")
        return path.read_text(encoding="utf-8")

    def _java(self, main_class: str, *arguments: str, more: Sequence[str] = ()) -> list[str]:
        jars = cached_classpath()
        if jars is None:
            raise DownloadError("Apache Kafka is not in the cache; run `pelton fetch`")
        java = find_java()
        archive = archive_of(java, jars)
        flags = [*JVM, *LOGGING, *([f"-XX:SharedArchiveFile={archive}"] if archive.is_file() else [])]
        return [str(java), *flags, *more, "-cp", ":".join(map(str, jars)), main_class, *arguments]

    def _launch(self, node: int, lock: DataFolderLock | None = None) -> ChildProcess:
        command = self._java("kafka.Kafka", str(self._node_dir(node) / "server.properties"), more=self.jvm)
        return ChildProcess(command, self._node_log(node), cwd=self._node_dir(node), held=lock)

    def properties(self, node: int) -> str:
        """Kafka's settings for a node, as `server.properties` has them: small, quick to start, and safe with what it has acknowledged."""
        client, controller = self._ports[node]
        copies = self.brokers
        in_sync = 2 if copies == 3 else 1
        settings = {
            "process.roles": "broker,controller",
            "node.id": node + 1,
            "controller.quorum.voters": ",".join(f"{n + 1}@127.0.0.1:{port}" for n, (_, port) in enumerate(self._ports)),
            "listeners": f"PLAINTEXT://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{client}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "log.dirs": self._node_dir(node) / "data",
            "auto.create.topics.enable": "false",
            "default.replication.factor": copies,
            "min.insync.replicas": in_sync,
            "offsets.retention.minutes": 60 * 24 * 60,  # a group that stood for less than the topics' records are kept goes on where it was
            "offsets.topic.num.partitions": 4,
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.num.partitions": 4,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": in_sync,
            "group.initial.rebalance.delay.ms": 0,
            # After a crash a node may register again only when its old session has ended; the default, 9 s, is most of the wait.
            "broker.session.timeout.ms": 4000,
            "broker.heartbeat.interval.ms": 500,
            "log.cleaner.dedupe.buffer.size": 16_000_000,  # the default, 128 MB, is half of the heap
            "message.max.bytes": 10_000_000,
            "replica.fetch.max.bytes": 10_000_000,
            "num.recovery.threads.per.data.dir": 2,
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            for node, process in enumerate(self.processes):
                if not process.alive():
                    raise BrokerError(f"Kafka stopped while starting: {self._last_complaint(node)} (its log: {self._node_log(node)})")
            if time.monotonic() > deadline:
                raise BrokerError(f"Kafka did not answer within {START_SECONDS:.0f} s; its log: {self.log_path}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        """Whether every node is a registered broker that answers."""
        if any(port_is_free(port) for port, _ in self._ports):
            return False
        try:
            admin = connect(
                KafkaAdminClient, bootstrap_servers=self.bootstrap_servers.split(","), bootstrap_timeout_ms=5000, request_timeout_ms=5000
            )
        except KafkaError:
            return False
        try:
            return len(admin.describe_cluster()["brokers"]) == self.brokers
        except KafkaError:
            return False
        finally:
            admin.close()

    def _last_complaint(self, node: int) -> str:
        """The last line of the node's log that names an exception or error."""
        lines = self._node_log(node).read_text(encoding="utf-8", errors="replace").splitlines()[-400:]
        if any("Address already in use" in line for line in lines[-100:]):
            return f"one of its ports {self._ports[node]} is taken: Address already in use"
        complaints = [line.strip() for line in lines if "Exception" in line or "ERROR" in line or "Error:" in line]
        return (complaints or lines or ["it said nothing"])[-1][:300]


def free_port() -> int:
    """A port that was free a moment ago."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Different ports that were free a moment ago, below those that the system gives to outgoing connections."""
    candidates = random.sample(FREE_PORTS, len(FREE_PORTS))
    found = list(itertools.islice((port for port in candidates if port_is_free(port)), count))
    if len(found) < count:
        raise BrokerError(f"no port between {FREE_PORTS.start} and {FREE_PORTS.stop - 1} is free")
    return found


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
