"""From a row of the table to a model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import attrs
import msgspec

from core_plus.errors import ConfigurationError
from core_plus.secret import Secret
from core_plus_compatible.table import Server
from core_plus_http import Origin, RateLimit, Timeouts
from core_plus_http.chat import ChatModel, Quirks
from core_plus_http.chat.quirks import quirks_of


def model(
    name: str,
    server: Server,
    model_id: str,
    *,
    base_url: str | None = None,
    api_key: str | Secret | None = None,
    headers: Mapping[str, str | Secret] | None = None,
    options: Mapping[str, Any] | None = None,
    timeout: Timeouts | float | None = None,
    client: Any = None,
    async_client: Any = None,
    rate: RateLimit | Mapping[str, Any] | None = None,
    quirks: Quirks | None = None,
) -> ChatModel:
    """A model at a server of the table.

    Args:
        name: The server's name there.
        server: The row.
        model_id: The model's name at the server.
        base_url: Another address of the same kind of server.
        api_key: The key; None takes it from the row's variable.
        headers: More headers for every request.
        options: Parameters of every request.
        timeout: How long to wait; a number is the whole call's seconds.
        client: An `httpx.Client` (or httpx2's) for sync calls, used as it is and never closed.
        async_client: The same for async calls.
        rate: Requests and tokens a minute; one `RateLimit` may be shared by several models.
        quirks: Instead of the row's.

    Raises:
        ConfigurationError: A key is missing, or the row says what no server has.
    """
    address = base_url or os.environ.get(server.address_variable or "-") or server.base_url
    found = os.environ.get(server.key_variable or "-", "").strip()
    return ChatModel(
        model_id,
        base_url=address,
        provider=name,
        api_key=api_key if api_key is not None else found,
        wants_key=f"set {server.key_variable} or give api_key=" if server.key_variable and server.key_needed else "",
        headers={**server.headers, **(headers or {})},
        options={**server.options, **(options or {})},
        timeout=timeout,
        client=client,
        async_client=async_client,
        rate=rate,
        quirks=quirks or quirks_in(server, name, model_id, address),
    )


def quirks_in(server: Server, name: str, model_id: str, address: str) -> Quirks:
    """What a row says of requests, on top of what is known of the model.

    Args:
        server: The row.
        name: The server's name, for errors.
        model_id: The model's name there.
        address: Where it is.

    Raises:
        ConfigurationError: The row names a quirk that there isn't, or gives one a value that is none.
    """
    known = {field.name for field in attrs.fields(Quirks)}
    if unknown := sorted(set(server.quirks) - known):
        raise ConfigurationError(f"{name} has no quirk {unknown[0]!r}; there are {', '.join(sorted(known))}")
    usual = attrs.asdict(quirks_of(model_id, Origin.of(address).host))
    try:
        return msgspec.convert({**usual, **server.quirks}, Quirks)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"the quirks of {name}: {error}") from error


def missing(server: Server) -> str:
    """What has to be set before the server can be asked, "" if nothing.

    Args:
        server: The row.
    """
    if not server.key_variable or not server.key_needed or os.environ.get(server.key_variable, "").strip():
        return ""
    return f"set {server.key_variable}"
