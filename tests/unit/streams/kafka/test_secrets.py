"""A secret is read from where it is mounted, handed to child processes, and shown nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cli.runs import as_yaml
from schemas.errors import ConfigError
from streams.kafka.settings import KafkaSettings
from trainer_node.config import TrainConfig

SECRETS = {"sasl_password": "p-word", "sasl_oauth_client_secret": "c-secret", "ssl_keypassword": "k-word"}
SASL = {"security_protocol": "SASL_SSL", "sasl_username": "ada"}


def test_a_variable_may_say_in_which_file_the_value_stands(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(" with spaces \n", encoding="utf-8")
    environ = {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_USERNAME": "ada", "KAFKA_SASL_PASSWORD_FILE": str(tmp_path / "password")}
    settings = KafkaSettings.load(environ=environ)
    assert settings.client_options()["sasl_plain_password"] == " with spaces "
    with pytest.raises(ConfigError, match="both set"):
        KafkaSettings.load(environ=environ | {"KAFKA_SASL_PASSWORD": "x"})
    with pytest.raises(ConfigError, match=r"KAFKA_SASL_PASSWORD_FILE: .*cannot be read"):
        KafkaSettings.load(environ=environ | {"KAFKA_SASL_PASSWORD_FILE": str(tmp_path / "missing")})


def test_no_secret_is_in_what_is_printed_kept_or_raised() -> None:
    settings = KafkaSettings.load(environ={}, **SASL, **SECRETS)
    shown = [repr(settings), str(settings), settings.model_dump_json(), as_yaml(settings, TrainConfig()), str(settings.model_dump())]
    for text in shown:
        assert not any(secret in text for secret in SECRETS.values()), text
    with pytest.raises(ConfigError) as caught:
        KafkaSettings.load(environ={}, **SASL, **SECRETS, ssl_cafile="missing.pem")
    assert not any(secret in str(caught.value) for secret in SECRETS.values())
    with pytest.raises(ConfigError) as caught:
        KafkaSettings.load(environ={"KAFKA_SASL_MECHANISM": "x", "KAFKA_SASL_PASSWORD": "p-word"})
    assert "p-word" not in str(caught.value)


def test_what_is_printed_says_which_secrets_are_set_and_is_still_a_file_of_settings(tmp_path: Path) -> None:
    settings = KafkaSettings.load(environ={}, **SASL, **SECRETS)
    printed = as_yaml(settings, TrainConfig())
    for name in SECRETS:
        assert f"# kafka: {name} is set, and not shown" in printed
    assert yaml.safe_load(printed)["kafka"]["sasl_username"] == "ada"


def test_a_child_process_has_them() -> None:
    settings = KafkaSettings.load(environ={}, **SASL, **SECRETS, node_fields="trusted")
    assert KafkaSettings.load(environ=settings.to_environ()) == settings
