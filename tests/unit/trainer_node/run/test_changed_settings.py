"""What a start may change of a run, and what it may not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas.errors import ConfigError
from schemas.training_sample import Objective
from trainer_node.commit.manifest import Checkpoint, Manifest
from trainer_node.commit.provenance import Base
from trainer_node.commit.state import FeedState
from trainer_node.config import TrainConfig
from trainer_node.run.changed_settings import changes, check_weights, tell_changes

CONFIG = TrainConfig(model="m", lora_r=4, alpha=8)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": 4, "lora_alpha": 8}), encoding="utf-8")
    manifest = Manifest(
        run_id="r", step=7, serial=1, config_hash=CONFIG.hash(), settings=CONFIG.changed(), base_model="m", base_identity="one",
        feed=FeedState(objective=Objective.SFT), name="e1-s7-c1", epoch=1, files={}, created_at=0.0,
    )  # fmt: skip
    return Checkpoint(tmp_path, manifest, "")


def at(weights: str | None, source: str = "n") -> Base:
    """What a name leads to."""
    return Base(source=source, is_path=weights is not None, weights=weights)


def other(**more: object) -> TrainConfig:
    return TrainConfig.model_validate(CONFIG.model_dump() | more)


@pytest.mark.parametrize(
    ("config", "identity", "told"),
    [
        (other(), "two", r"weights one.*weights two. stands there now"),
        (other(model="n"), "two", r"weights one.* --model n is .*weights two"),
        (other(model="n"), None, r"--model n is .*weights unknown"),
        (other(lora_r=8), "one", "has --lora-r 4, and --lora-r 8 is asked for"),
        (other(lora_r=0), "one", "--lora-r 0 is asked for"),
        (other(alpha=32), "one", "give --alpha 8"),
    ],
)
def test_another_base_rank_or_alpha_is_refused_by_name(checkpoint, config, identity, told):
    with pytest.raises(ConfigError, match=told):
        check_weights(checkpoint, config, at(identity))


def test_a_name_that_was_a_folder_is_never_asked_of_a_hub(checkpoint):
    """It leads to no folder from here, and reads as a hub's id."""
    with pytest.raises(ConfigError, match=r"was trained on model .*weights one"):
        check_weights(checkpoint, other(), at(None, "m"))


def test_a_lora_keeps_its_layers(checkpoint):
    with pytest.raises(ConfigError, match="has a LoRA on all linear layers, and --lora-targets q_proj"):
        check_weights(checkpoint, other(lora_targets="q_proj"), at("one"))


def test_a_base_that_was_moved_and_any_setting_of_learning_are_taken(checkpoint):
    check_weights(checkpoint, other(model="/elsewhere/m"), at("one"))
    check_weights(checkpoint, other(lr=1.0, beta=0.5, batch_size=3), at("one"))


def test_a_checkpoint_of_all_weights_takes_no_lora(checkpoint, tmp_path):
    (tmp_path / "adapter_config.json").unlink()
    for identity in ("one", "two", None):  # the base is in them, and need not be there any more
        check_weights(checkpoint, other(lora_r=0), at(identity))
    with pytest.raises(ConfigError, match="has --lora-r 0, and --lora-r 4"):
        check_weights(checkpoint, CONFIG, at("one"))


def test_what_changed_is_said_with_both_values_and_the_step(checkpoint, caplog):
    tell_changes(checkpoint, CONFIG)
    assert caplog.messages == []
    tell_changes(checkpoint, other(lr=0.5, batch_size=3))
    assert sorted(caplog.messages) == ["--batch-size is 3 from step 8 on; it was 8", "--lr is 0.5 from step 8 on; it was 0.0002"]


def test_a_setting_back_at_its_default_is_a_change_too():
    assert changes({"lr": 0.5, "lora_r": 4, "alpha": 8, "model": "m"}, CONFIG) == {"lr": (0.5, 2e-4)}
