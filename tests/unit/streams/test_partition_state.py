import json

import pytest

from schemas.errors import BadRecord, ConfigError, DeadLetterReason
from streams.kafka.consumer import Record
from streams.kafka.settings import KafkaSettings
from streams.partition_state import PartitionStates


class Seen:
    """Remembers the offsets it was shown."""

    def __init__(self):
        self.offsets = []

    def observe_record(self, record):
        if record.value == b"bad":
            raise BadRecord(DeadLetterReason.INVALID, "bad")
        if record.value == b"bug":
            raise KeyError("whatever the live path dead-letters as a processing_error")
        self.offsets.append(record.offset)

    def to_json(self):
        return {"offsets": self.offsets}

    def restore(self, state):
        self.offsets = list(state["offsets"])


def record(offset, partition=0, timestamp=None, value=b"v"):
    return Record("t", partition, offset, None, value, (), offset if timestamp is None else timestamp)


class Log(PartitionStates):
    """A `PartitionStates` whose log is a list, so that no broker is needed."""

    def __init__(self, folder, log=(), group="g", topic_id=None):
        super().__init__(Seen, KafkaSettings(), group, folder, lambda: topic_id)
        self.log = list(log)
        self.reads = []

    def read_before(self, record, start):
        self.reads.append((record.partition, start, record.offset))
        return iter([earlier for earlier in self.log if start <= earlier.offset < record.offset])


def handle(states, records):
    for each in records:
        state, counted = states.before(each)
        if not counted:
            state.observe_record(each)
        states.advance(each)
    states.save()


def test_a_restart_goes_on_where_the_file_ends(tmp_path):
    handle(Log(tmp_path), [record(0), record(1)])
    again = Log(tmp_path)
    state, counted = again.before(record(2))
    assert (state.offsets, counted, again.reads) == ([0, 1], False, [])


def test_records_read_again_are_known_as_counted(tmp_path):
    handle(Log(tmp_path), [record(0), record(1), record(2)])
    again = Log(tmp_path)
    assert [again.before(record(offset))[1] for offset in (1, 2, 3)] == [True, True, False]


def test_a_state_that_was_not_saved_is_as_if_the_batch_had_not_been(tmp_path):
    first = Log(tmp_path)
    handle(first, [record(0)])
    first.before(record(1))[0].observe_record(record(1))
    first.advance(record(1))
    state, counted = Log(tmp_path).before(record(1))
    assert (state.offsets, counted) == ([0], False)


def test_without_a_file_the_log_is_read_again(tmp_path):
    states = Log(None, [record(n) for n in range(10)])
    assert states.before(record(7))[0].offsets == list(range(7))


def test_a_file_that_is_behind_is_completed_from_the_log(tmp_path):
    log = [record(n) for n in range(10)]
    handle(Log(tmp_path), log[:3])
    states = Log(tmp_path, log)
    assert states.before(record(6))[0].offsets == list(range(6))
    assert states.reads == [(0, 3, 6)]


def test_records_that_lie_in_the_dead_letters_are_passed_over(tmp_path):
    states = Log(None, [record(0), record(1, value=b"bad"), record(2, value=b"bug"), record(3)])
    assert states.before(record(4))[0].offsets == [0, 3]


def test_only_the_last_records_of_a_long_log_are_read_again(monkeypatch):
    monkeypatch.setattr("streams.partition_state.CATCH_UP", 4)
    states = Log(None, [record(n) for n in range(100)])
    assert states.before(record(50))[0].offsets == [46, 47, 48, 49]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', '{"format": 99, "group": "g", "topic": "t", "state": {}}'])
def test_a_torn_or_foreign_file_is_made_anew_from_the_log(tmp_path, content):
    first = Log(tmp_path)
    handle(first, [record(0)])
    (path,) = tmp_path.iterdir()
    path.write_text(content)
    assert Log(tmp_path, [record(0), record(1)]).before(record(2))[0].offsets == [0, 1]


def test_the_state_of_a_log_that_was_deleted_and_made_again_is_not_used(tmp_path):
    handle(Log(tmp_path), [record(n, timestamp=100 + n) for n in range(5)])
    states = Log(tmp_path)
    state, counted = states.before(record(0, timestamp=5000))
    assert (state.offsets, counted) == ([], False)


def test_the_state_of_a_topic_made_anew_is_told_by_its_id_and_not_by_a_clock_that_was_set_back(tmp_path):
    handle(Log(tmp_path, topic_id="one"), [record(n, timestamp=100 - n) for n in range(5)])
    same = Log(tmp_path, topic_id="one")
    assert same.before(record(2, timestamp=98)) == (same.before(record(5))[0], True)
    assert same.before(record(5, timestamp=1))[0].offsets == [0, 1, 2, 3, 4]
    other = Log(tmp_path, [record(n) for n in range(9)], topic_id="another")
    assert other.before(record(7))[0].offsets == list(range(7)), "it is longer, and is read from its own beginning"


def test_partitions_and_groups_have_files_of_their_own(tmp_path):
    states = Log(tmp_path)
    handle(states, [record(0), record(0, partition=1), record(1)])
    handle(Log(tmp_path, group="other/group"), [record(0)])
    assert len(list(tmp_path.iterdir())) == 3
    again = Log(tmp_path)
    assert again.before(record(2))[0].offsets == [0, 1]
    assert again.before(record(1, partition=1))[0].offsets == [0]


def test_after_a_rebalance_the_file_another_worker_wrote_is_used(tmp_path):
    mine = Log(tmp_path, [record(n) for n in range(9)])
    handle(mine, [record(0)])
    handle(Log(tmp_path), [record(1), record(2)])
    mine.forget()
    assert mine.before(record(3))[0].offsets == [0, 1, 2]


def test_a_file_is_replaced_whole(tmp_path):
    states = Log(tmp_path)
    handle(states, [record(0)])
    (path,) = tmp_path.iterdir()
    assert json.loads(path.read_text())["next_offset"] == 1
    assert not list(tmp_path.glob("*.tmp"))


def test_a_folder_that_cannot_be_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="state folder"):
        Log(tmp_path / "file" / "x")


def test_a_record_that_is_passed_over_live_is_in_the_state_as_it_is_when_the_log_is_read_again():
    log = [record(0), record(1), record(2, value=b"bad"), record(3)]
    live = Log(None)
    for each in log:
        live.before(each)
        live.count(each)
        live.advance(each)
        live.count(each)  # it is read again, after a crash
    assert live.before(record(4))[0].offsets == Log(None, log).before(record(4))[0].offsets == [0, 1, 3]
