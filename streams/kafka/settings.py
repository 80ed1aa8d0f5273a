"""Where the broker is and how to speak to it; `streams.settings` says where the values come from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from schemas.topics import Topics
from streams.kafka.oauth import Credentials, Tokens, aiokafka_provider, kafka_python_provider, tokens_of
from streams.settings import Section

ENVIRONMENT = {
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
"""Field -> environment variable. An empty variable counts as unset; one with `_FILE` behind its name says where the value stands."""

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]
FILES = ("ssl_cafile", "ssl_certfile", "ssl_keyfile", "allowed_keys", "sign_key")
"""Settings that name a file which must be there."""
WITH_DEFAULTS = ("signature", "signature_max_age_s", "node_fields")
"""Settings that a child process need not be told where they are as they are by default."""


class KafkaSettings(BaseModel):
    """Everything a client needs to reach the broker, and the names and sizes of our topics on it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    bootstrap_servers: str = "127.0.0.1:9092"
    """Address of the broker; of several, with commas between them."""
    security_protocol: Protocol = "PLAINTEXT"
    """How clients speak to the broker: over TLS where it says SSL, with a user and password where it says SASL."""
    sasl_mechanism: Mechanism | None = None
    """How the password is given; PLAIN where SASL is asked for and this is not."""
    sasl_username: str | None = None
    """User for SASL."""
    sasl_password: SecretStr | None = None
    """Password for SASL; never shown."""
    sasl_oauth_token_path: str | None = None
    """OAUTHBEARER: file that holds the token now; read at each connection, so that something else may renew it."""
    sasl_oauth_token_url: str | None = Field(default=None, pattern=r"^https?://")
    """OAUTHBEARER: where tokens are asked for by client credentials, instead of a file."""
    sasl_oauth_client_id: str | None = None
    """OAUTHBEARER: who asks for them."""
    sasl_oauth_client_secret: SecretStr | None = None
    """OAUTHBEARER: the secret of who asks; never shown."""
    sasl_oauth_scope: str | None = None
    """OAUTHBEARER: what they are asked for."""
    ssl_cafile: str | None = None
    """PEM file of the authority that signed the broker's certificate; unset, the system's authorities."""
    ssl_certfile: str | None = None
    """PEM file of the client's own certificate."""
    ssl_keyfile: str | None = None
    """PEM file of the client's private key."""
    ssl_keypassword: SecretStr | None = None
    """Password of that key's file, where it has one; never shown."""
    signature: Literal["off", "required"] = "off"
    """Whether every record needs the signature of an allowed key that may write to its topic."""
    allowed_keys: str | None = None
    """File with the keys whose signatures are taken, and what each may write (`pelton keys`); a signature that is there is checked by
    it."""
    sign_key: str | None = None
    """File with the key that this process signs by what it sends."""
    signature_max_age_s: float = Field(default=600.0, gt=0)
    """Seconds that a producer's signature may be old when the broker takes its record."""
    node_fields: Literal["trusted", "signed"] = "trusted"
    """Who may say what only nodes say of a sample (origin, run_id, parent_id, generation, provenance): whoever may write to the topic, or
    only who signs as a node; `signed` always, where signatures are required."""
    topic_prefix: str = Field(default="pelton.", pattern=r"^[A-Za-z0-9._-]*$", max_length=100)
    """Put before the name of every topic and group, so that installations can share a broker."""
    partitions: int = Field(default=2, ge=1)
    """Partitions of the topics that workers share."""
    replication_factor: int = Field(default=1, ge=1)
    """Copies of each topic."""

    @field_validator("signature", mode="before")
    @classmethod
    def _off_is_a_word(cls, value: object) -> object:
        return "off" if value is False else value  # YAML reads the plain word `off` as a boolean

    @field_validator("bootstrap_servers")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        for address in value.split(","):
            host, colon, port = address.strip().rpartition(":")
            if not (colon and host and port.isdecimal() and 0 < int(port) < 65536):
                raise ValueError(f"{address.strip()!r} is not host:port")
        return value

    @model_validator(mode="after")
    def _credentials_fit_protocol(self) -> Self:
        wants_sasl = self.security_protocol.startswith("SASL")
        has_sasl = bool(self.sasl_username or self.sasl_password or self.sasl_mechanism)
        if wants_sasl and self.sasl_mechanism == "OAUTHBEARER":
            if not self.sasl_oauth_token_path and not (
                self.sasl_oauth_token_url and self.sasl_oauth_client_id and self.sasl_oauth_client_secret
            ):
                raise ValueError(
                    "OAUTHBEARER needs sasl_oauth_token_path, or sasl_oauth_token_url, sasl_oauth_client_id and sasl_oauth_client_secret"
                )
        elif wants_sasl and not (self.sasl_username and self.sasl_password):
            raise ValueError(f"{self.security_protocol} needs sasl_username and sasl_password")
        if has_sasl and not wants_sasl:
            raise ValueError(
                f"SASL credentials are given, but security_protocol is {self.security_protocol}; set SASL_SSL or SASL_PLAINTEXT"
            )
        for name in FILES:
            path = getattr(self, name)
            if path and not Path(path).is_file():
                raise ValueError(f"{name}: no file {path}")
        if not self.allowed_keys and (self.signature == "required" or self.node_fields == "signed"):
            wanted = "signature: required" if self.signature == "required" else "node_fields: signed"
            raise ValueError(f"{wanted} needs allowed_keys, the file of the keys whose signatures are taken; `pelton keys new` makes one")
        return self

    @classmethod
    def load(cls, yaml_path: str | Path | None = None, environ: Mapping[str, str] = os.environ, **flags: Any) -> Self:
        """Settings by precedence: defaults < YAML < environment < flags (None = not given).

        Raises:
            ConfigError: one line that names the setting, the place it comes from, and what it may be.
        """
        return Section("kafka", cls, ENVIRONMENT).load(yaml_path, environ, flags)

    @property
    def topics(self) -> Topics:
        """The catalogue of topics under this prefix."""
        return Topics(prefix=self.topic_prefix, partitions=self.partitions)

    @property
    def servers(self) -> list[str]:
        """`bootstrap_servers` as a list."""
        return [address.strip() for address in self.bootstrap_servers.split(",")]

    @property
    def is_sasl(self) -> bool:
        """Whether the broker asks for a user and password."""
        return self.security_protocol.startswith("SASL")

    @property
    def is_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.security_protocol.endswith("SSL")

    def client_options(self) -> dict[str, Any]:
        """Keyword arguments that every kafka-python client takes."""
        options: dict[str, Any] = {"bootstrap_servers": self.servers, "security_protocol": self.security_protocol}
        if self.is_sasl and self.sasl_mechanism == "OAUTHBEARER":
            options["sasl_mechanism"] = "OAUTHBEARER"
            options["sasl_oauth_token_provider"] = kafka_python_provider(self._tokens())
        elif self.is_sasl:
            assert self.sasl_password is not None
            options["sasl_mechanism"] = self.sasl_mechanism or "PLAIN"
            options["sasl_plain_username"] = self.sasl_username
            options["sasl_plain_password"] = self.sasl_password.get_secret_value()
        if self.is_tls:
            files = {name: getattr(self, name) for name in ("ssl_cafile", "ssl_certfile", "ssl_keyfile")}
            options |= {name: path for name, path in files.items() if path}
            if self.ssl_keypassword is not None:
                options["ssl_password"] = self.ssl_keypassword.get_secret_value()
        return options

    def faust_options(self) -> dict[str, Any]:
        """Keyword arguments for `faust.App`: `broker`, and `broker_credentials` where the broker asks for any."""
        options: dict[str, Any] = {"broker": ";".join(f"kafka://{address}" for address in self.servers)}
        if self.security_protocol == "PLAINTEXT":
            return options
        import faust  # heavy, and only nodes that run Faust need it

        context = self._ssl_context() if self.is_tls else None
        if not self.is_sasl:
            options["broker_credentials"] = faust.SSLCredentials(context)
            return options
        if self.sasl_mechanism == "OAUTHBEARER":
            options["broker_credentials"] = faust.auth.OAuthCredentials(oauth_cb=aiokafka_provider(self._tokens()), ssl_context=context)
            return options
        assert self.sasl_password is not None
        options["broker_credentials"] = faust.SASLCredentials(
            username=self.sasl_username,
            password=self.sasl_password.get_secret_value(),
            mechanism=self.sasl_mechanism or "PLAIN",
            ssl_context=context,
        )
        return options

    def _tokens(self) -> Tokens:
        if self.sasl_oauth_token_path:
            return tokens_of(self.sasl_oauth_token_path)
        assert self.sasl_oauth_token_url is not None
        assert self.sasl_oauth_client_id is not None
        assert self.sasl_oauth_client_secret is not None
        secret = self.sasl_oauth_client_secret.get_secret_value()
        return tokens_of(Credentials(self.sasl_oauth_token_url, self.sasl_oauth_client_id, secret, self.sasl_oauth_scope, self.ssl_cafile))

    def _ssl_context(self) -> Any:
        import ssl

        context = ssl.create_default_context(cafile=self.ssl_cafile)
        if self.ssl_certfile:
            password = self.ssl_keypassword.get_secret_value() if self.ssl_keypassword is not None else None
            context.load_cert_chain(self.ssl_certfile, self.ssl_keyfile, password)
        return context

    def to_environ(self) -> dict[str, str]:
        """Environment variables from which a child process loads the same settings."""
        optional = {field for field in WITH_DEFAULTS if getattr(self, field) == type(self).model_fields[field].default}
        values = {field: getattr(self, field) for field in ENVIRONMENT if field not in optional}
        values |= {field: value.get_secret_value() for field, value in values.items() if isinstance(value, SecretStr)}
        return {ENVIRONMENT[field]: str(value) for field, value in values.items() if value not in (None, "")}

    @property
    def secrets(self) -> list[str]:
        """Names of the settings that are secret, and set."""
        return [field for field in type(self).model_fields if isinstance(getattr(self, field), SecretStr)]
