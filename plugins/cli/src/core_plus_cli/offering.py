"""A model for a person who has none: a provider may offer one to fetch."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from core_plus.errors import ConfigurationError, ModelError, PluginError
from core_plus.host import Host
from core_plus_cli import servers, storage
from core_plus_cli.command import say


class Offer(Protocol):
    """What a provider's factory gives by `offer()`, where it has that."""

    @property
    def ref(self) -> str:
        """The model, as "provider:id"."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def size(self) -> int:
        """Bytes to fetch."""

    @property
    def licence(self) -> str:
        """The licence of its weights."""

    @property
    def repo(self) -> str:
        """Where it comes from."""

    def fetch(self) -> Any:
        """Fetch it, and show how far that is."""


def accepted(host: Host, command: str) -> str | None:
    """Ask the person whether to fetch a model that is offered; None where it isn't wanted, or nobody can be asked.

    Args:
        host: Who knows the providers.
        command: "run" or "chat".

    Returns:
        The model as "provider:id". It is fetched, and the default from now on.

    Raises:
        ConfigurationError: It can't be fetched.
    """
    if sys.stdin is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    offer = next(_offers(host), None)
    if offer is None or servers.look():  # a server that runs already is the shorter way
        return None
    say(f"core-plus {command}: no model is set. {offer.name} runs on this machine, without a key:")
    say(f"  {offer.size / 1e9:.1f} GB to fetch, once, from {offer.repo} ({offer.licence})")
    print("  Fetch it, and use it wherever none is named? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        return None
    try:
        offer.fetch()
    except ModelError as error:
        raise ConfigurationError(f"{offer.name} can't be fetched: {error}") from error
    path = storage.write_settings(msgspec.structs.replace(storage.read_settings(), model=offer.ref))
    say(f"The default is {offer.ref} now, in {path}")
    return offer.ref


def _offers(host: Host) -> Iterator[Offer]:
    for name in host.names("model"):
        try:
            factory = host.find("model", name).factory
        except PluginError:  # told where the host reports it; it can't offer anything
            continue
        if hasattr(factory, "offer"):
            yield factory.offer()
