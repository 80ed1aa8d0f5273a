"""The fast path computes what Transformers and PEFT compute: losses, gradients and hidden states, on any batch layout."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from trainer_node import fast

TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
WIDTH = 12
LENGTHS = (12, 5, 9)


def build(targets: list[str] = TARGETS, **changes: Any) -> Any:
    torch.manual_seed(3)
    settings: dict[str, Any] = {
        "vocab_size": 50, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 64, "initializer_range": 0.3,
    }  # fmt: skip
    model = get_peft_model(LlamaForCausalLM(LlamaConfig(**settings | changes)), LoraConfig(r=3, lora_alpha=12, target_modules=targets))
    for name, weight in model.named_parameters():
        if "lora_B" in name:  # born zero, which would hide half the gradients
            torch.nn.init.normal_(weight, std=0.2)
    return model.train()


def padded(side: str) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    ids = torch.randint(1, 50, (len(LENGTHS), WIDTH), generator=generator)
    mask = torch.zeros_like(ids)
    for row, length in enumerate(LENGTHS):
        mask[row, slice(0, length) if side == "right" else slice(WIDTH - length, None)] = 1
    labels = ids.masked_fill(mask == 0, -100)
    labels[:, ::4] = -100  # prompts carry no loss
    if side == "left":  # the first token of a row has no prediction; Transformers would score the padding before it
        labels[torch.arange(len(LENGTHS)), mask.argmax(-1)] = -100
    batch = {"input_ids": ids * mask, "attention_mask": mask, "labels": labels}
    if side == "left":
        batch["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0)
    return batch


def packed(starts_masked: bool) -> dict[str, torch.Tensor]:
    """The same samples end to end in one row, positions restarting, as TRL's padding-free collator gives them (it masks the starts)."""
    batch = padded("right")
    kept = batch["attention_mask"].bool()
    positions = torch.arange(WIDTH).expand_as(kept)[kept][None]
    ids = batch["input_ids"][kept][None]
    labels = torch.where(positions == 0, -100 if starts_masked else ids, batch["labels"][kept][None])
    return {"input_ids": ids, "position_ids": positions, "labels": labels}


def gradients(model: Any) -> dict[str, torch.Tensor]:
    found = {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.requires_grad}
    model.zero_grad()
    return found


def fast_loss(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """The batch's mean loss by the fast path, as Transformers has it."""
    nll, mask = fast.token_losses(model, batch)
    return nll.sum() / mask.sum()


def assert_same(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        largest = value.abs().max().item()  # an element near zero is a sum of terms of this size, and rounded like them
        assert largest > 1e-5, f"{name}: the reference has no gradient to compare with"
        torch.testing.assert_close(ours[name], value, rtol=2e-4, atol=2e-5 * largest, msg=lambda text, name=name: f"{name}: {text}")


def test_a_wide_mlp_run_by_run_gives_the_same_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    model, batch = build(), padded("right")
    model(**batch, use_cache=False).loss.backward()
    theirs = gradients(model)
    monkeypatch.setattr("trainer_node.fast.layer.MLP_BYTES", 4000)  # ten tokens of 26
    fast.install(model)
    fast_loss(model, batch).backward()
    assert_same(gradients(model), theirs)


@pytest.mark.parametrize("starts_masked", [True, False])
def test_a_padding_free_batch_gives_the_gradients_of_the_padded_one(starts_masked: bool) -> None:
    model = build()
    model(**padded("right"), use_cache=False).loss.backward()
    theirs = gradients(model)
    fast.install(model)
    fast_loss(model, packed(starts_masked)).backward()
    assert_same(gradients(model), theirs)


def test_logits_of_a_training_pass_are_those_of_transformers_so_any_loss_can_stand_on_them() -> None:
    model, batch = build(), padded("left")
    batch.pop("labels")
    kept = batch["attention_mask"].bool()
    weights = torch.rand(kept.sum(), 50) / 50
    logits = model(**batch, use_cache=False).logits
    (logits[kept] * weights).sum().backward()
    theirs = gradients(model)
    fast.install(model)
    ours = model(**batch, use_cache=False).logits
    torch.testing.assert_close(ours[kept], logits[kept], rtol=1e-4, atol=1e-4)
    (ours[kept] * weights).sum().backward()
    assert_same(gradients(model), theirs)


@pytest.mark.parametrize("side", ["right", "left"])
def test_token_losses_are_each_tokens_own_and_can_be_weighted_one_by_one(side: str) -> None:
    model, batch = build(), padded(side)
    weights = torch.rand(len(LENGTHS), WIDTH - 1)
    logits = model(**{k: v for k, v in batch.items() if k != "labels"}, use_cache=False).logits[:, :-1]
    goals = batch["labels"][:, 1:]
    expected = torch.nn.functional.cross_entropy(logits.transpose(1, 2), goals, ignore_index=-100, reduction="none")
    (expected * weights).sum().backward()
    theirs = gradients(model)
    fast.install(model)
    nll, mask = fast.token_losses(model, batch)
    assert torch.equal(mask, goals != -100)
    torch.testing.assert_close(nll, expected, rtol=1e-4, atol=1e-4)
    (nll * weights).sum().backward()
    assert_same(gradients(model), theirs)


@pytest.mark.parametrize("tied", [False, True])
def test_an_embedding_table_waits_on_the_host_unless_it_is_the_output_layer_too(tied: bool) -> None:
    model, batch = build(tie_word_embeddings=tied), padded("right")
    model(**batch, use_cache=False).loss.backward()
    theirs = gradients(model)
    fast.install(model)
    assert ("embed_tokens.weight" in "".join(name for name, _ in model.named_parameters())) is tied
    assert "model.embed_tokens.weight" in model.get_base_model().state_dict()
    fast_loss(model, batch).backward()
    assert_same(gradients(model), theirs)


@pytest.mark.parametrize("targets", [["q_proj", "v_proj"], ["down_proj", "up_proj"]])
def test_layers_without_an_adapter_are_frozen_products(targets: list[str]) -> None:
    model, batch = build(targets), padded("right")
    model(**batch, use_cache=False).loss.backward()
    theirs = gradients(model)
    fast.install(model)
    fast_loss(model, batch).backward()
    assert_same(gradients(model), theirs)


@pytest.mark.parametrize(
    "rope",
    [
        {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.0},
        {"rope_type": "llama3", "rope_theta": 500.0, "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
         "original_max_position_embeddings": 16},
        {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 16},
    ],
    ids=lambda rope: rope["rope_type"],
)  # fmt: skip
def test_scaled_rotary_embeddings_are_the_models_own(rope: dict[str, Any]) -> None:
    model, batch = build(rope_parameters=rope), padded("right")
    loss = model(**batch, use_cache=False).loss
    fast.install(model)
    torch.testing.assert_close(fast_loss(model, batch), loss)


def test_an_optimizer_step_is_seen_by_the_next_pass() -> None:
    model, batch = build(), padded("right")
    fast.install(model)
    optimizer = torch.optim.SGD([w for w in model.parameters() if w.requires_grad], lr=0.05)
    losses = []
    for _ in range(4):
        loss = fast_loss(model, batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] - 0.1


def test_gradients_of_accumulated_passes_add_up() -> None:
    model, batch = build(), padded("right")
    fast.install(model)
    first, second = fast_loss(model, batch), fast_loss(model, batch)
    second.backward()
    once = gradients(model)
    first.backward()
    fast_loss(model, batch).backward()
    twice = gradients(model)
    for name, value in once.items():
        torch.testing.assert_close(twice[name], 2 * value)


def test_evaluation_generation_and_a_switched_off_adapter_go_the_ordinary_way() -> None:
    model, batch = build(), padded("right")
    batch.pop("labels")
    model.eval()
    with torch.no_grad():
        expected = model.generate(**batch, max_new_tokens=4, do_sample=False, pad_token_id=0)
    model.train()
    with model.disable_adapter():
        without = model(**batch, use_cache=False).logits
    fast.install(model)
    with model.disable_adapter():
        torch.testing.assert_close(model(**batch, use_cache=False).logits, without)
    model.eval()
    assert torch.equal(model.generate(**batch, max_new_tokens=4, do_sample=False, pad_token_id=0), expected)


def test_a_mask_or_positions_it_cannot_run_go_the_ordinary_way() -> None:
    model, batch = build(), padded("right")
    strange = batch | {"position_ids": torch.arange(WIDTH).expand(len(LENGTHS), -1) * 2}
    loss = model(**strange, use_cache=False).loss
    fast.install(model)
    torch.testing.assert_close(model(**strange, use_cache=False).loss, loss)
    with pytest.raises(ValueError, match="positions have gaps"):
        fast.token_losses(model, strange)


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"attention_bias": True}, "biases"), ({"hidden_act": "gelu"}, "activation is gelu"), ({"attention_dropout": 0.1}, "dropout")],
)
def test_a_model_it_does_not_take_is_named(change: dict[str, Any], reason: str) -> None:
    assert reason in str(fast.obstacle(build(**change)))
    with pytest.raises(ValueError, match=reason):
        fast.install(build(**change))


def test_a_lora_that_is_not_plain_is_refused() -> None:
    config = LlamaConfig(vocab_size=8, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
    model = get_peft_model(LlamaForCausalLM(config), LoraConfig(r=2, lora_dropout=0.1, target_modules=["q_proj"]))
    assert fast.obstacle(model) == "its adapter has dropout"
    model = get_peft_model(LlamaForCausalLM(config), LoraConfig(r=2, target_modules=["q_proj", "lm_head"]))
    assert "lm_head has an adapter" in str(fast.obstacle(model))


def test_token_losses_are_given_only_where_the_path_is_installed() -> None:
    with pytest.raises(ValueError, match="not installed"):
        fast.token_losses(build(), padded("right"))
