"""What a model's losses and its answers' rewards say of samples."""

from __future__ import annotations

import pytest

from tests.unit.trainer_node.training.test_base import EXAMPLES, config_of
from trainer_node.data.examples import Example, PromptExample
from trainer_node.kinds import TrainerKind
from trainer_node.models.restore import load_for_training
from trainer_node.training.evaluation import evaluating, mean_loss
from trainer_node.training.sample_scores import example_losses, mean_advantages


def test_each_example_has_its_own_loss_whatever_it_is_scored_beside_and_nothing_is_left_changed(tiny_model):
    loaded = load_for_training(config_of(TrainerKind.SFT, tiny_model), None)
    model, pad = loaded.model, loaded.tokenizer.pad_token_id
    examples = [Example([5, 6, 7, 8, 9], [-100, -100, 7, 8, 9]), Example([5, 6], [-100, 6]), Example([9, 8, 7], [-100, 8, 7])]
    model.train()
    together = example_losses(model, [*examples, PromptExample([5, 6])], pad, rows=2)
    assert model.training
    with evaluating(model):
        alone = [mean_loss(model, [one], pad) for one in examples]
    assert together == pytest.approx([*(one.total / one.tokens for one in alone), 0.0], rel=1e-5)
    pair = EXAMPLES[TrainerKind.DPO][0]
    [of_pair] = example_losses(model, [pair], pad)
    assert of_pair == pytest.approx(example_losses(model, [pair.sequences()[0]], pad)[0])


def test_an_advantage_is_how_far_rewards_of_one_prompt_lie_apart():
    found = mean_advantages(["a", "a", "b", "b", "c", "c", "d"], [1.0, 0.0, 0.5, 0.5, None, 1.0, None])
    assert found == {"a": 0.5, "b": 0.0, "c": 0.0}
