"""What is trained next is on disk before it is trained, and a restart follows it."""

from __future__ import annotations

import contextlib
import errno
import os

import pytest

from schemas.errors import CheckpointError
from trainer_node.commit.journal import Journal, JournalEntry, read_entries


@pytest.fixture
def journal_of(tmp_path):
    """Journals in the test's folder, by epoch; closed at its end."""
    with contextlib.ExitStack() as stack:
        yield lambda epoch: stack.enter_context(contextlib.closing(Journal(tmp_path, epoch)))


def entry(step: int) -> JournalEntry:
    return JournalEntry(step, 1, "sft", 2, [("t.0", 0, step, f"s{step}"), ("t.1", 0, step + 7, 'a"\n b')])


def test_a_restart_gets_the_batches_chosen_since_its_checkpoint_in_order(tmp_path, journal_of):
    journal = journal_of(1)
    assert journal.take_over("start") == []
    journal.append(entry(1))
    journal.roll("c1")
    journal.append(entry(2))
    journal.append(entry(3))
    assert journal_of(2).take_over("c1") == [entry(2), entry(3)]
    assert journal_of(3).take_over("c1") == [entry(2), entry(3)], "a second crash before any step loses none"


def test_former_ids_are_kept_and_an_entry_without_any_is_written_as_before(tmp_path, journal_of):
    journal = journal_of(1)
    journal.take_over("start")
    entries = [entry(1), JournalEntry(2, 1, "sft", 2, [("t.0", 0, 2, "new")], {"old": "new"})]
    for one in entries:
        journal.append(one)
    assert journal_of(2).take_over("start") == entries
    assert [b"formers" in line for line in journal.path("start").read_bytes().splitlines()] == [False, True]


@pytest.mark.parametrize("cut", [1, 5, 30])
def test_a_torn_last_line_was_never_trained_and_is_dropped(tmp_path, journal_of, cut):
    journal = journal_of(1)
    journal.take_over("start")
    journal.append(entry(1))
    journal.append(entry(2))
    path = journal.path("start")
    path.write_bytes(path.read_bytes()[:-cut] if cut > 1 else path.read_bytes() + b'{"step": 3, "pass_num')
    assert read_entries(path) == ([entry(1), entry(2)] if cut == 1 else [entry(1)])


def test_what_is_appended_outlives_the_process_at_once_and_is_on_the_disk_after_a_sync(tmp_path, journal_of, disk):
    journal = journal_of(1)
    journal.take_over("start")
    journal.append(entry(1))
    path = journal.path("start")
    assert read_entries(path) == [entry(1)]
    journal.sync()
    assert disk.synced[path.name] == path.read_bytes()
    journal.append(entry(2))
    journal.close()
    assert disk.synced[path.name] == path.read_bytes()
    assert read_entries(path) == [entry(1), entry(2)]


def test_an_entry_is_one_line_of_json_without_spaces(tmp_path, journal_of):
    journal = journal_of(1)
    journal.take_over("start")
    journal.append(JournalEntry(1, 2, "sft", 3, [("t", 0, 4, "s")]))
    wanted = b'{"step":1,"pass_number":2,"objective":"sft","highest_band":3,"samples":[["t",0,4,"s"]]}\n'
    assert journal.path("start").read_bytes() == wanted


def test_a_journal_makes_its_folder(tmp_path):
    for epoch in (1, 2):
        journal = Journal(tmp_path / "runs" / "r" / "journal", epoch)
        journal.take_over("start")
        journal.close()
    assert len(list((tmp_path / "runs" / "r" / "journal").iterdir())) == 2


def test_a_file_that_another_process_deletes_at_the_same_moment_is_no_error(tmp_path, journal_of, monkeypatch):
    journal = journal_of(1)
    journal.take_over("start")
    journal.roll("c1")
    delete = os.unlink
    monkeypatch.setattr(os, "unlink", lambda path: (delete(path), delete(path)))
    journal.forget({"c1"})
    assert not journal.path("start").exists()


def test_a_file_is_there_on_the_disk_before_anything_is_appended_to_it(tmp_path, journal_of, disk):
    journal = journal_of(1)
    journal.take_over("start")
    assert disk.events == [
        ("sync", "after-start.e000001.staging"),
        ("rename", "after-start.e000001.staging", "after-start.e000001.jsonl"),
        ("sync", tmp_path.name),
    ]


@pytest.mark.parametrize("when", ["sync", "append", "roll", "close"])
def test_a_disk_that_does_not_take_an_entry_stops_whatever_comes_next(tmp_path, journal_of, monkeypatch, when):
    journal = journal_of(1)
    journal.take_over("start")

    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, "no")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", refuse)
        journal.append(entry(1))
        with pytest.raises(CheckpointError, match=r"the journal in .* could not be written: no; .* nothing is lost"):
            {"sync": journal.sync, "append": lambda: journal.append(entry(2)), "roll": lambda: journal.roll("c1"), "close": journal.close}[
                when
            ]()
    journal.sync()  # told once
    assert read_entries(journal.path("start")) == [entry(1)]


def test_a_batch_before_the_journal_knows_its_checkpoint_is_refused(journal_of):
    with pytest.raises(RuntimeError, match=r"^take_over\(\) comes before append\(\)$"):
        journal_of(1).append(entry(1))


def test_after_its_end_nothing_is_appended(journal_of):
    journal = journal_of(1)
    journal.take_over("start")
    journal.close()
    with pytest.raises(RuntimeError):
        journal.append(entry(1))


def test_of_several_earlier_epochs_the_latest_is_taken_over_and_other_checkpoints_are_not(tmp_path, journal_of):
    for epoch in (1, 2, 10):
        journal = journal_of(epoch)
        journal.take_over("start" if epoch == 1 else "c1")
        journal.append(entry(epoch))
    assert [each.step for each in journal_of(11).take_over("c1")] == [2, 10]
    assert [each.step for each in journal_of(12).take_over("start")] == [1]


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
    (tmp_path / "after-not-ours.jsonl").touch()
    journal.forget({"c2"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["after-c2.e000001.jsonl", "after-not-ours.jsonl"]
