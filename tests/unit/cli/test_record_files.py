"""Files of messages: every bad line is named, none is lost unseen."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from cli.produce import says_something, stamped
from cli.record_files import FileReader
from reading.lines import bounded_lines
from schemas.errors import UserError
from schemas.fact import Fact
from schemas.sample import Sample


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def samples(name: str, text: str | bytes, **other: bool) -> tuple[list[Sample], FileReader[Sample]]:
    Path(name).write_bytes(text.encode() if isinstance(text, str) else text)
    reader = FileReader(Path(name), Sample, check=says_something, **other)
    return list(reader.read()), reader


def test_jsonl_lines_are_samples() -> None:
    found, _ = samples("a.jsonl", '\ufeff{"prompt": "q", "answer": "a"}\n\n{"text": "t"}')
    assert [(sample.prompt, sample.text) for sample in found] == [("q", None), (None, "t")]


def test_the_same_line_is_the_same_sample() -> None:
    found, _ = samples("a.jsonl", '{"prompt": "q", "answer": "a"}\n' * 2)
    assert found[0].sample_id == found[1].sample_id != ""


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('{"prompt": "q"', "Expecting"),
        ('["q"]', "a JSON object is wanted"),
        ('{"prompt": 3}', "prompt"),
        ('{"prompt": "q", "task": "dance"}', "task"),
        ('{"promt": "q"}', "nothing to train on"),
        ('{"prompt": "q", "schema_version": "9.0"}', "schema_version"),
        ('{"prompt": ' + "[" * 50 + "]" * 50 + "}", "nested"),
    ],
)
def test_a_bad_line_is_named_by_file_and_line(line: str, named: str) -> None:
    with pytest.raises(UserError) as caught:
        samples("a.jsonl", '{"prompt": "q"}\n' + line + "\n")
    assert str(caught.value).startswith("a.jsonl:2: ")
    assert named in str(caught.value)


def test_bad_lines_are_passed_over_only_when_asked_and_then_counted() -> None:
    found, reader = samples("a.jsonl", b'{"prompt": "q"}\n{\n\xff\n{"prompt": "r"}\n', skip_bad=True)
    assert [sample.prompt for sample in found] == ["q", "r"]
    assert [line.split(": ")[0] for line in reader.bad] == ["a.jsonl:2", "a.jsonl:3"]


def test_a_field_that_is_ignored_is_counted() -> None:
    _, reader = samples("a.jsonl", '{"prompt": "q", "anwser": "a"}\n' * 2)
    assert reader.ignored == {"anwser": 2}


def test_a_line_without_end_is_refused_not_loaded() -> None:
    lines = list(bounded_lines(io.BytesIO(b"x" * 1000 + b"\nnext\n"), limit=10))
    assert [len(line) for line in lines] == [12, 4]
    [found], reader = samples("a.jsonl", b'"' + b"x" * 17_000_000 + b'"\n{"text": "t"}\n', skip_bad=True)
    assert found.text == "t"
    assert "at most" in reader.bad[0]


def test_csv_rows_are_samples_with_lists_and_empty_cells() -> None:
    found, _ = samples("a.csv", '\ufeffprompt,answer,gold,label_set\nq,"a\nb",x | y,\n')
    assert found == [Sample(prompt="q", answer="a\nb", gold=("x", "y"))]


def test_an_unknown_column_is_named_even_when_bad_lines_are_skipped() -> None:
    with pytest.raises(UserError, match=r"a\.csv: unknown column 'promt'; Sample has .*prompt"):
        samples("a.csv", "promt,answer\nq,a\n", skip_bad=True)


def test_a_column_that_stands_twice_is_named() -> None:
    with pytest.raises(UserError, match="'prompt' stands twice"):
        samples("a.csv", "prompt,prompt\nq,a\n")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("prompt,answer\nq,a\nonly\n", "a.csv:3: 1 cells, but the header has 2"),
        ("prompt,generation\nq,many\n", "a.csv:2: generation"),
        ('prompt\n"q\n', "a.csv:2: not CSV"),
        ("", "a.csv: empty"),
        (b"prompt\n\xff\n", "a.csv:2: not UTF-8"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(text: str | bytes, named: str) -> None:
    with pytest.raises(UserError) as caught:
        samples("a.csv", text)
    assert named in str(caught.value)


def test_csv_facts_have_qualifiers_by_column() -> None:
    Path("f.csv").write_text("subject,predicate,object,qualifiers.date\nFrance,capital,Paris,2020\n")
    found = list(FileReader(Path("f.csv"), Fact).read())
    assert found == [Fact(subject="France", predicate="capital", object="Paris", qualifiers={"date": "2020"})]


def test_a_dotted_column_of_no_mapping_is_unknown() -> None:
    Path("f.csv").write_text("subject.name,predicate,object\na,b,c\n")
    with pytest.raises(UserError, match=r"unknown column 'subject\.name'"):
        list(FileReader(Path("f.csv"), Fact).read())


def test_a_sample_is_sent_with_the_time_unless_it_has_one() -> None:
    key, sent = stamped(Sample(prompt="q"))
    assert key == sent.sample_id
    assert sent.produced_at is not None
    assert json.loads(sent.encode())["produced_at"] == sent.produced_at
    assert stamped(Sample(prompt="q", produced_at=1.0))[1].produced_at == 1.0
