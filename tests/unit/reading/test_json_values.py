"""JSON of any size is read a value at a time: across blocks, beyond broken values, with the line each begins on."""

from __future__ import annotations

import io
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reading.blocks import Block
from reading.json_text import SHORT, count_quotes, count_strings, parse, parse_many
from reading.json_values import BLOCK, JsonValues
from reading.lines import MAX_ROW, bounded_lines
from reading.refusal import Refuse, Refused, Skip


class Dripping(io.BytesIO):
    """A stream that gives few bytes at once, as a pipe may."""

    def read1(self, size: int | None = -1) -> bytes:
        return super().read1(random.Random(self.tell()).randint(1, 5))


def read(stream: io.BytesIO, refuse: Refuse) -> list[tuple[int, object]]:
    found: list[tuple[int, object]] = []
    for one in JsonValues(stream, refuse):
        if isinstance(one, Block):
            found += [(one.line(place), value) for place, value in enumerate(one.values)]
        else:
            found.append((one[0], json.loads(one[1])))
    return found


def values(text: str | bytes) -> tuple[list[tuple[int, object]], list[tuple[int, Skip]]]:
    refused: list[tuple[int, Skip]] = []
    data = text.encode() if isinstance(text, str) else text
    return read(io.BytesIO(data), lambda line, reason, _: refused.append((line, reason))), refused


ROWS = [{"prompt": f'q{n} }}{{ \\ " é 漢 ', "n": [n, {"a": -1.5e3}]} for n in range(7)]


@pytest.mark.parametrize("indent", [None, 0, 3])
@pytest.mark.parametrize("around", ["array", "object", "joined"])
def test_values_are_whole_however_few_bytes_come_at_once(indent: int | None, around: str) -> None:
    whole = {"array": ROWS, "object": {"v": [1, {"data": []}], "data": ROWS, "end": {"x": "]"}}}
    text = "\n\n".join(json.dumps(row, indent=indent) for row in ROWS) if around == "joined" else json.dumps(whole[around], indent=indent)
    for stream in (Dripping(text.encode()), io.BytesIO(text.encode())):
        assert [value for _, value in read(stream, lambda *told: pytest.fail(str(told)))] == ROWS


def test_lines_are_counted_through_blocks() -> None:
    padding = "\n" * BLOCK
    found, _ = values('[{"a": 1},' + padding + '{"a": 2},\n{"a":\n 3},{"a": 4}]')
    assert [line for line, _ in found] == [1, BLOCK + 1, BLOCK + 2, BLOCK + 3]


def test_a_list_of_any_size_within_an_object_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reading.json_values.MAX_ROW", 1000)
    found, refused = values(json.dumps({"about": "x" * 100, "data": [{"text": "t" * 100, "n": n} for n in range(5000)]}))
    assert (len(found), refused) == (5000, [])


def test_a_value_too_long_to_be_a_row_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reading.json_values.MAX_ROW", 1000)
    long = json.dumps({"a": "x" * 3 * BLOCK})
    found, refused = values(f'[{{"a": 1}},\n{long},\n{{"a": 2}}]')
    assert [value for _, value in found] == [{"a": 1}, {"a": 2}]
    assert refused == [(2, Skip.TOO_LARGE)]


@pytest.mark.parametrize(
    ("text", "good", "bad"),
    [
        ('[{"a": 1}, {"a": 2} {"a": 3}]', 3, 0),  # a comma is missing, and nothing with it
        ('[{"a": 1}, {"a": }, {"a": 3}]', 2, 1),
        ('[{"a": 1}, {"a": "x}, {"a": 3}, {"a": 4}]', 3, 1),
        ('[{"a": 1}, {"a": {"b": [1, 2}}, {"a": 3}]', 2, 1),
        ('[{"a": 1}, ,, {"a": 3},]', 2, 0),
        ('[{"a": 1}, {"a": 2', 1, 2),
        ('{"a": 1}\n{"b": 2}\ngarbage\n{"a": 3}', 3, 1),
        ("[" * 5000, 0, 2),
        ('{"data": [{"a": 1}, {"a": 2}', 2, 2),
        ('{"v": 1, "data": [{"a": 1}, {"a": }, {"a": 2}], "end": 3}', 2, 1),
    ],
)
def test_what_is_broken_costs_itself_alone(text: str, good: int, bad: int) -> None:
    found, refused = values(text)
    assert (len(found), len(refused)) == (good, bad)


PADDING = [{"b": "x" * SHORT}]


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        '{"a" : 1, "a":2}',
        '{"a" \n : 1, "a"\t:2}',
        '{"x":[{"a":1,"b":2,"a":3}]}',
        '{"x":{"y":{"a":1,"a":1}}}',
        '{"t":"\\":","a":1,"a":2}',
        '{"t":"\\\\\\":","a":1,"a":2}',
        '{"t\\\\":"\\":","a":1,"a":2}',
        '{"t":[[{"a":1,"a":2}], "\\" :"]}',
    ],
)
def test_a_key_that_stands_twice_is_seen_wherever_it_is(text: str) -> None:
    with pytest.raises(Refused, match="the key 'a' stands twice"):
        parse(text.encode())
    with pytest.raises(Refused, match="the key 'a' stands twice"):
        parse(f'{{"p":{json.dumps(PADDING)},{text[1:]}'.encode())
    assert parse_many(f"[{text},{json.dumps(PADDING[0])}]".encode()) is None


@pytest.mark.parametrize(
    "row",
    [
        {"a": '":"', "b": ' : {"a":1}'},
        {"a": [{"role": '"a":', "content": "{["}, {"role": "x", "content": "y :"}]},
        {"a": [[{"b": 1}], {}], "c\\": {"d\\\\": "\\"}},
        {'"a" :': '"', '\\"a" \\" :': '\\" :'},
        {"arguments": json.dumps({"city": "Rome", "of": json.dumps({"a": 1})})},
    ],
)
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" , ", " : "), (",\n", "\n:\t")])
def test_texts_that_look_like_keys_are_none(row: dict[str, object], separators: tuple[str, str]) -> None:
    for one in (row, {**row, "p": PADDING}):
        text = json.dumps(one, separators=separators).encode()
        assert parse(text) == one
        assert parse_many(b"[%b]" % b",".join([text] * 3)) == [one] * 3
        assert count_quotes(text) == 2 * count_strings([one])


@given(
    row=st.dictionaries(
        st.text('a"\\: \n'), st.recursive(st.text('b"\\: {['), lambda one: st.lists(one) | st.dictionaries(st.text('c":\\ '), one))
    ),
    separators=st.sampled_from([(",", ":"), (", ", " : ")]),
)
@settings(max_examples=60, deadline=None)
def test_texts_are_counted_as_they_are_written(row: dict[str, object], separators: tuple[str, str]) -> None:
    for one in (row, {**row, "p": PADDING}):
        text = json.dumps(one, separators=separators).encode()
        assert count_quotes(text) == 2 * count_strings([one])
        assert parse(text) == one


@pytest.mark.parametrize("length", [1, 10_000])
def test_a_key_that_stands_twice_is_seen_in_short_texts_and_where_quotes_are_rare(length: int) -> None:
    good, twice = (f'{{"text": "{"x" * length}"{more}}}'.encode() for more in ("", f', "text": "{"y" * length}"'))
    assert parse_many(b"[%b]" % b",".join([good] * 3)) == [parse(good)] * 3
    assert parse_many(b"[%b]" % b",".join([good, twice, good])) is None


def test_a_line_without_end_is_refused_not_loaded() -> None:
    lines = list(bounded_lines(io.BytesIO(b"x" * 1000 + b"\nnext\n"), limit=10))
    assert [len(line) for line in lines] == [12, 4]
    stream = io.BytesIO(b'{"a": "' + b"x" * (MAX_ROW + BLOCK * 3) + b'"}\nlast')
    assert [len(line) for line in bounded_lines(stream)] == [MAX_ROW + 2, 4]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_lines_end_as_each_system_ends_them_also_between_blocks(end: bytes) -> None:
    class OneByOne(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            return super().read1(1)

    assert list(bounded_lines(OneByOne(end.join([b"a", b"b", b"", b"c"])))) == [b"a", b"b", b"", b"c"]
