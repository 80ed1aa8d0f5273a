"""The one loader of settings: who wins, and that a mistake is one line that names setting, place and remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schemas.errors import ConfigError
from streams.kafka.settings import KafkaSettings
from trainer_node.config import TrainConfig


@pytest.fixture
def yaml_file(tmp_path: Path) -> Any:
    def write(text: str) -> Path:
        path = tmp_path / "run.yaml"
        path.write_text(text)
        return path

    return write


def test_training_settings_come_from_defaults_yaml_environment_and_flags_in_that_order(yaml_file: Any) -> None:
    path = yaml_file("train:\n  epochs: 2\n  max_seq: 64\n  lr: 1e-3\nkafka:\n  partitions: 3\n")
    environ = {"PELTON_TRAIN_MAX_SEQ": "128", "PELTON_TRAIN_LR": "0.5", "PELTON_TRAIN_BITS": "16", "PELTON_TRAIN_PATIENCE": ""}
    config = TrainConfig.load(path, environ, lr="0.25", epochs=None)
    assert (config.patience, config.epochs, config.max_seq, config.lr, config.bits) == (3, 2, 128, 0.25, 16)


def test_one_file_holds_the_settings_of_the_broker_and_of_training(yaml_file: Any) -> None:
    path = yaml_file("kafka:\n  partitions: 3\ntrain:\n  epochs: 2\n")
    assert KafkaSettings.load(path, {}).partitions == 3
    assert TrainConfig.load(path, {}).epochs == 2


def test_what_was_said_is_told_from_what_is_a_default(yaml_file: Any) -> None:
    path = yaml_file("kafka:\n  partitions: 2\n")
    assert KafkaSettings.load(path, {"PELTON_TOPIC_PREFIX": "p."}).model_fields_set == {"partitions", "topic_prefix"}


@pytest.mark.parametrize(
    ("text", "environ", "flags", "told"),
    [
        ("train:\n  lr: fast\n", {}, {}, "train setting 'lr' ({file}: 'fast'): must be a number"),
        ("train:\n  bath_size: 4\n", {}, {}, "train setting 'bath_size' ({file}): no such setting; did you mean 'batch_size'?"),
        ("train: 3\n", {}, {}, "{file}: section 'train' must be a mapping of settings to values"),
        ("trian:\n  lr: 1\n", {}, {}, "{file}: no such section 'trian'; did you mean `train:`?"),
        ("workers:\n  lr: 1\n", {}, {}, "{file}: no such section 'workers'; there are `kafka:` and `train:`"),
        ("- lr\n", {}, {}, "{file}: the file must be a mapping of sections, `kafka:` and `train:`"),
        ("train: {\n", {}, {}, "{file}: not YAML at line 2"),
        ("", {"PELTON_TRAIN_EPOCHS": "2.5"}, {}, "train setting 'epochs' (PELTON_TRAIN_EPOCHS: '2.5'): must be a whole number"),
        ("", {"PELTON_TRAIN_EPOCH": "2"}, {}, "train setting 'epoch' (PELTON_TRAIN_EPOCH): no such setting; did you mean 'epochs'?"),
        ("", {}, {"bits": "5"}, "train setting 'bits' (--bits: '5'): must be 4, 8, 16 or 32"),
        ("", {}, {"max_seq": "1"}, "train setting 'max_seq' (--max-seq: '1'): must be greater than or equal to 8"),
        ("train:\n  epochs: 0\n", {"PELTON_TRAIN_EPOCHS": "x"}, {"epochs": "-1"}, "train setting 'epochs' (--epochs: '-1'): must be"),
        ("train:\n  beta: 0\n", {}, {}, "train settings: beta must be above 0 for --trainer auto; grpo and rloo can do without"),
    ],
)
def test_a_mistake_names_the_setting_the_place_and_what_it_may_be(
    yaml_file: Any, text: str, environ: dict[str, str], flags: dict[str, str], told: str
) -> None:
    path = yaml_file(text)
    with pytest.raises(ConfigError) as caught:
        TrainConfig.load(path, environ, **flags)
    assert str(caught.value).startswith(told.format(file=path))
    assert "\n" not in str(caught.value)


def test_a_setting_like_none_is_answered_with_all_there_are(yaml_file: Any) -> None:
    with pytest.raises(ConfigError, match=r"no such setting; there are bootstrap_servers, security_protocol, .*replication_factor"):
        KafkaSettings.load(yaml_file("kafka:\n  zzz: 1\n"), {})


@pytest.mark.parametrize("text", ["kafka:\n  sasl_pasword: hush\n", "kafka:\n  sasl_password: [hush]\n", "kafka:\n  sasl_password: hush\n"])
def test_a_secret_is_in_no_message(yaml_file: Any, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        KafkaSettings.load(yaml_file(text), {})
    assert "hush" not in str(caught.value)


def test_other_programs_variables_are_not_refused() -> None:
    environ = {"KAFKA_HEAP_OPTS": "-Xmx1g", "PELTON_CACHE": "/tmp/cache"}
    assert KafkaSettings.load(environ=environ) == KafkaSettings()
    assert TrainConfig.load(environ=environ) == TrainConfig()


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"run\.yaml: cannot be read"):
        TrainConfig.load(path, {})
