"""Runs a program's nodes as child processes under one roof: starts them, restarts those that die, and leaves no orphan.

A node that died is started again, at most RESTARTS times in RESTART_WINDOW_S seconds; after that the run fails with one line that names
its log. A user's mistake (status 2) fails it at once where the node has just begun: one that has worked says so of a broker that is away.
"""

from __future__ import annotations

import json
import logging
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from schemas.errors import UserError
from streams.kafka.child_process import ChildProcess

logger = logging.getLogger(__name__)

RESTARTS = 3
RESTART_WINDOW_S = 60.0
STOP_S = 20.0
"""How long a node may take to stop by itself before it is killed."""


class NodeDied(UserError):  # noqa: N818 - it names what happened
    """A node cannot be kept alive."""


@dataclass
class Node:
    """One child process and its history."""

    name: str
    arguments: list[str]
    log_path: Path
    process: ChildProcess
    may_end: bool
    """Whether ending with status 0 is what it is meant to do (the trainer), rather than a death (a worker)."""
    begun: float = field(default_factory=time.monotonic)
    """When it was first started, by `time.monotonic`."""
    restarts: deque[float] = field(default_factory=deque)
    ended: bool = False
    restarted: int = 0
    stop_s: float = STOP_S


class Supervisor:
    """The processes of one run, each `program` with arguments of its own. One thread uses it."""

    def __init__(self, program: Sequence[str], log_dir: Path, on_event: Callable[[str], None] = logger.warning) -> None:
        self._program = tuple(program)
        self.log_dir = log_dir
        self.nodes: dict[str, Node] = {}
        self._on_event = on_event

    def start(self, name: str, arguments: list[str], may_end: bool = False, stop_s: float = STOP_S) -> Node:
        """Start the program with these arguments and its output in `<name>.log`."""
        log_path = self.log_dir / f"{name}.log"
        process = ChildProcess([*self._program, *arguments], log_path)
        self.nodes[name] = Node(name, arguments, log_path, process, may_end, stop_s=stop_s)
        return self.nodes[name]

    def check(self) -> None:
        """Look after all nodes: call it a few times a second.

        Raises:
            NodeDied: one died too often, or ended with a user's error that a restart cannot mend.
        """
        for node in self.nodes.values():
            status = node.process.returncode
            if status is None or node.ended:
                continue
            if status == 0 and node.may_end:
                node.ended = True
                continue
            self._restart(node, status)

    def _restart(self, node: Node, status: int) -> None:
        now = time.monotonic()
        while node.restarts and now - node.restarts[0] > RESTART_WINDOW_S:
            node.restarts.popleft()
        how = ended(status)
        complaint = last_complaint(node.log_path)
        mistaken = status == 2 and not node.restarted and now - node.begun < RESTART_WINDOW_S
        if mistaken or len(node.restarts) >= RESTARTS:
            again = "" if mistaken else f", {RESTARTS} restarts within {RESTART_WINDOW_S:.0f} s did not help"
            raise NodeDied(f"{node.name} {how}{again}: {complaint} (log: {node.log_path})")
        node.restarts.append(now)
        node.restarted += 1
        self._on_event(f"{node.name} {how}; starting it again ({len(node.restarts)} of {RESTARTS} in this minute)")
        node.process = ChildProcess([*self._program, *node.arguments], node.log_path)

    def stop(self) -> None:
        """Stop all in the reverse order of their start; kill what does not stop in time."""
        for node in self.nodes.values():
            node.process.terminate()
        for node in reversed(self.nodes.values()):
            if not node.process.wait(node.stop_s):
                self._on_event(f"{node.name} did not stop within {node.stop_s:.0f} s and was killed")
                node.process.kill()

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def ended(status: int) -> str:
    """How a process ended, from its exit status: below zero, a signal ended it."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:  # a real-time signal has no name
        name = f"signal {-status}"
    return f"was killed by {name}" + (", which the system sends where memory runs out" if -status == signal.SIGKILL else "")


def last_complaint(log_path: Path) -> str:
    """The last line of a log that says something, without its traceback."""
    try:
        lines = log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-200:]
    except OSError:
        return "its log cannot be read"
    spoken = [_message(line.strip()) for line in lines if line.strip()]
    errors = [line for line in spoken if line.startswith("error:")]
    return (errors or spoken or ["it said nothing"])[-1][:300]


def _message(line: str) -> str:
    """What a line of a log says, also where it is JSON."""
    try:
        record = json.loads(line) if line.startswith("{") else {}
    except ValueError:
        return line
    prefix = "error: " if record.get("level") == "ERROR" else ""
    return f"{prefix}{record['message']}" if "message" in record else line
