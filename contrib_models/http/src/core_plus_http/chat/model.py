"""A model behind chat completions, whoever serves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core_plus.secret import Secret
from core_plus_http.bearer import BearerModel, bearer_transport
from core_plus_http.chat.encode import Encoder
from core_plus_http.chat.exchanges import PATH, Chat
from core_plus_http.chat.quirks import Quirks, is_openai, quirks_of
from core_plus_http.rates import RateLimit
from core_plus_http.settings import Timeouts


class ChatModel(BearerModel):
    """A model behind OpenAI's chat completions, at any server that speaks them.

    A call's `options` win over the model's, and both over what is set here.

    Args:
        model_id: The model's name at the server.
        base_url: The server.
        provider: The plugin's name.
        api_key: The key, sent as a bearer token; None or "" sends none.
        wants_key: What to tell who gave no key; "" where none is wanted.
        headers: More headers for every request; a `Secret` among them is shown nowhere.
        options: Parameters of every request, such as {"temperature": 0}.
        timeout: How long to wait; a number is the whole call's seconds.
        client: An `httpx.Client` (or httpx2's) for sync calls, used as it is and never closed.
        async_client: The same for async calls.
        rate: Requests and tokens a minute; one `RateLimit` may be shared by several models.
        quirks: How the model wants its requests; None takes what is known of it.
        path: Where conversations go, below the server's address.

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
        headers: Mapping[str, str | Secret] | None = None,
        options: Mapping[str, Any] | None = None,
        timeout: Timeouts | float | None = None,
        client: Any = None,
        async_client: Any = None,
        rate: RateLimit | Mapping[str, Any] | None = None,
        quirks: Quirks | None = None,
        path: str = PATH,
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
        owner = provider if is_openai(origin.host) else f"{provider}@{origin.netloc}"
        quirks = quirks or quirks_of(model_id, origin.host)
        codec = Chat(Encoder(model_id, quirks, options or {}, owner), owner, path, self.more_headers)
        super().__init__(provider, model_id, codec, transport, rate)
