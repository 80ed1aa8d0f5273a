"""From raw terms to a difficulty and a band: running distributions of one objective's samples, cut at the quintiles of the score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.training_sample import BANDS, Difficulty, Objective
from streams.curriculum.calibration import Calibration, HoldBack, Thinned
from streams.curriculum.difficulty import DELTA, ETA, GAMMA, RawTerms
from streams.curriculum.signals import Signal
from streams.curriculum.window import WindowQuantiles

_TERMS = ("hops", "length", "centrality", "other")
_SCALES = (*_TERMS, "score")


UNKNOWN = 0.5
"""h where the hops are not known: neither easy nor hard."""


class Bands:
    """Measures samples against all that came before them, each objective by itself, as each has its own band topics.

    A function of the samples seen, in their order: the same log prefix gives the same bands. One object serves one partition.
    """

    def __init__(self, signal: Signal = Signal.DIFFICULTY, hold_back: HoldBack | None = None) -> None:
        """`hold_back`: how much is measured before the first band is given; None for nothing."""
        self._signal = signal
        self._scales: dict[Objective, dict[str, WindowQuantiles]] = {}
        self.calibration = Calibration(hold_back)
        self._held: dict[Objective, Thinned] = {}

    def place(self, objective: Objective, raw: RawTerms) -> tuple[Difficulty, int]:
        """Difficulty and band (0 easiest) of a sample, after counting it in."""
        self._score_what_was_held()
        scales, may_close = self._of(objective), not self.calibration.is_open
        if self.calibration.is_open:
            self._held.setdefault(objective, Thinned()).add(raw)
        for name in _TERMS:
            if (value := getattr(raw, name)) is not None:
                scales[name].observe(value, may_close)
        difficulty = self._difficulty(scales, raw)
        scales["score"].observe(difficulty.score, may_close)
        return difficulty, band_of(scales["score"].mid_rank(difficulty.score))

    def look_up(self, objective: Objective, raw: RawTerms) -> tuple[Difficulty, int]:
        """Difficulty and band of a sample that has been counted already (it is read again after a crash)."""
        self._score_what_was_held()
        scales = self._of(objective)
        difficulty = self._difficulty(scales, raw)
        return difficulty, band_of(scales["score"].mid_rank(difficulty.score))

    def all_alike(self) -> list[tuple[Objective, int]]:
        """Objectives of which all that is being calibrated on is measured alike, with how many samples: all of them come into one band."""
        found = [(objective, samples.kept) for objective, samples in self._held.items()]
        return [(objective, len(kept)) for objective, kept in found if len(kept) > 1 and len({self._measured(raw) for raw in kept}) == 1]

    def _measured(self, raw: RawTerms) -> tuple[float | None, ...]:
        """What of the terms counts by the signal."""
        if self._signal is Signal.DIFFICULTY:
            return raw.hops, raw.length, raw.centrality
        return (raw.length if self._signal is Signal.LENGTH else raw.other,)

    def _score_what_was_held(self) -> None:
        """Once the calibration is closed: what was calibrated on is scored anew, each sample against all of it and not those before it."""
        if self.calibration.is_open or not self._held:
            return
        held, self._held = self._held, {}
        for objective, samples in held.items():
            scales = self._of(objective)
            scores = [self._difficulty(scales, raw).score for raw in samples.kept]
            scales["score"] = WindowQuantiles()
            for score in scores:
                scales["score"].observe(score, may_close=False)

    def _of(self, objective: Objective) -> dict[str, WindowQuantiles]:
        scales = self._scales.get(objective)
        if scales is None:
            scales = self._scales[objective] = {name: WindowQuantiles() for name in _SCALES}
        return scales

    def _difficulty(self, scales: Mapping[str, WindowQuantiles], raw: RawTerms) -> Difficulty:
        l, c = (scales[name].below(getattr(raw, name)) for name in ("length", "centrality"))  # noqa: E741 - the formula's letters
        h = UNKNOWN if raw.hops is None else scales["hops"].below(raw.hops)
        if self._signal is Signal.DIFFICULTY:
            score, signal = GAMMA * h + DELTA * l + ETA * c, None
        else:
            score, signal = (l if self._signal is Signal.LENGTH else scales["other"].below(raw.other)), self._signal.value
        return Difficulty(
            hops=raw.hops or 0.0,
            length=raw.length,
            centrality=raw.centrality,
            h=h,
            l=l,
            c=c,
            score=min(score, 1.0),
            signal=signal,
            value=raw.other,
        )

    def to_json(self) -> dict[str, Any]:
        """The state, as JSON takes it."""
        scales = {objective.value: {name: scale.to_json() for name, scale in scales.items()} for objective, scales in self._scales.items()}
        held = {objective.value: samples.to_json() for objective, samples in self._held.items()}
        return {"signal": self._signal.value, "calibration": self.calibration.to_json(), "held": held, "scales": scales}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over the state that `to_json` wrote.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: it is not such a state.
        """
        if state["signal"] != self._signal.value:
            raise ValueError(f"it is of the signal {state['signal']}, not {self._signal.value}")
        self.calibration.restore(state["calibration"])
        self._held = {Objective(objective): Thinned.from_json(samples) for objective, samples in state["held"].items()}
        self._scales = {
            Objective(objective): {name: WindowQuantiles.from_json(scales[name]) for name in _SCALES}
            for objective, scales in state["scales"].items()
        }


def band_of(rank: float) -> int:
    """The band of a score from its rank in [0,1] among all scores: cut at 0.2, 0.4, 0.6 and 0.8; a rank on a cut belongs above."""
    return min(int(rank * BANDS), BANDS - 1)
