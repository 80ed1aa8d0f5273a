"""Trainers that stand still between two steps, beside a loop that gives them their steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from trainer_node.training.lanes import Lane, beside_lanes


class Trainer:
    """Takes steps from its lane, and does with each what the test says."""

    def __init__(self, lane: Lane[int], do: Any) -> None:
        self.lane, self.do, self.taken, self.ended = lane, do, [], False

    def feed_from(self, source: Any, notes: Path | None = None) -> None:
        """The lane is its source."""

    def train(self, resume_from_checkpoint: str | None) -> None:
        while (step := self.lane.next_step()) is not None:
            self.taken.append(step)
            self.do(step)
        self.ended = True


def begun(do: Any = lambda step: None) -> tuple[Lane[int], Trainer]:
    lane: Lane[int] = Lane()
    trainer = Trainer(lane, do)
    lane.begin(trainer, lane, None)  # type: ignore[arg-type]
    return lane, trainer


def test_each_lane_takes_its_own_steps_in_turn_and_comes_to_its_own_end():
    trainers: list[Trainer] = []

    def loop() -> None:
        (one, first), (other, second) = begun(), begun()
        trainers.extend((first, second))
        for step in range(6):
            (one if step % 3 else other).train(step)
        assert not first.ended
        one.end()
        other.end()

    beside_lanes(loop)
    assert [trainer.taken for trainer in trainers] == [[1, 2, 4, 5], [0, 3]]
    assert all(trainer.ended for trainer in trainers)


def test_what_a_trainer_raises_reaches_the_loop_and_what_the_loop_raises_its_caller():
    def fail(step: int) -> None:
        if step == 2:
            raise KeyError("guilty")

    def loop() -> None:
        lane, trainer = begun(fail)
        lane.train(1)
        with pytest.raises(KeyError, match="guilty"):
            lane.train(2)
        assert trainer.taken == [1, 2]
        raise LookupError("of the loop")

    with pytest.raises(LookupError, match="of the loop"):
        beside_lanes(loop)


def test_an_error_of_torchs_own_is_raised_wherever_in_the_turns_it_comes():
    """For each of its errors torch walks the whole stack: one that it could not walk to its end would end the process."""

    def deep(step: int, depth: int = 0) -> Any:
        return deep(step, depth + 1) if depth < 5 + 7 * step % 40 else sorted([torch.zeros(2)], key=lambda zeros: zeros[9])

    seen = []

    def attempt(step: int) -> None:
        try:
            deep(step)
        except IndexError as error:
            seen.append(str(error))

    def loop() -> None:
        lanes = [begun(attempt)[0] for _ in range(3)]
        for step in range(60):
            attempt(step)
            list(map(lanes[step % 3].train, [step]))  # from within C code, too

    beside_lanes(loop)
    assert len(seen) == 120
