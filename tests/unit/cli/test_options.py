"""The options that commands share become settings."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cli.main import pelton
from cli.options import REWARD_POLICY, kafka_options
from feedback_node.policies import RewardConfig
from schemas.errors import ConfigError
from streams.kafka.settings import KafkaSettings


@click.command()
@kafka_options
def told(settings: KafkaSettings) -> None:
    click.echo(f"{settings.bootstrap_servers} {settings.topic_prefix}")


def test_flags_reach_the_settings(clean_environ: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("kafka:\n  bootstrap_servers: yaml:1\n  topic_prefix: y.\n")
    done = CliRunner().invoke(told, ["--config", str(config), "--topic-prefix", "f."])
    assert done.output == "yaml:1 f.\n"


def test_a_wrong_flag_is_a_config_error(clean_environ: pytest.MonkeyPatch) -> None:
    done = CliRunner().invoke(told, ["--bootstrap-servers", "nowhere"])
    assert isinstance(done.exception, ConfigError)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
@pytest.mark.parametrize(
    "words",
    [
        ("worker", "augmenter", "--quantile"),
        ("worker", "feedback", "--no-claims"),
        ("worker", "feedback", "--preference-max-age"),
        ("reward", "--no-claims"),
    ],
)
def test_a_number_on_the_command_line_is_a_finite_one(words: tuple[str, ...], value: str) -> None:
    done = CliRunner().invoke(pelton, [*words, value])
    assert done.exit_code == 2
    assert "Invalid value" in done.output
    assert value in done.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--policy", "ternary", "--ternary", "1,0"), "is not three to five numbers"),
        (("--policy", "ternary", "--ternary", "1,x,-1"), "is not three to five numbers"),
        (("--policy", "ternary", "--ternary", "0,0,-1"), "right must be above abstained"),
        (("--policy", "ternary", "--ternary", "nan,0,-1"), "right must be above abstained"),
        (("--policy", "ternary", "--ternary", "11,0,-1"), "from -10 to 10"),
        (("--policy", "ternary", "--ternary", "1,0,-1,-1,0,0"), "is not three to five numbers"),
        (("--policy", "ternary", "--ternary", "1,0,-1,0.5"), "those after the third must lie between"),
        (("--policy", "ternary", "--ternary", "1,0,-1,nan"), "those after the third must lie between"),
        (("--policy", "strict", "--ternary", "1,0,-1"), "--ternary has an effect with --policy ternary alone"),
    ],
    ids=["two", "no-number", "equal", "nan", "too-much", "five", "above", "last-nan", "other-policy"],
)
def test_what_a_policy_gives_falls_and_is_of_that_policy_alone(clean_environ, words, told) -> None:
    done = CliRunner().invoke(pelton, ["worker", "feedback", *words])
    assert done.exit_code == 2
    assert told in done.output


@pytest.mark.parametrize("kind", ["curriculum", "augmenter", "feedback"])
def test_a_worker_takes_its_ontology_from_the_environment_too(clean_environ, kind) -> None:
    done = CliRunner().invoke(pelton, ["worker", kind], env={"PELTON_ONTOLOGY": "/no/such.yaml"})
    assert "ontology /no/such.yaml: cannot be read" in str(done.exception)


def test_what_the_command_line_judges_by_is_what_the_node_judges_by() -> None:
    assert RewardConfig().policy.value == REWARD_POLICY
