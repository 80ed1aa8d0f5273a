"""Whether a model's files hold all that it computes with: Transformers draws what is missing by chance, anew at each start, and goes on."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from schemas.errors import ConfigError

NAMED = 3
"""Weights that are named in a refusal."""
REMEDY = "take the whole model, as AutoModelForCausalLM saves it"


def load_whole(source: str, **options: Any) -> Any:
    """A causal language model of Transformers, all of whose weights come from its files; tied weights are one.

    Args:
        source: a folder, or a hub's id.
        options: as `from_pretrained` takes them.

    Raises:
        ConfigError: some are missing, or of another shape; names the first ones.
        OSError, ValueError, ImportError: it cannot be loaded at all.
    """
    import torch
    from transformers import AutoModelForCausalLM

    load: Any = AutoModelForCausalLM.from_pretrained
    try:
        with _without_report():
            model, found = load(source, output_loading_info=True, ignore_mismatched_sizes=True, **options)
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise ConfigError(f"model {source} cannot be loaded: {' '.join(str(error).split())[:200]}") from error
    _refuse_incomplete(source, type(model).__name__, found)
    return model


def skeleton(source: str, revision: str | None = None) -> Any:
    """A model without its weights: made of its files' headers, in a moment, whatever its size. None where its weights are quantised.

    Raises:
        ConfigError, OSError, ValueError, ImportError: as `load_whole`.
    """
    from transformers import AutoConfig

    options: dict[str, Any] = {"revision": revision or "main", "trust_remote_code": False}
    quantised = getattr(AutoConfig.from_pretrained(source, **options), "quantization_config", None)
    if quantised:
        _check_library(quantised)
        return None
    return load_whole(source, device_map={"": "meta"}, use_safetensors=True, **options)


def _check_library(quantised: Any) -> None:
    """See that what reads a model's quantised weights is installed. What it asks of the device is seen at loading."""
    from transformers.quantizers.auto import AutoHfQuantizer

    with contextlib.suppress(RuntimeError):
        quantizer = AutoHfQuantizer.from_config(quantised, pre_quantized=True)
        quantizer.validate_environment(dtype=None, device_map=None, weights_only=True)


def _refuse_incomplete(source: str, kind: str, found: Mapping[str, Any]) -> None:
    missing = sorted(found["missing_keys"])
    if missing:
        raise ConfigError(
            f"model {source} is not whole: its files lack {_named(missing)} of a {kind}, which would be drawn by chance; {REMEDY}"
        )
    reshaped = {name: (list(held), list(wanted)) for name, held, wanted in found["mismatched_keys"]}
    if reshaped:
        name, (held, wanted) = min(reshaped.items())
        raise ConfigError(
            f"model {source} is not what its config.json says: {_named(sorted(reshaped))} of another shape ({name} is {held}, not"
            f" {wanted}); {REMEDY}"
        )


def _named(names: list[str]) -> str:
    return f"{len(names)} weight{'s' if len(names) > 1 else ''}, {', '.join(names[:NAMED])}{', …' if len(names) > NAMED else ''},"


@contextlib.contextmanager
def _without_report() -> Iterator[None]:
    """Without Transformers' table of what was missing or left over: the first is refused in one line, the second is of no account."""
    logger = logging.getLogger("transformers.modeling_utils")

    def is_wanted(record: logging.LogRecord) -> bool:
        return "LOAD REPORT" not in record.getMessage()

    logger.addFilter(is_wanted)
    try:
        yield
    finally:
        logger.removeFilter(is_wanted)
