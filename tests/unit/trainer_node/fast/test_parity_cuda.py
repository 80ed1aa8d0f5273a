"""On a CUDA device the fast path's bfloat16 gradients are those of Transformers in float32, up to bfloat16's rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from trainer_node import fast

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def build(dtype: torch.dtype) -> Any:
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=1000, hidden_size=256, intermediate_size=640, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=512, initializer_range=0.05,
    )  # fmt: skip
    base = LlamaForCausalLM(config).to(torch.bfloat16).to("cuda", dtype)
    model = get_peft_model(base, LoraConfig(r=8, lora_alpha=16, target_modules=TARGETS))
    generator = torch.Generator().manual_seed(4)
    for name, weight in sorted(model.named_parameters()):
        if "lora_" in name:
            weight.data.copy_(torch.randn(weight.shape, generator=generator) * 0.05)
    return model.train()


def batch() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    ids = torch.randint(1, 1000, (5, 300), generator=generator)
    mask = (torch.arange(300) < torch.tensor([300, 17, 120, 260, 1])[:, None]).long()
    found = {"input_ids": ids * mask, "attention_mask": mask, "labels": ids.masked_fill(mask == 0, -100)}
    return {name: value.cuda() for name, value in found.items()}


def ordinary_loss(model: Any) -> torch.Tensor:
    loss: torch.Tensor = model(**batch(), use_cache=False).loss
    return loss


def fast_loss(model: Any) -> torch.Tensor:
    nll, mask = fast.token_losses(model, batch())
    return nll.sum() / mask.sum()


def gradients(model: Any, loss: Callable[[Any], torch.Tensor]) -> torch.Tensor:
    loss(model).backward()
    found = torch.cat([w.grad.flatten().double() for _, w in sorted(model.named_parameters()) if w.requires_grad])
    model.zero_grad()
    return found


def test_gradients_are_those_of_float32() -> None:
    expected = gradients(build(torch.float32), ordinary_loss)
    model = build(torch.bfloat16)
    fast.install(model)
    for _ in range(3):  # the second and third pass use the host's buffers again
        ours = gradients(model, fast_loss)
        assert (ours - expected).norm() / expected.norm() < 0.03


def test_the_error_is_no_larger_than_that_of_transformers_in_bfloat16() -> None:
    expected = gradients(build(torch.float32), ordinary_loss)
    model = build(torch.bfloat16)
    with torch.autocast("cuda", torch.bfloat16):
        theirs = gradients(model, ordinary_loss)
    fast.install(model)
    ours = gradients(model, fast_loss)
    assert (ours - expected).norm() < 1.2 * (theirs - expected).norm()


def test_passes_before_a_backward_each_keep_their_own() -> None:
    """What a layer keeps waits on the host, in buffers that are used again."""
    model = build(torch.bfloat16)
    fast.install(model)
    once = gradients(model, fast_loss)
    first, second = fast_loss(model), fast_loss(model)
    (first + second).backward()
    twice = torch.cat([w.grad.flatten().double() for _, w in sorted(model.named_parameters()) if w.requires_grad])
    assert (twice - 2 * once).norm() / once.norm() < 0.01
