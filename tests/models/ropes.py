"""Tiny models of each kind of rotary embedding, each with a theta that is nobody's default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.models.families import FAMILIES

LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}
LONG = {"rope_type": "longrope", "short_factor": [1.0, 1.5, 2.0, 2.5], "long_factor": [2.0, 3.0, 4.0, 5.0]}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}
LAYERS = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 8}
THETA = {"rope_theta": 123456.0}
LOCAL = {"rope_type": "default", "rope_theta": 5000.0}
ROPES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "default": ("llama", {"rope_type": "default"} | THETA, {}),
    "linear": ("llama", {"rope_type": "linear", "factor": 4.0} | THETA, {}),
    "dynamic": ("llama", {"rope_type": "dynamic", "factor": 4.0} | THETA, {}),
    "yarn": ("llama", YARN | THETA, {}),
    "llama3": ("llama", LLAMA3 | THETA, {}),
    "longrope": ("phi3", LONG | THETA, {"original_max_position_embeddings": 16}),
    "part of each head": ("stablelm", {"rope_type": "default", "partial_rotary_factor": 0.5} | THETA, {}),
    "other names": ("gpt_neox", {"rope_type": "linear", "factor": 2.0, "partial_rotary_factor": 0.5} | THETA, {}),
    "two fields": ("olmo2", {"rope_type": "linear", "factor": 4.0} | THETA, {}),
    "none where there is one unsaid": ("gpt_oss", {"rope_type": "default"} | THETA, {}),
    "by layer": ("gemma3_text", {"full_attention": {"rope_type": "linear", "factor": 8.0} | THETA, "sliding_attention": LOCAL}, LAYERS),
    "of some layers": ("olmo3", {"full_attention": YARN | THETA, "sliding_attention": {"rope_type": "default"} | THETA}, LAYERS),
    "proportional": ("gemma4_text", {
        "full_attention": {"rope_type": "proportional", "partial_rotary_factor": 0.25} | THETA, "sliding_attention": LOCAL,
    }, LAYERS | {"head_dim": 8, "vocab_size_per_layer_input": 512, "hidden_size_per_layer_input": 8}),  # else 134 million weights
}  # fmt: skip
"""Family, rotary embedding and further settings, by what is particular in them."""
NEWER = ("proportional",)
"""What Transformers 4.57 does not have."""


def build_rope(kind: str, folder: Path) -> Any:
    """A random model of a kind of rotary embedding, saved to `folder` as Transformers 5 saves it, and returned."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    family, rope, further = ROPES[kind]
    tokens = {"vocab_size": 128, "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": None}
    settings = FAMILIES.get(family, FAMILIES["llama"]) | tokens | {"rope_parameters": rope} | further
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **settings)).eval()
    model.save_pretrained(folder)
    return model
