"""What a configuration says of a model, in one spelling: who saved it is left out, and what is said twice is said once."""

from __future__ import annotations

from typing import Any

STAMPS = ("transformers_version", "_name_or_path", "dtype", "torch_dtype")
"""Keys of a configuration that say who saved it, and how: the same weights saved by another version are the same base."""


def in_one_spelling(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration without its stamps, and without older readers' keys where they say what `rope_parameters` says.

    Where they say something else they stay: a reader may go by them.
    """
    plain = {key: value for key, value in config.items() if key not in STAMPS}
    parts = {key: _without_repeats(value) for key, value in plain.items() if key.endswith("_config") and isinstance(value, dict)}
    return _without_repeats(plain) | parts


def _without_repeats(config: dict[str, Any]) -> dict[str, Any]:
    rope = config.get("rope_parameters")
    if not isinstance(rope, dict):
        return config
    said = _in_old_words(rope)
    return {key: value for key, value in config.items() if key not in said or _scaling(value) != said[key]}


def _in_old_words(rope: dict[str, Any]) -> dict[str, Any]:
    """What `rope_parameters` says under the names that it replaced; of two kinds of layers, the whole attention's, and the local base."""
    whole: dict[str, Any] = rope
    local: dict[str, Any] = {}
    if "full_attention" in rope or "sliding_attention" in rope:
        whole, local = rope.get("full_attention") or {}, rope.get("sliding_attention") or {}
    said = {"rope_local_base_freq": local["rope_theta"]} if "rope_theta" in local else {}
    whole = whole or local
    said |= {name: whole[name] for name in ("rope_theta", "partial_rotary_factor") if name in whole}
    kept = {key: value for key, value in whole.items() if key not in ("rope_theta", "partial_rotary_factor")}
    return said | {"rope_scaling": _scaling(kept or None)}


def _scaling(value: Any) -> Any:
    """A value; of a scaling, its kind under one name, and None for none."""
    if not isinstance(value, dict):
        return value
    kind = value.get("rope_type", value.get("type", "default"))
    rest = {key: entry for key, entry in value.items() if key not in ("rope_type", "type")}
    return None if kind == "default" and not rest else rest | {"rope_type": kind}
