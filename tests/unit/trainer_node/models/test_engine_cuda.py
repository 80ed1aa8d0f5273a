"""On a CUDA device recorded steps decode what a forward pass says, up to the arithmetic's rounding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

from tests.models.tiny import build
from trainer_node.models.adapters import add_lora
from trainer_node.models.engine import GREEDY, Sampling, engine_of
from trainer_node.models.engine.engine import Engine
from trainer_node.models.loader import load_tokenizer

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]
SIZES: dict[str, Any] = {
    "vocab_size": 1000, "hidden_size": 256, "intermediate_size": 640, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 1024, "initializer_range": 0.05, "eos_token_id": list(range(1, 30)),
    "pad_token_id": 0, "bos_token_id": None,
}  # fmt: skip


@pytest.fixture
def tokenizer(tmp_path: Path) -> Any:
    return load_tokenizer(build(tmp_path), 1024)


def adapted(kind: str, dtype: torch.dtype) -> Any:
    torch.manual_seed(3)
    base = LlamaForCausalLM(LlamaConfig(**SIZES)) if kind == "llama" else Qwen3ForCausalLM(Qwen3Config(**SIZES, head_dim=64))
    model = add_lora(base.to("cuda", dtype), r=8, alpha=16)
    numbers = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            if "lora_B" in name:
                weight.copy_(torch.randn(weight.shape, generator=numbers) * 0.02)
    return model.eval()


def prompts(count: int) -> list[list[int]]:
    numbers = torch.Generator().manual_seed(5)
    return [torch.randint(30, 1000, (1 + 37 * i % 300,), generator=numbers).tolist() for i in range(count)]


def gaps(model: Any, asked: list[list[int]], answers: list[Any]) -> torch.Tensor:
    """|difference| of each token's log-probability and that of one forward pass over prompt and answer."""
    found = []
    for prompt, answer in zip(asked, answers, strict=True):
        with torch.no_grad():
            logits = model(torch.tensor([prompt + answer.tokens], device="cuda")).logits[0, len(prompt) - 1 : -1].float()
        own = logits.log_softmax(-1).gather(1, torch.tensor(answer.tokens, device="cuda")[:, None])[:, 0]
        found.append((own - torch.tensor(answer.log_probabilities, device="cuda")).abs())
    return torch.cat(found)


@pytest.mark.parametrize("kind", ["llama", "qwen3"])
def test_sixteen_bits_stay_within_the_rounding_of_a_cache(kind: str, tokenizer: Any):
    model, asked = adapted(kind, torch.bfloat16), prompts(300)  # more than there are slots
    engine = engine_of(model, tokenizer)
    assert isinstance(engine, Engine)
    answers = engine.answer(asked, 48, Sampling(1.0))
    assert len({len(answer.tokens) for answer in answers}) > 5
    found = gaps(model, asked, answers)
    assert found.mean() < 0.034
    assert found.quantile(0.99) < 0.2


def test_thirty_two_bits_answer_as_generate_does(tokenizer: Any):
    model, asked = adapted("qwen3", torch.float32), prompts(20)
    answers = engine_of(model, tokenizer).answer(asked, 32, GREEDY)
    for prompt, answer in zip(asked, answers, strict=True):
        ids = torch.tensor([prompt], device="cuda")
        output = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=32, do_sample=False)
        assert output[0, len(prompt) :].tolist() == answer.tokens


def test_what_the_adapter_learns_is_in_the_next_answers(tokenizer: Any):
    model, asked = adapted("llama", torch.bfloat16), prompts(8)
    engine = engine_of(model, tokenizer)
    before = engine.answer(asked, 16, GREEDY)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.mul_(-8)
    after = engine.answer(asked, 16, GREEDY)
    assert [answer.tokens for answer in after] != [answer.tokens for answer in before]
    assert gaps(model, asked, after).mean() < 0.034
