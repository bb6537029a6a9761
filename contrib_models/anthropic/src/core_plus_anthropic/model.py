"""The model object."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from core_plus.errors import ConfigurationError, MalformedReplyError
from core_plus.models import ModelRequest
from core_plus.secret import Secret
from core_plus_anthropic.decode import Reader, classify
from core_plus_anthropic.encode import Encoder
from core_plus_http import (
    Counts,
    Exchange,
    JSONCodec,
    RateLimit,
    Send,
    Timeouts,
    Transport,
    as_timeouts,
    count,
    error_from_reply,
    excerpt,
    json_headers,
    json_in,
)

BASE_URL = "https://api.anthropic.com"
VERSION = "2023-06-01"
"""Of the API, which wants it in a header."""
MAX_TOKENS = 16_384
"""What a reply may have where nobody says: the API must be told."""
SMALL = {"claude-3-haiku": 4096, "claude-3-opus": 4096, "claude-3-sonnet": 4096, "claude-3-5": 8192}
"""Models that may write less than that, by the beginning of their names."""


class AnthropicModel(Counts):
    """A model behind Anthropic's Messages API.

    Args:
        model_id: The model's name, such as "claude-sonnet-4-5".
        api_key: The key; None takes ANTHROPIC_API_KEY.
        base_url: Another server of the same API; None takes ANTHROPIC_BASE_URL, or else Anthropic's own.
        max_tokens: The most tokens of a reply; None takes 16,384, or what an older model can write.
        cache: How long Anthropic keeps what it has read, so that the next step of a run costs a tenth: "5m",
            "1h", or None to keep nothing.
        betas: Features that are asked for by name, such as "context-management-2025-06-27".
        headers: More headers for every request; a `Secret` among them is shown nowhere.
        options: Parameters of every request, such as {"thinking": {"type": "adaptive"}}.
        timeout: How long to wait; a number is the whole call's seconds.
        client: An `httpx.Client` (or httpx2's) for sync calls, used as it is and never closed.
        async_client: The same for async calls.
        rate: Requests and tokens a minute; one `RateLimit` may be shared by several models.

    Raises:
        ConfigurationError: No key for Anthropic's own server, or an address or header that is none.
    """

    def __init__(
        self,
        model_id: str,
        *,
        api_key: str | Secret | None = None,
        base_url: str | None = None,
        max_tokens: int | None = None,
        cache: Literal["5m", "1h"] | None = "5m",
        betas: Sequence[str] = (),
        headers: Mapping[str, str | Secret] | None = None,
        options: Mapping[str, Any] | None = None,
        timeout: Timeouts | float | None = None,
        client: Any = None,
        async_client: Any = None,
        rate: RateLimit | Mapping[str, Any] | None = None,
    ) -> None:
        key = Secret(api_key if api_key is not None else os.environ.get("ANTHROPIC_API_KEY", "").strip())
        sent = json_headers(
            headers, x_api_key=key or None, anthropic_version=VERSION, anthropic_beta=",".join(betas) or None
        )
        transport = Transport(
            base_url or os.environ.get("ANTHROPIC_BASE_URL") or BASE_URL,
            headers=sent,
            timeouts=as_timeouts(timeout),
            client=client,
            async_client=async_client,
            provider="anthropic",
            model=model_id,
        )
        if transport.origin.host == "api.anthropic.com" and not (sent["x-api-key"] or sent.get("authorization")):
            raise ConfigurationError(f"{BASE_URL} wants a key: set ANTHROPIC_API_KEY or give api_key=")
        most = next((count for name, count in SMALL.items() if model_id.startswith(name)), MAX_TOKENS)
        encoder = Encoder(model_id, max_tokens or most, options or {}, cache, "anthropic")
        self._messages = Messages(encoder)
        super().__init__("anthropic", model_id, self._messages, transport, rate)

    def counting(self, request: ModelRequest) -> Exchange[int]:
        return self._messages.count(request)

    def list_models(self) -> list[str]:
        """The names of the models, in order.

        Raises:
            ModelError: The server doesn't tell.
        """
        return self.transport.run(models())


class Messages(JSONCodec):
    """The Messages API as a codec.

    Args:
        encoder: Writes the requests.
    """

    classify = staticmethod(classify)

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def send(self, request: ModelRequest, *, stream: bool) -> Send:
        headers = {"accept": "text/event-stream"} if stream else {}
        return Send("/v1/messages", self._encoder.body(request, stream=stream), stream=stream, headers=headers)

    def reader(self, request: ModelRequest) -> Reader:
        return Reader("anthropic")

    def count(self, request: ModelRequest) -> Exchange[int]:
        """Ask how many tokens a request has.

        Args:
            request: All that would be asked.
        """
        return count(Send("/v1/messages/count_tokens", self._encoder.counted(request)), "input_tokens", classify)


def models() -> Exchange[list[str]]:
    """Ask which models there are; gives their names in order."""
    reply = yield Send("/v1/models?limit=1000", method="GET")
    if not reply.ok:
        raise error_from_reply(reply, classify=classify)
    found = json_in(reply)
    listed = found.get("data") if isinstance(found, dict) else None
    if not isinstance(listed, list):
        raise MalformedReplyError(f"{reply.url} gave no list of models: {excerpt(reply.body)}")
    return sorted(str(each["id"]) for each in listed if isinstance(each, dict) and "id" in each)


def missing() -> str:
    """What has to be set before the server can be asked, "" if nothing."""
    set_ = any(os.environ.get(name, "").strip() for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"))
    return "" if set_ else "set ANTHROPIC_API_KEY"
