"""Bearer tokens for SASL OAUTHBEARER: from a file that something else renews, or from an authority, by client credentials (RFC 6749, 4.4).

Both of our clients ask for a token whenever they connect, each by a class of its own; both classes ask the same source.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schemas.errors import BrokerError

Tokens = Callable[[], str]
"""Gives a token that is good now."""
TIMEOUT_S = 10.0
"""How long the authority may take to answer, in seconds."""
RENEW_AT = 0.8
"""Share of its life after which a token is asked for anew."""
LEAST_LIFE_S = 60.0
"""Life of a token whose authority does not say it, in seconds."""
MOST_BYTES = 100_000
"""Of a token, or an authority's answer."""


@dataclass(frozen=True)
class Credentials:
    """What an authority is asked with."""

    url: str
    """Its address."""
    client_id: str
    """Who asks."""
    secret: str = field(repr=False)
    """The secret of who asks."""
    scope: str | None = None
    """What the token is to be good for."""
    cafile: str | None = None
    """PEM file of who signed the authority's certificate; unset, the system's authorities."""


def tokens_of(source: str | Credentials) -> Tokens:
    """Where tokens come from: a file, by its path, or an authority."""
    if isinstance(source, Credentials):
        return _Authority(source).token
    path = Path(source)
    return lambda: _from_file(path)


def kafka_python_provider(tokens: Tokens) -> Any:
    """What kafka-python's clients take."""
    from kafka.net.sasl.oauth import AbstractTokenProvider

    class Provider(AbstractTokenProvider):  # type: ignore[misc]
        def token(self) -> str:
            return tokens()

    return Provider()


def aiokafka_provider(tokens: Tokens) -> Any:
    """What aiokafka's clients take, under Faust; the token is waited for on a thread of its own."""
    from aiokafka.abc import AbstractTokenProvider

    class Provider(AbstractTokenProvider):  # type: ignore[misc]
        async def token(self) -> str:
            return await asyncio.to_thread(tokens)

    return Provider()


def _from_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            token = file.read(MOST_BYTES).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "no text of a token"
        raise BrokerError(f"sasl_oauth_token_path {path}: {why}") from None
    if not token:
        raise BrokerError(f"sasl_oauth_token_path {path}: the file is empty")
    return token


class _Authority:
    """Asks an authority for tokens, and keeps each for most of its life. Any thread may ask."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._lock = threading.Lock()
        self._token, self._renew_at = "", 0.0

    def token(self) -> str:
        """A token that is good now.

        Raises:
            BrokerError: the authority cannot be reached, or gives none; names its address, never the secret.
        """
        with self._lock:
            if time.monotonic() >= self._renew_at:
                answer = self._ask()
                self._token = str(answer["access_token"])
                self._renew_at = time.monotonic() + RENEW_AT * float(answer.get("expires_in") or LEAST_LIFE_S)
            return self._token

    def _ask(self) -> dict[str, Any]:
        told = self._credentials
        url = told.url
        fields = {"grant_type": "client_credentials", "client_id": told.client_id, "client_secret": told.secret, "scope": told.scope}
        body = urllib.parse.urlencode({name: value for name, value in fields.items() if value}).encode()
        context = ssl.create_default_context(cafile=told.cafile) if url.startswith("https:") else None
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body), timeout=TIMEOUT_S, context=context) as found:
                answer = json.loads(found.read(MOST_BYTES))
        except (OSError, ValueError) as error:
            why = f"HTTP {error.code}" if isinstance(error, urllib.error.HTTPError) else getattr(error, "reason", None) or "no JSON"
            raise BrokerError(f"sasl_oauth_token_url {url}: no token was given ({why})") from None
        if not isinstance(answer, dict) or not answer.get("access_token"):
            raise BrokerError(f"sasl_oauth_token_url {url}: the answer holds no access_token")
        return answer
