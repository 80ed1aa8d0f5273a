"""`--map prompt=question,answer=data.response`: which column is which part of a sample."""

from __future__ import annotations

from typing import Any

from reading.columns import MAPPABLE, OWN, meant, usual
from schemas.errors import UserError

_ABSENT = object()


class Mapping:
    """Puts columns under other names.

    Args:
        written: `part=path` of each, with commas between. A path leads into objects and lists by dots (`messages.0.content`); a column
            whose own name has dots is found first. Nothing behind the sign leaves the column out.

    Raises:
        UserError: it is not written so, or names no part of a sample.
    """

    def __init__(self, written: str) -> None:
        self._paths: dict[str, str] = {}
        for one in written.split(","):
            part, sign, path = one.partition("=")
            name = usual(part)
            if not sign or not name:
                raise UserError(f"--map {written}: {one!r} is not written PART=COLUMN")
            if name not in MAPPABLE and not (name in OWN and not path.strip()):
                close = meant(name, MAPPABLE)
                raise UserError(
                    f"--map {written}: no part {name!r}{f', is {close} meant?' if close else ''}; parts are {', '.join(sorted(MAPPABLE))}"
                )
            self._paths[name] = path.strip()

    def applied(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row with its columns under the names of the parts; a path that leads nowhere gives none."""
        found = {part: at(row, path) for part, path in self._paths.items() if path}
        gone = {path for path in self._paths.values() if path in row} | set(self._paths)
        rest = {name: value for name, value in row.items() if name not in gone}
        return {part: value for part, value in found.items() if value is not _ABSENT} | rest


def at(row: Any, path: str) -> Any:
    """What a dotted path leads to."""
    if isinstance(row, dict) and path in row:
        return row[path]
    head, dot, rest = path.partition(".")
    if isinstance(row, dict):
        within = row.get(head, _ABSENT)
    elif isinstance(row, list) and head.lstrip("-").isdigit() and -len(row) <= int(head) < len(row):
        within = row[int(head)]
    else:
        return _ABSENT
    return at(within, rest) if dot and within is not _ABSENT else within
