"""Reading the command line, and the options that `run` and `chat` have in common."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from core_plus_cli.command import WRONG_USAGE, Leave, say

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

AGENTS = ("code", "tool_calling")


class Parser(argparse.ArgumentParser):
    """A parser whose help keeps the lines of its examples, and that ends the command by `Leave`.

    Args:
        name: The command.
        description: What it does.
        examples: Lines for the end of the help.
    """

    def __init__(self, name: str, description: str, examples: str) -> None:
        super().__init__(
            f"core-plus {name}",
            description=description,
            epilog=f"examples:\n{examples.strip(chr(10))}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and leave.

        Args:
            message: What argparse says; the usage, which fills a screen, is left to `--help`.
        """
        self.exit(WRONG_USAGE, f"{self.prog}: {message} ({self.prog} --help says more)")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Leave the command.

        Args:
            status: Its exit status.
            message: What to say on standard error.
        """
        if message:
            say(message.rstrip("\n"))
        raise Leave(status)

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """Print the help. argparse's own way swallows that nobody reads any more; the command ends by it.

        Args:
            file: Where to; None is standard output.
        """
        print(self.format_help(), end="", file=file)


def add_agent_options(parser: Parser) -> None:
    """Give a parser the options that say which agent works, and with what.

    Args:
        parser: Of `run` or `chat`.
    """
    add = parser.add_argument_group("the agent").add_argument
    add("-m", "--model", metavar="MODEL", help="provider:id (else CORE_PLUS_MODEL, else `core-plus models default`)")
    add("--base-url", metavar="URL", help="where the provider's server is, such as http://127.0.0.1:11434/v1")
    add("-t", "--tool", action="append", default=[], dest="tools", metavar="TOOL", help=_TOOL_HELP)
    add("--agent", choices=AGENTS, default="code", help="act by writing code (default), or by calling tools as JSON")
    add("--executor", metavar="NAME", default="auto", help="where code runs (default: the best that is here)")
    add("--import", action="append", dest="imports", metavar="MODULE", help=_IMPORT_HELP)
    add("--instructions", metavar="TEXT", help="more words for the system prompt")
    add("--max-steps", type=_at_least(0), default=20, metavar="N", help="steps before it must answer (default: 20)")
    add("--plan-every", type=_at_least(1), metavar="N", help="plan before the first step, and then every N steps")


def add_task_options(parser: Parser) -> None:
    """Give a parser the options that say what goes with the task.

    Args:
        parser: Of `run` or `chat`.
    """
    add = parser.add_argument_group("the task").add_argument
    add("--image", action="append", default=[], dest="images", type=_file, metavar="PATH", help="a picture, or its URL")
    add("--file", action="append", default=[], dest="files", type=_file, metavar="PATH", help="a document, or its URL")
    add("--var", action="append", default=[], dest="variables", type=_variable, metavar="NAME=JSON", help=_VAR_HELP)
    add("-c", "--continue", action="store_true", dest="go_on", help="go on with the last conversation")


def add_screen_options(parser: Parser, *, json_too: bool = False) -> None:
    """Give a parser the options that say what is shown.

    Args:
        parser: Of any command that runs an agent.
        json_too: Whether the result can be had as JSON.
    """
    group = parser.add_argument_group("the screen")
    add = group.add_mutually_exclusive_group().add_argument
    add("-q", "--quiet", action="store_const", dest="level", const="quiet", default="normal", help="only the answer")
    add("-v", "--verbose", action="store_const", dest="level", const="debug", help="everything, whole")
    if json_too:
        add("--json", action="store_true", help="only the result, as one JSON object")
    pieces = "show replies as they are written (default), or have each whole"
    group.add_argument("--stream", action=argparse.BooleanOptionalAction, default=True, help=pieces)


_TOOL_HELP = "a tool: a name that a plugin offers, FILE.py, FILE.py:NAME or MODULE:NAME; again for more"
_IMPORT_HELP = "let code import only harmless modules and this one; again for more, '*' for all"
_VAR_HELP = "a value that code finds under a name, such as 'limits=[1, 2]'; again for more"


def _at_least(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.lstrip("-").isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} on")
        return int(text)

    return read


def _file(text: str) -> str:
    if text.startswith(("http://", "https://")):
        return text
    path = Path(text).expanduser()
    wrong = ""
    if not path.exists():
        wrong = f"there is no file {text!r} (from {Path.cwd()})"
    elif path.is_dir():
        wrong = f"{text!r} is a folder"
    elif not os.access(path, os.R_OK):
        wrong = f"you may not read {text!r}"
    if wrong:
        raise argparse.ArgumentTypeError(wrong)
    return str(path)


def _variable(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} must look like NAME=JSON, with a Python name")
    try:
        return name, json.loads(value)
    except ValueError:
        quoted = json.dumps(value, ensure_ascii=False)
        raise argparse.ArgumentTypeError(f"{value!r} is no JSON; if it is a text, write '{name}={quoted}'") from None
