"""Reading the command line, and the options that commands have in common."""

from __future__ import annotations

import argparse
import json
import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from core_plus_cli.command import WRONG_USAGE, Leave, say

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

AGENTS = ("code", "tool_calling")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)[ \t]*([KMG]?)(?:i?B)?", re.IGNORECASE)
_Add: TypeAlias = Callable[..., Any]


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
    add_tool_option(add)
    add("--mcp", action="append", default=[], metavar="FILE", help=_MCP_HELP)
    add("--agent", choices=AGENTS, default="code", help="act by writing code (default), or by calling tools as JSON")
    add("--instructions", metavar="TEXT", help="more words for the system prompt")
    add("--max-steps", type=_at_least(0), default=20, metavar="N", help="steps before it must answer (default: 20)")
    add("--plan-every", type=_at_least(1), metavar="N", help="plan before the first step, and then every N steps")
    add_code_options(parser)
    add = parser.add_argument_group("the limits").add_argument
    add("--approve", metavar="POLICY", help="ask a person or refuse: careful, read-only, trust, or rules in FILE.toml")
    add("--max-cost", type=dollars, metavar="USD", help="end the run before it could cost more")
    add("--max-tokens", type=_at_least(1), metavar="N", help="end the run before it could use more tokens")


def add_tool_option(add: _Add) -> None:
    """Add the option that names tools.

    Args:
        add: The `add_argument` of a parser, or of a group of it.
    """
    add("-t", "--tool", action="append", default=[], dest="tools", metavar="TOOL", help=_TOOL_HELP)


def add_variable_option(add: _Add) -> None:
    """Add the option that gives code a variable.

    Args:
        add: The `add_argument` of a parser, or of a group of it.
    """
    add("--var", action="append", default=[], dest="variables", type=_variable, metavar="NAME=JSON", help=_VAR_HELP)


def add_place_options(parser: Parser) -> _Add:
    """Give a parser the options that say where code runs.

    Args:
        parser: Of any command that runs code.

    Returns:
        Adds another option to the same group of the help.
    """
    add = parser.add_argument_group("the code").add_argument
    add("--executor", metavar="NAME", help="where code runs (default: the best sandbox of this machine)")
    add("--unsafe", action="store_true", help=_UNSAFE_HELP)
    return add


def add_code_options(parser: Parser) -> _Add:
    """Give a parser the options that say where code runs, and what it may import.

    Args:
        parser: Of `run`, `chat` or `exec`.

    Returns:
        Adds another option to the same group of the help.
    """
    add = add_place_options(parser)
    add("--set", action="append", default=[], dest="settings", type=_variable, metavar="NAME=JSON", help=_SET_HELP)
    add("--import", action="append", dest="imports", metavar="MODULE", help=_IMPORT_HELP)
    return add


def add_task_options(parser: Parser) -> None:
    """Give a parser the options that say what goes with the task.

    Args:
        parser: Of `run` or `chat`.
    """
    add = parser.add_argument_group("the task").add_argument
    add("--image", action="append", default=[], dest="images", type=_file, metavar="PATH", help="a picture, or its URL")
    add("--file", action="append", default=[], dest="files", type=_file, metavar="PATH", help="a document, or its URL")
    add_variable_option(add)
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
_MCP_HELP = "the tools of the MCP servers in a JSON file with mcpServers; again for more"
_IMPORT_HELP = "let code import only harmless modules and this one; again for more, '*' for all"
_UNSAFE_HELP = "let code run in an executor that is no sandbox; alone: in a plain process, with your rights"
_SET_HELP = "a setting of the executor that is named, as its README has it; again for more"
_VAR_HELP = "a value that code finds under a name, such as 'limits=[1, 2]'; again for more"


def _at_least(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.lstrip("-").isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} on")
        return int(text)

    return read


def seconds(text: str) -> float:
    """A time, as argparse reads it.

    Args:
        text: A number.
    """
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 < found < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return found


def dollars(text: str) -> str:
    """A sum of money, as argparse reads it.

    Args:
        text: A number, such as 0.50.
    """
    if not re.fullmatch(r"\d+(\.\d*)?|\.\d+", text.strip()) or not float(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no sum of money above 0, such as 0.50")
    return text.strip()


def size(text: str) -> int:
    """A number of bytes, as argparse reads it.

    Args:
        text: A number, perhaps with K, M or G after it: times 1024, and so on.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None or not float(found[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is no size: write bytes, or such as 512K, 256M or 1.5G")
    return int(float(found[1]) * 1024 ** " KMG".index(found[2].upper() or " "))


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
