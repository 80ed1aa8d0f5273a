"""Nothing that a producer writes is obeyed by a terminal, ends a line of a log, or is read as something else: one place escapes."""

from __future__ import annotations

import ast
import json
import logging
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cli import main, trace
from cli.terminal import OneLine, say, styled
from reports.page import ReportData, render
from schemas.printable import escaped, shown_id
from streams.kafka.consumer import Record
from streams.kafka.sources import source_of

REPOSITORY = Path(__file__).parents[3]
HOSTILE = {
    "escape sequence": "\x1b[2J\x1b[31mred\x1b[0m",
    "window title": "\x1b]0;title\x07",
    "c1 control": "\x9b31m",
    "backspace": "approved\x08\x08rejected",
    "carriage return": "bad\rgood",
    "bidi override": "\u202egnp.exe",
    "isolate": "\u2066a\u2069",
    "zero width": "ad\u200bmin",
    "tags": "x\U000e0041\U000e0042",
    "line separator": "a\u2028b",
    "half a pair": "\ud800",
    "delete": "\x7f",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_not_seen_or_would_be_obeyed_is_shown_as_json_writes_it(name: str) -> None:
    text = HOSTILE[name]
    shown = escaped(text)
    assert shown.isprintable(), shown
    assert json.loads(f'"{shown}"') == text
    assert escaped(json.dumps(text, ensure_ascii=False)).isprintable()


@pytest.mark.parametrize("text", ["Zürich", "東京", "العربية", "👩\u200d🚒", "می\u200cخواهم", "é"])
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert escaped(text) == text


def test_a_text_of_several_lines_keeps_its_lines_and_nothing_else() -> None:
    assert escaped("a\n\tb\x1b", lines=True) == "a\n\tb\\u001b"
    assert escaped("a\nb") == "a\\nb"


def test_a_huge_id_is_cut() -> None:
    assert len(shown_id("x" * 1_000_000)) < 250


def say_hostile() -> click.Command:
    @click.command()
    def command() -> None:
        for text in HOSTILE.values():
            say("id ", styled(text, bold=True), f": {text}", fg="yellow")

    return command


def test_a_command_says_it_on_one_line_each() -> None:
    lines = CliRunner().invoke(say_hostile(), color=False).output.splitlines()
    assert len(lines) == len(HOSTILE)
    assert all(line.isprintable() for line in lines)


def test_no_command_writes_to_the_terminal_but_through_the_one_place() -> None:
    """The calls themselves: whatever is added later is escaped, too."""
    found = [
        f"{path.name}:{node.lineno}"
        for path in sorted((REPOSITORY / "cli").glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("click.echo", "click.secho", "print")
    ]
    assert [place.split(":")[0] for place in found] == ["terminal.py"], found


def test_a_record_of_a_log_is_one_line_also_with_a_traceback() -> None:
    try:
        raise ValueError(HOSTILE["escape sequence"] + "\nINFO forged: a line of its own")
    except ValueError as error:
        record = logging.LogRecord(
            "n", logging.WARNING, "f", 1, "dead letter %s", ("x\nCRITICAL forged: \x1b[0m",), (type(error), error, None)
        )
    first, *below = OneLine("%(levelname)s %(message)s").format(record).splitlines()
    assert first == "WARNING dead letter x\\nCRITICAL forged: \\u001b[0m"
    assert below
    assert all(line.isprintable() for line in below)


def test_an_error_is_one_line_whatever_it_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main.fail("no sample \x1b[2J\u202ex\nnext", 2)
    assert capsys.readouterr().err == "error: no sample \\u001b[2J\\u202ex next\n"


def test_a_source_that_becomes_a_label_a_header_and_a_line_is_escaped() -> None:
    header = Record("t", 0, 0, None, b"", (("producer", "a\x1b[2J\nb\u202e".encode()),), 0)
    key = Record("t", 0, 0, "a\x1b[2J\u202e:17".encode(), b"", (), 0)
    for record in (header, key):
        assert (source_of(record) or "").isprintable()


def test_a_trace_tells_what_topics_hold_without_obeying_it() -> None:
    story = {name: [] for name in ("received", "banded", "waiting", "trained", "skipped", "losses", "variants", "models", "dead_letters")}
    story |= {"sample_id": HOSTILE["escape sequence"], "found": True, "checkpoints": ["../../etc\x1b[0m"]}
    story["variants"] = [{"sample_id": "a\nb", "origin": HOSTILE["bidi override"], "position": "t:0:0"}]

    @click.command()
    def command() -> None:
        for line in trace.as_text(story):
            say(line)

    lines = CliRunner().invoke(command).output.splitlines()
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)


def test_a_page_shows_html_as_text_and_no_turned_order() -> None:
    page = render(ReportData(title="<script>alert(1)</script>\u202eevil", environment={"<b>": "<img src=x onerror=y>\x1b"}))
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
    assert "\\u202e" in page
    assert "\x1b" not in page
