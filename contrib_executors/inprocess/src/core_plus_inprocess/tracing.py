"""How code ended, told in its own thread: an exception's text is code, too."""

from __future__ import annotations

from collections.abc import Mapping
from traceback import walk_tb
from typing import Final

from core_plus.executors import CodeError

AGENT: Final = "<code "
"""How the file names of snippets begin."""

MOST: Final = 20_000
"""Characters of an error's text and traceback that are kept."""


def cut(text: str) -> str:
    """A text, cut in the middle where it is longer than `MOST`."""
    if len(text) <= MOST:
        return text
    return f"{text[: MOST // 2]}\n... {len(text) - MOST} characters cut ...\n{text[-MOST // 2 :]}"


def error_of(error: BaseException, sources: Mapping[str, list[str]], *, is_stop: bool) -> CodeError:
    """Why code didn't end well.

    Args:
        error: What it ended with.
        sources: The lines of the snippets, by the names of their files; the last one is that which ran.
        is_stop: Whether it was stopped: then the exception itself says nothing.
    """
    kind = type(error).__name__[:200]
    message = cut(text_of(error))
    latest = list(sources)[-1:]
    lines = [line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename in latest]
    parts, seen, behind = list[str](), set[int](), error
    while True:
        seen.add(id(behind))
        own = shown(behind, sources) + ("" if is_stop else f"{type(behind).__name__[:200]}: {cut(text_of(behind))}\n")
        parts.insert(0, own)
        cause = behind.__cause__ or (None if behind.__suppress_context__ else behind.__context__)
        if cause is None or id(cause) in seen or is_stop or len(parts) > 5:
            break
        because = "\nThe above exception was the direct cause of the following exception:\n\n"
        meanwhile = "\nDuring handling of the above exception, another exception occurred:\n\n"
        parts.insert(0, because if behind.__cause__ is not None else meanwhile)
        behind = cause
    return CodeError(kind, message, cut("".join(parts)), lines[-1] if lines else None)


def text_of(error: BaseException) -> str:
    """What an exception says; its own code may be asked for it.

    Args:
        error: Any.
    """
    try:
        return str(error)
    except BaseException as failure:  # whatever the agent's own __str__ raises, it isn't the end of the host
        return f"<its text can't be had: {type(failure).__name__[:200]}>"


def shown(error: BaseException, sources: Mapping[str, list[str]]) -> str:
    """The lines of the agent's own code, as Python shows them.

    Args:
        error: What ended it.
        sources: The lines of the snippets.
    """
    steps = [(frame.f_code, line) for frame, line in walk_tb(error.__traceback__)]
    own = [(code, line) for code, line in steps if code.co_filename.startswith(AGENT)]
    parts = ["Traceback (most recent call last):\n"]
    for code, line in own[:20] + own[20:][-20:]:
        lines = sources.get(code.co_filename, [])
        parts.append(f'  File "{code.co_filename}", line {line}, in {code.co_name[:200]}\n')
        if line <= len(lines):
            parts.append(f"    {lines[line - 1].strip()[:500]}\n")
    return "".join(parts)
