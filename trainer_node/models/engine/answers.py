"""What the engine gives for a prompt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """What followed a prompt, its end token included if it came to one."""

    tokens: list[int]
    log_probabilities: list[float]
    """Of each token, in nats, in the distribution that it was chosen from."""
