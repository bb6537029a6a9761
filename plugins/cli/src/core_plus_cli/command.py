"""What holds for every command: how it ends, and where it says what isn't output."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from core_plus.host import Host

Command: TypeAlias = "Callable[[list[str], Host], int]"

ANSWERED, FAILED, WRONG_USAGE, SUSPENDED, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 3, 130, 141
"""Exit statuses; the last two are what shells make of SIGINT and SIGPIPE."""


class Leave(Exception):
    """The command is over.

    Args:
        status: Its exit status.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def command(function: Command) -> Command:
    """Make a command of a function: it may leave anywhere, and ends quietly when nobody reads its output any more.

    Args:
        function: Gets what stands after the command's name and the host; gives the exit status.
    """

    @functools.wraps(function)
    def run(arguments: list[str], host: Host) -> int:
        try:
            try:
                return function(arguments, host)
            except Leave as left:
                return left.status
            finally:
                sys.stdout.flush()
        except BrokenPipeError:
            _forget_stdout()
            return PIPE_CLOSED

    return run


def _forget_stdout() -> None:
    """Let what is still unwritten go nowhere: Python would complain of it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def say(text: str) -> None:
    """Tell the person something that isn't output.

    Args:
        text: One line or several.
    """
    print(text, file=sys.stderr)


def as_json(value: Any) -> str:
    """A value as indented JSON; what JSON has no form for is its `repr`.

    Args:
        value: Anything.
    """
    import json

    import msgspec

    try:
        return msgspec.json.format(msgspec.json.encode(value, enc_hook=repr), indent=2).decode()
    except UnicodeEncodeError:  # half a character, which only escapes can write
        return json.dumps(msgspec.to_builtins(value, enc_hook=repr, str_keys=True), indent=2)
