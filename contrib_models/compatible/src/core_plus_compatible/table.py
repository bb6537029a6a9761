"""The table of servers: what stands in it, and where a person's own rows are."""

from __future__ import annotations

import functools
import os
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from core_plus.errors import ConfigurationError

VARIABLE = "CORE_PLUS_PROVIDERS"
"""Names the file of a person's own rows, instead of `providers.toml` in the settings' folder."""


class Server(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row: a server, and how it wants its requests.

    Args:
        base_url: What "/chat/completions" is joined to.
        summary: One line.
        address_variable: An environment variable that names another address.
        key_variable: The environment variable that holds the key; "" where there is no key.
        key_needed: Whether nothing goes without one.
        headers: More headers of every request.
        options: Parameters of every request.
        quirks: As in `core_plus_http.chat.Quirks`; what isn't named is as the model's name tells.
    """

    base_url: str
    summary: str = "a server of your own"
    address_variable: str = ""
    key_variable: str = ""
    key_needed: bool = True
    headers: dict[str, str] = {}
    options: dict[str, Any] = {}
    quirks: dict[str, Any] = {}


@functools.cache
def servers() -> dict[str, Server]:
    """The rows that come with this plugin, by name."""
    return read(resources.files("core_plus_compatible").joinpath("servers.toml").read_text("utf-8"), "servers.toml")


def own_path() -> Path:
    """Where a person's own rows are."""
    import platformdirs

    named = os.environ.get(VARIABLE)
    return Path(named) if named else platformdirs.user_config_path("core-plus", appauthor=False) / "providers.toml"


def own_servers() -> dict[str, Server]:
    """A person's own rows, by name; none where there is no file.

    Raises:
        ConfigurationError: The file can't be read; the text says what is wrong where.
    """
    path = own_path()
    try:
        return read(path.read_text("utf-8"), str(path))
    except FileNotFoundError:
        if VARIABLE in os.environ:
            raise ConfigurationError(f"{VARIABLE} names {path}, which isn't there") from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} can't be read: {error}") from error


def read(text: str, where: str) -> dict[str, Server]:
    """The rows of a table.

    Args:
        text: TOML, one table for each name.
        where: What errors call it.

    Raises:
        ConfigurationError: It is no TOML, or a row has what none has.
    """
    try:
        return msgspec.convert(tomllib.loads(text), dict[str, Server])
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{where} is no TOML: {error}") from error
    except msgspec.ValidationError as error:
        fields = ", ".join(Server.__struct_fields__)
        raise ConfigurationError(f"{where}: {error}; a server may have {fields}") from error
