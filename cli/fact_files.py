"""Files of facts, read whole and checked before the first fact is sent: the topic is compacted, and keeps what a wrong file put there."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from cli.sending import counted, progress_of
from cli.terminal import say

if TYPE_CHECKING:
    from schemas.fact import Fact
    from streams.knowledge.importing.reader import FactReader

SHOWN = 20
"""Most bad lines, and predicates, that a person is shown; `--json` has all."""


@dataclass
class FileOfFacts:
    """What one file held."""

    path: str
    format: str = ""
    read: int = 0
    predicates: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    repeated_ids: int = 0
    """Facts under a key that stood before with other content: the later one stays."""


@dataclass
class Survey:
    """What some files hold. The facts themselves wait in `spool`, one JSON object a line."""

    spool: IO[bytes]
    files: list[FileOfFacts] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    notices: list[str] = field(default_factory=list)
    _seen: dict[str, bytes] = field(default_factory=dict)

    def add(self, reader: FactReader, dry_run: bool = False) -> None:
        """Read one file.

        Raises:
            UserError: as the reader does; in a dry run it is noted as the file's own fault.
        """
        from reading.refusal import Skip
        from schemas.errors import UserError

        about = FileOfFacts(reader.shown or str(reader.path))
        try:
            with progress_of(reader.path) as progress:
                for fact in reader.read(progress):
                    self._take(fact, about)
        except UserError as error:
            if not dry_run:
                raise
            reader.skipped[Skip.BAD_FILE.value] += 1
            reader.bad.append(str(error))
        about.format, about.skipped = reader.format, reader.skipped
        self.files.append(about)
        self.bad += reader.bad
        self.ignored += reader.ignored
        self.notices += reader.notices

    def _take(self, fact: Fact, about: FileOfFacts) -> None:
        value = fact.encode()
        self.spool.write(value + b"\n")
        about.read += 1
        about.predicates[fact.predicate] += 1
        digest = hashlib.blake2b(value, digest_size=8).digest()
        about.repeated_ids += self._seen.setdefault(fact.fact_id, digest) != digest

    def facts(self) -> Iterator[Fact]:
        """Every fact that was read, in order."""
        from schemas.fact import Fact

        self.spool.seek(0)
        for line in self.spool:
            yield Fact.model_validate_json(line)

    @property
    def read(self) -> int:
        """How many facts there are."""
        return sum(about.read for about in self.files)

    @property
    def predicates(self) -> Counter[str]:
        """How many facts there are of each predicate."""
        return sum((about.predicates for about in self.files), Counter())

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "files": [{**vars(about), "predicates": dict(about.predicates), "skipped": dict(about.skipped)} for about in self.files],
            "read": self.read,
            "skipped": len(self.bad),
            "bad_lines": self.bad,
            "predicates": dict(self.predicates.most_common()),
            "ignored_fields": dict(self.ignored),
            "notices": self.notices,
        }

    def show(self) -> None:
        """For a person: what was passed over on stderr, then predicates with their counts."""
        for line in self.bad[:SHOWN]:
            say(f"skipped {line}", fg="yellow", err=True)
        if len(self.bad) > SHOWN:
            say(f"skipped {len(self.bad) - SHOWN} more; --json lists them all", fg="yellow", err=True)
        for name, rows in sorted(self.ignored.items()):
            say(f"ignored {name!r} on {counted(rows, 'row')}: {no_such(name)}", fg="yellow", err=True)
        for notice in self.notices:
            say(notice, fg="yellow", err=True)
        if repeated := sum(about.repeated_ids for about in self.files):
            say(f"{counted(repeated, 'fact')} under a key that stood before with other content: the last one counts", fg="yellow", err=True)
        found = self.predicates
        told = [f"{name} {count}" for name, count in found.most_common(SHOWN)]
        if found:
            say(f"{counted(len(found), 'predicate')}: {', '.join(told)}{', …' if len(found) > SHOWN else ''}")


def no_such(name: str) -> str:
    """What to say of a column that is not read."""
    from streams.knowledge.importing.columns import meant

    return f"did you mean {close!r}?" if (close := meant(name)) else "no such field; `qualifiers.NAME` is one of a name of your own"
