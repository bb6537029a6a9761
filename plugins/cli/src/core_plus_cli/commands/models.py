"""`core-plus models`: show the providers and what they serve, and set the model that is used by default."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from core_plus.hookspecs import hookimpl
from core_plus_cli.command import ANSWERED, FAILED, as_json, command, say

if TYPE_CHECKING:
    from core_plus.hookspecs import Register
    from core_plus.host import Host

EXAMPLES = """
  core-plus models                     the providers that are installed, and the default
  core-plus models openai              the models that a provider serves; asks it
  core-plus models local               those of the servers on this machine
  core-plus models default openai:gpt-5
  core-plus models default --unset
"""


@hookimpl
def register_commands(register: Register) -> None:
    """Declare `models`."""
    register(
        "models", main, summary="show the providers and what they serve, and set the model that is used by default"
    )


@command
def main(arguments: list[str], host: Host) -> int:
    """Show providers or what one serves, or show, set or unset the default.

    Args:
        arguments: What stands after `models`.
        host: Where plugins come from.

    Returns:
        The exit status.
    """
    from core_plus_cli.parsing import Parser

    what = "Show the providers that are installed and what they serve, and set the model that is used by default."
    parser = Parser("models", what, EXAMPLES)
    parser.add_argument("what", nargs="?", metavar="PROVIDER", default="list", help="a provider; or local, or default")
    parser.add_argument("name", nargs="?", metavar="NAME", help="with default: the model, as provider:id")
    parser.add_argument("--unset", action="store_true", help="with default: have none any more")
    parser.add_argument("--json", action="store_true", help="as JSON")
    options = parser.parse_args(arguments)
    if options.what != "default" and (options.name or options.unset):
        parser.error("a name and --unset belong to default: core-plus models default NAME")
    if options.what == "list":
        return _list_as_json(host) if options.json else _list(host)
    if options.what == "local":
        return _local(options.json)
    if options.what != "default":
        return _served(options.what, options.json, host)
    if options.name and options.unset:
        parser.error("give a name or --unset, not both")
    return _set(options.name, host) if options.name or options.unset else _show()


def _list(host: Host) -> int:
    from core_plus.errors import PluginError

    for name in host.names("model"):
        try:
            print(f"{name + ':':<16} {host.find('model', name).summary}")
        except PluginError as error:
            say(f"{name + ':':<16} {error}")
    if not host.names("model"):
        say("No provider is installed; core-plus-openai brings one for OpenAI and servers like it.")
    print()
    return _show()


def _list_as_json(host: Host) -> int:
    from core_plus.errors import PluginError
    from core_plus_cli import storage

    providers: list[dict[str, str]] = []
    for name in host.names("model"):
        try:
            providers.append({"name": name, "summary": host.find("model", name).summary})
        except PluginError as error:
            providers.append({"name": name, "problem": str(error)})
    default = os.environ.get("CORE_PLUS_MODEL") or storage.read_settings().model
    print(as_json({"providers": providers, "default": default}))
    return ANSWERED


def _served(provider: str, json: bool, host: Host) -> int:
    """Ask a provider what it serves: a model of any name can tell."""
    from core_plus.errors import ConfigurationError, ModelError
    from core_plus_cli import credentials

    with credentials.in_environment() as problems:
        for problem in problems:
            say(problem)
        lack = getattr(host.find("model", provider).factory, "missing", str)()
        if lack:
            say(f"{provider} can't be asked yet: {lack}{_hint(provider, lack)}")
            return FAILED
        try:
            model = host.make("model", provider, "any")
        except ConfigurationError as error:
            say(f"{provider} can't be asked: {error}")
            return FAILED
        try:
            if not hasattr(model, "list_models"):
                say(f"{provider} has no list of models to ask for")
                return FAILED
            names = model.list_models()
        except ModelError as error:
            say(f"{provider} doesn't tell: {error}")
            return FAILED
        finally:
            host.close_one(model)
    print(as_json({"provider": provider, "models": names}) if json else "\n".join(names))
    return ANSWERED


def _hint(provider: str, lack: str) -> str:
    from core_plus_cli import credentials

    name = provider.rpartition(":")[2]
    return f"; `core-plus keys set {name}` keeps it for good" if credentials.variable_of(name) in lack else ""


def _local(json: bool) -> int:
    from core_plus_cli import servers

    found = servers.look()
    if json:
        print(as_json(found))
    elif not found:
        say(f"No local server answers (looked for {', '.join(f'{name} :{port}' for name, port in servers.KNOWN)}).")
    else:
        for server in found:
            print(f"{server.name}, {server.base_url}", *(f"  {name}" for name in server.models), sep="\n")
    return ANSWERED if found else FAILED


def _show() -> int:
    from core_plus_cli import storage

    chosen, variable = storage.read_settings().model, os.environ.get("CORE_PLUS_MODEL")
    print(f"default: {chosen or 'none (core-plus models default provider:id sets one)'}")
    if variable:
        print(f"CORE_PLUS_MODEL, which goes first: {variable}")
    return ANSWERED


def _set(name: str | None, host: Host) -> int:
    import msgspec

    from core_plus_cli import choosing, storage

    if name is not None:
        host.find("model", choosing.split(name, host)[0])
    path = storage.write_settings(msgspec.structs.replace(storage.read_settings(), model=name))
    say(f"The default is {name} now, in {path}" if name else f"There is no default any more, in {path}")
    return ANSWERED
