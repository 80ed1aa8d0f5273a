"""How an answer's next token is chosen: the most likely one, or one drawn by a number that belongs to that answer and place alone.

A draw depends on nothing but its answer's key and the token's place in the answer: not on which other answers are under way, nor on what
was drawn before. So a step that is done again after a crash gives the same answers, where the arithmetic does.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch

Tensor = torch.Tensor

_GOLDEN = 0x9E3779B97F4A7C15 - 2**64
"""SplitMix64's increment (Steele, Lea and Flood 2014), as a signed number; the two below are its multipliers."""
_FIRST = 0xBF58476D1CE4E5B9 - 2**64
_SECOND = 0x94D049BB133111EB - 2**64


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn. Nothing is taken over from the model's folder."""

    temperature: float = 1.0
    """Logits are divided by it; 0 takes the most likely token."""

    @property
    def greedy(self) -> bool:
        """Whether nothing is drawn."""
        return self.temperature == 0.0


GREEDY = Sampling(temperature=0.0)


def key_of(*parts: str | int) -> int:
    """The key of an answer, 64 bits, from what names it: run, step, prompt, and which of its completions."""
    digest = hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def uniforms(keys: Tensor, places: Tensor) -> Tensor:
    """(R,) float64 in [0, 1): SplitMix64's output number `places` (from 0) of the generators seeded by `keys`; both (R,) int64."""
    state = keys + (places + 1) * _GOLDEN
    state = (state ^ _shift(state, 30)) * _FIRST
    state = (state ^ _shift(state, 27)) * _SECOND
    state = state ^ _shift(state, 31)
    return _shift(state, 11).double() * 2.0**-53


def _shift(x: Tensor, by: int) -> Tensor:
    """Bits moved to the right, zeros in their place: torch's own shift keeps the sign."""
    return (x >> by) & ((1 << (64 - by)) - 1)


def choose(logits: Tensor, keys: Tensor, places: Tensor, temperature: Tensor | None) -> tuple[Tensor, Tensor]:
    """The next token of each row, and its log-probability in the distribution that it was chosen from.

    Args:
        logits: (R, V) float32.
        keys, places: (R,) int64: of each row's answer, and how many tokens it has.
        temperature: a scalar tensor above 0; None takes the most likely token.

    Returns:
        tokens (R,) int64; log-probabilities (R,) float32.
    """
    if temperature is None:
        tokens = logits.argmax(-1)
        log_p = logits.log_softmax(-1)
    else:
        log_p = (logits / temperature).log_softmax(-1)
        total = log_p.double().exp().cumsum(-1)
        drawn = uniforms(keys, places)[:, None] * total[:, -1:]
        # Numbers that are none stand for the last token: such weights show in the loss, not as a crash of the sampler.
        tokens = torch.searchsorted(total, drawn, right=True)[:, 0].clamp(max=logits.shape[1] - 1)
    return tokens, log_p.gather(1, tokens[:, None])[:, 0]
