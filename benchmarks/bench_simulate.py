"""What workers do at most, where lag starts, how long a sample is under way, and whether memory stays level: by `pelton simulate`.

A machine that does other work meanwhile makes rates a second smaller; milliseconds of a core and ratios say more. Its load is in the
result.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from typing import Any

from benchmarks.record import ROOT, Record


def simulated(*flags: str) -> dict[str, Any]:
    """One run's measurements, and the machine's load before and after it."""
    before = os.getloadavg()
    command = [sys.executable, "-m", "cli.main", "simulate", "--json", *flags]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found | {"load": {"before": before, "after": os.getloadavg(), "cores": os.cpu_count()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="samples over which memory is looked at")
    parser.add_argument("--seconds", type=float, default=20.0)
    arguments = parser.parse_args()
    record = Record("bench_simulate", arguments, seeds={})
    of_path = ["--step-s", "0.02", "--batch-size", "64", "--rate", "10000", "--answers", "3200", "--seconds", str(arguments.seconds)]
    result: dict[str, Any] = {"saturation": simulated(*of_path, "--events", "20000")}
    if arguments.events:
        result["memory"] = simulated(*of_path[:-2], "--answers", "0", "--seconds", "2", "--events", str(arguments.events))
    record.write(result)


if __name__ == "__main__":
    main()
