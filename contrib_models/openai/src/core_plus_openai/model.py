"""The model object."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Generator, Mapping
from typing import Any

from core_plus.errors import ConfigurationError
from core_plus.models import Delta, ModelRequest, ModelResponse
from core_plus.secret import Secret
from core_plus_http import Timeouts, Transport
from core_plus_openai.chat import Chat, models
from core_plus_openai.encode import Encoder
from core_plus_openai.quirks import Quirks, is_openai, quirks_of

BASE_URL = "https://api.openai.com/v1"


class OpenAIModel:
    """A model behind OpenAI's chat completions: OpenAI's own, or any server that speaks the same.

    One object serves any number of runs at once, from any threads and event loops. It tries each call
    once. A call's `options` win over the model's, and both over what is set here.

    Args:
        model_id: The model's name at the server, such as "gpt-5-mini".
        base_url: The server; None takes OPENAI_BASE_URL, or else OpenAI's own.
        api_key: The key; None takes OPENAI_API_KEY. Only OpenAI's own server must have one.
        organization: Who pays; None takes OPENAI_ORG_ID.
        project: For which project; None takes OPENAI_PROJECT_ID.
        headers: More headers for every request; a `Secret` among them is shown nowhere.
        options: Parameters of every request, such as {"temperature": 0}.
        timeout: How long to wait; a number is the whole call's seconds.
        client: An `httpx.Client` (or httpx2's) for sync calls, used as it is and never closed.
        async_client: The same for async calls.
        quirks: How the model wants its requests; None takes what is known of it.

    Raises:
        ConfigurationError: No key for OpenAI's own server, or an address or header that is none.
    """

    provider = "openai"

    def __init__(
        self,
        model_id: str,
        *,
        base_url: str | None = None,
        api_key: str | Secret | None = None,
        organization: str | None = None,
        project: str | None = None,
        headers: Mapping[str, str | Secret] | None = None,
        options: Mapping[str, Any] | None = None,
        timeout: Timeouts | float | None = None,
        client: Any = None,
        async_client: Any = None,
        quirks: Quirks | None = None,
    ) -> None:
        self.model_id = model_id
        key = Secret(api_key if api_key is not None else os.environ.get("OPENAI_API_KEY", "").strip())
        sent: dict[str, str | Secret | None] = {
            "content-type": "application/json",
            "authorization": Secret(f"Bearer {key.reveal()}") if key else None,
            "openai-organization": organization or os.environ.get("OPENAI_ORG_ID") or None,
            "openai-project": project or os.environ.get("OPENAI_PROJECT_ID") or None,
            **{name.lower(): value for name, value in (headers or {}).items()},
        }
        self._transport = Transport(
            base_url or os.environ.get("OPENAI_BASE_URL") or BASE_URL,
            headers=sent,
            timeouts=timeout if isinstance(timeout, Timeouts | None) else Timeouts(whole=timeout),
            client=client,
            async_client=async_client,
            provider=self.provider,
            model=model_id,
        )
        origin = self._transport.origin
        official = is_openai(origin.host)
        if official and sent["authorization"] is None and "api-key" not in sent:
            raise ConfigurationError(f"{origin.address('')} wants a key: set OPENAI_API_KEY or give api_key=")
        owner = self.provider if official else f"{self.provider}@{origin.netloc}"
        self._chat = Chat(Encoder(model_id, quirks or quirks_of(model_id, origin.host), options or {}, owner), owner)

    def __repr__(self) -> str:
        return f"{self.provider}:{self.model_id}"

    def forward(self, request: ModelRequest) -> ModelResponse:
        """Answer a request.

        Args:
            request: All that is asked.

        Raises:
            ModelError: The server's refusal or failure, typed.
        """
        return self._transport.run(self._chat.forward(request), request.cancellation)

    def stream(self, request: ModelRequest) -> Generator[Delta, None, None]:
        """Answer a request as it comes. Closing the iterator early closes the connection.

        Args:
            request: All that is asked.

        Raises:
            ModelError: As `forward`; `partial` tells whether pieces were given before.
        """
        return self._transport.stream(self._chat.stream(request), request.cancellation)

    async def aforward(self, request: ModelRequest) -> ModelResponse:
        """As `forward`, on the running event loop.

        Args:
            request: All that is asked.
        """
        return await self._transport.arun(self._chat.forward(request), request.cancellation)

    def astream(self, request: ModelRequest) -> AsyncGenerator[Delta, None]:
        """As `stream`, on the running event loop.

        Args:
            request: All that is asked.
        """
        return self._transport.astream(self._chat.stream(request), request.cancellation)

    def list_models(self) -> list[str]:
        """The names of the server's models, in order.

        Raises:
            ModelError: The server doesn't tell.
        """
        return self._transport.run(models())

    def close(self) -> None:
        """Close the idle connections; a busy one is closed when its call ends."""
        self._transport.close()

    async def aclose(self) -> None:
        """As `close`."""
        await self._transport.aclose()
