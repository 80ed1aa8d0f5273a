"""Whether a model is a causal language model, one that reads from left to right: others learn to copy what comes next, without a word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from schemas.errors import ConfigError
from trainer_node.models.vocabulary import config_of

CAUSAL_ANYHOW = ("gpt_neox", "gpt_neox_japanese", "trocr")
"""Types whose `is_decoder` says nothing: they are causal, whatever it is."""
NEVER_CAUSAL = ("cpmant", "xlnet")
"""Types whose tokens see those that come after them, and whose configurations cannot say otherwise."""


def refuse_other_kinds(source: str, revision: str | None = None) -> None:
    """See that a model is a causal language model, by its configuration alone.

    Args:
        source: a folder of safetensors, or a hub's id.
        revision: the hub's commit; None takes the newest.

    Raises:
        ConfigError: it is none; says what it is.
        OSError, ValueError: its configuration cannot be read.
    """
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    kind = config_of(Path(source)).get("model_type")
    if isinstance(kind, str) and kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise ConfigError(f"{source} holds a model of the type {kind}: that is no causal language model, or none that Transformers knows")
    config = AutoConfig.from_pretrained(source, revision=revision or "main", trust_remote_code=False)
    if why := _why_not(config):
        raise ConfigError(f"{source} holds a model of the type {config.model_type}, {why}: give a causal language model")


def _why_not(config: Any) -> str | None:
    """Why a configuration is that of no causal model; None where it is one."""
    if getattr(config, "is_encoder_decoder", False):
        return "which has an encoder and a decoder"
    if config.model_type in NEVER_CAUSAL or _sees_both_ways(config):
        return "whose tokens see those that come after them"
    if getattr(config, "is_decoder", True) is False and config.model_type not in CAUSAL_ANYHOW:
        return 'whose tokens see those that come after them unless its config.json says "is_decoder": true'
    return None


def _sees_both_ways(config: Any) -> bool:
    """Whether it says so of its text. (Some see images both ways, and text from left to right.)"""
    text = config.get_text_config()
    said = getattr(text, "use_bidirectional_attention", None)
    return said is True or said == "all" or getattr(text, "is_causal", True) is False or getattr(text, "causal", True) is False
