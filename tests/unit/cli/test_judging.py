"""Whoever judges takes the same flags, and says by what it judges."""

from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner

from cli.judging import arguments_of, config_of
from cli.options import Ternary
from cli.reward import reward
from cli.rewards import line_of, replay
from cli.train import train
from cli.worker import feedback
from feedback_node.policies import RewardConfig
from schemas.graph_reward import GraphReward

VALUES = {"right": 1.0, "abstained": 0.2, "wrong": -2.0, "unsupported": None, "needless": -1.5}


@pytest.mark.parametrize("command", [feedback, replay, reward])
def test_every_command_that_judges_takes_a_policy_and_its_values(command):
    flags = {flag for option in command.params for flag in option.opts}
    assert {"--policy", "--no-claims", "--ternary"} <= flags


def test_what_starts_a_judge_takes_them_too():
    flags = {flag for option in train.params for flag in option.opts}
    assert {"--reward-policy", "--no-claims", "--ternary"} <= flags


@pytest.mark.parametrize(("policy", "no_claims", "ternary"), [("ternary", None, VALUES), ("ternary", 0.5, None), ("strict", 0.0, None)])
def test_a_judge_that_is_started_judges_by_the_values_that_were_given(policy, no_claims, ternary):
    arguments = arguments_of(policy, no_claims, ternary)
    given = dict(zip(arguments[::2], arguments[1::2], strict=True))
    read = Ternary().convert(given["--ternary"], None, None) if ternary else None
    assert read == ternary
    again = config_of(given["--policy"], float(given["--no-claims"]) if "--no-claims" in given else None, read)
    assert again == config_of(policy, no_claims, ternary)


@pytest.mark.parametrize("command", [replay, reward, train])
def test_values_of_another_policy_are_refused(command, tmp_path, clean_environ):
    (tmp_path / "f.csv").write_text("subject,predicate,object\na,b,c\n", encoding="utf-8")
    (tmp_path / "d.jsonl").write_text(json.dumps({"text": "a"}) + "\n", encoding="utf-8")
    words = {
        replay: ["--policy", "strict", "--bootstrap-servers", "h:1"],
        reward: ["--policy", "strict", "--facts", str(tmp_path / "f.csv"), "a"],
        train: ["--reward-policy", "strict", "--dataset-path", str(tmp_path / "d.jsonl"), "--held-out-prompts", "2"],
    }[command]
    result = CliRunner().invoke(command, [*words, "--ternary", "1,0,-1"])
    assert result.exit_code == click.UsageError.exit_code
    assert "policy ternary alone" in result.output


def test_what_judges_is_told_with_its_values():
    assert RewardConfig().told() == "ternary (right 1, abstained 0, needless -1, wrong -1, unsupported -0.5)"
    assert config_of("ternary", 0.0, VALUES).told() == (
        "ternary (no claims 0, right 1, abstained 0.2, needless -1.5, wrong -2, unsupported none)"
    )
    assert config_of("strict", None, None).told() == "strict"


def test_a_listed_reward_says_what_the_policy_gave():
    judged = GraphReward(output_id="o", prompt_id="p", policy="ternary", reward=None, value=-1.0, completion="I do not know.")
    assert "none, ternary gives -1" in line_of(judged)
