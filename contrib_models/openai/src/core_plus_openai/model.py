"""OpenAI's own models."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from core_plus.secret import Secret
from core_plus_http import Origin, RateLimit, Timeouts
from core_plus_http.chat import ChatModel, Quirks
from core_plus_http.chat.quirks import is_openai
from core_plus_http.responses import ResponsesModel

BASE_URL = "https://api.openai.com/v1"


class OpenAIModel(ChatModel):
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
        rate: Requests and tokens a minute; one `RateLimit` may be shared by several models.
        quirks: How the model wants its requests; None takes what is known of it.

    Raises:
        ConfigurationError: No key for OpenAI's own server, or an address or header that is none.
    """

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
        rate: RateLimit | Mapping[str, Any] | None = None,
        quirks: Quirks | None = None,
    ) -> None:
        super().__init__(
            model_id,
            **environment(base_url, api_key),
            provider="openai",
            headers={**accounts(organization, project), **(headers or {})},
            options=options,
            timeout=timeout,
            client=client,
            async_client=async_client,
            rate=rate,
            quirks=quirks,
        )


class OpenAIResponsesModel(ResponsesModel):
    """A model behind OpenAI's Responses API: OpenAI's own, or any server that speaks the same.

    Args:
        model_id: The model's name at the server, such as "gpt-5-mini".
        base_url: The server; None takes OPENAI_BASE_URL, or else OpenAI's own.
        api_key: The key; None takes OPENAI_API_KEY. Only OpenAI's own server must have one.
        store: Whether OpenAI keeps replies. Where it keeps none, reasoning comes and goes encrypted.
        organization: Who pays; None takes OPENAI_ORG_ID.
        project: For which project; None takes OPENAI_PROJECT_ID.
        headers: More headers for every request; a `Secret` among them is shown nowhere.
        options: Parameters of every request, such as {"reasoning": {"effort": "low", "summary": "auto"}}, and
            the API's own tools, such as {"tools": [{"type": "web_search"}]}.
        timeout: How long to wait; a number is the whole call's seconds.
        client: An `httpx.Client` (or httpx2's) for sync calls, used as it is and never closed.
        async_client: The same for async calls.
        rate: Requests and tokens a minute; one `RateLimit` may be shared by several models.

    Raises:
        ConfigurationError: No key for OpenAI's own server, or an address or header that is none.
    """

    def __init__(
        self,
        model_id: str,
        *,
        base_url: str | None = None,
        api_key: str | Secret | None = None,
        store: bool = False,
        organization: str | None = None,
        project: str | None = None,
        headers: Mapping[str, str | Secret] | None = None,
        options: Mapping[str, Any] | None = None,
        timeout: Timeouts | float | None = None,
        client: Any = None,
        async_client: Any = None,
        rate: RateLimit | Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(
            model_id,
            **environment(base_url, api_key),
            provider="openai",
            store=store,
            headers={**accounts(organization, project), **(headers or {})},
            options=options,
            timeout=timeout,
            client=client,
            async_client=async_client,
            rate=rate,
        )


def environment(base_url: str | None, api_key: str | Secret | None) -> dict[str, Any]:
    """Where requests go and with which key, by what the caller says or else the environment.

    Args:
        base_url: The server.
        api_key: The key.
    """
    address = base_url or os.environ.get("OPENAI_BASE_URL") or BASE_URL
    return {
        "base_url": address,
        "api_key": api_key if api_key is not None else os.environ.get("OPENAI_API_KEY", "").strip(),
        "wants_key": "set OPENAI_API_KEY or give api_key=" if is_openai(Origin.of(address).host) else "",
    }


def accounts(organization: str | None, project: str | None) -> dict[str, str]:
    """The headers that say who pays, by what the caller says or else the environment.

    Args:
        organization: The organization's id.
        project: The project's id.
    """
    named = {
        "openai-organization": organization or os.environ.get("OPENAI_ORG_ID"),
        "openai-project": project or os.environ.get("OPENAI_PROJECT_ID"),
    }
    return {name: value for name, value in named.items() if value}


def missing() -> str:
    """What has to be set before the server can be asked, "" if nothing."""
    found = environment(None, None)
    return "" if found["api_key"] or not found["wants_key"] else "set OPENAI_API_KEY"
