"""Per-sample losses are the step's own, and padding, accumulation and skipped columns change nothing."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForCausalLM

from trainer_node.data.examples import IGNORED, Example
from trainer_node.data.tokenization import format_sft
from trainer_node.training.cutting import equal_cuts
from trainer_node.training.losses import collate, sample_losses, split, target_tokens, token_losses


@pytest.fixture(scope="module")
def model(tiny_model):
    return AutoModelForCausalLM.from_pretrained(tiny_model).eval()


@pytest.fixture
def examples(make_sample, tokenizer):
    pairs = [("what is a?", "b."), ("what is the capital of c?", "d e f g."), ("x", "yes"), ("y z", "no, 1 2 3")]
    return [format_sft(make_sample(prompt=prompt, completion=completion), tokenizer, 64) for prompt, completion in pairs]


def test_each_sample_has_the_loss_that_transformers_gives_it_alone(model, examples, tokenizer):
    nll, mask = token_losses(model, collate(examples, tokenizer.pad_token_id).inputs())
    losses, tokens = sample_losses(nll, mask)
    for example, loss, count in zip(examples, losses, tokens, strict=True):
        alone = model(input_ids=torch.tensor([example.input_ids]), labels=torch.tensor([example.labels])).loss.item()
        assert loss == pytest.approx(alone, rel=1e-4)
        assert count == target_tokens([example])


def test_the_steps_loss_is_the_mean_over_all_its_target_tokens(model, examples, tokenizer):
    inputs = collate(examples, tokenizer.pad_token_id).inputs()
    nll, mask = token_losses(model, inputs)
    losses, tokens = sample_losses(nll, mask)
    by_sample = sum(loss * count for loss, count in zip(losses, tokens, strict=True)) / sum(tokens)
    assert nll.sum().item() / mask.sum().item() == pytest.approx(by_sample, rel=1e-5)


def test_accumulation_gives_the_gradient_of_the_whole_batch(model, examples, tokenizer):
    def gradient(parts: int) -> torch.Tensor:
        model.zero_grad()
        for part in split(examples, equal_cuts(len(examples), parts)):
            nll, _ = token_losses(model, collate(part, tokenizer.pad_token_id).inputs())
            (nll.sum() / target_tokens(examples)).backward()
        return model.model.layers[0].mlp.up_proj.weight.grad.clone()

    whole = gradient(1)
    assert torch.allclose(whole, gradient(2), atol=1e-6)
    assert torch.allclose(whole, gradient(3), atol=1e-6)


def test_a_batch_smaller_than_the_accumulation_is_filled_with_rows_that_weigh_nothing(model, examples, tokenizer):
    parts = split(examples[:2], equal_cuts(2, 4))
    assert len(parts) == 4
    assert [target_tokens(part) for part in parts[2:]] == [0, 0]
    nll, mask = token_losses(model, collate(parts[3], tokenizer.pad_token_id).inputs())
    assert nll.sum().item() == 0
    assert not mask.any()


def test_the_first_token_of_a_plain_text_has_no_loss_whether_it_is_padded_or_not(model, make_sample, tokenizer):
    texts = [format_sft(make_sample(prompt="", completion=text), tokenizer, 64) for text in ("a b c d e f", "a b")]
    nll, mask = token_losses(model, collate(texts, tokenizer.pad_token_id).inputs())
    losses, tokens = sample_losses(nll, mask)
    for text, loss, count in zip(texts, losses, tokens, strict=True):
        alone = model(input_ids=torch.tensor([text.input_ids]), labels=torch.tensor([text.labels])).loss.item()
        assert loss == pytest.approx(alone, rel=1e-4)
        assert count == target_tokens([text]) == len(text.input_ids) - 1


def test_padding_is_on_the_left_and_positions_count_from_the_first_token(tokenizer):
    batch = collate([Example([5, 6, 7], [IGNORED, 6, 7]), Example([8], [8])], tokenizer.pad_token_id)
    assert batch.input_ids.tolist() == [[5, 6, 7], [tokenizer.pad_token_id] * 2 + [8]]
    assert batch.position_ids.tolist() == [[0, 1, 2], [0, 0, 0]]
    assert batch.labels.tolist() == [[IGNORED, 6, 7], [IGNORED, IGNORED, IGNORED]]


def test_a_model_that_gives_the_logits_of_all_columns_has_the_same_losses(model, examples, tokenizer, monkeypatch):
    inputs = collate(examples, tokenizer.pad_token_id).inputs()
    expected, mask = token_losses(model, inputs)
    own = model.forward
    monkeypatch.setattr(model, "forward", lambda *args, logits_to_keep=0, **kwargs: own(*args, **kwargs))  # as Unsloth's evaluation does
    found, same_mask = token_losses(model, inputs)
    assert torch.equal(mask, same_mask)
    torch.testing.assert_close(found, expected)
