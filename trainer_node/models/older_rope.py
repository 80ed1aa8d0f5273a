"""The rotary embedding as Transformers 4.57 spells it: for the types of models that it has, in the form that each of them reads there.

Where a scaling has no form that the type reads there, it is written whole: 4.57 then refuses the model, which it would else misread. And
nothing is written that Transformers 5, which takes the old spelling before its own, would not read as the same embedding.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

MODEL_TYPES = frozenset((
    "apertus", "arcee", "aria_text", "bitnet", "blt", "cohere", "cohere2", "deepseek_v2", "deepseek_v3", "diffllama", "doge", "dots1",
    "emu3_text_model", "ernie4_5", "ernie4_5_moe", "exaone4", "falcon", "falcon_h1", "flex_olmo", "fuyu", "gemma", "gemma2",
    "gemma3_text", "gemma3n_text", "glm", "glm4", "glm4_moe", "gpt_neox", "gpt_neox_japanese", "gpt_oss", "granite", "granitemoe",
    "granitemoehybrid", "granitemoeshared", "helium", "hunyuan_v1_dense", "hunyuan_v1_moe", "jetmoe", "lfm2", "llama", "llama4_text",
    "longcat_flash", "minimax", "ministral", "mistral", "mixtral", "mllama_text_model", "modernbert-decoder", "moshi", "nemotron",
    "olmo", "olmo2", "olmo3", "olmoe", "persimmon", "phi", "phi3", "phi4_multimodal", "phimoe", "qwen2", "qwen2_moe", "qwen3",
    "qwen3_moe", "qwen3_next", "recurrent_gemma", "seed_oss", "smollm3", "stablelm", "starcoder2", "vaultgemma", "zamba2",
))  # fmt: skip
"""Types of causal language models that Transformers 4.57 has, with a rotary embedding in their configuration."""
TWO_FIELDS = ("olmo", "olmo2", "hunyuan_v1_dense", "hunyuan_v1_moe", "fuyu")
"""Types that read `type` and `factor` alone there."""
LONG_AND_SHORT = ("phi3", "phi4_multimodal")
"""Types that read `type`, `short_factor` and `long_factor` alone there, and the length they were made for beside."""
SCALED_UNSAID = ("apertus", "gpt_oss")
"""Types that 4.57 scales where the configuration says nothing of it."""
NAMES = {
    "gpt_neox": {"rope_theta": "rotary_emb_base", "partial_rotary_factor": "rotary_pct"},
    "gpt_neox_japanese": {"rope_theta": "rotary_emb_base", "partial_rotary_factor": "rotary_pct"},
    "modernbert-decoder": {"rope_theta": "global_rope_theta", "local": "local_rope_theta"},
}
"""Old names of what stands beside the scaling, where they are others than these."""
USUAL_NAMES = {"rope_theta": "rope_theta", "partial_rotary_factor": "partial_rotary_factor", "local": "rope_local_base_freq"}
NOT_OF_THE_SCALING = ("rope_theta", "partial_rotary_factor", "type")


def with_older_rope(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration with the old spelling beside the new one; as it was where Transformers 5 would then read another embedding."""
    older = copy.deepcopy(config)
    for part in parts_of_config(older):
        rope = part.get("rope_parameters")
        if isinstance(rope, dict) and part.get("model_type") in MODEL_TYPES:
            part.update(older_rope(part["model_type"], rope))
    return older if older == config or _read_the_same(config, older) else config


def parts_of_config(config: dict[str, Any]) -> list[dict[str, Any]]:
    """A configuration, and those of the models that it is made of."""
    return [config, *(value for key, value in config.items() if key.endswith("_config") and isinstance(value, dict))]


def older_rope(model_type: str, rope: dict[str, Any]) -> dict[str, Any]:
    """The keys that Transformers 4.57 reads in place of `rope_parameters`; of models with two kinds of layers, each kind's."""
    names = USUAL_NAMES | NAMES.get(model_type, {})
    keys: dict[str, Any] = {}
    if "full_attention" in rope or "sliding_attention" in rope:
        whole, local = rope.get("full_attention") or {}, rope.get("sliding_attention") or {}
        if "rope_theta" in local:
            keys[names["local"]] = local["rope_theta"]
        rope = whole or local
    keys |= {names[name]: rope[name] for name in ("rope_theta", "partial_rotary_factor") if rope.get(name) is not None}
    scaling = {key: value for key, value in rope.items() if key not in NOT_OF_THE_SCALING}
    if scaling.get("rope_type", "default") != "default":
        keys["rope_scaling"] = _scaling(model_type, scaling)
    elif model_type in SCALED_UNSAID:
        keys["rope_scaling"] = None
    return keys


def _scaling(model_type: str, scaling: dict[str, Any]) -> dict[str, Any]:
    kind = scaling["rope_type"]
    if model_type in TWO_FIELDS and kind in ("linear", "dynamic") and scaling.keys() == {"rope_type", "factor"}:
        return {"type": kind, "factor": float(scaling["factor"])}
    factors = {key: scaling[key] for key in ("short_factor", "long_factor") if key in scaling}
    if model_type in LONG_AND_SHORT and kind == "longrope" and len(factors) == 2 and "attention_factor" not in scaling:
        return {"type": kind} | factors
    return scaling | {"type": kind}


def _read_the_same(config: dict[str, Any], older: dict[str, Any]) -> bool:
    """Whether Transformers reads the same rotary embedding out of both."""
    from transformers import CONFIG_MAPPING

    model_type = config.get("model_type")
    if not isinstance(model_type, str) or model_type not in CONFIG_MAPPING:
        return False
    try:
        ropes = [list(_ropes(CONFIG_MAPPING[model_type].from_dict(copy.deepcopy(one)).to_dict())) for one in (config, older)]
    except Exception:  # noqa: BLE001 - a configuration is refused by whatever its class raises
        return False
    return ropes[0] == ropes[1]


def _ropes(read: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for part in parts_of_config(read):
        yield _without_type(part.get("rope_parameters") or {})


def _without_type(rope: dict[str, Any]) -> dict[str, Any]:
    """Without the old name of `rope_type`, which says nothing besides."""
    return {key: _without_type(value) if isinstance(value, dict) else value for key, value in rope.items() if key != "type"}
