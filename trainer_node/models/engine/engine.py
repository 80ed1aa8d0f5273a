"""Owns the loop: prompts wait by length, free slots are filled from them, all answers under way get a token a step."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from trainer_node.models.engine.answers import Answer
from trainer_node.models.engine.decoders import Decoder
from trainer_node.models.engine.graphs import Steps
from trainer_node.models.engine.sampling import Sampling
from trainer_node.models.engine.slots import Slots

SLOTS = {"cuda": 256}
"""Answers under way at once, by kind of device, where their keys and values fit into memory; elsewhere `FEW`."""
FEW = 32
PREFILL_TOKENS = {"cuda": 16_384}
"""Of prompts read at once; elsewhere `LITTLE`: a CPU gains nothing by more, and they are held in memory together."""
LITTLE = 2_048
SHARE_OF_MEMORY = 0.15
"""Of the device's free memory, for keys and values: they stay while the trainer's own steps run."""
LOOK_EVERY = 8
"""Steps between two looks at which answers are over, on a device that runs ahead of the host."""


@dataclass(frozen=True)
class _Asked:
    index: int
    prompt: list[int]
    key: int


class Engine:
    """Answers prompts with one model. Not for two threads at a time.

    Keys and values, and on CUDA the recorded steps, are kept from call to call while their sizes suffice.
    """

    def __init__(self, decoder: Decoder, stops: Sequence[int], most: int | None = None) -> None:
        """`most` answers are under way at once, at most; None: what suits the device. `stops` are the tokens that end one."""
        self._decoder, self._stops = decoder, tuple(stops)
        self._most = most or SLOTS.get(decoder.device.type, FEW)
        self._prefill_tokens = PREFILL_TOKENS.get(decoder.device.type, LITTLE)
        self._slots = Slots(0, 0, self._stops, decoder.device)
        self._length = 0
        self._steps = self._new_steps()

    @torch.no_grad()
    def answer(
        self,
        prompts: Sequence[list[int]],
        max_new_tokens: int,
        sampling: Sampling,
        keys: Sequence[int] | None = None,
        finished: Callable[[int, Answer], None] = lambda index, answer: None,
    ) -> list[Answer]:
        """One answer for each prompt, in their order.

        Args:
            prompts: token ids, none of them empty.
            max_new_tokens: an answer's at most, its end token included.
            sampling: how tokens are chosen.
            keys: of each answer, see `sampling.key_of`; without one, answers are drawn by their index.
            finished: told of each answer as it ends, while others go on; the index is its prompt's.
        """
        asked = [_Asked(i, prompt, keys[i] if keys else i) for i, prompt in enumerate(prompts)]
        waiting = deque(sorted(asked, key=lambda one: len(one.prompt)))
        if not waiting:
            return []
        self._make_room(len(asked), len(waiting[-1].prompt) + max_new_tokens, max_new_tokens)
        self._decoder.refresh()
        self._slots.temperature.fill_(sampling.temperature or 1.0)
        answers: dict[int, Answer] = {}
        under_way: dict[int, _Asked] = {}
        while waiting or under_way:
            if waiting and self._is_worth_filling(len(under_way), len(waiting)):
                self._fill(waiting, under_way, max_new_tokens, sampling.greedy)
            else:
                times = LOOK_EVERY if self._decoder.device.type == "cuda" else 1
                self._steps.run(sorted(under_way), times, sampling.greedy)
            for index, answer in self._over(under_way):
                answers[index] = answer
                finished(index, answer)
        return [answers[index] for index in range(len(asked))]

    def _is_worth_filling(self, under_way: int, waiting: int) -> bool:
        """Reading prompts stops all answers for a moment: not for a single one, while many others go on."""
        free = self._slots.count - under_way
        return free >= min(waiting, max(1, self._slots.count // 8))

    def _fill(self, waiting: deque[_Asked], under_way: dict[int, _Asked], room: int, greedy: bool) -> None:
        free = [slot for slot in range(self._slots.count) if slot not in under_way]
        chosen = [waiting.popleft()]
        while waiting and len(chosen) < len(free) and (len(chosen) + 1) * len(waiting[0].prompt) <= self._prefill_tokens:
            chosen.append(waiting.popleft())
        device = self._decoder.device
        rows = torch.tensor(free[: len(chosen)], device=device)
        lengths = torch.tensor([len(one.prompt) for one in chosen], device=device)
        self._slots.begin(rows, lengths, torch.tensor([one.key for one in chosen], device=device), room)
        self._slots.take(rows, self._decoder.prefill([one.prompt for one in chosen], rows), greedy)
        under_way.update(zip(free, chosen, strict=False))

    def _step(self, rows: torch.Tensor, greedy: bool) -> None:
        slots = self._slots
        slots.take(rows, self._decoder.step(slots.tokens[rows], rows, slots.positions[rows]), greedy)

    def _over(self, under_way: dict[int, _Asked]) -> list[tuple[int, Answer]]:
        """Answers that have ended since the last look, with the indices of their prompts; their slots are free."""
        going = self._slots.under_way()
        over = [slot for slot in under_way if not going[slot]]
        read = self._slots.read(over) if over else []
        return [(under_way.pop(slot).index, Answer(tokens, log_p)) for slot, (tokens, log_p) in zip(over, read, strict=True)]

    def _make_room(self, answers: int, length: int, longest: int) -> None:
        """Keep what is there if it suffices; recorded steps know where their tensors lie, so new ones are recorded anew."""
        wanted = min(answers, self._most)
        if wanted <= self._slots.count and length <= self._length and longest <= self._slots.longest:
            return
        length, longest = -(-max(length, self._length) // 64) * 64, max(longest, self._slots.longest)
        count = max(1, min(max(wanted, self._slots.count), self._that_fit(length)))
        self._decoder.make_room(count, length)
        self._slots, self._length = Slots(count, longest, self._stops, self._decoder.device), length
        self._steps = self._new_steps()

    def _that_fit(self, length: int) -> int:
        if self._decoder.device.type != "cuda":
            return self._most
        free, _ = torch.cuda.mem_get_info(self._decoder.device)
        return int(free * SHARE_OF_MEMORY) // (length * self._decoder.bytes_of_a_token())

    def _new_steps(self) -> Steps:
        return Steps(self._step, self._slots.count, self._decoder.device)
