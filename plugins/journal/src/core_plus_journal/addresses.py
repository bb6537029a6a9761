"""Which store an address stands for."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import Any

import attrs

from core_plus.errors import ConfigurationError
from core_plus.host import Host
from core_plus.journal import Store

NAME = "hooks.journal"
SUFFIXES = {".sqlite": "sqlite", ".sqlite3": "sqlite", ".db": "sqlite"}
"""Which store keeps runs in files of these names."""


@attrs.frozen
class Settings:
    """How runs are kept: `Host(config={"hooks.journal": {...}})`.

    Args:
        frozen_clock: Whether it is always the moment of the run's beginning for its code.
    """

    frozen_clock: bool = attrs.field(default=False, validator=attrs.validators.instance_of(bool))


def settings_of(host: Host) -> Settings:
    """The settings of a host.

    Args:
        host: Whose.

    Raises:
        ConfigurationError: There is no such setting, or its value makes no sense.
    """
    try:
        return Settings(**host.config.get(NAME, {}))
    except TypeError as error:
        names = ", ".join(field.name for field in attrs.fields(Settings))
        raise ConfigurationError(f"the settings of {NAME} make no sense: {error.args[0]}; there are: {names}") from None


def store_of(ref: Any, host: Host) -> Store | None:
    """The store that keeps runs where a reference says; the host closes it.

    Args:
        ref: A path such as "runs.sqlite", "store:address", or a store.
        host: Where stores are looked up.

    Returns:
        None if it is no address of a store.

    Raises:
        PluginError: No plugin offers the store that it names.
    """
    if hasattr(ref, "append") and hasattr(ref, "claim"):
        store: Store = ref
        return store
    if isinstance(ref, PurePath):
        ref = os.fspath(ref)
    if not isinstance(ref, str):
        return None
    name, colon, address = ref.partition(":")
    if colon and name in host.names("store"):
        found: Store = host.shared("store", name, address)
        return found
    if ref == "memory":
        return host.shared("store", "memory", "")  # type: ignore[no-any-return]
    kind = SUFFIXES.get(PurePath(ref).suffix)
    return host.shared("store", kind, ref) if kind else None
