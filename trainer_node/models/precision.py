"""In what arithmetic a checkpoint is read: the one it was trained in, or another that is told of.

An adapter learns around the rounding of the arithmetic that it is trained in (docs/adr/0024-exports-and-precision.md has what that costs).
"""

from __future__ import annotations

import logging
from typing import NamedTuple

from schemas.errors import ConfigError
from trainer_node.commit.manifest import Manifest
from trainer_node.commit.provenance import Precision, quantization_of
from trainer_node.models.placement import choose_backend, choose_bits, choose_device

logger = logging.getLogger(__name__)


class Reading(NamedTuple):
    """How a model is to be loaded."""

    bits: int | None
    dtype: str | None
    backend: str


def recorded_precision(manifest: Manifest) -> Precision | None:
    """What a checkpoint was trained in; of an old one, the bits that its settings name."""
    if manifest.precision is not None:
        return manifest.precision
    settings = manifest.settings or {}
    bits = settings.get("bits")
    if bits is None:
        return None
    backend = settings.get("backend", "hf")
    dtype = "float32" if bits == 32 else "bfloat16"
    return Precision(bits=bits, dtype=dtype, quantization=quantization_of(bits), backend="hf" if backend == "auto" else backend)


def reading(name: str, recorded: Precision | None, bits: int | None, backend: str = "auto", strict: bool = False) -> Reading:
    """How to read a checkpoint: as it was trained, unless `bits` names another way or this machine cannot. Either is said in one line.

    Args:
        name: of the checkpoint.
        recorded: what it was trained in; None where it does not say.
        bits: what is asked for; None: as it was trained.
        backend: what is asked for.
        strict: refuse where the machine cannot, rather than take the nearest.

    Raises:
        ConfigError: `strict`, and the machine cannot; or what is asked for cannot be done here.
    """
    if recorded is None:
        logger.warning("checkpoint %s does not say in how many bits it was trained; answers may differ from its evaluations", name)
        return Reading(bits, None, backend)
    device = choose_device(None)
    chosen = bits if bits is not None else _possible(name, recorded, device, strict)
    if chosen != recorded.bits:
        logger.warning("checkpoint %s was trained at %d bits; read at %d its answers differ", name, recorded.bits, chosen)
    same_width = (chosen == 32) == (recorded.bits == 32)
    return Reading(chosen, recorded.dtype if same_width else None, _backend(recorded, backend, device))


def _possible(name: str, recorded: Precision, device: str, strict: bool) -> int:
    try:
        return choose_bits(recorded.bits, device)
    except ConfigError as error:
        if strict:
            raise ConfigError(
                f"checkpoint {name} was trained at {recorded.bits} bits ({error}); give --bits to go on in other ones"
            ) from None
        return 16


def _backend(recorded: Precision, asked: str, device: str) -> str:
    if asked != "auto":
        return asked
    try:
        return choose_backend(recorded.backend, device)
    except ConfigError as error:
        logger.warning("trained by %s: %s", recorded.backend, error)
        return "hf"
