"""`make soak`: all nodes for 45 minutes, one random process killed each minute, and then: is every sample trained exactly once?

Producers of every kind send all the while; one of them sends 300 bad records, a start of the same run is mistyped, the broker is killed
like the rest. In the last 15 minutes nothing is killed, and memory and file descriptors are to stay level. The result, good or bad, is
kept in `benchmarks/results/soak.json`; with --short (`make soak-short`, five minutes) in `soak_short.json`. Exit code 1: not passed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.record import Record
from schemas.errors import BrokerError
from scripts.soak import account, plan
from scripts.soak.cluster import Cluster
from scripts.soak.plan import Plan
from scripts.soak.producers import Producers
from scripts.soak.watch import Watch
from trainer_node.commit.ledger import LedgerRow

LOOK_EVERY_S = 2.0
KINDS_OF = {
    "sft": {"qa", "text", "classification", "conversation", "augmenter"},
    "preference": {"preference", "feedback"},
    "prompt": {"prompt"},
}


class Soak:
    """One soak from start to end."""

    def __init__(self, chosen: Plan, folder: Path, trainer: str) -> None:
        self.plan = chosen
        self.trainer = trainer
        self.cluster = Cluster(folder, chosen.seed)
        self.producers = Producers(self.cluster.settings, chosen)
        self.watch = Watch(self.cluster.targets, folder)
        self.seconds_ready = 0.0
        self.quiet_from = 0.0
        self.samples_at_quiet = 0
        self.mistyped: list[dict[str, Any]] = []

    def run(self) -> dict[str, Any]:
        """Start, send and kill, leave alone, count."""
        self.cluster.start(self.trainer)
        self.seconds_ready = self.cluster.now
        print(f"{self.cluster.now:6.0f} s  all nodes are ready", flush=True)
        self.producers.send_facts()
        self.producers.start()
        self.watch.start()
        began = time.monotonic()
        self._disturb(began)
        print(f"{self.cluster.now:6.0f} s  nothing is killed from here on", flush=True)
        self._measure(began)
        self.producers.stop()
        self.watch.stop()
        try:
            counted = self._count() | self._others()
        except BrokerError as error:  # it was given up, or cannot be asked: the rest is worth keeping
            counted = {"exact_after_s": None, "outputs_not_judged": None, "dead_letters": None, "not_counted": str(error)}
        return self._result(counted, self.cluster.stop())

    def _measure(self, began: float) -> None:
        """Let the nodes be, once all are ready and warm, to the end of the time; where that is near, for half of the time meant for it."""
        while not self.cluster.ready() and not self.cluster.failure:
            time.sleep(1.0)
        self._sleep_until(time.monotonic() + self.plan.warm_s)
        self.quiet_from, self.samples_at_quiet = self.watch.now, len(account.ledger_rows(self.cluster.run_dir))
        print(f"{self.cluster.now:6.0f} s  memory is measured from here on", flush=True)
        self._sleep_until(max(began + self.plan.total_s, time.monotonic() + self.plan.quiet_s / 2))

    def _disturb(self, began: float) -> None:
        """Kill one process after another; in between the bad records and the mistyped starts."""
        chosen = self.plan
        events = {began + at: self.cluster.kill_one for at in _times(chosen.kill_every_s, chosen.kills_end_s - chosen.kill_every_s / 2)}
        events[began + chosen.kills_end_s / 3] = self.producers.send_bad  # type: ignore[assignment]
        for at in _times(chosen.kills_end_s / (chosen.mistyped_starts + 1), chosen.kills_end_s - 1):
            events[began + at - chosen.kill_every_s / 2] = self._mistype
        for due in sorted(events):
            self._sleep_until(due)
            if self.cluster.failure:
                return
            events[due]()
        self._sleep_until(began + chosen.kills_end_s)

    def _mistype(self) -> None:
        if len(self.mistyped) < self.plan.mistyped_starts:
            self.mistyped.append(self.cluster.mistyped_start(self.trainer))

    def _sleep_until(self, due: float) -> None:
        while time.monotonic() < due and not self.cluster.failure:
            time.sleep(0.2)

    def _count(self) -> dict[str, Any]:
        """Look at the ledger until everything is there, or until it is clear that it will not be."""
        ended, exact_after = time.monotonic(), None
        counted: dict[str, Any] = {}
        in_time: dict[str, Any] = {}
        while (waited := time.monotonic() - ended) < self.plan.settle_s + self.plan.overtime_s and not self.cluster.failure:
            rows = account.ledger_rows(self.cluster.run_dir)
            counted = self._account(rows)
            if waited <= self.plan.settle_s or not in_time:
                in_time = counted
            if account.is_exact(counted):
                exact_after = round(waited, 1)
                break
            time.sleep(LOOK_EVERY_S)
        return {"exact_after_s": exact_after, "after_settling": in_time, "at_the_end": counted}

    def _others(self) -> dict[str, Any]:
        settings = self.cluster.settings
        return {"outputs_not_judged": account.not_judged(settings, self.producers.outputs), "dead_letters": account.letters(settings)}

    def _account(self, rows: list[LedgerRow]) -> dict[str, Any]:
        taken = account.taken_objectives(rows)
        not_taken = set().union(*(kinds for objective, kinds in KINDS_OF.items() if objective not in taken))
        everything = self.producers.sent | account.by_nodes(self.cluster.settings)
        return account.account(everything, rows, not_taken)

    def _result(self, counted: dict[str, Any], statuses: dict[str, int | None]) -> dict[str, Any]:
        quiet = self.watch.alive_since(self.quiet_from)
        result: dict[str, Any] = {
            "plan": asdict(self.plan),
            "trainer": self.trainer,
            "seconds_until_ready": self.seconds_ready,
            "sent": self.producers.counts() | {"outputs": len(self.producers.outputs), "sent_twice": self.producers.repeated},
            "producer_errors": self.producers.errors,
            "account": counted,
            "kills": [f"{kill.at_s:.0f} s {kill.name}" for kill in self.cluster.kills if kill.ordered],
            "ended_by_themselves": [asdict(kill) for kill in self.cluster.kills if not kill.ordered],
            "given_up": self.cluster.failure,
            "mistyped_starts": self.mistyped,
            "measured_s": round(self.watch.now - self.quiet_from),
            "quiet": {series.name: series.summary() for series in quiet},
            "folder_bytes": self.watch.sizes,
            "exit_statuses": statuses,
        }
        checks = self._checks(result)
        return result | {"checks": checks, "passed": all(checks.values())}

    def _checks(self, result: dict[str, Any]) -> dict[str, bool]:
        after = result["account"]["exact_after_s"]
        return {
            "every good sample was trained exactly once within a minute": after is not None and after <= self.plan.settle_s,
            "no node ended by itself": not result["ended_by_themselves"] and not result["given_up"],
            "a mistyped start ended with one line, and harmed nothing": all(
                start["status"] and start["lines"] == 1 for start in self.mistyped
            )
            and len(self.mistyped) == self.plan.mistyped_starts,
            **({"memory stays level": self._memory_is_level(result["quiet"])} if result["measured_s"] >= plan.RSS_LEAST_S else {}),
            "file descriptors stay level": all(series["fd_growth"] <= plan.FD_GROWTH for series in result["quiet"].values()),
            "every output was judged": result["account"]["outputs_not_judged"] == 0,
            "bad records, and they alone, are dead letters": self._only_bad_ones_are_dead(result["account"]["dead_letters"]),
            "the run's folder grows by no more than is stated": self._folder_is_bounded(),
            "every producer's records were taken": not result["producer_errors"],
            "nodes stop in order": all(status == 0 for status in result["exit_statuses"].values()),
        }

    def _memory_is_level(self, quiet: dict[str, Any]) -> bool:
        level = all(series["slope_mb_per_minute"] <= plan.RSS_SLOPE_MB_PER_MINUTE for series in quiet.values())
        return level and len(quiet) >= len(self.cluster.supervisor.nodes)

    def _only_bad_ones_are_dead(self, letters: dict[str, Any] | None) -> bool:
        return letters is not None and letters["bad_records"] == self.plan.bad_records and not letters["others"]

    def _folder_is_bounded(self) -> bool:
        """Over the time in which nothing was killed, checkpoints (of a fixed number and size) aside."""
        sizes = [{**size, "own": size["run"] - size["run/checkpoints"]} for size in self.watch.sizes if size["at_s"] >= self.quiet_from]
        taken = len(account.ledger_rows(self.cluster.run_dir)) - self.samples_at_quiet
        return sizes[-1]["own"] - sizes[0]["own"] <= plan.RUN_BYTES_FIXED + taken * plan.RUN_BYTES_PER_SAMPLE


def _times(every: float, end: float) -> list[float]:
    return [every * number for number in range(1, int(end // every) + 1)]


def main() -> int:
    """Parse, run, keep, print."""
    parser = argparse.ArgumentParser(prog="python -m scripts.soak", description=__doc__)
    parser.add_argument("--short", action="store_true", help="five minutes")
    parser.add_argument("--seed", type=int, default=22)
    parser.add_argument("--trainer", default="auto")
    parser.add_argument("--folder", type=Path, help="keep everything there, and its logs")
    parser.add_argument("--out", type=Path, help="where the result goes")
    options = parser.parse_args()
    name = "soak_short" if options.short else "soak"
    record = Record(name, options, {"soak": options.seed})
    chosen = Plan(seed=options.seed, **(plan.SHORT if options.short else plan.LONG))  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory(prefix="pelton-soak-") as temporary:
        folder = (options.folder or Path(temporary)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        result = Soak(chosen, folder, options.trainer).run()
    record.write(result)
    print(json.dumps({key: result[key] for key in ("sent", "account", "ended_by_themselves", "given_up", "checks", "passed")}, indent=1))
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
