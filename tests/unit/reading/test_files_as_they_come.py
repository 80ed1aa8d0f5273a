"""Files as producers have them: what shape each has, what its rows become, which are refused and in what words."""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
from pathlib import Path
from typing import Any

import pytest
import zstandard

from cli.sample_reader import SampleReader, read_options
from schemas.errors import UserError
from tests.models.files import LINES, READ, REFUSED, Case, write


def check(case: Case, folder: Path) -> None:
    path = write(case, folder)
    reader = SampleReader(path, read_options(**{"skip_bad": True, **(case.options or {})}))
    found = [prepared.sample for prepared in reader.read()]
    summary = reader.summary
    assert summary.as_dict()["skipped"] == (case.skipped or {}), summary.examples
    assert summary.shape == case.shape
    assert len(found) == (case.rows if isinstance(case.rows, int) else len(case.rows)) == summary.read
    for sample, wanted in zip(found, [] if isinstance(case.rows, int) else case.rows, strict=False):
        made = sample.model_dump(exclude_none=True)
        if "messages" in wanted:  # of each turn, what is said of it
            made["messages"] = [{key: turn.get(key) for key in of} for turn, of in zip(made["messages"], wanted["messages"], strict=True)]
        assert {field: made.get(field) for field in wanted} == wanted
    assert case.tasks is None or dict(summary.by_task) == case.tasks
    if case.says:
        assert case.says in next(iter(summary.examples.values()))[0]


@pytest.mark.parametrize("case", READ, ids=lambda case: case.name)
def test_a_common_file_is_read_for_what_it_is(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_row_that_cannot_be_used_is_named_and_costs_no_other(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("no.csv", b"", "empty; a CSV file starts with a line of column names"),
        ("twice.csv", b"prompt,prompt\nq,a\n", "column 'prompt' stands twice"),
        ("book.xlsx", b"PK\x03\x04....", "a workbook of Excel"),
        ("data.pkl", b"\x80\x04\x95....", "a Python pickle, which is never opened"),
        ("rows.jsonl", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a pointer of Git LFS"),
        ("page.json", b"<!DOCTYPE html><html>", "a page of HTML"),
        (
            "elements.xml",
            b'<?xml version="1.0"?>\n<list id="chemical-element-data" xmlns="http://www.xml-cml.org/schema"/>',
            ": XML",
        ),  # bodr's
        ("book.txt", b"Once upon a time.\nThere was a wheel.\n", "plain text goes into rows"),
        ("wide.jsonl", LINES.encode("utf-16-le"), "UTF-16 without a byte order mark; name it with --encoding"),
        ("columns.parquet", b"PAR1" + bytes(60) + b"PAR1", "Parquet that cannot be read"),
        ("twice.jsonl.gz", gzip.compress(gzip.compress(LINES.encode(), mtime=0), mtime=0), "packed twice"),
        ("set.tar.gz", gzip.compress(bytes(257) + b"ustar" + bytes(250), mtime=0), "a tar archive"),
    ],
)
def test_a_file_that_is_none_of_rows_says_what_it_is(name: str, content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=says) as caught:
        list(SampleReader(tmp_path / name, read_options(skip_bad=True)).read())
    assert str(caught.value).startswith(f"{tmp_path / name}: ")


@pytest.mark.parametrize(("pack", "suffix"), [(gzip.compress, "gz"), (zstandard.compress, "zst"), (lzma.compress, "xz")])
def test_of_a_torn_packed_file_what_is_whole_is_read_and_the_rest_is_named(pack: Any, suffix: str, tmp_path: Path) -> None:
    rows = "".join(json.dumps({"text": hashlib.sha256(str(number).encode()).hexdigest()}) + "\n" for number in range(20_000))
    path = tmp_path / f"rows.jsonl.{suffix}"
    path.write_bytes(pack(rows.encode())[:-50_000])
    reader = SampleReader(path, read_options(skip_bad=True))
    found = [prepared.sample.text for prepared in reader.read()]
    assert found == [json.loads(row)["text"] for row in rows.splitlines()[: len(found)]]
    assert len(found) > 10_000
    assert reader.summary.as_dict()["skipped"]["bad_file"] == 1


def test_a_small_file_that_is_torn_gives_what_is_whole(tmp_path: Path) -> None:
    whole = gzip.compress(LINES.encode() * 400, compresslevel=0)
    (tmp_path / "rows.gz").write_bytes(whole[: len(whole) // 2])
    reader = SampleReader(tmp_path / "rows.gz", read_options(skip_bad=True))
    assert len(list(reader.read())) > 300
    assert reader.summary.as_dict()["skipped"]["bad_file"] == 1


def test_a_bomb_is_refused_while_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.jsonl.zst"
    packer = zstandard.ZstdCompressor().compressobj()
    path.write_bytes(b"".join([packer.compress(bytes(1 << 20)) for _ in range(300)]) + packer.flush())
    reader = SampleReader(path, read_options(skip_bad=True))
    assert list(reader.read()) == []
    assert "decompression bomb" in str(reader.summary.examples)
