"""What is known of each answer under way: tensors on the device, one entry a slot, so that a step needs no word from the host.

One slot more than are used stands at the end: what pads a step's rows writes there.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from trainer_node.models.engine.sampling import choose

Tensor = torch.Tensor


class Slots:
    """`count` answers of up to `longest` new tokens each."""

    def __init__(self, count: int, longest: int, stops: Sequence[int], device: torch.device) -> None:
        self.count, self.longest, self.device = count, longest, device
        self.tokens, self.positions, self.made, self.room, self.keys = (
            torch.zeros(count + 1, dtype=torch.int64, device=device) for _ in range(5)
        )
        """The newest token of each slot, its place in the text, how many were made, how many may follow, and the answer's key."""
        self.answers = torch.zeros(count + 1, longest, dtype=torch.int64, device=device)
        self.log_probabilities = torch.zeros(count + 1, longest, dtype=torch.float32, device=device)
        self.temperature = torch.ones((), dtype=torch.float32, device=device)
        self.stops = torch.tensor(list(stops), dtype=torch.int64, device=device)

    def begin(self, rows: Tensor, lengths: Tensor, keys: Tensor, room: int) -> None:
        """Answers begin in the slots `rows` (n,), after prompts of `lengths` (n,) tokens."""
        self.positions[rows] = lengths - 1
        self.made[rows] = 0
        self.room[rows] = room
        self.keys[rows] = keys

    def take(self, rows: Tensor, logits: Tensor, greedy: bool) -> None:
        """Choose and note the next token of the slots `rows` (R,) from `logits` (R, V); slots whose answer is over stay as they are."""
        made, room = self.made[rows], self.room[rows]
        chosen, log_p = choose(logits.float(), self.keys[rows], made, None if greedy else self.temperature)
        goes_on = room > 0
        place = made.clamp(max=self.longest - 1)
        self.answers[rows, place] = torch.where(goes_on, chosen, self.answers[rows, place])
        self.log_probabilities[rows, place] = torch.where(goes_on, log_p, self.log_probabilities[rows, place])
        over = (chosen[:, None] == self.stops).any(1)
        self.tokens[rows] = torch.where(goes_on, chosen, self.tokens[rows])
        self.made[rows] = made + goes_on
        self.positions[rows] += goes_on
        self.room[rows] = torch.where(goes_on & ~over, room - 1, 0)

    def under_way(self) -> list[bool]:
        """Whether each slot's answer goes on. Waits for the device."""
        going: list[bool] = (self.room[: self.count] > 0).tolist()
        return going

    def read(self, rows: list[int]) -> list[tuple[list[int], list[float]]]:
        """Tokens and log-probabilities of the answers in these slots. Waits for the device."""
        index = torch.tensor(rows, device=self.device)
        made = self.made[index].tolist()
        tokens, log_p = self.answers[index].tolist(), self.log_probabilities[index].tolist()
        return [(ids[:count], values[:count]) for ids, values, count in zip(tokens, log_p, made, strict=True)]
