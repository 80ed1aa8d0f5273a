"""A flag that would do nothing as the run is set is refused by name; one that does something, and what a file says, is not."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from cli.effects import NEEDS, refuse_without_effect
from cli.main import pelton
from trainer_node.config import TrainConfig

NOTHING = {"dataset_path": (), "until_consumed": False, "closed_file": None, "replay": (), "wait_for": ()}
WITHOUT = [
    ("--warmup-steps 5", "--schedule constant_with_warmup"),
    ("--restart-steps 5 --schedule constant", "--schedule cosine_with_restarts"),
    ("--alpha 4 --lora-r 0 --trainer sft", "a LoRA"),
    ("--lr 0.1 --trainer dpo --dpo-lr 0.2", "leave --dpo-lr or --rl-lr out"),
    ("--lora-targets q_proj --lora-r 0 --trainer sft", "a LoRA"),
    ("--loss-on last --trainer grpo", "--trainer auto, sft or dpo"),
    ("--eval-steps 5 --trainer ppo", "--watch-steps"),
    ("--patience 2 --until-consumed", "several --epochs"),
    ("--dpo-lr 0.1 --trainer sft", "--trainer auto or dpo"),
    ("--beta 0.2 --trainer sft", "compares with a reference"),
    ("--num-generations 2 --trainer sft", "--trainer grpo or rloo or ppo"),
    ("--refill 2 --trainer ppo", "--trainer grpo or rloo"),
    ("--ppo-epochs 2 --trainer grpo", "--trainer ppo"),
    ("--rl off --until-consumed", "--trainer auto and a run without end"),
    ("--shares sft=1 --trainer sft", "--trainer auto and a run without end"),
    ("--rl-lr 0.1 --rl off", "learns from rewards"),
    ("--reference-steps 9 --until-consumed", "a run without end that compares"),
    ("--eval-every 9s --until-consumed", "a run without end, no --eval-steps"),
    ("--temperature 0.5 --until-consumed", "--trainer grpo or rloo or ppo"),
    ("--max-new-tokens 5 --rl off", "--held-out-prompts"),
    ("--reward-timeout-s 5 --trainer sft", "--held-out-prompts"),
    ("--sampled-prompts 5 --trainer sft --until-consumed", "--trainer auto or dpo, and a run that ends"),
    ("--reward-fn m:f --trainer sft", "--trainer grpo or rloo or ppo"),
    ("--watch-steps 5 --trainer grpo", "--held-out-prompts, and what learns from rewards"),
    ("--epochs 2", "--until-consumed"),
    ("--format alpaca", "--dataset-path"),
    ("--map prompt=q", "--dataset-path"),
    ("--encoding cp1252", "--dataset-path"),
    ("--reward-policy ternary", "--dataset-path"),
    ("--ternary 1,0,-1", "--dataset-path"),
    ("--no-claims 0", "--dataset-path"),
    (f"--workers-run-id r --dataset-path {__file__}", "workers that were started elsewhere"),
    (f"--facts {__file__}", "--dataset-path"),
    (f"--ontology {__file__}", "--dataset-path"),
    ("--wait-for curriculum", "--until-consumed"),
]
MORE = [
    ("--eval-every 9s --trainer grpo", "--trainer auto, sft or dpo"),
    ("--patience 2 --trainer rloo", "--trainer auto, sft or dpo"),
    ("--lr 0.1 --trainer ppo --rl-lr 0.2", "leave --dpo-lr or --rl-lr out"),
    ("--dpo-lr 0.1 --lora-r 0", "a LoRA"),
    (f"--ontology {__file__} --dataset-path {__file__} --bootstrap-servers h:1", "no broker named"),
    (f"--reward-policy strict --held-out-prompts 2 --dataset-path {__file__} --bootstrap-servers h:1", "no broker named"),
]
"""Of flags that are among those, in other modes."""


@pytest.mark.parametrize(("words", "needs"), WITHOUT + MORE)
def test_a_flag_without_effect_is_refused_by_name(clean_environ, words, needs):
    done = CliRunner().invoke(pelton, ["train", *words.split()])
    assert done.exit_code == 2
    assert f"{words.split()[0]} does nothing without" in done.output
    assert needs in done.output


def test_a_task_that_neither_chooses_a_trainer_nor_tells_of_rows_is_refused(clean_environ):
    done = CliRunner().invoke(pelton, ["train", "--task", "qa", "--trainer", "sft"])
    assert (done.exit_code, "--task does nothing beside --trainer" in done.output) == (2, True)


@pytest.mark.parametrize("flag", ["--preference-margin", "--preference-max-age"])
def test_a_workers_flag_without_effect_is_refused(clean_environ, flag):
    done = CliRunner().invoke(pelton, ["worker", "feedback", flag, "0.4"])
    assert (done.exit_code, f"{flag} does nothing without --preferences" in done.output) == (2, True)


def test_every_such_flag_is_tried():
    assert len(WITHOUT) == len(NEEDS)


@pytest.mark.parametrize(
    ("settings", "given"),
    [
        ({"schedule": "constant_with_warmup"}, {"warmup_steps": 5}),
        ({"schedule": "cosine_with_restarts"}, {"restart_steps": 5}),
        ({}, {"alpha": 5, "beta": 0.1, "dpo_lr": 0.1}),
        ({"trainer": "grpo"}, {"num_generations": 4, "refill": 3, "temperature": 0.5, "max_new_tokens": 3, "beta": 0.0}),
        ({"trainer": "ppo"}, {"ppo_epochs": 1}),
        (
            {},
            {
                "rl": "auto",
                "shares": "sft=1",
                "rl_lr": 0.1,
                "reference_steps": 3,
                "eval_every": 9.0,
                "temperature": 0.5,
                "workers_run_id": "r",
            },
        ),
        ({"rl": "ppo"}, {"ppo_epochs": 2}),
        ({"trainer": "rloo", "held_out_prompts": 3}, {"reward_fn": "graph:2,m:f", "watch_steps": 3}),
        ({"sampled_prompts": 3}, {"sampled_prompts": 3, "until_consumed": True, "num_generations": 3, "temperature": 0.5}),
        ({"held_out_prompts": 3}, {"max_new_tokens": 3, "reward_timeout_s": 1.0}),
        (
            {"epochs": 2},
            {
                "lr": 0.1,
                "patience": 2,
                "eval_steps": 3,
                "loss_on": "last",
                "lora_targets": "q_proj",
                "epochs": 2,
                "until_consumed": True,
                "wait_for": ("curriculum",),
                "workers_run_id": "r",
            },
        ),
        ({}, {"epochs": 1, "patience": 2}),
        ({"dpo_lr": 0.1, "rl_lr": 0.1}, {"lr": 0.1}),
        ({"held_out_prompts": 3}, {"dataset_path": ("x",), "reward_policy": "strict", "no_claims": 0.0}),
        ({"held_out_prompts": 3}, {"dataset_path": ("x",), "ternary": {"right": 1.0}}),
        ({}, {"dataset_path": ("x",), "named": True, "facts": ("f",), "ontology": "o", "workers_run_id": "r"}),
        ({}, {"dataset_path": ("x",), "facts": ("f",), "ontology": "o", "shape": "alpaca", "mapping": "prompt=q", "encoding": "cp1252"}),
    ],
)
def test_a_flag_that_does_something_is_taken(settings, given):
    refuse_without_effect(TrainConfig(**settings), NOTHING | given)


def test_what_a_file_sets_for_several_commands_is_left_alone():
    refuse_without_effect(TrainConfig(trainer="sft", warmup_steps=5, temperature=0.5), NOTHING)
