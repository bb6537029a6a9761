"""What servers in the manner of OpenAI's have in common: a key as a bearer token, and a list of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core_plus.errors import (
    AuthenticationError,
    ConfigurationError,
    MalformedReplyError,
    ModelError,
    PermissionDeniedError,
)
from core_plus.messages import Audio, Image
from core_plus.secret import Secret
from core_plus_http import endpoints
from core_plus_http.abilities import Draws, Embeds, Transcribes
from core_plus_http.exchange import Exchange, Send
from core_plus_http.failures import Problem, error_from_reply, json_in
from core_plus_http.jsontext import excerpt
from core_plus_http.model import as_timeouts, json_headers
from core_plus_http.settings import Timeouts
from core_plus_http.transport import Transport


def classify(problem: Problem, status: int | None) -> type[ModelError] | None:
    """What only this API says: a used-up quota is no matter of waiting, though it comes as 429.

    Args:
        problem: The server's account.
        status: The HTTP status, None inside a reply.
    """
    if "insufficient_quota" in problem.code or "billing" in problem.code:
        return PermissionDeniedError
    return AuthenticationError if "invalid_api_key" in problem.code else None


def models(path: str = "/models", headers: Mapping[str, str] | None = None) -> Exchange[list[str]]:
    """Ask which models there are; gives their names in order.

    Args:
        path: Where they are listed.
        headers: More headers.
    """
    reply = yield Send(path, method="GET", headers=headers or {})
    if not reply.ok:
        raise error_from_reply(reply, classify=classify)
    body = json_in(reply)
    found = body.get("data", body.get("models")) if isinstance(body, dict) else body
    if not isinstance(found, list):
        raise MalformedReplyError(f"{reply.url} gave no list of models: {excerpt(reply.body)}")
    return sorted(str(each.get("id") or each.get("name")) for each in found if isinstance(each, dict))


class BearerModel(Embeds, Transcribes, Draws):
    """A model behind a server in the manner of OpenAI's. Dialects inherit.

    Vectors, words of recordings and pictures are asked for where OpenAI has them; a server that hasn't says so
    (`ModelNotFoundError`, as a rule).
    """

    def place(self, endpoint: str) -> str:
        """Where an endpoint is, below the server's address.

        Args:
            endpoint: As OpenAI calls it, such as "embeddings".
        """
        return f"/{endpoint}"

    def more_headers(self) -> Mapping[str, str]:
        """The headers that aren't the same for every request; a provider whose tokens end overrides this."""
        return {}

    def list_models(self) -> list[str]:
        """The names of the server's models, in order.

        Raises:
            ModelError: The server doesn't tell.
        """
        self.prepare()
        return self.transport.run(models(self.place("models"), self.more_headers()))

    def embedding(self, texts: Sequence[str], options: Mapping[str, Any]) -> Exchange[list[list[float]]]:
        path = self.place("embeddings")
        return endpoints.embeddings(path, self.model_id, texts, options, self.more_headers, classify)

    def transcription(self, audio: Audio, options: Mapping[str, Any]) -> Exchange[str]:
        path = self.place("audio/transcriptions")
        return endpoints.transcription(path, self.model_id, audio, options, self.more_headers, classify)

    def drawing(self, prompt: str, options: Mapping[str, Any]) -> Exchange[list[Image]]:
        path = self.place("images/generations")
        return endpoints.images(path, self.model_id, prompt, options, self.more_headers, classify)


def bearer_transport(
    model_id: str,
    *,
    base_url: str,
    provider: str,
    api_key: str | Secret | None,
    wants_key: str,
    headers: Mapping[str, str | Secret] | None,
    timeout: Timeouts | float | None,
    client: Any,
    async_client: Any,
) -> Transport:
    """The transport to such a server.

    Args:
        model_id: The model's name, for errors.
        base_url: The server.
        provider: The plugin's name.
        api_key: The key; None or "" sends none.
        wants_key: What to tell who gave no key; "" where none is wanted.
        headers: More headers for every request.
        timeout: How long to wait; a number is the whole call's seconds.
        client: The caller's own, for sync calls.
        async_client: The same for async calls.

    Raises:
        ConfigurationError: A key is missing, or an address or header is none.
    """
    key = Secret(api_key or "")
    sent = json_headers(headers, authorization=Secret(f"Bearer {key.reveal()}") if key else None)
    transport = Transport(
        base_url,
        headers=sent,
        timeouts=as_timeouts(timeout),
        client=client,
        async_client=async_client,
        provider=provider,
        model=model_id,
    )
    if wants_key and sent["authorization"] is None and "api-key" not in sent:
        raise ConfigurationError(f"{transport.origin.address('')} wants a key: {wants_key}")
    return transport
