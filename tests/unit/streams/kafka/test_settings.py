"""Where settings come from, and that a wrong one is named in one line."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from schemas.errors import ConfigError
from schemas.topics import Topics
from streams.kafka.settings import ENVIRONMENT, KafkaSettings

SASL = {"security_protocol": "SASL_PLAINTEXT", "sasl_username": "ada", "sasl_password": "secret word"}


def yaml_file(folder: Path, text: str) -> Path:
    path = folder / "pelton.yaml"
    path.write_text(text)
    return path


def test_defaults_need_nothing() -> None:
    settings = KafkaSettings.load(environ={})
    assert settings.bootstrap_servers == "127.0.0.1:9092"
    assert settings.topics.samples.name == "pelton.samples"
    assert settings.client_options() == {"bootstrap_servers": ["127.0.0.1:9092"], "security_protocol": "PLAINTEXT"}


def test_every_default_is_the_documented_one() -> None:
    assert KafkaSettings.load(environ={}).model_dump() == {
        "bootstrap_servers": "127.0.0.1:9092",
        "security_protocol": "PLAINTEXT",
        "sasl_mechanism": None,
        "sasl_username": None,
        "sasl_password": None,
        "sasl_oauth_token_path": None,
        "sasl_oauth_token_url": None,
        "sasl_oauth_client_id": None,
        "sasl_oauth_client_secret": None,
        "sasl_oauth_scope": None,
        "ssl_cafile": None,
        "ssl_certfile": None,
        "ssl_keyfile": None,
        "ssl_keypassword": None,
        "signature": "off",
        "allowed_keys": None,
        "sign_key": None,
        "signature_max_age_s": 600.0,
        "node_fields": "trusted",
        "topic_prefix": "pelton.",
        "partitions": 2,
        "replication_factor": 1,
    }


def test_topics_have_the_prefix_and_the_partitions_that_were_set() -> None:
    assert KafkaSettings(topic_prefix="x.", partitions=7).topics == Topics(prefix="x.", partitions=7)


def test_variables_are_named_as_operators_know_them() -> None:
    assert ENVIRONMENT == {
        "bootstrap_servers": "KAFKA_BOOTSTRAP_SERVERS",
        "security_protocol": "KAFKA_SECURITY_PROTOCOL",
        "sasl_mechanism": "KAFKA_SASL_MECHANISM",
        "sasl_username": "KAFKA_SASL_USERNAME",
        "sasl_password": "KAFKA_SASL_PASSWORD",
        "sasl_oauth_token_path": "KAFKA_SASL_OAUTH_TOKEN_PATH",
        "sasl_oauth_token_url": "KAFKA_SASL_OAUTH_TOKEN_URL",
        "sasl_oauth_client_id": "KAFKA_SASL_OAUTH_CLIENT_ID",
        "sasl_oauth_client_secret": "KAFKA_SASL_OAUTH_CLIENT_SECRET",
        "sasl_oauth_scope": "KAFKA_SASL_OAUTH_SCOPE",
        "ssl_cafile": "KAFKA_SSL_CAFILE",
        "ssl_certfile": "KAFKA_SSL_CERTFILE",
        "ssl_keyfile": "KAFKA_SSL_KEYFILE",
        "ssl_keypassword": "KAFKA_SSL_KEYPASSWORD",
        "signature": "PELTON_SIGNATURE",
        "allowed_keys": "PELTON_ALLOWED_KEYS",
        "sign_key": "PELTON_SIGN_KEY",
        "signature_max_age_s": "PELTON_SIGNATURE_MAX_AGE_S",
        "node_fields": "PELTON_NODE_FIELDS",
        "topic_prefix": "PELTON_TOPIC_PREFIX",
        "partitions": "PELTON_TOPIC_PARTITIONS",
        "replication_factor": "PELTON_TOPIC_REPLICATION_FACTOR",
    }


@pytest.mark.parametrize("name", KafkaSettings.model_fields)
def test_each_setting_says_what_it_does_and_does_not_change(name: str) -> None:
    assert KafkaSettings.model_fields[name].description
    with pytest.raises(ValidationError, match="frozen"):
        setattr(KafkaSettings(), name, None)


@pytest.mark.parametrize(
    "flags",
    [
        {"bootstrap_servers": "a:1"},
        {"bootstrap_servers": "a:65535, [::1]:9092"},
        {"partitions": 1, "replication_factor": 1},
        {"topic_prefix": ""},
        {"topic_prefix": "A-z_0." + "x" * 94},
    ],
)
def test_a_setting_at_its_bound_is_taken(flags: dict[str, object]) -> None:
    loaded = KafkaSettings.load(environ={}, **flags)
    assert {name: getattr(loaded, name) for name in flags} == flags


def test_a_setting_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValidationError, match="extra"):
        KafkaSettings(brokers="a:1")  # type: ignore[call-arg]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Certificate and key of an authority that signs itself."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the program openssl to make a certificate")
    folder = tmp_path_factory.mktemp("certificate")
    key, cert = str(folder / "key.pem"), str(folder / "cert.pem")
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    subprocess.run([*make, "-keyout", key, "-out", cert, "-subj", "/CN=pelton"], check=True, capture_output=True)
    return cert, key


@pytest.mark.parametrize(
    ("protocol", "sasl", "tls"),
    [("PLAINTEXT", False, False), ("SSL", False, True), ("SASL_PLAINTEXT", True, False), ("SASL_SSL", True, True)],
)
def test_clients_get_credentials_and_certificates_where_the_protocol_has_them(protocol: str, sasl: bool, tls: bool, certificate) -> None:
    cert, key = certificate
    login = {"sasl_username": "ada", "sasl_password": "secret word", "sasl_mechanism": "SCRAM-SHA-512"} if sasl else {}
    files = {"ssl_cafile": cert, "ssl_certfile": cert, "ssl_keyfile": key}
    settings = KafkaSettings.load(environ={}, bootstrap_servers="a:1, b:2", security_protocol=protocol, **login, **files)
    assert (settings.is_sasl, settings.is_tls) == (sasl, tls)
    wanted: dict[str, object] = {"bootstrap_servers": ["a:1", "b:2"], "security_protocol": protocol}
    if sasl:
        wanted |= {"sasl_mechanism": "SCRAM-SHA-512", "sasl_plain_username": "ada", "sasl_plain_password": "secret word"}
    assert settings.client_options() == wanted | (files if tls else {})


def test_files_that_are_not_named_are_not_handed_on(certificate) -> None:
    settings = KafkaSettings.load(environ={}, security_protocol="SSL", ssl_cafile=certificate[0])
    assert settings.client_options().keys() == {"bootstrap_servers", "security_protocol", "ssl_cafile"}


def test_faust_trusts_the_named_authority_and_shows_the_named_certificate(certificate) -> None:
    pytest.importorskip("faust")
    cert, key = certificate
    options = KafkaSettings(security_protocol="SSL", ssl_cafile=cert, ssl_certfile=cert, ssl_keyfile=key).faust_options()
    context = options["broker_credentials"].context
    assert [dict(part[0] for part in authority["subject"]) for authority in context.get_ca_certs()] == [{"commonName": "pelton"}]
    assert options["broker"] == "kafka://127.0.0.1:9092"
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
    with pytest.raises(ssl.SSLError):
        KafkaSettings(security_protocol="SSL", ssl_certfile=cert, ssl_keyfile=cert).faust_options()  # a certificate is no key


def test_without_an_authority_of_its_own_the_system_s_are_trusted() -> None:
    pytest.importorskip("faust")
    context = KafkaSettings(security_protocol="SSL").faust_options()["broker_credentials"].context
    assert context.get_ca_certs() == ssl.create_default_context().get_ca_certs()


def test_flags_win_over_environment_over_yaml_over_defaults(tmp_path: Path) -> None:
    path = yaml_file(tmp_path, "kafka:\n  bootstrap_servers: yaml:1\n  topic_prefix: y.\n  partitions: 7\n")
    environ = {"KAFKA_BOOTSTRAP_SERVERS": "env:2", "PELTON_TOPIC_PREFIX": "e."}
    settings = KafkaSettings.load(path, environ, topic_prefix="f.", bootstrap_servers=None)
    assert (settings.bootstrap_servers, settings.topic_prefix, settings.partitions) == ("env:2", "f.", 7)
    assert settings.replication_factor == 1


def test_an_empty_variable_counts_as_unset() -> None:
    assert KafkaSettings.load(environ={"KAFKA_BOOTSTRAP_SERVERS": ""}).bootstrap_servers == "127.0.0.1:9092"


def test_a_child_process_loads_the_same_settings() -> None:
    settings = KafkaSettings.load(environ={}, bootstrap_servers="a:1,b:2", topic_prefix="x.", partitions=5, replication_factor=3, **SASL)
    assert KafkaSettings.load(environ=settings.to_environ()) == settings


def test_what_is_not_set_is_not_handed_to_a_child_process() -> None:
    assert KafkaSettings(ssl_cafile="").to_environ() == {
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092",
        "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT",
        "PELTON_TOPIC_PREFIX": "pelton.",
        "PELTON_TOPIC_PARTITIONS": "2",
        "PELTON_TOPIC_REPLICATION_FACTOR": "1",
    }
    assert KafkaSettings.load(environ={}, **SASL).to_environ()["KAFKA_SASL_PASSWORD"] == "secret word"


def test_the_password_is_never_shown() -> None:
    settings = KafkaSettings.load(environ={}, **SASL)
    assert "secret word" not in repr(settings)
    assert settings.client_options()["sasl_plain_password"] == "secret word"
    assert settings.client_options()["sasl_mechanism"] == "PLAIN"


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ({"bootstrap_servers": "localhost"}, "(--bootstrap-servers: 'localhost'): 'localhost' is not host:port"),
        ({"bootstrap_servers": ":9092"}, "':9092' is not host:port"),
        ({"bootstrap_servers": "a:0"}, "'a:0' is not host:port"),
        ({"bootstrap_servers": "a:65536"}, "'a:65536' is not host:port"),
        ({"bootstrap_servers": "a:x"}, "'a:x' is not host:port"),
        ({"replication_factor": 0}, "replication_factor"),
        ({"topic_prefix": "x" * 101}, "at most 100 characters"),
        ({**SASL, "sasl_password": ""}, "SASL_PLAINTEXT needs sasl_username and sasl_password"),
        ({**SASL, "sasl_username": ""}, "SASL_PLAINTEXT needs sasl_username and sasl_password"),
        ({"sasl_password": "x"}, "SASL credentials are given, but security_protocol is PLAINTEXT; set SASL_SSL or SASL_PLAINTEXT"),
        ({"sasl_username": "x"}, "SASL credentials are given, but security_protocol is PLAINTEXT"),
        ({"sasl_mechanism": "PLAIN"}, "SASL credentials are given, but security_protocol is PLAINTEXT"),
        ({"ssl_certfile": "/nowhere/c.pem"}, "ssl_certfile: no file /nowhere/c.pem"),
        ({"ssl_keyfile": "/nowhere/k.pem"}, "ssl_keyfile: no file /nowhere/k.pem"),
        ({"bootstrap_servers": "a:1,b"}, "'b' is not host:port"),
        ({"bootstrap_servers": "a:99999"}, "host:port"),
        ({"security_protocol": "TLS"}, "security_protocol"),
        ({"security_protocol": "SASL_SSL"}, "needs sasl_username and sasl_password"),
        ({"sasl_username": "ada", "sasl_password": "x"}, "set SASL_SSL or SASL_PLAINTEXT"),
        ({**SASL, "sasl_mechanism": "GSSAPI"}, "sasl_mechanism"),
        ({"topic_prefix": "no spaces"}, "topic_prefix"),
        ({"partitions": 0}, "partitions"),
        ({"ssl_cafile": "/nowhere/ca.pem", "security_protocol": "SSL"}, "ssl_cafile: no file /nowhere/ca.pem"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(flags: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError) as caught:
        KafkaSettings.load(environ={}, **flags)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("kafka:\n  bootstrap_server: a:1\n", "bootstrap_server"),
        ("kafka: [1]\n", "must be a mapping"),
        ("- 1\n", "mapping of sections"),
        ("kafka: {a\n", "not YAML at line"),
    ],
)
def test_a_wrong_yaml_file_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        KafkaSettings.load(yaml_file(tmp_path, text), {})


def test_a_missing_yaml_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml: cannot be read"):
        KafkaSettings.load(tmp_path / "absent.yaml", {})


def test_a_yaml_file_of_other_sections_is_no_error(tmp_path: Path) -> None:
    assert KafkaSettings.load(yaml_file(tmp_path, "train:\n  epochs: 3\n"), {}) == KafkaSettings()


def test_faust_gets_every_server_and_credentials_as_objects() -> None:
    faust = pytest.importorskip("faust")
    plain = KafkaSettings(bootstrap_servers="a:1, b:2").faust_options()
    assert plain == {"broker": "kafka://a:1;kafka://b:2"}
    options = KafkaSettings.load(environ={}, sasl_mechanism="SCRAM-SHA-256", **SASL).faust_options()
    credentials = options["broker_credentials"]
    assert isinstance(credentials, faust.SASLCredentials)
    assert (credentials.username, credentials.password, credentials.mechanism.value) == ("ada", "secret word", "SCRAM-SHA-256")
    assert credentials.protocol.value == "SASL_PLAINTEXT"
    assert credentials.ssl_context is None
    assert KafkaSettings.load(environ={}, **SASL).faust_options()["broker_credentials"].mechanism.value == "PLAIN"


def test_faust_speaks_tls_where_kafka_does() -> None:
    pytest.importorskip("faust")
    over_tls = KafkaSettings.load(environ={}, **{**SASL, "security_protocol": "SASL_SSL"}).faust_options()["broker_credentials"]
    assert over_tls.protocol.value == "SASL_SSL"
    assert isinstance(over_tls.ssl_context, ssl.SSLContext)
    only_tls = KafkaSettings(security_protocol="SSL").faust_options()["broker_credentials"]
    assert only_tls.protocol.value == "SSL"


def test_settings_import_neither_kafka_nor_faust() -> None:
    code = "import sys, streams.kafka.settings; print([m for m in ('kafka', 'faust', 'aiokafka') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True).stdout.strip() == "[]"
