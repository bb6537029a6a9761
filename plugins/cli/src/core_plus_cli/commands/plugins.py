"""`core-plus plugins`: show every plugin and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import hookimpl
from core_plus_cli.command import ANSWERED, as_json, command

if TYPE_CHECKING:
    from core_plus.discovery import Plugin
    from core_plus.hookspecs import Register
    from core_plus.host import Host

EXAMPLES = """
  core-plus plugins
  CORE_PLUS_BLOCK=core-plus-rich core-plus plugins
  core-plus plugins --json

found: not needed so far; loaded; blocked: left out on purpose; broken: can't be used.
`core-plus doctor` loads them all.
"""


@hookimpl
def register_commands(register: Register) -> None:
    """Declare `plugins`."""
    register("plugins", main, summary="show every plugin and what became of it")


@command
def main(arguments: list[str], host: Host) -> int:
    """Show the plugins; none is loaded for it.

    Args:
        arguments: What stands after `plugins`.
        host: Where plugins come from.

    Returns:
        The exit status.
    """
    from core_plus_cli.parsing import Parser

    parser = Parser("plugins", "Show every plugin and what became of it. None is loaded for it.", EXAMPLES)
    parser.add_argument("--json", action="store_true", help="as JSON")
    options = parser.parse_args(arguments)
    if options.json:
        print(as_json([facts(plugin) for plugin in host.plugins]))
        return ANSWERED
    distribution = ""
    for plugin in host.plugins:
        if plugin.distribution != distribution:
            distribution = plugin.distribution
            print(f"{distribution} {plugin.version}")
        took = f"{plugin.seconds * 1000:.0f} ms" if plugin.status == "loaded" else ""
        print(f"  {plugin.entry:<28} {plugin.status:<8} {took:>7}".rstrip())
        if plugin.why:
            print(f"    {plugin.why}")
    return ANSWERED


def facts(plugin: Plugin) -> dict[str, Any]:
    """A plugin as JSON-like data.

    Args:
        plugin: Found, and perhaps loaded.
    """
    return {
        "distribution": plugin.distribution,
        "version": plugin.version,
        "entry": plugin.entry,
        "target": plugin.target,
        "status": plugin.status,
        "why": plugin.why,
        "names": plugin.offers or [plugin.entry],
        "seconds": round(plugin.seconds, 6),
    }
