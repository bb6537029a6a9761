"""Models behind Gemini's API."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from core_plus.errors import ConfigurationError
from core_plus.messages import Image, message
from core_plus.models import ModelRequest
from core_plus.secret import Secret
from core_plus_google.codec import Generate
from core_plus_google.encode import Encoder
from core_plus_http import Counts, Draws, Embeds, Exchange, RateLimit, Timeouts, Transport, as_timeouts, json_headers

BASE_URL = "https://generativelanguage.googleapis.com"
BOTH = ("TEXT", "IMAGE")
"""What an answer with pictures may hold."""
VARIABLES = ("GEMINI_API_KEY", "GOOGLE_API_KEY")


class GoogleModel(Counts, Embeds, Draws):
    """A model behind Google's Gemini API.

    Args:
        model_id: The model's name, such as "gemini-2.5-flash".
        api_key: The key; None takes GEMINI_API_KEY or GOOGLE_API_KEY.
        base_url: Another server of the same API; None takes GOOGLE_GEMINI_BASE_URL, or else Google's own.
        headers: More headers for every request; a `Secret` among them is shown nowhere.
        options: Parameters of every request: of `generationConfig`, such as {"temperature": 0}, or beside it,
            such as {"safetySettings": [...]} and {"tools": [{"googleSearch": {}}]}.
        timeout: How long to wait; a number is the whole call's seconds.
        client: An `httpx.Client` (or httpx2's) for sync calls, used as it is and never closed.
        async_client: The same for async calls.
        rate: Requests and tokens a minute; one `RateLimit` may be shared by several models.

    Raises:
        ConfigurationError: No key for Google's own server, or an address or header that is none.
    """

    def __init__(
        self,
        model_id: str,
        *,
        api_key: str | Secret | None = None,
        base_url: str | None = None,
        headers: Mapping[str, str | Secret] | None = None,
        options: Mapping[str, Any] | None = None,
        timeout: Timeouts | float | None = None,
        client: Any = None,
        async_client: Any = None,
        rate: RateLimit | Mapping[str, Any] | None = None,
    ) -> None:
        found = next((text for name in VARIABLES if (text := os.environ.get(name, "").strip())), "")
        key = Secret(api_key if api_key is not None else found)
        sent = json_headers(headers, x_goog_api_key=key or None)
        transport = Transport(
            base_url or os.environ.get("GOOGLE_GEMINI_BASE_URL") or BASE_URL,
            headers=sent,
            timeouts=as_timeouts(timeout),
            client=client,
            async_client=async_client,
            provider="google",
            model=model_id,
        )
        if transport.origin.host.endswith(".googleapis.com") and not (
            sent["x-goog-api-key"] or "authorization" in sent
        ):
            raise ConfigurationError(f"{BASE_URL} wants a key: set GEMINI_API_KEY or give api_key=")
        self._full = model_id if "/" in model_id else f"models/{model_id}"  # a tuned model has a full name already
        encoder = Encoder(model_id, options or {}, "google", ids=True)
        self._generate = Generate(f"/v1beta/{self._full}", encoder, "google")
        super().__init__("google", model_id, self._generate, transport, rate)

    def counting(self, request: ModelRequest) -> Exchange[int]:
        return self._generate.count(request, self._full)

    def embedding(self, texts: Sequence[str], options: Mapping[str, Any]) -> Exchange[list[list[float]]]:
        return self._generate.embed(texts, self._full, options)

    def drawing(self, prompt: str, options: Mapping[str, Any]) -> Exchange[list[Image]]:
        """Imagen has an endpoint of its own; of other models a picture is a part of the answer."""
        if self.model_id.rpartition("/")[2].startswith("imagen"):
            return self._generate.draw(prompt, options)
        return self._drawn(ModelRequest((message("user", prompt),), options={"responseModalities": BOTH, **options}))

    def _drawn(self, request: ModelRequest) -> Exchange[list[Image]]:
        response = yield from self.codec.forward(request)
        return [part for part in response.message.parts if isinstance(part, Image)]

    def list_models(self) -> list[str]:
        """The names of the models, in order.

        Raises:
            ModelError: The server doesn't tell.
        """
        return self.transport.run(self._generate.models("/v1beta/models?pageSize=1000"))


def missing() -> str:
    """What has to be set before the server can be asked, "" if nothing."""
    set_ = any(os.environ.get(name, "").strip() for name in (*VARIABLES, "GOOGLE_GEMINI_BASE_URL"))
    return "" if set_ else f"set {VARIABLES[0]}"
