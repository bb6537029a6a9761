"""`core-plus models`: show the providers, and set the model that is used by default."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from core_plus.hookspecs import hookimpl
from core_plus_cli.command import ANSWERED, command, say

if TYPE_CHECKING:
    from core_plus.hookspecs import Register
    from core_plus.host import Host

EXAMPLES = """
  core-plus models                     the providers that are installed, and the default
  core-plus models default openai:gpt-5
  core-plus models default --unset
"""


@hookimpl
def register_commands(register: Register) -> None:
    """Declare `models`."""
    register("models", main, summary="show the providers, and set the model that is used by default")


@command
def main(arguments: list[str], host: Host) -> int:
    """Show providers, or show, set or unset the default.

    Args:
        arguments: What stands after `models`.
        host: Where plugins come from.

    Returns:
        The exit status.
    """
    from core_plus_cli.parsing import Parser

    what = "Show the providers that are installed, and set the model that is used by default."
    parser = Parser("models", what, EXAMPLES)
    parser.add_argument("action", nargs="?", choices=("list", "default"), default="list")
    parser.add_argument("name", nargs="?", metavar="NAME", help="with default: the model, as provider:id")
    parser.add_argument("--unset", action="store_true", help="with default: have none any more")
    options = parser.parse_args(arguments)
    if options.action == "list":
        if options.name or options.unset:
            parser.error("a name and --unset belong to default: core-plus models default NAME")
        return _list(host)
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
