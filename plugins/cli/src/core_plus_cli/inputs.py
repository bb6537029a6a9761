"""What an agent is given: the task from the command line or standard input, and what comes with it."""

from __future__ import annotations

import io
import os
import select
import stat
import sys
from pathlib import Path

from core_plus.errors import ConfigurationError
from core_plus.messages import Audio, File, Image
from core_plus_cli.command import say

PATIENCE = 2.0
"""Seconds without a byte on standard input after which the person is told what is waited for."""
SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", Image, "image/png"),
    (b"\xff\xd8\xff", Image, "image/jpeg"),
    (b"GIF8", Image, "image/gif"),
    (b"%PDF-", File, "application/pdf"),
)
"""How files begin that are told apart when they come without a name."""


def task_and_attachment(task: str | None) -> tuple[str, list[Image | Audio | File]]:
    """The task in words, and what standard input adds to it.

    Args:
        task: From the command line; None or "-" is read from standard input. With a task given, standard input
            is an attachment: words are added to the task under a heading, anything else is a file.

    Returns:
        The task, and a picture or file if there is one.

    Raises:
        ConfigurationError: There is no task.
    """
    from_stdin = task is None or task == "-"
    if from_stdin and (sys.stdin is None or (task is None and sys.stdin.isatty())):
        raise ConfigurationError("what is to be done? Give a task, or - to read it from standard input")
    data = _piped(always=from_stdin)
    words = _text(data)
    if from_stdin:
        if words is None or not words.strip():
            wrong = "no text" if data.strip() else "empty"
            raise ConfigurationError(f"standard input holds no task: it is {wrong}")
        return words.strip(), []
    if task is None or not task.strip():
        raise ConfigurationError("the task is empty")
    if not data:
        return task, []
    return (task, [_part(data)]) if words is None else (f"{task}\n\nStandard input:\n\n{words}", [])


def code(file: str) -> str:
    """The Python source in a file.

    Args:
        file: Its path; "-" is standard input.

    Raises:
        ConfigurationError: It can't be read; the text names it.
    """
    if file == "-":
        if sys.stdin is not None and sys.stdin.isatty():
            say("core-plus: type code, then Ctrl-D on a line of its own")
        data = _piped(always=True)
    else:
        try:
            data = Path(file).expanduser().read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{file} can't be read: {error.strerror} (from {Path.cwd()})") from error
    words = _text(data)
    if words is None:
        raise ConfigurationError(f"{'standard input' if file == '-' else file} holds no text in UTF-8")
    return words.replace("\r\n", "\n").replace("\r", "\n")


def _piped(always: bool) -> bytes:
    """What is piped in or redirected; a terminal or /dev/null gives nothing unless it is asked for."""
    stdin = sys.stdin
    if stdin is None or stdin.closed or (not always and stdin.isatty()):
        return b""
    try:
        mode = os.fstat(stdin.fileno()).st_mode
    except io.UnsupportedOperation:  # a text that the caller put there
        return stdin.read().encode()
    piped = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
    if not (always or piped or stat.S_ISREG(mode)):
        return b""
    if piped and os.name == "posix" and not select.select([stdin], [], [], PATIENCE)[0]:
        say("core-plus: reading standard input to its end (if there is nothing to read: core-plus … </dev/null)")
    return stdin.buffer.read()


def _text(data: bytes) -> str | None:
    """The words that bytes are; None if they are none."""
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _part(data: bytes) -> Image | File:
    for beginning, make, media_type in SIGNATURES:
        if data.startswith(beginning):
            return make(data=data, media_type=media_type, name="standard input")
    return File(data=data, name="standard input")
