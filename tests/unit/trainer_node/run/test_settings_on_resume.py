"""Every setting of a run, and what becomes of it where the run goes on: it takes effect, is refused, or is not used, with the reason.

A setting that is not in the table fails the test. One that takes effect names the test that shows it.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.trainer_node.training.one_step import OneStep
from tests.unit.trainer_node.training.test_base import EXAMPLES, config_of
from trainer_node.commit.manifest import own_folder
from trainer_node.config import TrainConfig
from trainer_node.kinds import TrainerKind
from trainer_node.models.restore import load_for_training, save_for_resume
from trainer_node.run.changed_settings import OF_THE_ADAPTER, WITHOUT_EFFECT

ROOT = Path(__file__).parents[4]
TRAINER = "unit/trainer_node/training/"
HERE = "unit/trainer_node/run/test_settings_on_resume.py::test_"
REFUSED = "unit/trainer_node/run/test_changed_settings.py::test_another_base_rank_or_alpha_is_refused_by_name"
TARGETS = "unit/trainer_node/run/test_changed_settings.py::test_a_lora_keeps_its_layers"
ARGUMENTS = TRAINER + "test_arguments.py::test_each_setting_reaches_the_trainer"
STREAM = "integration/test_trainer_stream.py::test_"
LATER = "integration/test_changed_on_resume.py::test_a_run_that_goes_on_takes_what_is_set_about_passes_evaluation_and_checkpoints"
RETENTION = "faults/test_retention.py::test_"
ALL = "integration/test_all_objectives.py::test_all_objectives_are_trained_on_one_stream_killed_in_the_middle_and_each_record_once"
FIRST = HERE + "a_trainer_that_goes_on_learns_as_is_set_now"
PACING = "unit/trainer_node/intake/test_pacing.py::test_"
EXAMPLE = HERE + "samples_are_prepared_as_is_set_now"

TAKES_EFFECT: dict[str, str] = {
    "backend": "unit/trainer_node/models/test_loader.py::test_an_unknown_backend_device_or_dtype_is_named",
    "bits": "unit/trainer_node/models/test_loader.py::test_sixteen_bits_on_the_cpu_are_bfloat16",
    "trainer": STREAM + "a_changed_learning_rate_counts_from_the_next_step_on_and_what_cannot_change_is_refused_before_the_run_is_claimed",
    "lr": FIRST,
    "dpo_lr": FIRST,
    "rl": ALL,
    "shares": "unit/trainer_node/intake/test_interleaved.py::test_steps_are_shared_by_what_waits_or_by_weights",
    "rl_lr": ARGUMENTS,
    "reference_steps": ALL,
    "eval_every": ALL,
    "beta": ARGUMENTS,
    "schedule": FIRST,
    "warmup_steps": FIRST,
    "restart_steps": FIRST,
    "batch_size": STREAM + "a_step_out_of_memory_is_told_and_after_smaller_batches_every_sample_is_trained_once",
    "accumulation": ARGUMENTS,
    "max_seq": EXAMPLE,
    "too_long": EXAMPLE,
    "loss_on": EXAMPLE,
    "linger_s": "faults/test_broker_dies.py::test_sigterm_while_waiting_for_a_batch_to_fill_ends_at_once_and_leaves_the_samples_on_the_log",
    "curriculum": PACING + "a_run_whose_order_is_turned_round_has_all_bands_open_and_keeps_what_was_trained_of_each",
    "pacing": PACING + "a_restored_pacing_goes_on_where_it_was",
    "pace_over": PACING + "a_restored_pacing_goes_on_where_it_was",
    "pace_steps": LATER,
    "repeat_horizon": LATER,
    "epochs": LATER,
    "eval_steps": LATER,
    "patience": LATER,
    "checkpoint_steps": LATER,
    "checkpoint_every": LATER,
    "keep_checkpoints": LATER,
    "on_data_loss": RETENTION + "a_start_before_the_log_s_beginning_fails_naming_the_gap_and_skip_records_exactly_what_was_lost",
    "grace_s": LATER,
    "held_out_prompts": LATER,
    "max_new_tokens": ARGUMENTS,
    "num_generations": ARGUMENTS,
    "refill": TRAINER + "test_refill.py::test_no_more_is_asked_than_may_be_and_a_step_without_any_spread_leaves_the_weights",
    "ppo_epochs": ARGUMENTS,
    "temperature": ARGUMENTS,
    "sampled_prompts": "e2e/test_small_model.py::test_the_small_model_learns_the_facts_it_is_asked_about_and_from_pairs_of_its_own_answers",
    "reward_fn": "unit/trainer_node/rewards/test_functions.py::test_a_mixture_weighs_its_parts_and_is_none_where_one_of_them_is",
    "watch_steps": "integration/test_rl_stream.py::test_validation_prompts_are_asked_and_never_trained_on",
    "reward_timeout_s": LATER,
}
"""Setting -> the test that shows it. What `ARGUMENTS` shows is made of the settings at every start, and in no state that a checkpoint
brings back."""
IS_REFUSED: dict[str, str] = {"model": REFUSED, "lora_r": REFUSED, "alpha": REFUSED, "lora_targets": TARGETS}


def test_every_setting_has_its_row():
    rows = {*TAKES_EFFECT, *IS_REFUSED, *WITHOUT_EFFECT}
    assert rows == set(TrainConfig.model_fields), "a new setting needs a row: what becomes of it where a run goes on?"
    assert len(rows) == len(TAKES_EFFECT) + len(IS_REFUSED) + len(WITHOUT_EFFECT)
    assert {*OF_THE_ADAPTER, "lora_targets", "model"} == {*IS_REFUSED}


@pytest.mark.parametrize("test", sorted({*TAKES_EFFECT.values(), *IS_REFUSED.values()}))
def test_every_row_s_test_is_there(test):
    file, name = test.split("::")
    assert re.search(rf"^def {name}\(", (ROOT / "tests" / file).read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize(
    ("kind", "changed", "rate"),
    [
        (TrainerKind.SFT, {"lr": 0.5}, 0.5),
        (TrainerKind.DPO, {"dpo_lr": 0.25}, 0.25),
        (TrainerKind.SFT, {"schedule": "constant_with_warmup", "warmup_steps": 8, "lr": 0.5}, 0.5 * 2 / 8),
        (TrainerKind.SFT, {"schedule": "cosine_with_restarts", "restart_steps": 4, "lr": 0.5}, 0.5 * 0.5),
    ],
)
def test_a_trainer_that_goes_on_learns_as_is_set_now(tiny_model, tmp_path, kind, changed, rate):
    """One step was taken before; `rate` is that of the third, which the second leaves behind."""
    first = OneStep(kind, *model_of(kind, tiny_model), tmp_path / "first", EXAMPLES[kind]).run()
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    save_for_resume({kind.facts.objective: first.trainer}, first.loaded, folder)
    second = OneStep(kind, *model_of(kind, tiny_model, **changed), tmp_path / "second", EXAMPLES[kind])
    second.trainer.train(resume_from_checkpoint=str(own_folder(folder, kind.facts.objective)))
    assert second.trainer.last_learning_rate() == pytest.approx(rate)
    group = second.trainer.optimizer.param_groups[0]
    assert (group["weight_decay"], group["betas"]) == (second.trainer.args.weight_decay, (0.9, 0.999))


def model_of(kind: TrainerKind, tiny_model: Path, **more: Any) -> tuple[Any, TrainConfig]:
    config = config_of(kind, tiny_model, **more)
    return load_for_training(config, None), config


def test_samples_are_prepared_as_is_set_now(tokenizer, make_sample):
    from trainer_node.data.decoding import Decoder

    sample = make_sample(completion="a b c d e f g h i j k l m n o p")
    record = SimpleNamespace(value=sample.encode(), topic="t", partition=0, offset=0)

    def prepared(**settings: Any) -> Any:
        return Decoder(tokenizer, TrainConfig(**settings))([record])[0].example

    whole = prepared()
    assert len(prepared(max_seq=len(whole) - 3)) == len(whole) - 3
    assert prepared(max_seq=len(whole) - 3, too_long="dead-letter").reason.value == "too_long"
    assert prepared(loss_on="all").labels != whole.labels
