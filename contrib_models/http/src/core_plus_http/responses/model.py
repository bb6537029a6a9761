"""A model behind the Responses API, whoever serves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core_plus.models import ModelRequest
from core_plus.secret import Secret
from core_plus_http import endpoints
from core_plus_http.abilities import Counts
from core_plus_http.bearer import BearerModel, bearer_transport, classify
from core_plus_http.chat.quirks import is_openai
from core_plus_http.dialect import JSONCodec
from core_plus_http.exchange import Exchange, Send
from core_plus_http.rates import RateLimit
from core_plus_http.responses.decode import Reader
from core_plus_http.responses.encode import Encoder
from core_plus_http.settings import Timeouts

PATH = "/responses"


class Responses(JSONCodec):
    """The Responses API as a codec.

    Args:
        encoder: Writes the requests.
        owner: Whose reasoning and items go back.
        headers: Gives the headers that aren't the same for every request.
    """

    classify = staticmethod(classify)

    def __init__(self, encoder: Encoder, owner: str, headers: Callable[[], Mapping[str, str]]) -> None:
        self._encoder, self._owner, self._headers = encoder, owner, headers

    def send(self, request: ModelRequest, *, stream: bool) -> Send:
        headers = {"accept": "text/event-stream"} if stream else {}
        body = self._encoder.body(request, stream=stream)
        return Send(PATH, body, stream=stream, headers={**headers, **self._headers()})

    def count(self, request: ModelRequest) -> Exchange[int]:
        """Ask how many tokens a request has (https://platform.openai.com/docs/api-reference/responses/input-tokens).

        Args:
            request: All that would be asked.
        """
        body = self._encoder.counted(request)
        return endpoints.count(Send(f"{PATH}/input_tokens", body, headers=self._headers()), "input_tokens", classify)

    def reader(self, request: ModelRequest) -> Reader:
        return Reader(self._owner, tuple(filter(None, request.stop)))


class ResponsesModel(BearerModel, Counts):
    """A model behind the Responses API, at any server that speaks it.

    Args:
        model_id: The model's name at the server.
        base_url: The server.
        provider: The plugin's name.
        api_key: The key, sent as a bearer token; None or "" sends none.
        wants_key: What to tell who gave no key; "" where none is wanted.
        store: Whether the server keeps replies. Where it keeps none, reasoning comes and goes encrypted.
        headers: More headers for every request; a `Secret` among them is shown nowhere.
        options: Parameters of every request, such as {"reasoning": {"effort": "low"}}, and the API's own
            tools, such as {"tools": [{"type": "web_search"}]}.
        timeout: How long to wait; a number is the whole call's seconds.
        client: An `httpx.Client` (or httpx2's) for sync calls, used as it is and never closed.
        async_client: The same for async calls.
        rate: Requests and tokens a minute; one `RateLimit` may be shared by several models.

    Raises:
        ConfigurationError: A key is missing, or an address or header is none.
    """

    def __init__(
        self,
        model_id: str,
        *,
        base_url: str,
        provider: str,
        api_key: str | Secret | None = None,
        wants_key: str = "",
        store: bool = False,
        headers: Mapping[str, str | Secret] | None = None,
        options: Mapping[str, Any] | None = None,
        timeout: Timeouts | float | None = None,
        client: Any = None,
        async_client: Any = None,
        rate: RateLimit | Mapping[str, Any] | None = None,
    ) -> None:
        transport = bearer_transport(
            model_id,
            base_url=base_url,
            provider=provider,
            api_key=api_key,
            wants_key=wants_key,
            headers=headers,
            timeout=timeout,
            client=client,
            async_client=async_client,
        )
        origin = transport.origin
        owner = f"{provider}.responses" if is_openai(origin.host) else f"{provider}.responses@{origin.netloc}"
        self._responses = Responses(Encoder(model_id, options or {}, store, owner), owner, self.more_headers)
        super().__init__(provider, model_id, self._responses, transport, rate)

    def counting(self, request: ModelRequest) -> Exchange[int]:
        return self._responses.count(request)
