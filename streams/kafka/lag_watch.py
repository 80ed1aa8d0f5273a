"""Groups watched over a sliding window: `pelton lag` and the lag exporter are two ways to show this."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from kafka import TopicPartition

from streams.kafka.lag import DESERTED, Lag, LagReader, rows_of
from streams.kafka.lag_words import Look, Word, per_second, word_for
from streams.kafka.record_ages import RecordAges

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings

LOOKS = 10
"""Looks in a window, as Burrow keeps ten commits."""
REMEMBERED_S = 3600.0
"""How long the groups of a run are shown after the last member of any of them has left: it may have died."""
ALONE = ("bad-facts",)
"""Groups, behind the prefix, whose readers only commit and are no members: that they have none says nothing."""
TRAINER = "trainer."
"""How the names of groups begin, behind the prefix, that go back at the beginning of a pass."""


@dataclass(frozen=True)
class Judged:
    """One group on one partition, and what the window says of it."""

    lag: Lag
    word: Word
    per_second: float | None
    """How fast the lag grows; None from one look."""
    seconds: float | None
    """Age of the oldest record that is not committed; 0 where there is none, None where it could not be told."""
    members: int

    @property
    def trend(self) -> str:
        """For a person."""
        if self.per_second is None:
            return "-"
        return "level" if abs(self.per_second) < 0.05 else f"{self.per_second:+.1f}/s"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        told = {"status": self.word.value, "lag_per_second": self.per_second, "seconds_behind": self.seconds, "members": self.members}
        return self.lag.as_dict() | told


class LagWatch:
    """Looks at groups again and again. One thread owns it."""

    def __init__(
        self,
        settings: KafkaSettings,
        groups: Sequence[str] = (),
        dead: bool = False,
        window_s: float = 5.0,
        alive: dict[str, float] | None = None,
    ) -> None:
        """Watch the groups named, whatever their state; else those of runs of which a node lives, workers' own, and with `dead` all others.

        Args:
            settings: of the broker.
            groups: names with the prefix.
            dead: whether to show groups of runs that nobody reads as.
            window_s: seconds that a state is judged from.
            alive: when each group was seen alive last, to go on from; kept up to date.

        Raises:
            BrokerError: no broker answers.
        """
        self._settings = settings
        self._groups, self._dead, self._window_s = groups, dead, window_s
        self._reader = LagReader(settings)
        self._ages = RecordAges(settings)
        self._windows: dict[tuple[str, TopicPartition], deque[Look]] = {}
        self._alive = alive if alive is not None else {}
        self.hidden = 0
        """Groups that the last look has left out: runs that are over."""
        self.begin: dict[TopicPartition, int] = {}
        """First offset kept of each partition looked at."""
        self.end: dict[TopicPartition, int] = {}
        """The offset behind the last record of each."""

    def look(self) -> list[Judged]:
        """What there is now, judged by the window that ends now.

        Raises:
            BrokerError: the broker is away, or a topic has gone.
        """
        states, now = self._reader.states(), time.monotonic()
        commits = self._reader.commits(self._groups or states)
        self._alive.update({name: now for name in commits if states.get(name, "Dead") not in DESERTED})
        shown = [name for name in commits if self._is_shown(name, now)]
        self.hidden = len(commits) - len(shown)
        members = self._reader.members([name for name in shown if name in states])
        self.begin, self.end = self._reader.offsets({tp.topic for name in shown for tp in commits[name]})
        rows = []
        for name in shown:
            topics = {tp.topic for tp in commits[name]}
            ends = {tp: end for tp, end in self.end.items() if tp.topic in topics}
            rows += rows_of(name, commits[name], self.begin, ends)
        seconds = self._seconds(rows)
        judged = [self._judge(row, members.get(row.group, 0), seconds[row.group, _tp(row)], now) for row in rows]
        current = {(row.group, _tp(row)) for row in rows}
        self._windows = {key: window for key, window in self._windows.items() if key in current}
        return judged

    def over_window(self) -> list[Judged]:
        """As `look`, from looks of a whole window: blocks for its length."""
        rows = self.look()
        for _ in range(LOOKS - 1 if self._window_s else 0):
            time.sleep(self._window_s / (LOOKS - 1))
            rows = self.look()
        return rows

    def close(self) -> None:
        """Disconnect."""
        self._ages.close()
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _is_shown(self, group: str, now: float) -> bool:
        run = self._run_of(group)
        living = {self._run_of(name) for name, at in self._alive.items() if now - at < REMEMBERED_S}
        return bool(self._groups) or self._dead or not run or run in living

    def _run_of(self, group: str) -> str:
        """Whose run a group is of; empty of a worker's for all runs."""
        return self._own_name(group).partition(".")[2]

    def _own_name(self, group: str) -> str:
        return group.removeprefix(self._settings.topic_prefix)

    def _judge(self, row: Lag, members: int, seconds: float | None, now: float) -> Judged:
        window = self._windows.setdefault((row.group, _tp(row)), deque())
        gap = self._window_s / LOOKS
        if len(window) < 2 or now - window[-2].at >= gap:
            window.append(Look(now, row.committed, row.lag))
        else:  # between two looks of the window: the last one moves on
            window[-1] = Look(now, row.committed, row.lag)
        while len(window) > 2 and now - window[1].at >= self._window_s:
            window.popleft()
        name = self._own_name(row.group)
        word = word_for(window, members > 0 or name in ALONE, row.closed, row.every_s, name.startswith(TRAINER))
        return Judged(row, word, per_second(window), seconds, members)

    def _seconds(self, rows: list[Lag]) -> dict[tuple[str, TopicPartition], float | None]:
        """Groups may stand at different offsets of one partition: each is asked for once."""
        told: dict[tuple[str, TopicPartition], float | None] = {(row.group, _tp(row)): 0.0 for row in rows}
        left = [row for row in rows if row.lag]
        while left:
            firsts = {_tp(row): row.first for row in reversed(left)}
            times, now = self._ages.times(firsts), time.time()
            for row in [row for row in left if row.first == firsts[_tp(row)]]:
                at = times.get(_tp(row))
                told[row.group, _tp(row)] = max(0.0, now - at / 1000) if at is not None and at > 0 else None
            left = [row for row in left if row.first != firsts[_tp(row)]]
        return told


def _tp(row: Lag) -> TopicPartition:
    return TopicPartition(row.topic, row.partition)
