"""`core-plus`: finds the plugin that owns a command and hands over."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from core_plus.errors import CorePlusError, PluginError
from core_plus.host import Host


def main(arguments: Sequence[str] | None = None, host: Host | None = None) -> int:
    """Run a command.

    Args:
        arguments: What stands after `core-plus`; None takes the process's own.
        host: Where commands come from; None makes one and closes it.

    Returns:
        The exit status: the command's own, or 2 for wrong usage.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if host is not None:
            return _run(words, host)
        with Host() as own:
            return _run(words, own)
    except KeyboardInterrupt:
        return 130


def _run(words: list[str], host: Host) -> int:
    if words[:1] == ["--version"]:
        from importlib.metadata import version

        print(f"core-plus {version('core-plus-kernel')}")
        return 0
    if not words or words[0] in ("-h", "--help", "help"):
        return _help(host)
    try:
        offer = host.find("command", words[0])
    except PluginError as error:
        print(f"core-plus: {error}", file=sys.stderr)
        return 2
    try:
        return int(offer.factory(words[1:], host) or 0)
    except CorePlusError as error:
        print(f"core-plus {words[0]}: {error}", file=sys.stderr)
        return 2


def _help(host: Host) -> int:
    print("Usage: core-plus COMMAND [ARGUMENTS]\n\nCommands (core-plus COMMAND --help says more):")
    for name in host.names("command"):
        print(f"  {name}")
    if not host.names("command"):
        print("  none is installed; core-plus-cli brings the usual ones")
    return 0
