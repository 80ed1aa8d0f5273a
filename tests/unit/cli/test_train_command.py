"""`pelton train`: an option for each setting, what its help says of them, and what is refused before anything is started."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from cli.declared import Group, Setting
from cli.main import pelton
from cli.train import train
from cli.train_options import option_of
from schemas.errors import ConfigError
from streams.kafka.settings import ENVIRONMENT, KafkaSettings
from trainer_node.config import TrainConfig


def printed(*words: str) -> dict[str, Any]:
    """The settings that a command line comes to."""
    done = CliRunner().invoke(pelton, ["train", *words, "--print-config"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = yaml.safe_load(done.output)
    return found


def help_text(columns: int = 110) -> str:
    """The help, each run of blanks one."""
    done = CliRunner().invoke(pelton, ["train", "--help"], terminal_width=columns)
    return " ".join(done.output.split())


@pytest.mark.parametrize("name", TrainConfig.model_fields)
def test_each_setting_is_an_option_of_its_name(name: str) -> None:
    flags = [option.opts for option in train.params if f"--{name.replace('_', '-')}" in option.opts]
    assert flags == [[f"--{name.replace('_', '-')}"]]


def test_the_help_says_default_bounds_and_choices_as_the_loader_has_them() -> None:
    told = help_text()
    assert "--batch-size N Samples per optimizer step" in told
    assert "[default: 8; at least 1]" in told
    assert "--lr X Learning rate. [default: 0.0002; above 0]" in told
    assert "--bits [4|8|16|32]" in told
    assert "--trainer [auto|sft|dpo|ppo|grpo|rloo]" in told


def test_the_help_names_other_settings_by_their_flags() -> None:
    assert "Unset, a twentieth of --lr:" in help_text()


def test_the_help_stands_under_headings_in_the_order_of_the_declaration() -> None:
    done = CliRunner().invoke(pelton, ["train", "--help"])
    headings = [line.rstrip(":") for line in done.output.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert headings == [
        "Data",
        "Model and adapter",
        "Learning",
        "Batches and pacing",
        "Passes, evaluation and checkpoints",
        "Answers and rewards",
        "Run",
        "Where a new run begins",
        "Monitoring",
        "Broker",
        "Help",
    ]


def test_the_help_of_the_broker_s_options_says_what_its_settings_are() -> None:
    told = help_text()
    for name in ("bootstrap_servers", "topic_prefix"):
        assert f"[env: {ENVIRONMENT[name]}; default: {KafkaSettings.model_fields[name].default}]" in told


def test_a_setting_that_is_on_or_off_has_a_flag_for_each() -> None:
    graphs = Setting("cuda_graphs", bool, (), False, {}, "Capture graphs.")

    @click.command()
    @option_of(graphs, Group("Speed", (graphs,)), {})
    def shown(cuda_graphs: bool | None) -> None:
        click.echo(str(cuda_graphs))

    said = [CliRunner().invoke(shown, words).output.strip() for words in ([], ["--cuda-graphs"], ["--no-cuda-graphs"])]
    assert said == ["None", "True", "False"]
    assert "Capture graphs. [default: off]" in CliRunner().invoke(shown, ["--help"]).output


def test_flags_win_over_the_environment_over_the_file(clean_environ: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("kafka:\n  topic_prefix: y.\ntrain:\n  epochs: 2\n  max_seq: 64\n  seed: 5\n")
    clean_environ.setenv("PELTON_TRAIN_EPOCHS", "3")
    clean_environ.setenv("PELTON_TRAIN_MAX_SEQ", "128")
    told = printed("--config", str(path), "--epochs", "4", "--bits", "16")
    assert {name: told["train"][name] for name in ("epochs", "max_seq", "seed", "bits")} == {
        "epochs": 4,
        "max_seq": 128,
        "seed": 5,
        "bits": 16,
    }
    assert told["kafka"] == {"topic_prefix": "y."}


def test_settings_that_are_printed_are_read_as_the_same(clean_environ: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    told = printed("--trainer", "grpo", "--beta", "0", "--dpo-lr", "1e-6", "--bootstrap-servers", "h:1")
    path.write_text(yaml.safe_dump(told))
    assert printed("--config", str(path)) == told


def test_the_password_is_not_printed(clean_environ: pytest.MonkeyPatch) -> None:
    for name, value in {"SECURITY_PROTOCOL": "SASL_PLAINTEXT", "SASL_USERNAME": "ada", "SASL_PASSWORD": "secret word"}.items():
        clean_environ.setenv(f"KAFKA_{name}", value)
    assert printed()["kafka"] == {"security_protocol": "SASL_PLAINTEXT", "sasl_username": "ada"}


@pytest.mark.parametrize(
    ("words", "trainer"),
    [
        ([], "auto"),
        (["--task", "generation"], "sft"),
        (["--task", "preference"], "dpo"),
        (["--task", "rlhf_ppo"], "ppo"),
        (["--task", "rlhf_grpo"], "grpo"),
        (["--task", "qa", "--trainer", "auto"], "auto"),
    ],
)
def test_the_task_chooses_the_trainer(clean_environ: pytest.MonkeyPatch, words: list[str], trainer: str) -> None:
    assert printed(*words)["train"]["trainer"] == trainer


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--task", "qa", "--trainer", "dpo"], "--task qa is trained by sft, not by --trainer dpo"),
        (["--task", "rlhf_grpo", "--trainer", "auto"], "--task rlhf_grpo is trained by grpo, not by --trainer auto"),
        (["--dataset-path", "absent.jsonl"], "no file absent.jsonl"),
        (["--run-dir", __file__], "is a file"),
        (["--from-checkpoint", "absent"], "'absent' does not exist"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_started(clean_environ: pytest.MonkeyPatch, words: list[str], told: str) -> None:
    done = CliRunner().invoke(pelton, ["train", *words])
    assert done.exit_code == 2
    assert told in done.output


def test_a_folder_that_cannot_be_made_is_named(clean_environ: pytest.MonkeyPatch) -> None:
    done = CliRunner().invoke(pelton, ["train", "--run-dir", f"{__file__}/below"])
    assert isinstance(done.exception, ConfigError)
    assert "below: the folder cannot be made or written to (Not a directory)" in str(done.exception)
