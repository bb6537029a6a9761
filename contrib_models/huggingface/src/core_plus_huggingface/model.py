"""The model object, and where its token is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core_plus.secret import Secret
from core_plus_http import RateLimit, Timeouts
from core_plus_http.chat import ChatModel, Quirks

BASE_URL = "https://router.huggingface.co/v1"


class HuggingFaceModel(ChatModel):
    """A model at Hugging Face: behind the router of Inference Providers, or an endpoint of one's own.

    Args:
        model_id: "org/name", with ":provider" or a policy (":cheapest", ":fastest") after it where it matters.
        base_url: A dedicated endpoint; None takes the router.
        token: The token; None takes HF_TOKEN, or what `hf auth login` has kept.
        bill_to: The organization that pays.
        headers: More headers for every request; a `Secret` among them is shown nowhere.
        options: Parameters of every request, such as {"temperature": 0}.
        timeout: How long to wait; a number is the whole call's seconds.
        client: An `httpx.Client` (or httpx2's) for sync calls, used as it is and never closed.
        async_client: The same for async calls.
        rate: Requests and tokens a minute; one `RateLimit` may be shared by several models.
        quirks: How the model wants its requests; None takes what is known of it.

    Raises:
        ConfigurationError: There is no token, or an address or header is none.
    """

    def __init__(
        self,
        model_id: str,
        *,
        base_url: str | None = None,
        token: str | Secret | None = None,
        bill_to: str | None = None,
        headers: Mapping[str, str | Secret] | None = None,
        options: Mapping[str, Any] | None = None,
        timeout: Timeouts | float | None = None,
        client: Any = None,
        async_client: Any = None,
        rate: RateLimit | Mapping[str, Any] | None = None,
        quirks: Quirks | None = None,
    ) -> None:
        address = (base_url or BASE_URL).rstrip("/")
        if base_url and not address.endswith("/v1"):
            address += "/v1"  # what a dedicated endpoint shows as its address
        super().__init__(
            model_id,
            base_url=address,
            provider="hf",
            api_key=token if token is not None else kept_token(),
            wants_key="set HF_TOKEN, run `hf auth login`, or give token=" if base_url is None else "",
            headers={**({"x-hf-bill-to": bill_to} if bill_to else {}), **(headers or {})},
            options=options,
            timeout=timeout,
            client=client,
            async_client=async_client,
            rate=rate,
            quirks=quirks,
        )


def kept_token() -> str:
    """The token of the environment, or the one that Hugging Face's own tools have kept; "" if there is none."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if found := os.environ.get(name, "").strip():
            return found
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = Path(os.environ.get("HF_HOME") or cache / "huggingface")
    try:
        return Path(os.environ.get("HF_TOKEN_PATH") or home / "token").read_text("utf-8").strip()
    except OSError:  # nobody has signed in
        return ""
