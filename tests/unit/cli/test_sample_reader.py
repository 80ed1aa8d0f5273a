"""What a file of samples is read as, told and counted, whatever stands in it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli.main import pelton
from cli.options import SHAPES
from cli.rows_alone import HELD_BACK
from cli.sample_reader import SampleReader, read_options, readers_of
from reading.mapping import Mapping
from reading.shapes.table import FORMATS
from reading.summary import Ids
from schemas.errors import UserError
from tests.models.files import READ, REFUSED, write

QA = {"prompt": "Q?", "answer": "A."}


def lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def looked_at(*words: str, **environ: str) -> dict[str, Any]:
    done = CliRunner().invoke(pelton, ["produce", "--dry-run", "--json", *words], env={"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return json.loads(done.stdout)


def test_a_dry_run_reads_everything_sends_nothing_and_needs_no_broker(tmp_path: Path) -> None:
    first = lines(tmp_path / "a.jsonl", [QA, {"prompt": "Q?", "answer": None}, {"text": "t", "label": "l"}, "no", 3])
    second = tmp_path / "b.csv"
    second.write_text("text,label\ngood,pos\n")
    (tmp_path / "c.xlsx").write_bytes(b"PK\x03\x04")
    found = looked_at(str(first), str(second), str(tmp_path / "c.xlsx"))
    assert (found["read"], found["skipped"]) == (3, 4)
    assert {key: found["files"][0][key] for key in ("path", "shape", "read", "by_task", "skipped", "repeated_ids")} == {
        "path": str(first),
        "shape": "question-answer, classification",
        "read": 2,
        "by_task": {"qa": 1, "classification": 1},
        "skipped": {"missing": 1, "bad_json": 2},
        "repeated_ids": 0,
    }
    assert found["files"][0]["first_skipped"]["bad_json"] == f"{first}:4: a JSON object is wanted, this is 'no'"
    assert found["files"][2]["skipped"] == {"bad_file": 1}


def test_a_dry_run_of_which_nothing_can_be_used_fails(tmp_path: Path) -> None:
    done = CliRunner().invoke(pelton, ["produce", "--dry-run", str(lines(tmp_path / "a.jsonl", [{"foo": 1}]))])
    assert done.exit_code == 2
    assert "a.jsonl:1: no shape has the columns `foo`" in done.output


def test_what_is_ignored_or_changed_is_told(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "Q?"}, {"role": "assistant", "content": "A."}]
    rows = [{**QA, "contxt": "x", "id": 3}, {"messages": [*turns, turns[0]]}]
    done = CliRunner().invoke(pelton, ["produce", "--dry-run", str(lines(tmp_path / "a.jsonl", rows))])
    assert "ignored column 'contxt' on 1 row: is 'context' meant?" in done.output
    assert "ignored column 'id' on 1 row\n" in done.output
    assert "turns after the last answer left out: 1 row" in done.output


def test_an_id_that_stands_for_other_content_is_counted_over_all_files(tmp_path: Path) -> None:
    first = lines(tmp_path / "a.jsonl", [{**QA, "sample_id": "1"}, {**QA, "sample_id": "1"}, {**QA, "sample_id": "2"}])
    second = lines(tmp_path / "b.jsonl", [{**QA, "sample_id": "1", "answer": "B."}, {**QA, "sample_id": 2}])
    assert [file["repeated_ids"] for file in looked_at(str(first), str(second))["files"]] == [0, 1]


def test_a_producer_s_id_is_kept_whatever_it_looks_like(tmp_path: Path) -> None:
    ids = ["a", "b", 3, "x" * 200, "h-0123456789abcdef", "é"]
    reader = SampleReader(lines(tmp_path / "a.jsonl", [{**QA, "sample_id": sample_id} for sample_id in ids]))
    found = [(prepared.sample_id, prepared.sample.sample_id, json.loads(prepared.value())["sample_id"]) for prepared in reader.read()]
    assert found == [(str(sample_id),) * 3 for sample_id in ids]
    with pytest.raises(UserError, match=r"a\.jsonl:2: sample_id: String should have at most 200 characters"):
        list(SampleReader(lines(tmp_path / "a.jsonl", [{**QA, "sample_id": "a"}, {**QA, "sample_id": "x" * 201}])).read())


def test_ids_are_remembered_in_bounded_memory() -> None:
    ids = Ids(limit=2)
    assert [ids.stands_for_another(name, b"x") for name in "abc"] == [False] * 3
    assert ids.is_full
    assert [ids.stands_for_another(name, b"y") for name in "abc"] == [True, True, False]


def test_an_id_is_known_again_however_full_the_table_is() -> None:
    ids = Ids(limit=5000)
    assert not any(ids.stands_for_another(f"s{number}", b"%d" % number) for number in range(6000))
    assert not any(ids.stands_for_another(f"s{number}", b"%d" % number) for number in range(5000))
    assert all(ids.stands_for_another(f"s{number}", b"other") for number in range(5000))


def test_questions_alone_are_read_where_no_row_has_an_answer(tmp_path: Path) -> None:
    rows = [{"prompt": f"q{n}"} for n in range(HELD_BACK * 2)]
    reader = SampleReader(lines(tmp_path / "a.jsonl", rows))
    assert [prepared.sample.prompt for prepared in reader.read()] == [row["prompt"] for row in rows]


@pytest.mark.parametrize("before", [0, 1, HELD_BACK - 1, HELD_BACK + 5])
def test_texts_alone_among_labelled_ones_lack_their_label(tmp_path: Path, before: int) -> None:
    rows = [{"text": f"t{n}"} for n in range(before)] + [{"text": "x", "label": "l"}, {"text": "y"}]
    reader = SampleReader(lines(tmp_path / "a.jsonl", rows), read_options(skip_bad=True))
    read = len(list(reader.read()))
    waited = before if before < HELD_BACK else 0
    assert (read, reader.summary.skipped.total()) == (before - waited + 1, waited + 1)


def test_the_first_bad_row_ends_the_reading_unless_it_is_passed_over(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [QA, {"prompt": "Q?", "answer": ""}, QA])
    for skip_bad, advice in ((False, ", or pass --skip-bad"), (None, "")):
        with pytest.raises(UserError) as caught:
            list(SampleReader(path, read_options(skip_bad=skip_bad)).read())
        assert str(caught.value) == f"{path}:2: `answer` is blank: the question has no answer; mend the line{advice}"


def test_files_of_a_folder_are_read_as_what_their_names_say(tmp_path: Path) -> None:
    for name in ("train.jsonl", "validation.jsonl"):
        lines(tmp_path / name, [QA])
    found = [prepared.sample.split for reader in readers_of([str(tmp_path)], read_options()) for prepared in reader.read()]
    assert found == ["train", "validation"]


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("prompt", "'prompt' is not written PART=COLUMN"),
        ("promt=q", "no part 'promt', is prompt meant?"),
        ("colour=q", "no part 'colour'; parts are answer, chosen"),
        ("run_id=q", "no part 'run_id'"),
    ],
)
def test_a_mapping_that_is_none_is_named(written: str, says: str) -> None:
    with pytest.raises(UserError) as caught:
        Mapping(written)
    assert says in str(caught.value)


def test_a_path_that_leads_nowhere_leaves_the_part_out() -> None:
    mapping = Mapping("prompt=a.b,answer=c.0.d,label=e.5,text=f.g")
    assert mapping.applied({"a": {"b": 1}, "c": [{"d": 2}], "e": [1], "f": "x", "f.g": 3}) == {
        "prompt": 1, "answer": 2, "text": 3, "a": {"b": 1}, "c": [{"d": 2}], "e": [1], "f": "x",
    }  # fmt: skip


def test_the_formats_that_a_flag_may_name_are_those_there_are() -> None:
    assert list(SHAPES) == sorted(FORMATS)


def damaged(data: bytes, draw: random.Random) -> bytes:
    """Bytes lost, changed, doubled or put in."""
    whole = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(whole) + 1)
        kind = draw.randrange(5)
        if kind == 0:
            del whole[place : place + draw.randint(1, 8)]
        elif kind == 1:
            whole[place:place] = draw.choice(
                [b'"', b"{", b"}", b"[", b"]", b",", b"\n", b"\r", b"\x00", b"\xff", b"\\", b"null", b"\xed\xa0\x80"]
            )
        elif kind == 2:
            whole[place : place + 1] = bytes([draw.randrange(256)])
        elif kind == 3:
            whole[place:place] = whole[max(0, place - 30) : place]
        else:
            del whole[place:]
    return bytes(whole)


@pytest.mark.parametrize("seed", range(4))
def test_no_damage_is_a_crash(tmp_path: Path, seed: int) -> None:
    """Every file of the table, damaged: each row is read or named, and a file that is none is one line."""
    draw = random.Random(seed)
    for case in READ + REFUSED:
        if case.name.startswith("long."):
            continue
        path = write(case, tmp_path)
        path.write_bytes(damaged(path.read_bytes(), draw))
        reader = SampleReader(path, read_options(**{"skip_bad": True, **(case.options or {})}))
        told = ""
        try:
            for prepared in reader.read():
                assert prepared.sample.sample_id == prepared.sample_id
                assert prepared.value()
        except UserError as error:
            told = str(error)
        assert not told or (told.startswith(f"{path}: ") and "\n" not in told)
