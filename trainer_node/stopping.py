"""SIGTERM and SIGINT: heard at once, said at once, and obeyed as soon as that loses nothing.

A handler of Python's runs between two of its instructions: never while C code does (a library that is loaded, a kernel that is compiled).
So a thread hears the signal, says so and begins to count the grace; the handler interrupts the training thread where that is allowed. Only
the standard library is imported here: this stands ready before anything else is.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(BaseException):
    """The run was told to stop where nothing is lost by ending at once. No `except Exception` of a library is to swallow it."""


class StoppedEarly(SystemExit):
    """The process was told to stop before a run listened."""


class Stopping(threading.Event):
    """Set once a run is to end. Where that is allowed, setting it by a signal interrupts the main thread."""

    def __init__(self) -> None:
        super().__init__()
        self._open = 0

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """In this block, on the main thread, a signal raises `Stopped`: what the block does can be done again by the next start."""
        self.check()
        self._open += 1
        try:
            self.check()
            yield
        finally:
            self._open -= 1

    @contextlib.contextmanager
    def shielded(self) -> Iterator[None]:
        """In this block it does not, though it is within an interruptible one: what is begun is brought to its end."""
        outer, self._open = self._open, 0
        try:
            yield
        finally:
            self._open = outer

    def check(self) -> None:
        """Raise `Stopped` if it is set."""
        if self.is_set():
            raise Stopped

    def interrupt(self) -> None:
        """Called by the signal's handler, between two instructions of the main thread."""
        if self._open:
            raise Stopped


_heard: Callable[[], None] = lambda: None  # noqa: E731 - replaced by whoever listens
_meant: tuple[signal.Signals, ...] = ()
_wakeup: socket.socket | None = None


def on_signals(heard: Callable[[], None], interrupt: Callable[[], None], numbers: tuple[signal.Signals, ...] = SIGNALS) -> None:
    """From now on these signals mean this, and no longer what was said before.

    Args:
        heard: called at once, on another thread.
        interrupt: called on the main thread as soon as that executes Python; it may raise.
        numbers: which signals.
    """
    global _heard, _meant
    _heard, _meant = heard, numbers
    _listen()

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as Python calls it
        interrupt()

    for number in numbers:
        if signal.getsignal(number) is not signal.SIG_IGN:  # a shell has it ignored for a job in the background
            signal.signal(number, handle)


def _listen() -> None:
    """Begin to hear signals: C code writes a byte the moment that one comes."""
    global _wakeup
    if _wakeup is not None:
        return
    ear, _wakeup = socket.socketpair()
    _wakeup.setblocking(False)
    signal.set_wakeup_fd(_wakeup.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_hear, args=(ear,), name="signals", daemon=True).start()


def _hear(ear: socket.socket) -> None:
    while numbers := ear.recv(16):
        if any(number in _meant for number in numbers):
            _heard()


def stop_early() -> None:
    """Until a run listens itself, SIGTERM ends the process in order; SIGINT means what it means to every command."""
    said = threading.Event()

    def say() -> None:
        if not said.is_set():
            said.set()
            os.write(2, b"stopping: nothing has begun yet\n")

    def end() -> None:
        say()
        raise StoppedEarly(0)

    on_signals(say, end, (signal.SIGTERM,))


def leave(status: int = 0) -> NoReturn:
    """End this process now: everything of ours is closed. Python would take its libraries' objects apart, for seconds."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)
