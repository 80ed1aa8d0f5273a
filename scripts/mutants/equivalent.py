"""Mutants that are argued to change nothing that can be seen: tests/mutants/equivalent.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

from scripts.mutants.generation import Mutant

FILE = Path("tests/mutants/equivalent.toml")

Identity = tuple[str, str, str, str]


class Argued:
    """The file: single mutants with a reason, and rules for what is the same everywhere (`"utf-8"` and `"UTF-8"`)."""

    def __init__(self, root: Path) -> None:
        path = root / FILE
        document = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self._rules = [(rule["was"], rule["now"], rule["why"]) for rule in document.get("rule", [])]
        self._single: dict[Identity, str] = {}
        for entry in document.get("equivalent", []):
            for now in [entry["now"]] if isinstance(entry["now"], str) else entry["now"]:
                identity = (entry["module"], entry.get("scope", ""), entry["was"], now)
                if identity in self._single or not entry["why"].strip():
                    raise ValueError(f"{FILE}: twice, or without a reason: {now}")
                self._single[identity] = entry["why"]

    def reason(self, mutant: Mutant) -> str | None:
        """Why a mutant is equivalent; None where it is not."""
        if single := self._single.get(mutant.identity):
            return single
        return next((why for was, now, why in self._rules if mutant.now in _replaced_once(mutant.was, was, now)), None)

    def stale(self, modules: list[str], mutants: Iterable[Mutant]) -> list[Identity]:
        """Entries of these modules that fit no mutant any more: the code has changed, and the argument may have."""
        existing = {mutant.identity for mutant in mutants}
        return [identity for identity in self._single if identity[0] in modules and identity not in existing]


def _replaced_once(text: str, was: str, now: str) -> set[str]:
    parts = text.split(was)
    return {was.join(parts[:at]) + now + was.join(parts[at:]) for at in range(1, len(parts))}
