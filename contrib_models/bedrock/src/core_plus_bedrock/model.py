"""The model object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from core_plus.models import ModelRequest
from core_plus.secret import Secret
from core_plus_bedrock.decode import EXCEPTIONS, Reader, classify
from core_plus_bedrock.encode import Encoder
from core_plus_bedrock.signing import Signer, missing, region_of, signer
from core_plus_http import (
    Counts,
    Event,
    EventStreamDecoder,
    Exchange,
    JSONCodec,
    RateLimit,
    Send,
    Timeouts,
    Transport,
    as_timeouts,
    count,
    dumps,
    json_headers,
    loads,
    problem_in,
)

COUNTED = ("additionalModelRequestFields", "messages", "system", "toolConfig")
"""Parameters of Converse that CountTokens takes (botocore's model of the service)."""
__all__ = ["BedrockModel", "Converse", "missing"]


class BedrockModel(Counts):
    """A model behind Amazon Bedrock's Converse.

    Args:
        model_id: The model's id, or that of an inference profile, such as
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0".
        region: Where it runs; None takes AWS_REGION, or what the AWS configuration says.
        profile: A profile of the AWS configuration.
        credentials: Botocore's; None takes those of the environment or the profile.
        api_key: A key of Bedrock's own, instead of credentials; None takes AWS_BEARER_TOKEN_BEDROCK.
        base_url: Another address of the same API, such as a VPC endpoint.
        cache: Whether to mark what the model may keep of the prompt; some models refuse the marks.
        headers: More headers for every request; a `Secret` among them is shown nowhere.
        options: Parameters of every request: of `inferenceConfig`, such as {"temperature": 0}, of the request
            itself, such as {"guardrailConfig": {...}}, or else the model's own, such as {"thinking": {...}}.
        timeout: How long to wait; a number is the whole call's seconds.
        client: An `httpx.Client` (or httpx2's) for sync calls, used as it is and never closed.
        async_client: The same for async calls.
        rate: Requests and tokens a minute; one `RateLimit` may be shared by several models.

    Raises:
        ConfigurationError: No region or no credentials, or an address or header that is none.
    """

    def __init__(
        self,
        model_id: str,
        *,
        region: str | None = None,
        profile: str | None = None,
        credentials: Any = None,
        api_key: str | Secret | None = None,
        base_url: str | None = None,
        cache: bool = False,
        headers: Mapping[str, str | Secret] | None = None,
        options: Mapping[str, Any] | None = None,
        timeout: Timeouts | float | None = None,
        client: Any = None,
        async_client: Any = None,
        rate: RateLimit | Mapping[str, Any] | None = None,
    ) -> None:
        place = region_of(region, profile)
        self._signer = signer(profile, place, Secret(api_key or ""), credentials)
        transport = Transport(
            base_url or f"https://bedrock-runtime.{place}.amazonaws.com",
            headers=json_headers(headers),
            timeouts=as_timeouts(timeout),
            client=client,
            async_client=async_client,
            provider="bedrock",
            model=model_id,
        )
        encoder = Encoder(options or {}, cache, "bedrock")
        self._converse = Converse(model_id, encoder, self._signer, transport.origin.address)
        super().__init__("bedrock", model_id, self._converse, transport, rate)

    def asked(self) -> tuple[str, bytes]:
        """A request that says nothing, without a signature."""
        return self._converse.unsigned(ModelRequest(()), stream=False)

    def counting(self, request: ModelRequest) -> Exchange[int]:
        return self._converse.count(request)

    def prepare(self) -> None:
        """Renew the credentials, if they are about to end."""
        self._signer.renew()
        for secret in self._signer.secrets():
            self.transport.hide(secret)


class Converse(JSONCodec):
    """Converse and ConverseStream as a codec.

    Args:
        model_id: The model's id.
        encoder: Writes the requests.
        signer: Signs them.
        address: Gives the URL of a path.
    """

    classify = staticmethod(classify)

    def __init__(self, model_id: str, encoder: Encoder, signer: Signer, address: Callable[[str], str]) -> None:
        self._path = f"/model/{quote(model_id, safe='')}"
        self._encoder, self._signer, self._address = encoder, signer, address

    def send(self, request: ModelRequest, *, stream: bool) -> Send:
        path, body = self.unsigned(request, stream=stream)
        return Send(path, body, stream=stream, headers=self._signer.headers(self._address(path), body))

    def unsigned(self, request: ModelRequest, *, stream: bool) -> tuple[str, bytes]:
        """Where a request goes, and what it says; nobody has signed it yet.

        Args:
            request: All that is asked.
            stream: Whether the reply shall come piece by piece.
        """
        return f"{self._path}/{'converse-stream' if stream else 'converse'}", self._encoder.body(request)

    def count(self, request: ModelRequest) -> Exchange[int]:
        """Ask how many tokens a request has; not every model can tell.

        Args:
            request: All that would be asked.
        """
        path, whole = f"{self._path}/count-tokens", loads(self._encoder.body(request))
        body = dumps({"input": {"converse": {name: whole[name] for name in COUNTED if name in whole}}})
        return count(Send(path, body, headers=self._signer.headers(self._address(path), body)), "inputTokens", classify)

    def reader(self, request: ModelRequest) -> Reader:
        return Reader("bedrock")

    def decoder(self, kind: str) -> EventStreamDecoder:
        return EventStreamDecoder()

    def opened(self, event: Event | bytes) -> Any:
        assert isinstance(event, Event)  # as the decoder gives them
        body = loads(event.data, "an event of the stream")
        if event.event in EXCEPTIONS:
            raise EXCEPTIONS[event.event](problem_in(body).message or event.event)
        return {event.event: body}
