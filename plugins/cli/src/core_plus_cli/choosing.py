"""Which model works, and what to say where none is set."""

from __future__ import annotations

import os
import shlex
from contextlib import ExitStack
from typing import Any

from core_plus.errors import ConfigurationError
from core_plus.host import Host
from core_plus_cli import credentials, storage
from core_plus_cli.command import WRONG_USAGE, Leave, say


def model_ref(given: str | None) -> str | None:
    """The model in words: as given, else CORE_PLUS_MODEL, else the default that was set; None if there is none.

    Args:
        given: By `-m`.
    """
    return given or os.environ.get("CORE_PLUS_MODEL") or storage.read_settings().model


def model(ref: str, base_url: str | None, host: Host, stack: ExitStack) -> Any:
    """The model itself.

    Args:
        ref: "provider:id".
        base_url: Where its server is; None leaves it to the provider.
        host: Who knows the providers.
        stack: Closes what is made for this command alone.

    Raises:
        ConfigurationError: There is no such provider, or it has no server to choose.
    """
    provider, model_id = split(ref, host)
    try:
        if base_url is None:
            return host.model(ref)
        made = host.make("model", provider, model_id, base_url=base_url)
    except ConfigurationError as error:
        name = provider.rpartition(":")[2]
        if credentials.variable_of(name) not in str(error):
            raise
        raise ConfigurationError(f"{error}; `core-plus keys set {name}` keeps it for good") from error
    except TypeError as error:
        if "base_url" not in str(error):
            raise
        raise ConfigurationError(f"the provider {provider!r} has no server of its own: leave --base-url out") from error
    if hasattr(made, "close"):
        stack.callback(host.close_one, made)
    return made


def split(ref: str, host: Host) -> tuple[str, str]:
    """The provider, with the distribution in front where it was given, and the model's id.

    Args:
        ref: "provider:id" or "distribution:provider:id".
        host: Who knows the distributions.
    """
    owners = {f"{plugin.distribution}:" for plugin in host.plugins}
    owner = next((owner for owner in owners if ref.startswith(owner)), "")
    provider, _, model_id = ref.removeprefix(owner).partition(":")
    return owner + provider, model_id


def no_model(command: str, task: str | None) -> Leave:
    """Say that no model is set, after a look for servers on this machine.

    Args:
        command: "run" or "chat".
        task: The task, to make the command that would do.

    Returns:
        What ends the command.
    """
    from core_plus_cli import servers

    words = f" {shlex.quote(task)}" if task else ' "TASK"' if command == "run" else ""
    found = servers.look()
    if found:
        best = found[0]
        way = f"core-plus {command} -m {shlex.quote(f'openai:{best.models[0]}')} --base-url {best.base_url}{words}"
        more = ", ".join(best.models[1:6])
        say(f"core-plus {command}: no model is set, but {best.name} answers on this machine. Use it:")
        say(f"  {way}")
        say(f"  (it also has {more})" if more else "  (set CORE_PLUS_MODEL and OPENAI_BASE_URL to have it every time)")
    else:
        looked = ", ".join(f"{name} :{port}" for name, port in servers.KNOWN)
        say(f"core-plus {command}: no model is set, and no local server answers (looked for {looked}).")
        say("  Set one with -m provider:id, with CORE_PLUS_MODEL, or for good: core-plus models default provider:id")
        say("  A provider's key is kept by `core-plus keys set PROVIDER`; `core-plus demo` works without any.")
    return Leave(WRONG_USAGE)
