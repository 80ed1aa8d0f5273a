"""What is trained next is on disk before it is trained, and a restart follows it."""

from __future__ import annotations

import contextlib

import pytest

from trainer_node.commit.journal import Journal, JournalEntry, read_entries


@pytest.fixture
def journal_of(tmp_path):
    """Journals in the test's folder, by epoch; closed at its end."""
    with contextlib.ExitStack() as stack:
        yield lambda epoch: stack.enter_context(contextlib.closing(Journal(tmp_path, epoch)))


def entry(step: int) -> JournalEntry:
    return JournalEntry(step, 1, "sft", 2, [("t.0", 0, step, f"s{step}"), ("t.1", 0, step + 7, 'a"\n')])


def test_a_restart_gets_the_batches_chosen_since_its_checkpoint_in_order(tmp_path, journal_of):
    journal = journal_of(1)
    assert journal.take_over("start") == []
    journal.append(entry(1))
    journal.roll("c1")
    journal.append(entry(2))
    journal.append(entry(3))
    assert journal_of(2).take_over("c1") == [entry(2), entry(3)]
    assert journal_of(3).take_over("c1") == [entry(2), entry(3)], "a second crash before any step loses none"


@pytest.mark.parametrize("cut", [1, 5, 30])
def test_a_torn_last_line_was_never_trained_and_is_dropped(tmp_path, journal_of, cut):
    journal = journal_of(1)
    journal.take_over("start")
    journal.append(entry(1))
    journal.append(entry(2))
    path = journal.path("start")
    path.write_bytes(path.read_bytes()[:-cut] if cut > 1 else path.read_bytes() + b'{"step": 3, "pass_num')
    assert read_entries(path) == ([entry(1), entry(2)] if cut == 1 else [entry(1)])


def test_killed_while_copying_the_next_restart_still_finds_all_of_them(tmp_path, journal_of):
    journal = journal_of(1)
    journal.take_over("start")
    journal.append(entry(1))
    journal_of(2).path("start").with_suffix(".staging").write_bytes(b'{"step":')
    assert journal_of(3).take_over("start") == [entry(1)]


def test_what_a_fenced_writer_appends_late_is_not_read_again(tmp_path, journal_of):
    zombie = journal_of(1)
    zombie.take_over("start")
    zombie.append(entry(1))
    successor = journal_of(2)
    successor.take_over("start")
    zombie.append(entry(99))
    successor.append(entry(2))
    assert journal_of(3).take_over("start") == [entry(1), entry(2)]


def test_files_of_checkpoints_that_are_gone_go_too(tmp_path, journal_of):
    journal = journal_of(1)
    journal.take_over("start")
    journal.roll("c1")
    journal.roll("c2")
    journal.forget({"c2"})
    assert [path.name for path in tmp_path.iterdir()] == ["after-c2.e000001.jsonl"]
