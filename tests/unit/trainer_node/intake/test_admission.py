"""What becomes of a delivered record, and that its ledger row says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from schemas.errors import BadRecord, DeadLetterReason
from schemas.sample import Split, Task
from schemas.training_sample import Objective, TrainingSample
from streams.kafka.consumer import Record
from streams.kafka.dead_letters import Breaker
from trainer_node.commit.ledger import Ledger, LedgerRow, Outcome
from trainer_node.data.decoding import Decoded
from trainer_node.data.examples import Example
from trainer_node.intake.admission import Admission
from trainer_node.intake.backlog import Backlog
from trainer_node.intake.deduplication import Deduplicator
from trainer_node.intake.pacing import Pacing
from trainer_node.intake.standing import Cursor, Standing

SFT, PREFERENCE, PROMPT = Objective.SFT, Objective.PREFERENCE, Objective.PROMPT
TOPICS = {SFT: "sft.0", PREFERENCE: "preference.0", PROMPT: "prompt.0"}
EXAMPLE = Example([1, 2], [1, 2])
TOO_LONG = BadRecord(DeadLetterReason.TOO_LONG, "9 tokens")
UNTRAINABLE = BadRecord(DeadLetterReason.UNTRAINABLE, "nothing to learn")


@dataclass
class Letters:
    """Where dead letters go, without a broker."""

    stage: str = "trainer"
    breaker: Breaker | None = None
    put_aside: list[tuple[int, BadRecord, str | None]] = field(default_factory=list)

    def put_before_flush(self, record: Record, bad: BadRecord, sample_id: str | None = None) -> None:
        self.put_aside.append((record.offset, bad, sample_id))


class Gate:
    """An admission with all that it needs; records come to it one after another."""

    def __init__(self, folder: Path) -> None:
        self.cursor = Cursor([SFT, PREFERENCE])
        self.cursor.step = 7
        self.backlog, self.duplicates = Backlog(TOPICS.values(), 4), Deduplicator(100)
        self.letters, self.ledger = Letters(), Ledger(folder)
        objectives = {topic: objective for objective, topic in TOPICS.items()}
        self.admission = Admission(
            "mine",
            self.cursor,
            objectives,
            self.backlog,
            self.duplicates,
            self.letters,
            self.ledger,  # type: ignore[arg-type]
        )
        self.admission.positions.rewind({(topic, 0): 0 for topic in TOPICS.values()})
        self.offset = -1

    def admit(self, sample: TrainingSample | BadRecord, example: Any = EXAMPLE, topic: str = "sft.0", offset: int | None = None) -> Record:
        self.offset = self.offset + 1 if offset is None else offset
        record = Record(topic, 0, self.offset, None, b"", (), 0)
        self.admission.positions[(topic, 0)].delivered(self.offset)
        self.admission.admit(record, Decoded(sample, example))
        return record

    def rows(self) -> list[LedgerRow]:
        return list(self.ledger.rows())

    def outcomes(self) -> list[tuple[str, Outcome]]:
        return [(row.sample_id, row.outcome) for row in self.rows()]


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def sample_of(sample_id: str = "a", objective: Objective = SFT, **more: Any) -> TrainingSample:
    content = {"chosen": "a", "rejected": "b"} if objective is PREFERENCE else {"completion": "a"}
    return TrainingSample(sample_id=sample_id, objective=objective, task=Task.QA, band=0, **(content | more))


def test_a_sound_sample_waits_and_is_not_done(gate):
    record = gate.admit(sample_of())
    (waiting,) = gate.backlog["sft.0"]
    assert (waiting.record, waiting.sample, waiting.example) == (record, sample_of(), EXAMPLE)
    assert gate.rows() == []
    assert gate.admission.positions[("sft.0", 0)].pending == 1
    assert gate.duplicates.is_duplicate(SFT, "a", ("sft.0", 0, 9))


def test_a_sample_of_another_objective_waits_for_its_turn(gate):
    gate.admit(sample_of(objective=PREFERENCE), topic="preference.0")
    assert len(gate.backlog["preference.0"]) == 1


@pytest.mark.parametrize(("run_id", "outcome"), [("another", Outcome.FOREIGN), ("mine", None), (None, None)])
def test_a_sample_made_for_another_run_is_left_to_it(gate, run_id, outcome):
    gate.admit(sample_of(run_id=run_id))
    assert gate.outcomes() == ([("a", outcome)] if outcome else [])
    assert len(gate.backlog["sft.0"]) == (0 if outcome else 1)


def test_a_duplicate_is_done_and_its_row_says_where_it_was_and_when(gate):
    gate.admit(sample_of())
    gate.cursor.current.pass_number, gate.cursor.step = 3, 8
    gate.admit(sample_of())
    assert gate.rows() == [LedgerRow("sft.0", 0, 1, "a", Outcome.DUPLICATE, 3, 8)]
    assert len(gate.backlog["sft.0"]) == 1
    assert gate.admission.positions[("sft.0", 0)].pending == 1


def test_held_out_samples_are_kept_in_each_pass_and_only_a_second_one_in_the_first_pass_is_a_duplicate(gate):
    held_out = sample_of(split=Split.VALIDATION)
    gate.admit(held_out)
    gate.admit(held_out)
    gate.cursor.current.pass_number = 2
    gate.admit(sample_of(split=Split.VALIDATION, completion="in other words"))
    assert gate.outcomes() == [("a", Outcome.VALIDATION), ("a", Outcome.DUPLICATE), ("a", Outcome.VALIDATION)]
    assert gate.admission.held_out.validation["a"].completion == "in other words"
    assert not gate.backlog["sft.0"]
    gate.admit(sample_of())
    assert len(gate.backlog["sft.0"]) == 1, "what is held out is no repeat of what is trained on"


def test_a_held_out_sample_is_measured_once_also_under_the_id_it_had_before(gate):
    for made in (sample_of("old", split=Split.VALIDATION), sample_of("new", split=Split.VALIDATION, former_id="old")):
        gate.admit(made)
    gate.cursor.current.pass_number = 2
    gate.admit(sample_of("new", split=Split.VALIDATION, former_id="old"))
    assert gate.outcomes() == [("old", Outcome.VALIDATION), ("new", Outcome.DUPLICATE), ("new", Outcome.VALIDATION)]
    assert list(gate.admission.held_out.validation) == ["old"]


@pytest.mark.parametrize(
    ("trained", "split", "held_out"),
    [(SFT, Split.TRAIN, True), (SFT, Split.VALIDATION, True), (PROMPT, Split.VALIDATION, True), (PROMPT, Split.TRAIN, False)],
)
def test_prompts_are_held_out_unless_they_are_what_is_trained_on(gate, trained, split, held_out):
    if trained is PROMPT:
        gate.cursor.standings[PROMPT] = Standing(Pacing())
    gate.admit(sample_of(objective=PROMPT, split=split), topic="prompt.0")
    assert list(gate.admission.held_out.prompts) == (["a"] if held_out else [])
    assert list(gate.admission.held_out.validation) == []
    assert gate.outcomes() == ([("a", Outcome.PROMPT)] if held_out else [])


@pytest.mark.parametrize(
    ("objective", "split", "example", "outcome"),
    [
        (SFT, Split.TRAIN, TOO_LONG, Outcome.DEAD_LETTER),
        (SFT, Split.TRAIN, UNTRAINABLE, Outcome.DEAD_LETTER),
        (SFT, Split.VALIDATION, TOO_LONG, Outcome.DEAD_LETTER),
        (PROMPT, Split.TRAIN, UNTRAINABLE, Outcome.DEAD_LETTER),
        (PROMPT, Split.TRAIN, TOO_LONG, Outcome.PROMPT),
    ],
)
def test_what_can_be_neither_trained_on_nor_measured_by_is_a_dead_letter_and_a_long_prompt_is_asked(
    gate, objective, split, example, outcome
):
    gate.admit(sample_of(objective=objective, split=split), example, TOPICS[objective])
    assert gate.outcomes() == [("a", outcome)]
    assert gate.letters.put_aside == ([(0, example, "a")] if outcome is Outcome.DEAD_LETTER else [])


def test_a_record_that_is_no_sample_is_a_dead_letter_without_a_name(gate):
    bad = BadRecord(DeadLetterReason.BAD_JSON, "not JSON")
    gate.admit(bad, bad)
    assert gate.letters.put_aside == [(0, bad, None)]
    assert gate.rows() == [LedgerRow("sft.0", 0, 0, "", Outcome.DEAD_LETTER, 1, 7)]
    assert gate.admission.positions[("sft.0", 0)].pending == 0


def test_what_is_a_dead_letter_already_is_done_without_another(gate):
    bad = BadRecord(DeadLetterReason.BAD_JSON, "not JSON")
    gate.admit(bad, bad)
    gate.admission.positions.rewind({("sft.0", 0): 0})
    gate.admit(bad, bad, offset=0)
    assert len(gate.letters.put_aside) == len(gate.rows()) == 1
    assert gate.admission.positions[("sft.0", 0)].pending == 0
    gate.admit(sample_of(), offset=1)
    gate.admission.positions.rewind({("preference.0", 0): 0})
    gate.admit(sample_of(objective=PREFERENCE), topic="preference.0", offset=0)
    assert len(gate.backlog["preference.0"]) == 1, "only the position is meant, topic and all"


def test_what_a_killed_incarnation_has_sent_is_not_sent_or_counted_again_but_done(gate):
    def counted() -> float:
        return REGISTRY.get_sample_value("pelton_dead_letters_total", {"node": "trainer", "reason": "too_long"}) or 0.0

    gate.admission.already_sent = {("sft.0", 0, 0)}
    before = counted()
    gate.admit(sample_of(), TOO_LONG)
    assert (gate.letters.put_aside, counted()) == ([], before)
    assert gate.outcomes() == [("a", Outcome.DEAD_LETTER)]
    gate.admit(sample_of("b"), TOO_LONG)
    assert (gate.letters.put_aside, counted()) == ([(1, TOO_LONG, "b")], before + 1)


def test_sound_records_count_for_the_breaker_and_those_left_out_do_not(gate):
    counted: list[bool] = []

    class Counting(Breaker):
        def record(self, ok: bool, named: bool = False) -> None:
            counted.append(ok)

    gate.letters.breaker = Counting()
    gate.admit(sample_of())
    gate.admit(sample_of())
    gate.admit(sample_of("v", split=Split.VALIDATION))
    assert counted == [True]


def test_what_is_cut_and_then_trained_or_measured_by_is_counted_and_what_is_left_out_is_not(gate):
    def counted() -> float:
        return REGISTRY.get_sample_value("pelton_truncated_samples_total", {"run_id": "mine"}) or 0.0

    cut, before = Example([1], [1], truncated_from=9), counted()
    gate.admit(sample_of(), cut)
    gate.admit(sample_of("v", split=Split.VALIDATION), cut)
    assert counted() == before + 2
    gate.admit(sample_of(), cut)
    gate.admit(sample_of("p", objective=PROMPT), cut, "prompt.0")
    gate.admit(sample_of("f", run_id="another"), cut)
    assert counted() == before + 2


def test_what_was_changed_for_the_template_and_is_trained_is_counted_by_rule_and_told_of_at_first(gate, caplog):
    def counted(rule: str) -> float:
        return REGISTRY.get_sample_value("pelton_adapted_samples_total", {"run_id": "mine", "rule": rule}) or 0.0

    for number, rules in enumerate([("system_folded",), ("system_folded", "turns_merged"), ()]):
        gate.admit(sample_of(f"s{number}"), Example([1], [1], rules=rules))
    assert (counted("system_folded"), counted("turns_merged")) == (2.0, 1.0)
    told = [record.getMessage() for record in caplog.records if "chat template" in record.getMessage()]
    assert [text.split(", ")[0] for text in told] == [
        "sample s0 was changed for the model's chat template (system_folded)",
        "sample s1 was changed for the model's chat template (turns_merged)",
    ]


def test_a_run_begins_with_the_first_pass_and_no_step():
    cursor = Cursor([SFT, PREFERENCE])
    assert (cursor.objective, cursor.step, cursor.samples_trained) == (SFT, 0, 0)
    assert [cursor.pass_of(objective) for objective in (SFT, PREFERENCE, PROMPT)] == [1, 1, 1]


def test_a_sample_of_another_objective_is_a_dead_letter_and_never_in_a_batch(gate):
    gate.admit(sample_of(objective=PREFERENCE), topic="sft.0")
    gate.admit(sample_of(), topic="preference.0")
    assert [bad.reason for _, bad, _ in gate.letters.put_aside] == [DeadLetterReason.INVALID] * 2
    assert "objective is preference" in gate.letters.put_aside[0][1].detail
    assert not any(gate.backlog[topic] for topic in TOPICS.values())


class Marks:
    """What is to be left out."""

    def __init__(self) -> None:
        self.ids: set[str] = set()

    def __len__(self) -> int:
        return len(self.ids)

    def holds(self, *ids: str | None) -> bool:
        return bool(self.ids & set(ids))


def test_what_is_to_be_left_out_is_not_trained_nor_measured_by_and_the_ledger_says_so(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    marks = gate.admission.forgotten = Marks()  # type: ignore[assignment]
    gate.admit(sample_of("held", split=Split.VALIDATION))
    assert set(gate.admission.held_out.validation) == {"held"}
    marks.ids |= {"held", "a"}
    gate.admit(sample_of("a"))
    gate.admit(sample_of("variant", parent_id="a", run_id="mine"))
    gate.admit(sample_of("held", split=Split.VALIDATION))
    gate.admit(sample_of("b"))
    assert gate.admission.held_out.validation == {}
    assert [(row.sample_id, row.outcome) for row in gate.rows()][1:] == [(name, Outcome.FORGOTTEN) for name in ("a", "variant", "held")]
    assert len(gate.backlog["sft.0"]) == 1
