"""`core-plus keys`: keep the keys of providers."""

from __future__ import annotations

import difflib
import sys
from getpass import getpass
from typing import TYPE_CHECKING

from core_plus.hookspecs import hookimpl
from core_plus_cli.command import ANSWERED, command, say

if TYPE_CHECKING:
    from core_plus.hookspecs import Register
    from core_plus.host import Host

EXAMPLES = """
  core-plus keys set openai            asks for the key, without showing it
  pass show openai | core-plus keys set openai
  core-plus keys list
  core-plus keys remove openai

A kept key is used where the provider's variable, such as OPENAI_API_KEY, isn't set.
"""


@hookimpl
def register_commands(register: Register) -> None:
    """Declare `keys`."""
    register("keys", main, summary="keep the keys of providers")


@command
def main(arguments: list[str], host: Host) -> int:
    """Keep, list or forget keys; their values are never shown.

    Args:
        arguments: What stands after `keys`.
        host: Where plugins come from.

    Returns:
        The exit status.
    """
    from argparse import SUPPRESS

    from core_plus_cli.parsing import Parser

    what = "Keep the keys of providers: in the system's keyring, or in a file only you can read."
    parser = Parser("keys", what, EXAMPLES)
    parser.add_argument("action", nargs="?", choices=("set", "list", "remove"), default="list")
    parser.add_argument("name", nargs="?", metavar="NAME", help="whose key: a provider or tool, such as openai")
    parser.add_argument("surplus", nargs="*", default=[], help=SUPPRESS)
    options, unknown = parser.parse_known_args(arguments)
    if options.surplus or unknown:
        # Not shown: most likely it is the key.
        parser.error("a key on the command line stays in the shell's history: leave it out, and you are asked for it")
    if options.action == "list":
        return _list()
    if options.name is None:
        parser.error(f"whose key? core-plus keys {options.action} NAME, such as openai")
    return _set(options.name, host) if options.action == "set" else _remove(options.name)


def _list() -> int:
    from core_plus_cli import credentials

    kept = credentials.kept()
    for name, entry in sorted(kept.items()):
        print(f"{name:<12} {credentials.variable_of(name):<22} {_place(entry.where)}")
    if not kept:
        say("No key is kept; `core-plus keys set NAME` keeps one.")
    return ANSWERED


def _set(given: str, host: Host) -> int:
    from core_plus_cli import credentials

    name = credentials.name_of(given)
    entry = credentials.keep(name, _typed(name))
    place, variable = _place(entry.where), credentials.variable_of(name)
    say(f"The key {name!r} is kept in {place}; it is used where {variable} isn't set.")
    known = {known for kind in ("model", "tool", "executor") for known in host.names(kind)}
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        say(f"No installed plugin is called {name!r}{f'; did you mean {near[0]!r}?' if near else '.'}")
    return ANSWERED


def _remove(given: str) -> int:
    from core_plus_cli import credentials

    name = credentials.name_of(given)
    credentials.remove(name)
    say(f"The key {name!r} is forgotten.")
    return ANSWERED


def _typed(name: str) -> str:
    if sys.stdin.isatty():
        return getpass(f"Key for {name} (it isn't shown): ").strip()
    return sys.stdin.read().strip()


def _place(where: str) -> str:
    from core_plus_cli import credentials

    return "the system's keyring" if where == "keyring" else str(credentials.path())
