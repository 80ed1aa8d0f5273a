"""Competence: how much of the stream, easiest first, a model may be given after so much training; and over what that grows.

Forms of c(p), p in [0,1] being the share of the horizon that is trained, from BEGINNING to 1:

- linear: c = c0 + (1 - c0) p
- root: c = sqrt(c0² + (1 - c0²) p). Both of Platanios, Stretcu, Neubig, Poczos and Mitchell, "Competence-based curriculum learning for
  neural machine translation", NAACL 2019, equations 6 and 7.
- step: one band more after each fifth of the horizon. The fixed exponential pacing of Hacohen and Weinshall, "On the power of curriculum
  learning in training deep networks", ICML 2019, with equal steps.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from schemas.training_sample import BANDS

BEGINNING = 0.1
"""c0: the share of the stream that is given from the first batch on."""


class Form(StrEnum):
    """How competence grows."""

    ROOT = "root"
    LINEAR = "linear"
    STEP = "step"


@dataclass(frozen=True)
class Horizon:
    """How much is trained until all of the stream is given."""

    amount: int
    unit: Literal["samples", "tokens", "steps"] = "samples"


ENDLESS = Horizon(2000)
"""Of a run without end, where nothing else is said."""


def competence(form: Form, progress: float) -> float:
    """The share of the stream that is given, in [0,1].

    Args:
        form: how it grows.
        progress: the share of the horizon that is trained; beyond 1 it counts as 1.
    """
    p = min(max(progress, 0.0), 1.0)
    if form is Form.STEP:
        return min(math.floor(p * BANDS) + 1, BANDS) / BANDS
    if form is Form.LINEAR:
        return BEGINNING + (1 - BEGINNING) * p
    return math.sqrt(BEGINNING**2 + (1 - BEGINNING**2) * p)


def horizon_of(text: str) -> Horizon | None:
    """A horizon such as `5000`, `5000 samples` or `2000000 tokens`; None for `auto`.

    Raises:
        ValueError: it is none; says what it may be.
    """
    if text.strip().lower() == "auto":
        return None
    found = re.fullmatch(r"(\d+)\s*(samples|tokens)?", text.strip().lower())
    if not found or not int(found[1]):
        raise ValueError(f"{text!r} is neither `auto` nor a number of samples or tokens such as 5000 or 2000000tokens")
    return Horizon(int(found[1]), "tokens" if found[2] == "tokens" else "samples")
