"""A node's log: time with zone, level, node and run on each line, or JSON; INFO without being asked."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from pathlib import Path

import pytest

from cli import logs
from streams.supervisor import last_complaint


@pytest.fixture(autouse=True)
def _root_as_it_was(monkeypatch):
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    monkeypatch.setenv(logs.FORMAT_VARIABLE, "text")
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    for name in (*logs.OURS, *logs.LOUD):
        logging.getLogger(name).setLevel(logging.NOTSET)


def begin() -> None:
    """As in a process of its own: pytest's handlers are gone."""
    logging.getLogger().handlers[:] = []
    logs.set_up()


def test_a_line_has_time_with_zone_level_node_and_run(capsys):
    begin()
    logs.as_node("trainer", "run-7")
    logging.getLogger("trainer_node.x").info("step %d", 3)
    logging.getLogger("some_library").info("not worth a line")
    [line] = capsys.readouterr().err.splitlines()
    at, level, node, run, *message = line.split()
    assert datetime.fromisoformat(at).tzinfo is not None
    assert (level, node, run, message) == ("INFO", "trainer", "run-7:", ["step", "3"])


def test_json_is_a_document_a_line_and_a_supervisor_finds_the_complaint_in_it(capsys, monkeypatch, tmp_path: Path):
    monkeypatch.setenv(logs.FORMAT_VARIABLE, "json")
    begin()
    logs.as_node("curriculum", None)
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("streams").exception("it failed\x1b[2J")
    logs.tell("produced 3 samples")
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (first["level"], first["node"], first["run_id"], first["message"]) == ("ERROR", "curriculum", None, "it failed\x1b[2J")
    assert "two\nlines" in first["exception"]
    assert datetime.fromisoformat(first["time"]).tzinfo is not None
    assert (second["message"], second["level"]) == ("produced 3 samples", "INFO")
    log = tmp_path / "node.log"
    log.write_text("\n".join(json.dumps(record) for record in (first, second)))
    assert last_complaint(log) == "error: it failed\x1b[2J"


def test_other_commands_say_only_what_is_wrong(capsys):
    begin()
    logging.getLogger("streams.x").info("news")
    logging.getLogger("streams.x").warning("trouble")
    assert capsys.readouterr().err == "WARNING streams.x: trouble\n"
