"""Who holds a run, and whether they live: a pulse beside the claim of an epoch, and where the process is to be looked for.

A second start must not end a healthy trainer: the fence (`commit/fencing.py`) would let it. So it looks first. A process of this machine
that is gone is known at once; one that may be elsewhere is alive if its pulse goes on, which is looked at for some seconds.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

BEAT_S = 1.0
"""Seconds between two beats of a pulse."""
PATIENCE_S = 10.0
"""Longest look at a pulse that may have stopped. A library that is loaded, or a full disk, may hold one up for some beats."""
LOOK_S = 0.2
ENDED = "ended"
WIDTH = 20
"""Of a beat, in bytes."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Holder:
    """The process that has claimed an epoch of a run, as its claim says."""

    epoch: int
    pid: int
    place: str
    """Where that process number means something: machine, its boot, and the space of process numbers."""
    started: float
    """When the process began, in seconds since the epoch: its number may be another's by now."""
    host: str
    """For a person."""
    token: str
    """Tells this claim from every other, at the broker too."""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"

    @property
    def is_here(self) -> bool:
        """Whether its process would be found on this machine."""
        return self.place == this_place()

    def is_running(self) -> bool:
        """Whether its process is there and not suspended. Only of one that `is_here`."""
        try:
            process = psutil.Process(self.pid)
            stopped = process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
            return not stopped and abs(process.create_time() - self.started) < 2
        except psutil.Error:
            return False


def new_token() -> str:
    """What tells one claim from every other."""
    return uuid.uuid4().hex[:12]


def claim_text(token: str) -> bytes:
    """What a claim says of this process."""
    process = psutil.Process()
    return json.dumps(
        {
            "pid": process.pid,
            "claimed_at": time.time(),
            "place": this_place(),
            "started": process.create_time(),
            "host": socket.gethostname(),
            "token": token,
        }
    ).encode()


def this_place() -> str:
    """This machine, since it was started, as far as this process can see others of it."""
    boot, numbers = "", ""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    with contextlib.suppress(OSError):
        numbers = str(Path("/proc/self/ns/pid").stat().st_ino)  # of a container: its own numbers
    return f"{socket.gethostname()}/{boot or round(psutil.boot_time())}/{numbers}"


def holder_of(folder: Path, epoch: int) -> Holder | None:
    """Who has claimed an epoch; None where the claim does not say (another version wrote it, or it is being written)."""
    try:
        said: dict[str, Any] = json.loads((folder / f"{epoch:06d}").read_text(encoding="utf-8"))
        return Holder(epoch, said["pid"], said["place"], said["started"], said["host"], said["token"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def living(folder: Path, epoch: int, patience_s: float = PATIENCE_S, look: Callable[[], None] = lambda: None) -> Holder | None:
    """Who holds an epoch, if they live.

    Args:
        folder: of claims, as `Fence` has it.
        epoch: the newest that was claimed.
        patience_s: longest look at a pulse that may have stopped.
        look: called between two looks.
    """
    holder = holder_of(folder, epoch)
    if holder is None or (holder.is_here and not holder.is_running()):
        return None
    first = read_pulse(folder, epoch)
    until = time.monotonic() + patience_s
    while (beat := read_pulse(folder, epoch)) != ENDED:
        if beat != first and beat is not None:
            return holder
        if time.monotonic() > until or (holder.is_here and not holder.is_running()):
            return None
        look()
        time.sleep(LOOK_S)
    return None


def read_pulse(folder: Path, epoch: int) -> str | None:
    """The newest beat of an epoch's holder; `ended` where it has said that it was over, None before the first."""
    try:
        return (folder / f"{epoch:06d}.pulse").read_text(encoding="ascii").strip()
    except OSError:
        return None


class Pulse:
    """Beats, on a thread of its own, as long as this process holds an epoch."""

    def __init__(self, folder: Path, epoch: int) -> None:
        self._path = folder / f"{epoch:06d}.pulse"
        self._over = threading.Event()
        self._told = False
        self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Say that it is over: whoever starts next need not wait."""
        self._over.set()
        self._thread.join(timeout=2 * BEAT_S)
        self._write(ENDED)

    def _beat(self) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            self._write(str(number))
            self._over.wait(BEAT_S)

    def _write(self, text: str) -> None:
        """In place, and always as long: a full disk has room for it, and whoever opens the file on another machine sees it."""
        try:
            descriptor = os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o644)
            try:
                os.write(descriptor, f"{text:>{WIDTH}}".encode("ascii"))
            finally:
                os.close(descriptor)
        except OSError as error:
            if not self._told:
                logger.warning("%s: the heartbeat cannot be written (%s); a second start would not see this one", self._path, error)
            self._told = True
