"""A hard sample and its variants: when it gets new ones, what they brought, and when they are quarantined.

What variants brought is the fall of the parent's loss from when it got them to when it is next trained, against the fall of samples of the
control group: as hard, and left without variants. A high loss is lower the next time whatever is done, so the fall alone says nothing.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

from streams.augmenter.ids import MOST_VARIANTS

MOST_FAMILIES = 2_000
"""Families remembered in a partition; the one longest without a loss is forgotten first, and its next variants are its first again."""
MOST_RUNS = 32
"""Runs whose counts are remembered."""
CONTROL = "none"
"""The recipe of the control group."""
IMPROVED = 0.9
"""A family has improved when its loss is below this share of the loss that brought it its first variants."""
PATIENCE = 2
"""Rounds of variants in a row without improvement, after which a family gets no more: its label may be wrong."""
FAMILIES_OF_A_RECIPE = 30
"""Families that a recipe is judged by, at least."""
CONTROLS = 10
"""Families of the control group that it is judged against, at least."""


@dataclass(frozen=True)
class Moment:
    """Where a run stands, as one partition of its losses shows it."""

    pass_number: int
    losses: int
    """Losses of the run before this one, in the partition."""
    time_ms: int
    """When the loss was sent, in milliseconds since the epoch."""


@dataclass
class Family:
    """One parent."""

    since: Moment
    """When it got its last variants; before that, when the run began."""
    rounds: int = 0
    """How many times it got variants."""
    given: list[str] = field(default_factory=list)
    """Short hashes of their texts."""
    used: int = 0
    """Numbers of variants that are used up: their ids follow from them."""
    first: float = 0.0
    """Its loss when it got its first variants, in nats."""
    before: float | None = None
    """Its loss when it got its last ones, until it is trained again."""
    recipes: list[str] = field(default_factory=list)
    """Of its last variants; CONTROL where it was to have none."""
    fruitless: int = 0
    """Rounds in a row that brought no improvement."""

    @property
    def is_quarantined(self) -> bool:
        """Whether variants have never helped."""
        return self.fruitless >= PATIENCE


@dataclass
class Fall:
    """By how much losses fell, in nats."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        """Count one."""
        self.count, self.total, self.squares = self.count + 1, self.total + value, self.squares + value * value

    def merge(self, other: Fall) -> None:
        """Count those of another."""
        self.count, self.total, self.squares = self.count + other.count, self.total + other.total, self.squares + other.squares

    @property
    def mean(self) -> float:
        """0 where none was counted."""
        return self.total / self.count if self.count else 0.0

    @property
    def error(self) -> float:
        """Squared standard error of the mean; infinite below two."""
        if self.count < 2:
            return math.inf
        return max(0.0, self.squares / self.count - self.mean**2) / (self.count - 1)


@dataclass
class Uplift:
    """What a recipe brought: the mean fall of its parents' losses less that of the control group, in nats, with its standard error."""

    mean: float
    error: float
    families: int
    """Parents that were trained again since."""
    controls: int

    @property
    def is_none(self) -> bool:
        """Whether there is enough to say that it does not help: even two standard errors above the mean are no gain."""
        return self.families >= FAMILIES_OF_A_RECIPE and self.controls >= CONTROLS and self.mean + 2 * self.error <= 0


@dataclass
class _Run:
    losses: int = 0
    began_ms: int = 0
    falls: dict[str, Fall] = field(default_factory=dict)


@dataclass(frozen=True)
class Schedule:
    """When a hard sample gets variants."""

    every: int
    """In every n-th pass."""
    every_losses: int
    """In any pass, after so many losses of its run in the partition since its last ones, or since the run's first loss."""
    every_ms: float
    """The same in milliseconds; infinite where time does not count."""

    def is_due(self, family: Family, now: Moment) -> bool:
        """Whether a hard sample gets variants now."""
        if now.pass_number % self.every == 0 and (not family.rounds or now.pass_number != family.since.pass_number):
            return True
        waited = now.time_ms - family.since.time_ms
        return now.losses - family.since.losses >= self.every_losses or waited >= self.every_ms


class Families:
    """Those of one partition. A function of the losses seen, and of the variants that could be made."""

    def __init__(self) -> None:
        self._families: OrderedDict[str, Family] = OrderedDict()
        self._runs: OrderedDict[str, _Run] = OrderedDict()

    def count(self, run_id: str, pass_number: int, time_ms: int) -> Moment:
        """Count a loss of a run, and say where it stands."""
        run = self._runs.setdefault(run_id, _Run(began_ms=time_ms))
        self._runs.move_to_end(run_id)
        while len(self._runs) > MOST_RUNS:
            self._runs.popitem(last=False)
        now = Moment(pass_number, run.losses, time_ms)
        run.losses += 1
        return now

    def of(self, run_id: str, sample_id: str) -> Family:
        """A sample's family; one that got nothing yet is not remembered."""
        found = self._families.get(_key(run_id, sample_id))
        run = self._runs.get(run_id, _Run())
        return found or Family(Moment(0, 0, run.began_ms))

    def trained(self, run_id: str, sample_id: str, loss: float) -> None:
        """A parent was trained again: what its last variants brought."""
        family = self._families.get(_key(run_id, sample_id))
        if family is None:
            return
        self._families.move_to_end(_key(run_id, sample_id))
        if family.before is not None:
            falls = self._runs[run_id].falls
            for recipe in family.recipes:
                falls.setdefault(recipe, Fall()).add(family.before - loss)
            family.fruitless += loss >= IMPROVED * family.first
            family.before = None
        if loss < IMPROVED * family.first:
            family.fruitless = 0

    def gave(self, run_id: str, sample_id: str, family: Family, loss: float, now: Moment, made: Mapping[str, str], slots: int) -> None:
        """Variants were made of a sample (short hash of the text -> recipe), or it was left without as one of the control group."""
        if not family.rounds:
            family.first = loss
        family.rounds += 1
        family.since, family.before = now, loss
        family.recipes = sorted(set(made.values()))
        family.given += [text for text, recipe in made.items() if recipe != CONTROL]
        family.used = min(family.used + slots, MOST_VARIANTS)
        self._families[_key(run_id, sample_id)] = family
        self._families.move_to_end(_key(run_id, sample_id))
        while len(self._families) > MOST_FAMILIES:
            self._families.popitem(last=False)

    def runs(self) -> list[str]:
        """Those of which losses were seen."""
        return list(self._runs)

    def falls(self, run_id: str) -> Mapping[str, Fall]:
        """Recipe -> how its parents' losses fell, in a run."""
        return self._runs.get(run_id, _Run()).falls

    def uplift(self, run_id: str) -> dict[str, Uplift]:
        """What each recipe brought in a run."""
        return uplift_of([self.falls(run_id)])

    def quarantined(self, run_id: str) -> int:
        """Families of a run that got variants, and get no more."""
        own = (family for key, family in self._families.items() if key.startswith(f"{run_id}/"))
        return sum(family.is_quarantined and bool(family.given) for family in own)

    def to_json(self) -> dict[str, Any]:
        """The state, as JSON takes it."""
        return {
            "families": {key: asdict(family) for key, family in self._families.items()},
            "runs": {name: asdict(run) for name, run in self._runs.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over the state that `to_json` wrote.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: it is not such a state.
        """
        self._families = OrderedDict(
            (key, Family(**{**family, "since": Moment(**family["since"])})) for key, family in state["families"].items()
        )
        self._runs = OrderedDict(
            (name, _Run(run["losses"], run["began_ms"], {recipe: Fall(**fall) for recipe, fall in run["falls"].items()}))
            for name, run in state["runs"].items()
        )


def uplift_of(parts: Sequence[Mapping[str, Fall]]) -> dict[str, Uplift]:
    """What each recipe brought against the control group, of several partitions as one."""
    found: dict[str, Fall] = {}
    for recipe, fall in (item for part in parts for item in part.items()):
        found.setdefault(recipe, Fall()).merge(fall)
    control = found.pop(CONTROL, Fall())
    return {
        recipe: Uplift(fall.mean - control.mean, math.sqrt(fall.error + control.error), fall.count, control.count)
        for recipe, fall in sorted(found.items())
    }


def is_control(sample_id: str, share: float) -> bool:
    """Whether a sample is of the control group: for good, in all runs, by its id alone."""
    return int.from_bytes(sha256(b"control/" + sample_id.encode()).digest()[:6]) < share * 2**48


def short_hash(text: str) -> str:
    """Of a text, folded: 48 bits, which tell the variants of one sample apart."""
    return sha256(text.encode()).hexdigest()[:12]


def _key(run_id: str, sample_id: str) -> str:
    return f"{run_id}/{sample_id}"
