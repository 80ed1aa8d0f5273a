"""SIGTERM before there is anything to stop: imports take seconds, in which Python would end a process by the signal itself."""

from __future__ import annotations

import sys


def listen() -> None:
    """Where this process is to train, have SIGTERM end it in order, with exit code 0, until the run listens itself."""
    program = sys.orig_argv[1:]
    if "cli.train" in program or "train" in program:
        from trainer_node.stopping import stop_early

        stop_early()
