"""`core-plus doctor`: find out what is wrong with this installation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core_plus.hookspecs import hookimpl
from core_plus_cli.command import ANSWERED, FAILED, as_json, command

if TYPE_CHECKING:
    from core_plus.hookspecs import Register
    from core_plus.host import Host

EXAMPLES = """
  core-plus doctor
  core-plus doctor --json

exit status: 0 if nothing is wrong, else 1. No key's value is shown, and nothing is sent anywhere.
"""


@hookimpl
def register_commands(register: Register) -> None:
    """Declare `doctor`."""
    register("doctor", main, summary="find out what is wrong with this installation")


@command
def main(arguments: list[str], host: Host) -> int:
    """Load every plugin and look at what a run would need.

    Args:
        arguments: What stands after `doctor`.
        host: Where plugins come from.

    Returns:
        The exit status: 0 if nothing is wrong.
    """
    from core_plus_cli.parsing import Parser

    parser = Parser("doctor", "Load every plugin, and find out what is wrong with this installation.", EXAMPLES)
    parser.add_argument("--json", action="store_true", help="as JSON")
    options = parser.parse_args(arguments)

    from core_plus_cli import checkup

    found = checkup.examine(host)
    print(as_json(found) if options.json else checkup.in_words(found))
    return FAILED if found.problems else ANSWERED
