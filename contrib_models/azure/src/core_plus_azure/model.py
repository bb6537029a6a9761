"""The model objects: a deployment, by key or by a token of Microsoft Entra."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from core_plus.errors import AuthenticationError, ConfigurationError
from core_plus.secret import Secret
from core_plus_http import RateLimit, Timeouts
from core_plus_http.chat import ChatModel, Quirks
from core_plus_http.responses import ResponsesModel

SCOPE = "https://cognitiveservices.azure.com/.default"
"""What a token of Microsoft Entra must be for."""


class Entra:
    """Tokens of Microsoft Entra, for whom a key isn't enough.

    Args:
        provider: Gives a token; azure-identity's `get_bearer_token_provider` makes such functions.
        model: What errors name.
    """

    def __init__(self, provider: Callable[[], str] | None, model: str) -> None:
        self._provider, self._model, self._token = provider, model, Secret("")

    def renew(self, hide: Callable[[Secret], None]) -> None:
        """Ask for a token; who gives it renews it in time.

        Args:
            hide: Shows a secret nowhere.

        Raises:
            AuthenticationError: There is none to be had.
        """
        if self._provider is None:
            return
        try:
            token = Secret(f"Bearer {self._provider()}")
        except Exception as error:
            words = f"Microsoft Entra gave no token: {type(error).__name__}: {error} [sign in again: az login]"
            raise AuthenticationError(words, provider="azure", model=self._model) from error
        if token != self._token:
            self._token = token
            hide(token)

    def headers(self) -> dict[str, str]:
        """What goes with a request."""
        return {"authorization": self._token.reveal()} if self._token else {}


def place(endpoint: str | None) -> str:
    """The address of the resource.

    Args:
        endpoint: What the caller says.

    Raises:
        ConfigurationError: Nobody says.
    """
    found = endpoint or os.environ.get("AZURE_OPENAI_ENDPOINT")
    if not found:
        raise ConfigurationError(
            "Azure wants the address of your resource: set AZURE_OPENAI_ENDPOINT or give endpoint=, "
            "such as https://NAME.openai.azure.com"
        )
    return found.rstrip("/").removesuffix("/openai/v1").removesuffix("/openai")


def credential(
    api_key: str | Secret | None, token_provider: Callable[[], str] | None
) -> tuple[dict[str, Secret], Callable[[], str] | None]:
    """The header with the key, or who gives tokens; by what the caller says or else the environment.

    Args:
        api_key: The key.
        token_provider: Gives tokens.
    """
    if token_provider is not None:
        return {}, token_provider
    key = Secret(api_key if api_key is not None else os.environ.get("AZURE_OPENAI_API_KEY", "").strip())
    if key:
        return {"api-key": key}, None
    from azure.identity import DefaultAzureCredential, get_bearer_token_provider

    return {}, get_bearer_token_provider(DefaultAzureCredential(), SCOPE)


class AzureModel(ChatModel):
    """A deployment of Azure OpenAI, behind chat completions.

    Args:
        deployment: Its name.
        endpoint: The resource's address; None takes AZURE_OPENAI_ENDPOINT.
        api_key: The key; None takes AZURE_OPENAI_API_KEY, or else signs in by azure-identity.
        token_provider: Gives tokens of Microsoft Entra, instead of a key.
        api_version: A dated version, such as "2024-10-21", with its older addresses; None takes OPENAI_API_VERSION, or
            else the version without a date.
        headers: More headers for every request; a `Secret` among them is shown nowhere.
        options: Parameters of every request, such as {"temperature": 0}.
        timeout: How long to wait; a number is the whole call's seconds.
        client: An `httpx.Client` (or httpx2's) for sync calls, used as it is and never closed.
        async_client: The same for async calls.
        rate: Requests and tokens a minute; one `RateLimit` may be shared by several models.
        quirks: How the model wants its requests; None takes what is known of it by the deployment's name.

    Raises:
        ConfigurationError: No address or no credentials, or an address or header that is none.
    """

    def __init__(
        self,
        deployment: str,
        *,
        endpoint: str | None = None,
        api_key: str | Secret | None = None,
        token_provider: Callable[[], str] | None = None,
        api_version: str | None = None,
        headers: Mapping[str, str | Secret] | None = None,
        options: Mapping[str, Any] | None = None,
        timeout: Timeouts | float | None = None,
        client: Any = None,
        async_client: Any = None,
        rate: RateLimit | Mapping[str, Any] | None = None,
        quirks: Quirks | None = None,
    ) -> None:
        version = api_version or os.environ.get("OPENAI_API_VERSION")
        self._dated = (
            (f"/openai/deployments/{quote(deployment, safe='')}", f"?api-version={version}") if version else None
        )
        key, provider = credential(api_key, token_provider)
        self._entra = Entra(provider, deployment)
        super().__init__(
            deployment,
            base_url=place(endpoint),
            provider="azure",
            headers={**key, **(headers or {})},
            options=options,
            timeout=timeout,
            client=client,
            async_client=async_client,
            rate=rate,
            quirks=quirks,
            path=self.place("chat/completions"),
        )

    def prepare(self) -> None:
        """Renew the token, where one is used."""
        self._entra.renew(self.transport.hide)

    def more_headers(self) -> Mapping[str, str]:
        """The token, where one is used."""
        return self._entra.headers()

    def place(self, endpoint: str) -> str:
        """Where an endpoint is: the deployment's, where the version has a date; models are listed without.

        Args:
            endpoint: As OpenAI calls it.
        """
        if self._dated is None or endpoint == "models":
            return f"/openai/v1/{endpoint}"
        return f"{self._dated[0]}/{endpoint}{self._dated[1]}"


class AzureResponsesModel(ResponsesModel):
    """A deployment of Azure OpenAI, behind the Responses API.

    Args:
        deployment: Its name.
        endpoint: The resource's address; None takes AZURE_OPENAI_ENDPOINT.
        api_key: The key; None takes AZURE_OPENAI_API_KEY, or else signs in by azure-identity.
        token_provider: Gives tokens of Microsoft Entra, instead of a key.
        store: Whether Azure keeps replies. Where it keeps none, reasoning comes and goes encrypted.
        headers: More headers for every request; a `Secret` among them is shown nowhere.
        options: Parameters of every request.
        timeout: How long to wait; a number is the whole call's seconds.
        client: An `httpx.Client` (or httpx2's) for sync calls, used as it is and never closed.
        async_client: The same for async calls.
        rate: Requests and tokens a minute; one `RateLimit` may be shared by several models.

    Raises:
        ConfigurationError: No address or no credentials, or an address or header that is none.
    """

    def __init__(
        self,
        deployment: str,
        *,
        endpoint: str | None = None,
        api_key: str | Secret | None = None,
        token_provider: Callable[[], str] | None = None,
        store: bool = False,
        headers: Mapping[str, str | Secret] | None = None,
        options: Mapping[str, Any] | None = None,
        timeout: Timeouts | float | None = None,
        client: Any = None,
        async_client: Any = None,
        rate: RateLimit | Mapping[str, Any] | None = None,
    ) -> None:
        key, provider = credential(api_key, token_provider)
        self._entra = Entra(provider, deployment)
        super().__init__(
            deployment,
            base_url=f"{place(endpoint)}/openai/v1",
            provider="azure",
            store=store,
            headers={**key, **(headers or {})},
            options=options,
            timeout=timeout,
            client=client,
            async_client=async_client,
            rate=rate,
        )

    def prepare(self) -> None:
        """Renew the token, where one is used."""
        self._entra.renew(self.transport.hide)

    def more_headers(self) -> Mapping[str, str]:
        """The token, where one is used."""
        return self._entra.headers()


def missing() -> str:
    """What has to be set before the resource can be asked, "" if nothing; who signs in by Entra is seen only then."""
    return "" if os.environ.get("AZURE_OPENAI_ENDPOINT") else "set AZURE_OPENAI_ENDPOINT"
