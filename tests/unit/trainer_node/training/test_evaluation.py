"""What is measured on held-out samples: losses, labels chosen from their set alone, pairs against their reference."""

from __future__ import annotations

import copy
import math
from functools import partial

import pytest
import torch
from transformers import AutoModelForCausalLM

from schemas.sample import Task
from schemas.training_sample import Objective
from trainer_node.config import TrainConfig
from trainer_node.data.examples import IGNORED, Example
from trainer_node.data.tokenization import completion_tokens, format_rlhf, format_supervised
from trainer_node.kinds import TrainerKind
from trainer_node.models.restore import load_for_training
from trainer_node.training import evaluation
from trainer_node.training.evaluation import Losses, choose_labels, label_losses, mean_loss
from trainer_node.training.factory import build_trainer, spec_of


@pytest.fixture(scope="module")
def model(tiny_model):
    return AutoModelForCausalLM.from_pretrained(tiny_model).eval()


@pytest.fixture
def prepare(tokenizer):
    return lambda sample: format_supervised(sample, tokenizer, 128)


@pytest.fixture
def labelled(make_sample):
    def make(number: int, label: str, label_set: tuple[str, ...] | None) -> object:
        return make_sample(f"c{number}", "a " * (number + 1), label, task=Task.CLASSIFICATION, label_set=label_set)

    return make


def prompt_of(example: Example) -> list[int]:
    return [token for token, label in zip(example.input_ids, example.labels, strict=True) if label == IGNORED]


PROMPTS = [[5, 6, 7, 8], [9], [10, 11, 12]]
LABELS = [[20, 1], [20, 21, 22, 1], [30, 31, 1]]


def alone(model, prompt: list[int], label: list[int]) -> float:
    """By the definition: -Σ log p(token | what stands before it), one sequence at a time."""
    with torch.no_grad():
        log_probs = model(input_ids=torch.tensor([prompt + label])).logits[0].log_softmax(-1)
    return -sum(float(log_probs[len(prompt) - 1 + index, token]) for index, token in enumerate(label))


@pytest.mark.parametrize("rows", [1, 2, 32])
def test_a_label_costs_what_its_tokens_cost_after_the_prompt(model, monkeypatch, rows):
    """Whatever is padded, and in however many parts the labels go through."""
    monkeypatch.setattr(evaluation, "ROWS", rows)
    found = label_losses(model, PROMPTS, LABELS, 0)
    wanted = torch.tensor([[alone(model, prompt, label) for label in LABELS] for prompt in PROMPTS])
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_without_a_cache_a_label_costs_the_same(model):
    """The way that Unsloth's models go."""
    whole = copy.copy(model)
    whole.pelton_backend = "unsloth"
    torch.testing.assert_close(label_losses(whole, PROMPTS, LABELS, 0), label_losses(model, PROMPTS, LABELS, 0), rtol=1e-4, atol=1e-4)


def test_the_label_chosen_is_of_the_samples_own_set_although_the_model_would_say_something_else(model, tokenizer, labelled, prepare):
    samples = [labelled(0, "yes", ("yes", "no")), labelled(1, "b", ("a", "b", "c d")), labelled(2, "no", ("no", "yes"))]
    prompts = [evaluation.prompt_of(prepare(sample)) for sample in samples]
    chosen = choose_labels(model, tokenizer, samples, prompts)
    for sample, prompt, label in zip(samples, prompts, [row.by_sum for row in chosen], strict=True):
        costs = {each: alone(model, prompt, [*tokenizer(each)["input_ids"], tokenizer.eos_token_id]) for each in sample.label_set}
        assert label == min(costs, key=costs.get)
        with torch.no_grad():
            free = model.generate(input_ids=torch.tensor([prompt]), max_new_tokens=4, do_sample=False, pad_token_id=0)
        assert tokenizer.decode(free[0, len(prompt) :], skip_special_tokens=True) not in sample.label_set, "else nothing is shown"


def chosen_of(model, tokenizer, prepare, samples, seen=()):
    return choose_labels(model, tokenizer, samples, [evaluation.prompt_of(prepare(sample)) for sample in samples], None, seen)


def test_samples_without_a_set_choose_among_all_labels_seen_of_training_too(model, tokenizer, labelled, prepare):
    samples = [labelled(number, "abc"[number % 3], None) for number in range(6)]
    assert {row.by_sum for row in chosen_of(model, tokenizer, prepare, samples)} <= set("abc")
    one_label = [labelled(number, "a", None) for number in range(4)]
    seen = [f"{letter}" for letter in "abcdefgh"]
    rows = chosen_of(model, tokenizer, prepare, one_label, seen)
    assert {row.candidates for row in rows} == {8}
    assert any(row.by_sum != "a" for row in rows), "a model that knows nothing is not always right"


def test_with_one_label_to_choose_from_a_random_model_is_not_said_to_be_right(model, tokenizer, labelled, prepare):
    evaluate = partial(spec_of(TrainerKind.SFT).evaluate, None, model, tokenizer)
    found = evaluate([labelled(number, "a", None) for number in range(4)], prepare)
    assert set(found.values) == {"val_loss", "val_perplexity"}
    assert found.absent["val_accuracy"] == found.absent["val_adjusted_rand"] == "4 held-out samples have one label to choose from"
    assert found.val_metric == found.values["val_loss"]
    single = evaluate([labelled(0, "yes", ("yes", "no"))], prepare)
    assert "val_accuracy" not in single.values
    assert single.absent["val_accuracy"] == "there is one held-out sample with a label"
    with_seen = evaluate([labelled(number, "a", None) for number in range(4)], prepare, labels=("a", "b c d"))
    assert with_seen.measure == "val_accuracy"
    assert with_seen.values["val_accuracy_baseline"] == 1.0, "beside an accuracy stands what one answer for all would have"
    assert with_seen.candidates == 2


def test_the_choice_by_the_mean_does_not_favour_labels_of_few_tokens(model, tokenizer, labelled, prepare):
    long, short = " ".join("abcdefgh"), "a"
    [row] = chosen_of(model, tokenizer, prepare, [labelled(0, long, (long, short))])
    costs = label_losses(
        model, [evaluation.prompt_of(prepare(labelled(0, long, None)))], [completion_tokens(one, tokenizer) for one in (long, short)], 0
    )[0]
    means = [float(cost) / len(completion_tokens(one, tokenizer)) for cost, one in zip(costs, (long, short), strict=True)]
    assert row.by_sum == short, "an untrained model finds the shorter one likelier"
    assert row.by_mean == (long, short)[means.index(min(means))]


def test_the_loss_of_no_tokens_is_absent():
    assert Losses().mean is None
    assert Losses().values() == {}
    assert Losses(1600.0, 2).values() == {"val_loss": 800.0}, "exp() of it is no float"


def test_val_metric_is_the_accuracy_of_classification_and_the_loss_of_all_else(model, tokenizer, labelled, make_sample, prepare):
    classes = [labelled(number, "yes" if number % 2 else "no", ("yes", "no")) for number in range(4)]
    other = make_sample("q", "what is a?", "b.")
    evaluate = partial(spec_of(TrainerKind.SFT).evaluate, None, model, tokenizer)
    model.train()
    only = evaluate(classes, prepare)
    assert model.training
    assert only.val_metric == only.values["val_accuracy"]
    scores = {"val_accuracy", "val_accuracy_mean", "val_accuracy_baseline", "val_macro_f1", "val_adjusted_rand"}
    assert set(only.values) == {"val_loss", "val_perplexity", *scores}
    assert only.values["val_perplexity"] == pytest.approx(math.exp(only.values["val_loss"]))
    mixed = evaluate([*classes, other], prepare)
    assert mixed.val_metric == mixed.values["val_loss"]
    assert mixed.values["val_accuracy"] == only.values["val_accuracy"]
    model.eval()
    expected: Losses = mean_loss(model, [prepare(sample) for sample in [*classes, other]], 0)
    assert mixed.val_metric == pytest.approx(expected.mean, rel=1e-5), "the loss of classification, too, is that of its target tokens"
    assert evaluate([], prepare) is None


@pytest.mark.parametrize("kind", [TrainerKind.DPO, TrainerKind.GRPO, TrainerKind.PPO])
def test_a_kind_is_not_measured_by_another_objectives_samples_nor_without_a_measure(model, tokenizer, labelled, make_sample, prepare, kind):
    held_out = [labelled(0, "yes", ("yes", "no")), make_sample("p", completion=None, objective=Objective.PROMPT, task=Task.RLHF_GRPO)]
    assert spec_of(kind).evaluate(None, model, tokenizer, held_out, prepare) is None


def test_pairs_are_measured_against_the_reference(tiny_model, tokenizer, make_sample, tmp_path):
    config = TrainConfig(model=str(tiny_model), bits=32, trainer="dpo", lora_r=4)
    loaded = load_for_training(config, None)
    trainer = build_trainer(TrainerKind.DPO, loaded, config, tmp_path, [])
    pairs = [
        make_sample(f"p{n}", f"what is {n}?", None, chosen=f"{n}.", rejected="no", objective=Objective.PREFERENCE, task=Task.PREFERENCE)
        for n in range(3)
    ]
    evaluate = partial(spec_of(TrainerKind.DPO).evaluate, trainer, loaded.model, tokenizer, pairs)
    equal = evaluate(lambda sample: format_rlhf(sample, tokenizer, 64))
    coin = {"val_accuracy": 0.5, "val_accuracy_baseline": 0.5}
    assert equal.values == {"val_loss": pytest.approx(math.log(2), abs=1e-5), **coin}, "the policy is the reference"
    assert equal.val_metric == equal.values["val_loss"]
    with torch.no_grad():
        for name, weight in loaded.model.named_parameters():
            if "lora_B.default" in name:
                weight.add_(0.05)
    moved = evaluate(lambda sample: format_rlhf(sample, tokenizer, 64)).values
    assert moved["val_loss"] != pytest.approx(math.log(2), abs=1e-3)
    gained = trainer.margins(loaded.model, [format_rlhf(pair, tokenizer, 64) for pair in pairs])
    assert moved["val_accuracy"] == pytest.approx((gained > 0).float().mean().item()) != 0.5
    assert moved["val_loss"] == pytest.approx(torch.nn.functional.softplus(-gained).mean().item(), rel=1e-4)
