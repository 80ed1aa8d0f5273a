"""Tiny models of many families, made from Transformers' own configurations, each with the tokenizer of `tests.models.tiny`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.models.tiny import tokenizer

PLAIN = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "max_position_embeddings": 256, "initializer_range": 0.2,
}  # fmt: skip
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256, "initializer_range": 0.2}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
MAMBA = {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8, "conv_kernel": 4, "initializer_range": 0.2}

FAMILIES: dict[str, dict[str, Any]] = {
    "llama": PLAIN,
    "mistral": PLAIN,
    "qwen2": PLAIN,
    "qwen3": PLAIN | {"head_dim": 8},
    "gemma2": PLAIN | {"head_dim": 8},
    "gemma3_text": PLAIN | {"head_dim": 8},
    "phi": PLAIN,
    "phi3": PLAIN | {"pad_token_id": 0},
    "gpt_neox": PLAIN,
    "gptj": GPT2 | {"rotary_dim": 4},
    "gpt_neo": {
        "hidden_size": 32, "num_layers": 2, "num_heads": 4, "attention_types": [[["global", "local"], 1]], "max_position_embeddings": 256,
    },
    "gpt2": GPT2,
    "opt": {
        "hidden_size": 32, "ffn_dim": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 256,
        "word_embed_proj_dim": 32,
    },
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4},
    "falcon": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "new_decoder_architecture": True, "num_kv_heads": 2},
    "gpt_bigcode": GPT2,
    "starcoder2": PLAIN,
    "stablelm": PLAIN,
    "cohere": PLAIN,
    "olmo2": PLAIN,
    "granite": PLAIN,
    "glm4": PLAIN | {"head_dim": 8},
    "smollm3": PLAIN,
    "mixtral": PLAIN | {"num_local_experts": 4, "num_experts_per_tok": 2},
    "qwen2_moe": PLAIN | EXPERTS | {"shared_expert_intermediate_size": 16},
    "qwen3_moe": PLAIN | EXPERTS | {"head_dim": 8},
    "olmoe": PLAIN | EXPERTS,
    "jetmoe": PLAIN | {"num_local_experts": 4, "num_experts_per_tok": 2, "kv_channels": 8},
    "granitemoe": PLAIN | {"num_local_experts": 4, "num_experts_per_tok": 2},
    "gpt_oss": PLAIN | {"head_dim": 8, "num_local_experts": 4, "num_experts_per_tok": 2},
    "deepseek_v3": PLAIN | {"num_key_value_heads": 4,
        "q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8, "n_routed_experts": 4,
        "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1, "moe_intermediate_size": 16,
    },
    "lfm2": PLAIN | {"layer_types": ["conv", "full_attention"], "block_multiple_of": 8},
    "falcon_h1": PLAIN | {
        "mamba_d_ssm": 32, "mamba_n_heads": 4, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_n_groups": 1, "mamba_chunk_size": 8,
    },
    "qwen3_next": PLAIN | EXPERTS | {
        "head_dim": 8, "shared_expert_intermediate_size": 16, "layer_types": ["linear_attention", "full_attention"],
        "linear_num_key_heads": 2, "linear_num_value_heads": 2, "linear_key_head_dim": 8, "linear_value_head_dim": 8,
    },
    "jamba": PLAIN | {
        "num_experts": 2, "num_experts_per_tok": 1, "attn_layer_period": 2, "attn_layer_offset": 1, "expert_layer_period": 2,
        "expert_layer_offset": 1, "mamba_d_state": 8, "use_mamba_kernels": False,
    },
    "mamba": MAMBA,
    "mamba2": MAMBA | {"num_heads": 8, "head_dim": 8, "n_groups": 1, "chunk_size": 8},
    "recurrent_gemma": PLAIN | {"lru_width": 32, "block_types": ["recurrent", "attention"], "attention_window_size": 64},
}  # fmt: skip
"""Settings of a tiny model by its family's name in Transformers."""


def build_family(family: str, folder: Path, seed: int = 0) -> Path:
    """Save a random model of a family with a byte-level tokenizer to `folder`, and return it."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    made = tokenizer()
    # Rows to spare, as models have them: of some families Transformers' tokenizer adds a token of its own.
    tokens = {"vocab_size": len(made) + 8, "pad_token_id": made.pad_token_id, "eos_token_id": made.eos_token_id, "bos_token_id": None}
    config = AutoConfig.for_model(family, **(FAMILIES[family] | tokens))
    torch.manual_seed(seed)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    made.save_pretrained(folder)
    return folder
