"""Where the broker is and how to speak to it; `streams.settings` says where the values come from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from schemas.topics import Topics
from streams.settings import Section

ENVIRONMENT = {
    "bootstrap_servers": "KAFKA_BOOTSTRAP_SERVERS",
    "security_protocol": "KAFKA_SECURITY_PROTOCOL",
    "sasl_mechanism": "KAFKA_SASL_MECHANISM",
    "sasl_username": "KAFKA_SASL_USERNAME",
    "sasl_password": "KAFKA_SASL_PASSWORD",
    "ssl_cafile": "KAFKA_SSL_CAFILE",
    "ssl_certfile": "KAFKA_SSL_CERTFILE",
    "ssl_keyfile": "KAFKA_SSL_KEYFILE",
    "topic_prefix": "PELTON_TOPIC_PREFIX",
    "partitions": "PELTON_TOPIC_PARTITIONS",
    "replication_factor": "PELTON_TOPIC_REPLICATION_FACTOR",
}
"""Field -> environment variable. An empty variable counts as unset."""

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


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
    ssl_cafile: str | None = None
    """PEM file of the authority that signed the broker's certificate; unset, the system's authorities."""
    ssl_certfile: str | None = None
    """PEM file of the client's own certificate."""
    ssl_keyfile: str | None = None
    """PEM file of the client's private key."""
    topic_prefix: str = Field(default="pelton.", pattern=r"^[A-Za-z0-9._-]*$", max_length=100)
    """Put before the name of every topic and group, so that installations can share a broker."""
    partitions: int = Field(default=2, ge=1)
    """Partitions of the topics that workers share."""
    replication_factor: int = Field(default=1, ge=1)
    """Copies of each topic."""

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
        if wants_sasl and not (self.sasl_username and self.sasl_password):
            raise ValueError(f"{self.security_protocol} needs sasl_username and sasl_password")
        if has_sasl and not wants_sasl:
            raise ValueError(
                f"SASL credentials are given, but security_protocol is {self.security_protocol}; set SASL_SSL or SASL_PLAINTEXT"
            )
        for name in ("ssl_cafile", "ssl_certfile", "ssl_keyfile"):
            path = getattr(self, name)
            if path and not Path(path).is_file():
                raise ValueError(f"{name}: no file {path}")
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
        if self.is_sasl:
            assert self.sasl_password is not None
            options["sasl_mechanism"] = self.sasl_mechanism or "PLAIN"
            options["sasl_plain_username"] = self.sasl_username
            options["sasl_plain_password"] = self.sasl_password.get_secret_value()
        if self.is_tls:
            files = {name: getattr(self, name) for name in ("ssl_cafile", "ssl_certfile", "ssl_keyfile")}
            options |= {name: path for name, path in files.items() if path}
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
        assert self.sasl_password is not None
        options["broker_credentials"] = faust.SASLCredentials(
            username=self.sasl_username,
            password=self.sasl_password.get_secret_value(),
            mechanism=self.sasl_mechanism or "PLAIN",
            ssl_context=context,
        )
        return options

    def _ssl_context(self) -> Any:
        import ssl

        context = ssl.create_default_context(cafile=self.ssl_cafile)
        if self.ssl_certfile:
            context.load_cert_chain(self.ssl_certfile, self.ssl_keyfile)
        return context

    def to_environ(self) -> dict[str, str]:
        """Environment variables from which a child process loads the same settings."""
        values = {field: getattr(self, field) for field in ENVIRONMENT}
        if self.sasl_password is not None:
            values["sasl_password"] = self.sasl_password.get_secret_value()
        return {ENVIRONMENT[field]: str(value) for field, value in values.items() if value not in (None, "")}
