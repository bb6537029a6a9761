"""How code ended, in words that help whoever wrote it."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from core_plus.executors import CodeError, Limits

if TYPE_CHECKING:
    from pydantic_monty import Frame, MontyError

ALL: Final = "all variables"

MOST: Final = 20_000
"""Characters of an error's text and traceback that are kept."""

MODULES: Final = (
    "asyncio", "base64", "binascii", "bisect", "collections", "copy", "csv", "dataclasses", "datetime", "decimal",
    "functools", "hashlib", "itertools", "json", "math", "os", "os.path", "pathlib", "posixpath", "random", "re", "sys",
    "time", "tomllib", "typing", "unicodedata",
)  # fmt: skip
"""What code can import in pydantic-monty 1.4: tried one by one."""

PART: Final = (
    "this executor runs a part of Python: no class inheritance, exception classes of one's own, property, "
    "staticmethod, yield, del, async with and async for; write it another way"
)

RAISABLE: Final = frozenset([
    "Exception", "BaseException", "SystemExit", "ArithmeticError", "OverflowError", "ZeroDivisionError", "LookupError",
    "IndexError", "KeyError", "RuntimeError", "NotImplementedError", "RecursionError", "AttributeError", "NameError",
    "UnboundLocalError", "ValueError", "ImportError", "ModuleNotFoundError", "OSError", "FileNotFoundError",
    "FileExistsError", "IsADirectoryError", "NotADirectoryError", "PermissionError", "AssertionError", "MemoryError",
    "StopIteration", "TimeoutError", "TypeError",
])  # fmt: skip
"""Kinds of errors that can be raised in Monty by their names (its `ExcType`)."""


def time_text(limits: Limits) -> str:
    """What to say when the time is up.

    Args:
        limits: What the code was allowed; Monty holds it to the lesser of the two times.
    """
    seconds, cpu = limits.seconds, limits.cpu_seconds
    if cpu is not None and (seconds is None or cpu <= seconds):
        return f"the code used more than {cpu:g} s of CPU time"
    return f"the code ran longer than {seconds:g} s"


def is_time_up(error: Exception) -> bool:
    """Whether Monty stopped the code, which can't be caught and leaves its variables in no known state.

    Args:
        error: What it says.
    """
    return bool(getattr(error, "timed_out", False)) or bool(
        re.match(r"TimeoutError: (feed|turn) time limit exceeded: [\d.]+m?s > ", str(error))
    )


def is_memory_gone(error: Exception) -> bool:
    """Whether the worker ended for want of memory.

    Args:
        error: What Monty says.
    """
    return "exceeded its memory limit and was terminated" in str(error)


def error_of(
    error: MontyError, sources: Mapping[str, list[str]], kinds: Mapping[tuple[str, str], str], limits: Limits
) -> CodeError:
    """Why code didn't end well.

    Args:
        error: What Monty says.
        sources: The lines of the snippets, by the names of their files.
        kinds: The host's names of errors that have another one in Monty, by that and their text.
        limits: What the code was allowed.
    """
    inner = error.exception()
    kind = type(inner).__name__
    display = getattr(error, "display", None)
    text = display("msg") if display is not None else str(error)
    frames = error.traceback() if hasattr(error, "traceback") else []
    if kind == "MemoryError" and text.startswith("memory limit exceeded"):
        return memory_error(limits)
    if kind == "AssertionError":  # Monty adds what the assertion was, on a line of its own
        text = text.split("\nassert ")[0]
    kind = kinds.get((kind, text), kind)
    text = helpful(kind, cut(text))
    return CodeError(kind, text, cut(f"{shown(frames, sources)}{kind}: {text}\n"), innermost(frames, sources))


def cut(text: str) -> str:
    """A text, cut in the middle where it is longer than `MOST`."""
    if len(text) <= MOST:
        return text
    return f"{text[: MOST // 2]}\n... {len(text) - MOST} characters cut ...\n{text[-MOST // 2 :]}"


def innermost(frames: list[Frame], sources: Mapping[str, list[str]]) -> int | None:
    """The line of the latest snippet that was run last, from 1."""
    latest = list(sources)[-1:]
    lines = [frame.line for frame in frames if frame.filename in latest]
    return lines[-1] if lines else None


def shown(frames: list[Frame], sources: Mapping[str, list[str]]) -> str:
    """The frames as Python shows them.

    Args:
        frames: Outermost first.
        sources: The lines of the snippets as the agent wrote them.
    """
    parts = ["Traceback (most recent call last):\n"]
    for frame in frames[:20] + frames[20:][-20:]:
        number = frame.filename.removeprefix("<python-input-").removesuffix(">")
        place = f"<code {number}>" if number != frame.filename else frame.filename
        lines = sources.get(frame.filename, [])
        text = lines[frame.line - 1] if frame.line <= len(lines) else frame.source_line or ""
        parts.append(f'  File "{place}", line {frame.line}, in {(frame.function_name or "<module>")[:200]}\n')
        parts.append(f"    {text.strip()[:500]}\n" if text.strip() else "")
    return "".join(parts)


def helpful(kind: str, text: str) -> str:
    """An error's text; where it comes of what Monty lacks, one line that says so.

    Args:
        kind: The error's name.
        text: Its text.
    """
    if kind == "NotImplementedError" and "monty" in text:
        what = re.sub(r"^.*does not yet support ", "", text)
        return f"{what} can't be run here: {PART}"
    if "cannot suspend in this synchronous context" in text:
        name = (re.findall(r"'(\w+)'", text) or ["it"])[0]
        return f"{name}() can't be called by map, sorted, filter and the like here: call it in a loop or comprehension"
    unknown = re.match(r"name '(\w+)' is not defined", text) if kind == "NameError" else None
    if unknown and hasattr(builtins, unknown[1]):
        return f"{text}: {PART}"
    if kind == "ModuleNotFoundError" and "is not a package" in text:
        return f"{text}; this executor has only: {', '.join(MODULES)}"
    if kind == "AttributeError" and re.match(r"module '\w+' has no attribute", text):
        return f"{text} in this executor: write it another way"
    return text


def no_module(name: str, imports: tuple[str, ...] | None) -> str:
    """What to say of a module that can't be imported.

    Args:
        name: The module.
        imports: What the session allows.
    """
    if imports is not None and "*" not in imports:
        return f"{name!r} may not be imported here; allowed are: {', '.join(imports) or 'none'}"
    return f"No module named {name!r} in this executor, which has only: {', '.join(MODULES)}"


def memory_error(limits: Limits) -> CodeError:
    """What to say when the memory is used up.

    Args:
        limits: What the code was allowed.
    """
    return CodeError("MemoryLimit", f"the code needed more than {limits.memory or 0:,} bytes of memory")


def syntax_error(kind: str, message: str, line: int | None) -> CodeError:
    """What CPython says of code that neither it nor Monty can read.

    Args:
        kind: The error's name.
        message: Its text.
        line: Where, from 1.
    """
    return CodeError(kind, message, f'  File "<code>", line {line or 1}\n{kind}: {message}\n', line)
