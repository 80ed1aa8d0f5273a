"""What a file is, by what stands in it; its name is a hint where that leaves a doubt."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import orjson

from reading.csv_dialect import find_dialect
from reading.json_values import list_within
from reading.opening import HEAD, PACKED_SUFFIXES
from schemas.errors import UserError


class Format(StrEnum):
    """How rows are written down."""

    JSON_LINES = "JSON Lines"
    JSON_VALUES = "JSON"
    """An array, an object around a list, objects over many lines."""
    CSV = "CSV"
    """With any separator."""
    PARQUET = "Parquet"
    ARROW = "Arrow"
    """File, stream or Feather."""
    EMPTY = "empty"


COLUMNAR = {b"PAR1": Format.PARQUET, b"ARROW1": Format.ARROW, b"\xff\xff\xff\xff": Format.ARROW}
OTHERS = {
    b"PK\x03\x04": "a zip archive, or a workbook of Excel: unzip it, or save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old workbook of Excel: save the sheet as CSV",
    b"SQLite format 3": "an SQLite data base: export the table as CSV",
    b"ORC": "an ORC file: write it as Parquet",
    b"FEA1": "a Feather file of version 1: write it anew, as version 2 or as Parquet",
    b"Obj\x01": "an Avro file: write it as Parquet or JSON Lines",
    b"\x93NUMPY": "an array of numpy",
    b"\x80\x02": "a Python pickle, which is never opened: write it as JSON Lines",
    b"\x80\x03": "a Python pickle, which is never opened: write it as JSON Lines",
    b"\x80\x04": "a Python pickle, which is never opened: write it as JSON Lines",
    b"\x80\x05": "a Python pickle, which is never opened: write it as JSON Lines",
    b"%PDF": "a PDF",
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself: run `git lfs pull`",
    b"<!DOCTYPE": "a page of HTML, perhaps of an error or a login: download the file itself",
    b"<!doctype": "a page of HTML, perhaps of an error or a login: download the file itself",
    b"<html": "a page of HTML, perhaps of an error or a login: download the file itself",
    b"<?xml": "XML",
}
JSON_SUFFIXES = frozenset({".json", ".jsonl", ".ndjson", ".jsonlines"})
TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".tab"})
SUFFIXES = JSON_SUFFIXES | TABLE_SUFFIXES | {".parquet", ".arrow", ".feather", ".ipc"}
"""Names of files of rows; what packs one adds its own, as in `rows.jsonl.gz`."""


def suffix_of(path: Path) -> str:
    """The ending that says the format: that before the packer's."""
    suffix = path.suffix.lower()
    return Path(path.stem).suffix.lower() if suffix in PACKED_SUFFIXES else suffix


def binary_format(path: Path, head: bytes) -> Format | None:
    """The format of a file that is not text; None for text.

    Raises:
        UserError: it is of a kind that holds no rows, or is not read here.
    """
    for magic, found in COLUMNAR.items():
        if head.startswith(magic):
            return found
    for magic, what in OTHERS.items():
        if head.startswith(magic):
            raise UserError(f"{path}: {what}")
    if head[257:262] == b"ustar":
        raise UserError(f"{path}: a tar archive: unpack it, and name the files or the folder")
    return None


def text_format(path: Path, head: bytes) -> Format:
    """The format of a text by its beginning, in UTF-8.

    Raises:
        UserError: it is neither JSON nor a table.
    """
    start = head.lstrip()
    if not start:
        return Format.EMPTY
    suffix = suffix_of(path)
    if start[:1] in b"{[":
        return _json_format(start)
    if suffix in TABLE_SUFFIXES:
        return Format.CSV
    has_object = any(line.lstrip().startswith(b"{") for line in start.split(b"\n")[:50])
    if not has_object and _is_table(head):
        return Format.CSV
    if suffix and suffix not in JSON_SUFFIXES and not has_object:
        raise UserError(f'{path}: neither JSON nor a table; plain text goes into rows, a document in each: {{"text": …}}')
    return Format.JSON_LINES  # whose bad lines are named


def _is_table(head: bytes) -> bool:
    """Whether the beginning divides into equal rows of two cells or more."""
    return find_dialect(head.decode(errors="replace")).columns > 1


def _json_format(start: bytes) -> Format:
    """JSON Lines, or values that do not end with their lines."""
    lines = start.replace(b"\r", b"\n").split(b"\n", 50)
    first = lines[0].strip()
    following = [line for line in lines[1:50] if line.strip()]
    if len(lines) == 1 and len(start) >= HEAD // 2:
        return Format.JSON_VALUES
    try:
        value = orjson.loads(first)
    except orjson.JSONDecodeError:
        if first.startswith(b"[") or first.endswith((b"{", b"[", b",", b":")):
            return Format.JSON_VALUES
        return Format.JSON_LINES if not following or any(line.startswith(b"{") for line in following) else Format.JSON_VALUES
    if isinstance(value, list):
        return Format.JSON_LINES if following and following[0].lstrip()[:1] == b"[" else Format.JSON_VALUES
    is_one = not any(line.lstrip().startswith(b"{") for line in following)
    return Format.JSON_VALUES if is_one and list_within(value) else Format.JSON_LINES
