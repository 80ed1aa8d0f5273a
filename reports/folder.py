"""What a run's folder says of it, finished or not: its settings, its history, its newest checkpoint, and what became of its records."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from schemas.errors import ConfigError
from trainer_node.commit.history import BEGINNING, EVALUATION, STEP, read_history
from trainer_node.commit.ledger import Ledger
from trainer_node.commit.manifest import Checkpoint, checkpoints

RUN = "run.json"


class Entry(NamedTuple):
    """All values of one moment, of one kind."""

    t: float
    """Seconds since the epoch."""
    step: int
    pass_number: int
    objective: str
    kind: str
    values: dict[str, float]


@dataclass(frozen=True)
class RunFolder:
    """A run as its folder has it."""

    path: Path
    run_id: str
    record: dict[str, Any]
    """`run.json`; empty for a run of a version before that was kept."""
    entries: tuple[Entry, ...]
    """Oldest first."""
    newest: Checkpoint | None
    outcomes: dict[str, int]
    """Records of the surviving ledger by what became of them; each pass counts."""
    summaries: tuple[dict[str, Any], ...]
    """Of each start that has ended in order."""

    @property
    def start(self) -> dict[str, Any]:
        """Of the newest start: settings, versions, machine."""
        starts: list[dict[str, Any]] = self.record.get("starts") or [{}]
        return starts[-1]

    def of_kind(self, *kinds: str) -> list[Entry]:
        """Entries of some kinds."""
        return [entry for entry in self.entries if entry.kind in kinds]

    @property
    def objectives(self) -> list[str]:
        """What was trained, in order."""
        return list(dict.fromkeys(entry.objective for entry in self.of_kind(STEP)))

    def evaluations(self) -> dict[str, dict[str, tuple[float | None, float | None]]]:
        """By objective and name: what the weights had that it began with, and what the newest evaluation found."""
        found: dict[str, dict[str, tuple[float | None, float | None]]] = {}
        for entry in self.of_kind(BEGINNING, EVALUATION):
            own = found.setdefault(entry.objective, {})
            for name, value in entry.values.items():
                before, after = own.get(name, (None, None))
                own[name] = (value, after) if entry.kind == BEGINNING else (before, value)
        return found

    @property
    def last_step(self) -> Entry | None:
        """The newest step."""
        return next((entry for entry in reversed(self.entries) if entry.kind == STEP), None)


def load_run(path: Path) -> RunFolder:
    """Read a run's folder, or that of a demo, whose run is in `training`.

    Raises:
        ConfigError: there is no run.
    """
    home = next((folder for folder in (path, path / "training") if is_run(folder)), None)
    if home is None:
        raise ConfigError(f"{path}: no run's folder: name one that `pelton train` has made, such as runs/<run id>")
    record: dict[str, Any] = _json(home / RUN) or {}
    whole = checkpoints(home, deep=False)
    newest = whole[-1] if whole else None
    run_id = record.get("run_id") or (newest.manifest.run_id if newest else home.name)
    summaries = [found for name in sorted(home.glob("trainer-e*.json")) if (found := _json(name))]
    return RunFolder(home, run_id, record, tuple(entries_of(home)), newest, outcomes_of(home, newest), tuple(summaries))


def is_run(path: Path) -> bool:
    """Whether a folder is a run's."""
    return any((path / name).exists() for name in (RUN, "checkpoints", "history"))


def entries_of(home: Path) -> list[Entry]:
    """The history, one entry for the values of one moment."""
    found: dict[tuple[Any, ...], Entry] = {}
    for row in read_history(home).to_pylist():
        key = (row["t"], row["epoch"], row["step"], row["objective"], row["kind"])
        if key not in found:
            found[key] = Entry(row["t"].timestamp(), row["step"], row["pass_number"], row["objective"], row["kind"], {})
        found[key].values[row["name"]] = row["value"]
    return list(found.values())


def outcomes_of(home: Path, newest: Checkpoint | None) -> dict[str, int]:
    """Records of the ledger by outcome."""
    if newest is None:
        return {}
    return dict(Counter(row.outcome.value for row in Ledger(home / "ledger", newest.manifest.segments).rows()))


def _json(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found
    except (OSError, ValueError):
        return None
