"""What becomes of a delivered record: it waits to be chosen, is held out, is left out with a reason, or becomes a dead letter.

Whatever is not to be trained on is done at once, with a row in the ledger that says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from schemas.errors import BadRecord, DeadLetterReason
from schemas.sample import Split
from schemas.training_sample import Objective, TrainingSample
from streams import metrics
from streams.kafka.consumer import Record
from streams.kafka.dead_letters import Breaker, DeadLetterWriter
from streams.kafka.forgotten import ForgottenIds
from streams.recent_ids import RecentIds
from trainer_node.commit.ledger import Ledger, LedgerRow, Outcome
from trainer_node.commit.positions import Positions, RecordPosition
from trainer_node.data.batch import WaitingSample
from trainer_node.data.decoding import Decoded
from trainer_node.data.examples import AnyExample
from trainer_node.intake.backlog import Backlog
from trainer_node.intake.deduplication import Deduplicator
from trainer_node.intake.held_out import HeldOut
from trainer_node.intake.standing import Cursor
from trainer_node.intake.truncation import Truncations


class Admission:
    """Takes delivered records, one at a time, on the training thread."""

    def __init__(
        self,
        run_id: str,
        cursor: Cursor,
        objectives: Mapping[str, Objective],
        backlog: Backlog,
        duplicates: Deduplicator,
        dead_letters: DeadLetterWriter,
        ledger: Ledger,
        dead_letters_kept: int = 100_000,
    ) -> None:
        """`objectives`: band topic -> what its samples are trained for; `dead_letters_kept`: for passes to come, none where none come."""
        self._run_id = run_id
        self._cursor = cursor
        self._objectives = objectives
        self._backlog = backlog
        self._duplicates = duplicates
        self._dead_letters = dead_letters
        self._ledger = ledger
        self._truncations = Truncations(run_id)
        self.positions = Positions({})
        self.held_out = HeldOut()
        self.outcomes: Counter[str] = Counter()
        """What became of records since this process began."""
        self.variants_trained = 0
        """Of those trained."""
        self.dead_lettered: RecentIds[RecordPosition] = RecentIds(dead_letters_kept)
        """Records that an earlier pass has dead-lettered: they are done. Those of a long time ago would be dead-lettered once more."""
        self.forgotten: ForgottenIds | None = None
        """Samples that are to be left out."""
        self._forgotten_count = 0
        self.already_sent: set[RecordPosition] = set()
        """Dead letters that a killed incarnation has sent since the checkpoint: not to be sent again."""

    @property
    def breaker(self) -> Breaker | None:
        """What stops the node where all records are bad."""
        return self._dead_letters.breaker

    def admit(self, record: Record, content: Decoded) -> None:
        """Decide on one record."""
        self._forget_held_out()
        sample, position = content.sample, (record.topic, record.partition, record.offset)
        if position in self.dead_lettered:
            self.positions[(record.topic, record.partition)].done(record.offset)
            return
        if isinstance(sample, BadRecord):
            self.dead_letter(record, sample, None)
            return
        if sample.objective is not (wanted := self._objectives[record.topic]):  # whoever wrote it here is none of our curriculum workers
            why = f"its objective is {sample.objective.value}, and this topic is for {wanted.value}"
            self.dead_letter(record, BadRecord(DeadLetterReason.INVALID, why), sample.sample_id)
            return
        try:
            outcome = self._not_trained(sample, position, content.example)
            if outcome in (None, Outcome.VALIDATION):
                self._truncations.note(sample.sample_id, content.example)
            if outcome is not None:
                self.done(record, sample.sample_id, outcome, self._cursor.step)
                return
            waiting = WaitingSample(record, sample, _sound(content.example))
        except BadRecord as bad:
            self.dead_letter(record, bad, sample.sample_id)
            return
        if self._dead_letters.breaker is not None:
            self._dead_letters.breaker.record(ok=True)
        self.held_out.see(sample)
        self._backlog.add(waiting)
        self._duplicates.wait(sample.objective, sample.sample_id, sample.former_id)

    def _not_trained(self, sample: TrainingSample, position: RecordPosition, example: AnyExample | BadRecord) -> Outcome | None:
        """Why a sample is not trained on, or None.

        Raises:
            BadRecord: it is to be held out, and cannot be measured by.
        """
        if self.forgotten is not None and self.forgotten.holds(sample.sample_id, sample.former_id, sample.parent_id):
            return Outcome.FORGOTTEN
        if sample.run_id is not None and sample.run_id != self._run_id:
            return Outcome.FOREIGN
        prompts_are_trained = self._cursor.trains(Objective.PROMPT)
        if sample.objective is Objective.PROMPT and (not prompts_are_trained or sample.split is Split.VALIDATION):
            if isinstance(example, BadRecord) and example.reason is DeadLetterReason.UNTRAINABLE:
                raise example  # it cannot be asked; one that is too long to be trained on can
            return self._hold_out(sample, self.held_out.prompts, Outcome.PROMPT)
        if sample.split is Split.VALIDATION:
            _sound(example)  # a bad one is a dead letter, not the end of the evaluation
            self.held_out.see(sample)
            return self._hold_out(sample, self.held_out.validation, Outcome.VALIDATION)
        is_duplicate = self._duplicates.is_duplicate(sample.objective, sample.sample_id, position, sample.former_id)
        return Outcome.DUPLICATE if is_duplicate else None

    def _forget_held_out(self) -> None:
        """Measure no more by what is to be left out since the last record."""
        if self.forgotten is None or len(self.forgotten) == self._forgotten_count:
            return
        self._forgotten_count = len(self.forgotten)
        for store in (self.held_out.validation, self.held_out.prompts):
            for sample_id in [name for name, sample in store.items() if self.forgotten.holds(name, sample.parent_id)]:
                del store[sample_id]

    def _hold_out(self, sample: TrainingSample, store: dict[str, TrainingSample], outcome: Outcome) -> Outcome:
        is_known = sample.sample_id in store or sample.former_id in store
        if is_known and self._cursor.pass_of(sample.objective) == 1:
            return Outcome.DUPLICATE
        if sample.former_id not in store:
            self.held_out.keep(sample, store)
        return outcome

    def check_breaker(self) -> None:
        """Called where what was taken in can be committed.

        Raises:
            TooManyDeadLetters: all records are bad, and nothing tells who sent them; the node must stop.
        """
        if self._dead_letters.breaker is not None:
            self._dead_letters.breaker.check()

    def dead_letter(self, record: Record, bad: BadRecord, sample_id: str | None) -> None:
        """Dead-letter a record; it is done. A commit flushes the producer first, and so does not go past a letter that was not taken."""
        position = (record.topic, record.partition, record.offset)
        if position not in self.already_sent:
            metrics.DEAD_LETTERS.labels(self._dead_letters.stage, bad.reason.value).inc()
            self._dead_letters.put_before_flush(record, bad, sample_id=sample_id)
        self.dead_lettered.add(position)
        self.done(record, sample_id or "", Outcome.DEAD_LETTER, self._cursor.step)

    def done(self, record: Record, sample_id: str, outcome: Outcome, step: int, former_id: str | None = None) -> None:
        """A record needs nothing more."""
        self.positions[(record.topic, record.partition)].done(record.offset)
        self.outcomes[outcome.value] += 1
        metrics.RECORDS_DONE.labels(self._run_id, outcome.value).inc()
        where = (record.topic, record.partition, record.offset)
        pass_number = self._cursor.pass_of(self._objectives[record.topic])
        self._ledger.add(LedgerRow(*where, sample_id, outcome, pass_number, step, former_id))


def _sound(example: AnyExample | BadRecord) -> AnyExample:
    """The example, unless it is what is wrong with its sample, which is raised."""
    if isinstance(example, BadRecord):
        raise example
    return example
