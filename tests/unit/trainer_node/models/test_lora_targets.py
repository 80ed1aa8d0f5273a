"""A LoRA reaches every matrix of a model but embeddings and output, or says which it leaves; what cannot carry one is refused by name."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from schemas.errors import ConfigError
from tests.models.families import FAMILIES
from trainer_node.models.adapters import add_lora
from trainer_node.models.lora_targets import named_targets, reach_of


def model_of(family: str) -> Any:
    config = AutoConfig.for_model(family, **(FAMILIES[family] | {"vocab_size": 400, "pad_token_id": 0, "eos_token_id": 1}))
    return AutoModelForCausalLM.from_config(config)


NO_MATRICES = {
    "jetmoe": (),
    "mixtral": (),
    "gpt_oss": ("_bias",),
    "mamba": ("A_log", "conv1d"),
    "recurrent_gemma": ("_bias", "conv_1d"),
    "gpt2": (),
}
"""By family, parts of the names of tensors that nothing is multiplied by as a matrix: tables, biases, kernels of convolutions."""


@pytest.mark.parametrize("family", NO_MATRICES)
def test_the_share_is_that_of_all_matrices_and_what_has_no_lora_is_named(family):
    model = model_of(family)
    tables = {"embed", "embeddings", "wte", "wpe", "lm_head"}
    matrices = {
        name.removesuffix(".weight"): weight.numel()
        for name, weight in model.named_parameters()
        if weight.ndim > 1 and not any(part in name for part in (*NO_MATRICES[family], *tables))
    }
    adapted = add_lora(model, r=2, fast=False)
    reach = reach_of(adapted)
    left = {name: size for name, size in matrices.items() if any(name.endswith(f".{end}") for end in reach.left_out)}
    assert reach.share == pytest.approx(1 - sum(left.values()) / sum(matrices.values()), abs=1e-4)
    assert all(any(name.endswith(f".{end}") for name in matrices) for end in reach.left_out)


def test_experts_that_are_called_otherwise_learn_too():
    adapted = add_lora(model_of("jetmoe"), r=2, fast=False)
    ids = torch.arange(4, 60).view(2, 28)
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            weight.data.fill_(0.01)
    adapted(input_ids=ids, labels=ids).loss.backward()
    reached = {
        name for name, weight in adapted.named_parameters() if weight.requires_grad and weight.grad is not None and weight.grad.any()
    }
    assert {"input_linear", "output_linear"} <= {part for name in reached for part in name.split(".")}


@pytest.mark.parametrize(
    ("family", "name"),
    [
        ("llama", "mlp"),
        ("llama", "norm"),
        ("llama", "layers.0"),
        ("llama", "w_proj"),
        ("mamba", "conv1d"),
        ("mamba", "x_proj"),
        ("mamba", "out_proj"),
    ],
)
def test_a_name_that_carries_no_lora_is_refused_with_those_that_do(family, name):
    with pytest.raises(ConfigError, match=rf"no layer that carries a LoRA by the name {name}; its linear layers are (\S+)") as refused:
        named_targets(model_of(family), [name])
    assert "\n" not in str(refused.value)
    offered = str(refused.value).split("its linear layers are ")[1].split(", ")
    add_lora(model_of(family), r=2, target_modules=offered, fast=False)


@pytest.mark.parametrize(
    ("family", "name"),
    [
        ("llama", "q_proj"),
        ("llama", "layers.1.mlp.up_proj"),
        ("llama", "embed_tokens"),
        ("gpt2", "c_attn"),
        ("mixtral", "experts.down_proj"),
        ("jetmoe", "input_linear.weight"),
        ("jetmoe", "input_linear"),
        ("mixtral", "gate.weight"),
    ],
)
def test_what_is_named_and_carries_one_gets_it(family, name):
    adapted = add_lora(model_of(family), r=2, target_modules=[name], fast=False)
    assert any(weight.requires_grad for weight in adapted.parameters())
