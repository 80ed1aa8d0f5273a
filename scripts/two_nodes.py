"""`make test-nodes`: two network namespaces with a cable between them, and in them the tests of several nodes. Needs root, and `ip`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).parents[1]
ADDRESSES = ("192.0.2.1", "192.0.2.2")
"""Of the first and the second node: a range that is kept for examples, and reaches nowhere."""
CABLE = "pelton0"
"""Name of each node's end of the cable."""


def missing() -> str | None:
    """Why there can be no namespaces here; None where there can."""
    if shutil.which("ip") is None:
        return "the program `ip` is not here (Debian's package iproute2)"
    if os.geteuid() != 0:
        return "network namespaces need root"
    return None


def ip(*words: str) -> None:
    """Ask `ip`."""
    subprocess.run(["ip", *words], check=True)


def main() -> int:
    """The tests' exit code."""
    if reason := missing():
        sys.stdout.write(f"skipped: {reason}\n")
        return 0
    names = [f"pelton-{one}-{os.getpid()}" for one in ("first", "second")]
    with ExitStack() as made:
        for name in names:
            ip("netns", "add", name)
            made.callback(ip, "netns", "delete", name)
        ip("-n", names[0], "link", "add", CABLE, "type", "veth", "peer", "name", CABLE, "netns", names[1])
        for name, address in zip(names, ADDRESSES, strict=True):
            ip("-n", name, "address", "add", f"{address}/30", "dev", CABLE)
            for device in ("lo", CABLE):
                ip("-n", name, "link", "set", device, "up")
        environ = {"PELTON_OTHER_NODE": names[1], "PELTON_FIRST_ADDRESS": ADDRESSES[0], "GLOO_SOCKET_IFNAME": CABLE}
        command = ["ip", "netns", "exec", names[0], sys.executable, "-m", "pytest", "-q", "tests/nodes", *sys.argv[1:]]
        return subprocess.call(command, cwd=ROOT, env=os.environ | environ)


if __name__ == "__main__":
    sys.exit(main())
