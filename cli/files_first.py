"""Files of a training looked through before anything is started for them: what is wrong with one is told at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cli.sample_reader import ReadOptions, SampleReader, readers_of
from schemas.errors import UserError
from schemas.sample import Split

WHOLE_BYTES = 64_000_000
"""Files up to this size in all are read to their end; of larger ones the beginning."""
FIRST_ROWS = 20_000


def check_files(data: Sequence[str], read: ReadOptions, facts: Sequence[Path], ontology: Path | None) -> None:
    """See that files can be read, and that there is something in them to train on. Standard input is not looked at.

    Raises:
        UserError: names the file and the line; or no file has a sample to train on.
    """
    if facts and sum(path.stat().st_size for path in facts if path.is_file()) <= WHOLE_BYTES and Path("-") not in facts:
        from cli.facts import fact_reader, surveyed

        with surveyed([fact_reader(path, None, ontology=ontology) for path in facts]):
            pass
    readers = [reader for reader in readers_of(data, read) if str(reader.path) != "-"]
    size = sum(reader.path.stat().st_size for reader in readers if reader.path.is_file())
    most = None if size <= WHOLE_BYTES else FIRST_ROWS
    found = [_looked_through(reader, most) for reader in readers]
    if readers and len(readers) == len(readers_of(data, read)) and not any(trains for _, trains in found):
        held_out = sum(count for count, _ in found)
        what = f"all {held_out} samples are held out (split: validation)" if held_out else "there is no sample in"
        names = ", ".join(str(reader.path) for reader in readers[:3]) + (" and others" if len(readers) > 3 else "")
        raise UserError(f"nothing to train on: {what} {names}" if not held_out else f"nothing to train on: {what} in {names}")


def _looked_through(reader: SampleReader, most: int | None) -> tuple[int, bool]:
    """How many samples there are, and whether one of them is to be trained on."""
    count, trains = 0, False
    for prepared in reader.read():
        count += 1
        trains = trains or prepared.sample.split is not Split.VALIDATION
        if most is not None and count >= most:
            break
    return count, trains
