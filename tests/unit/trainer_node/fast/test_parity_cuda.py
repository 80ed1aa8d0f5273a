"""On a CUDA device the fast path's bfloat16 gradients are those of Transformers in float32, up to bfloat16's rounding."""

from __future__ import annotations

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


def gradients(model: Any) -> torch.Tensor:
    model(**batch(), use_cache=False).loss.backward()
    found = torch.cat([w.grad.flatten().double() for _, w in sorted(model.named_parameters()) if w.requires_grad])
    model.zero_grad()
    return found


@pytest.mark.parametrize(
    ("keep", "offload"), [("inputs", False), ("inputs", True), ("attention", False), ("attention", True), ("all", False)]
)
def test_gradients_are_those_of_float32(keep: str, offload: bool) -> None:
    expected = gradients(build(torch.float32))
    model = build(torch.bfloat16)
    fast.install(model, keep=keep, offload=offload)
    fast.fuse_loss(model)
    for _ in range(3):  # the second and third pass use buffers again
        ours = gradients(model)
        assert (ours - expected).norm() / expected.norm() < 0.03


def test_the_error_is_no_larger_than_that_of_transformers_in_bfloat16() -> None:
    expected = gradients(build(torch.float32))
    model = build(torch.bfloat16)
    with torch.autocast("cuda", torch.bfloat16):
        theirs = gradients(model)
    fast.install(model)
    fast.fuse_loss(model)
    ours = gradients(model)
    assert (ours - expected).norm() < 1.2 * (theirs - expected).norm()


def test_recorded_passes_give_the_gradients_of_unrecorded_ones() -> None:
    model = build(torch.bfloat16)
    fast.install(model)
    fast.fuse_loss(model)
    expected = gradients(model)
    model = build(torch.bfloat16)
    fast.install(model, graph=True)
    fast.fuse_loss(model)
    optimizer = torch.optim.SGD([w for w in model.parameters() if w.requires_grad], lr=0.0)
    for _ in range(4):  # unrecorded, recorded, replayed, replayed
        ours = gradients(model)
        optimizer.step()
        assert (ours - expected).norm() / expected.norm() < 0.01
    assert model.get_base_model().pelton_fast.recorder.passes
