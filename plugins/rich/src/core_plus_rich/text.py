"""Texts made fit for a terminal: nothing in them acts on it, and long ones are cut. No rich here."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from typing import Any

from core_plus.messages import Media, Text, ToolCall, Usage

COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
"""Escape sequences that only colour: taken away, since what programs print often has them."""

UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, all but tab and newline
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # turn the reading direction: code would look other than it is
    "\u2028\u2029"  # line ends that some terminals know and others don't
    "\ud800-\udfff]"  # half characters, which no output can encode
)

TRACEBACK = re.compile(r'^(Traceback \(most recent call last\):|  File ")', re.MULTILINE)
OWN_LINE = re.compile(r'File "<[^>"]*>", line (\d+)')
"""A frame in code that came from no file, as an agent's does; the first one is in the code that was shown last."""


def clean(text: str) -> str:
    """A text in which nothing acts on the terminal: what can't be seen is shown instead.

    Args:
        text: Words of a model, a tool or a program.
    """
    if "\x1b" in text:
        text = COLOUR.sub("", text)
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    return UNSAFE.sub(_visible, text)


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if code < 0xA0:
        return f"\\x{code:02x}"
    return "\ufffd" if 0xD800 <= code <= 0xDFFF else f"\\u{code:04x}"


def printed_line(line: str) -> str:
    """A line as a terminal would leave it: after a carriage return it is written anew.

    Args:
        line: Without its newline.
    """
    return clean(line.rstrip("\r").rpartition("\r")[2])


def one_line(text: str, most: int = 2_000) -> str:
    """A text on one line, its line ends shown.

    Args:
        text: Any text.
        most: Characters to look at; what follows is cut.
    """
    cut = text[:most] + ("…" if len(text) > most else "")
    return " ⏎ ".join(part.strip() for part in clean(cut).strip().splitlines() if part.strip())


def first_lines(text: str, most: int) -> str:
    """The first lines of a text, and how many more there are.

    Args:
        text: Any text.
        most: Lines to keep.
    """
    lines = text.splitlines()
    left = len(lines) - most
    return text if left <= 0 else "\n".join([*lines[:most], f"… {left:,} more {'line' if left == 1 else 'lines'}"])


def brief_error(text: str, most: int = 5) -> str:
    """An error without its traceback: what stands before it, its last line, and where in the agent's code it was.

    Args:
        text: The whole text.
        most: Lines to keep.
    """
    text = clean(text).strip()
    found = TRACEBACK.search(text)
    if found is None:
        return first_lines(text, most)
    lines, trace = text[: found.start()].strip().splitlines(), text[found.start() :]
    last, place = trace.splitlines()[-1], OWN_LINE.search(trace)
    lines += [last] if last not in lines else []
    if place is not None:
        lines[-1] += f" (line {place[1]})"
    return first_lines("\n".join(lines), most)


class _Repr(reprlib.Repr):
    """`repr` that never walks through all of a big value."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = most
        few = 40 if most <= 10_000 else most
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdeque = self.maxdict = few
        self.maxlevel = 6 if few == 40 else 50

    def repr_bytes(self, value: bytes, level: int) -> str:
        return f"<{size(len(value))}>" if len(value) > 40 else repr(value)

    def repr_instance(self, value: object, level: int) -> str:
        if isinstance(value, Media):
            return media(value)
        if isinstance(value, Text):
            return self.repr1(value.text, level)
        return super().repr_instance(value, level)


def describe(value: Any, most: int = 400) -> str:
    """A value in a few words, on one line.

    Args:
        value: Anything; texts are shown as they are.
        most: Characters of a text that may be looked at.
    """
    if isinstance(value, Text):
        value = value.text
    if isinstance(value, str):
        return one_line(value, most)
    return one_line(_Repr(most).repr(value), 4 * most)


def media(part: Media) -> str:
    """A picture or file in words.

    Args:
        part: The part.
    """
    facts = [part.name, part.media_type, size(len(part.data)) if part.data is not None else part.url]
    return f"<{', '.join(describe(fact) for fact in facts if fact)}>"


def call(tool_call: ToolCall, most: int = 200) -> tuple[str, str]:
    """A tool's name and its arguments in words, `query='weather in Oslo', days=2`.

    Args:
        tool_call: The call.
        most: Characters of each argument.
    """
    arguments = tool_call.arguments
    if not isinstance(arguments, Mapping):
        return one_line(tool_call.name, 80), one_line(str(arguments), most)
    shown = [f"{one_line(str(key), 80)}={one_line(_Repr(most).repr(value), most)}" for key, value in arguments.items()]
    return one_line(tool_call.name, 80), ", ".join(shown)


def size(number: int) -> str:
    """Bytes in words.

    Args:
        number: Bytes.
    """
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= factor:
            return f"{number / factor:.1f} {unit}"
    return f"{number} bytes"


def seconds(duration: float) -> str:
    """A duration in words: `0.4 s`, `2 m 05 s`, `1 h 02 m`.

    Args:
        duration: Seconds.
    """
    if duration < 59.95:
        return f"{duration:.1f} s"
    minutes, rest = divmod(round(duration), 60)
    return f"{minutes} m {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} m"


def tokens(usage: Usage, details: bool = False) -> str:
    """Tokens in words: `1,204 in · 88 out`, with `≈` where a provider didn't say and they were estimated.

    Args:
        usage: The tokens; "" comes back for none.
        details: Whether to say what was cached and what was reasoning.
    """
    if not usage.total_tokens:
        return ""
    about = "≈" if usage.unknown_calls else ""
    read, written = f"{about}{usage.input_tokens:,} in", f"{about}{usage.output_tokens:,} out"
    if details and usage.cached_tokens:
        read += f" ({usage.cached_tokens:,} cached)"
    if details and usage.reasoning_tokens:
        written += f" ({usage.reasoning_tokens:,} reasoning)"
    return f"{read} · {written}"


def count(number: int, what: str) -> str:
    """A number of things: `1 step`, `2 steps`.

    Args:
        number: How many.
        what: One of them.
    """
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
