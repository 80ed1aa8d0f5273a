"""A bearer token comes from a file that is renewed, or from an authority that is asked again in time; no secret is told when it fails."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from aiokafka.abc import AbstractTokenProvider as AioProvider
from kafka.net.sasl.oauth import AbstractTokenProvider

from schemas.errors import BrokerError, ConfigError
from streams.kafka.oauth import Credentials, aiokafka_provider, kafka_python_provider, tokens_of
from streams.kafka.settings import KafkaSettings

SASL = {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "OAUTHBEARER"}


class Authority(HTTPServer):
    """Gives a new token at each request."""

    def __init__(self) -> None:
        self.asked: list[dict[str, list[str]]] = []
        self.life: float | None = 3600.0
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                authority.asked.append(form)
                known = form["client_secret"] == ["sesame"]
                self.send_response(200 if known else 401)
                self.end_headers()
                self.wfile.write(json.dumps({"access_token": f"token-{len(authority.asked)}", "expires_in": authority.life}).encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/token"


@pytest.fixture
def authority() -> Iterator[Authority]:
    made = Authority()
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def test_a_token_is_kept_for_its_life_and_asked_for_again_after(authority: Authority) -> None:
    tokens = tokens_of(Credentials(authority.url, "pelton", "sesame", "kafka"))
    assert [tokens(), tokens()] == ["token-1", "token-1"]
    assert authority.asked[0] == {
        "grant_type": ["client_credentials"], "client_id": ["pelton"], "client_secret": ["sesame"], "scope": ["kafka"],
    }  # fmt: skip
    authority.life = 1e-9
    tokens = tokens_of(Credentials(authority.url, "pelton", "sesame"))
    assert [tokens(), tokens()] == ["token-2", "token-3"]


def test_an_authority_that_gives_none_is_named_and_the_secret_is_not(authority: Authority) -> None:
    credentials = Credentials(authority.url, "pelton", "wrong-secret")
    with pytest.raises(BrokerError) as caught:
        tokens_of(credentials)()
    assert "HTTP 401" in str(caught.value)
    assert "wrong-secret" not in f"{caught.value} {credentials!r}"


def test_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    tokens = tokens_of(str(tmp_path / "token"))
    with pytest.raises(BrokerError, match="No such file"):
        tokens()
    for told in ("first", "second"):
        (tmp_path / "token").write_text(told + "\n")
        assert tokens() == told
    (tmp_path / "token").write_text("\n")
    with pytest.raises(BrokerError, match="is empty"):
        tokens()


def test_each_client_gets_a_provider_of_its_own_kind() -> None:
    ours, fausts = kafka_python_provider(lambda: "t"), aiokafka_provider(lambda: "t")
    assert isinstance(ours, AbstractTokenProvider)
    assert isinstance(fausts, AioProvider)
    assert [ours.token(), asyncio.run(fausts.token())] == ["t", "t"]


def test_the_settings_of_an_authority_lead_to_it(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("sesame\n")
    environ = SASL | {"KAFKA_SASL_OAUTH_TOKEN_URL": authority.url, "KAFKA_SASL_OAUTH_CLIENT_ID": "pelton"}
    with pytest.raises(ConfigError, match="OAUTHBEARER needs"):
        KafkaSettings.load(environ=environ)
    settings = KafkaSettings.load(environ=environ | {"KAFKA_SASL_OAUTH_CLIENT_SECRET_FILE": str(tmp_path / "secret")})
    assert settings.client_options()["sasl_oauth_token_provider"].token() == "token-1"
    assert "sesame" not in repr(settings)
