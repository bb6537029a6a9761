"""Cuts a reply that streams in into blocks that can be shown as soon as they are whole.

A delta costs an append, however long the reply has become: only a line's end looks at what it ends. Each
block is rendered once. No rich here.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

import msgspec

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)[^`]*$")
_TAG = re.compile(r"\s*<(code|python)>(.*)$", re.DOTALL)
_ITEM = re.compile(r"\s*([-*+]|\d{1,9}[.)])\s")


class Block(NamedTuple):
    """A paragraph, list or heading of Markdown, or code.

    Args:
        kind: Which of the two.
        text: Its lines.
        language: Of code, "" where it wasn't said.
    """

    kind: Literal["text", "code"]
    text: str
    language: str = ""


class Splitter:
    """Takes a reply piece by piece, gives blocks.

    Code stands between fences or in `<code>` tags. A reply that begins with `{` is taken for JSON and comes
    as one block at its end.
    """

    def __init__(self) -> None:
        self._line: list[str] = []
        self._lines: list[str] = []
        self._close = ""
        self._language = ""
        self._whole: bool | None = None
        self.fed = False

    @property
    def in_code(self) -> bool:
        """Whether the open block is code."""
        return bool(self._close)

    @property
    def open_lines(self) -> int:
        """How many lines the open block has so far."""
        return len(self._lines) + bool(self._line)

    def tail(self, most: int) -> str:
        """The end of what wasn't given out yet, for showing what is being written.

        Args:
            most: Characters, about.
        """
        return "\n".join([*self._lines[-8:], "".join(self._line[-most:])])[-most:]

    def feed(self, text: str) -> list[Block]:
        """Take the next piece.

        Args:
            text: Any length.

        Returns:
            The blocks that are whole now, mostly none.
        """
        self.fed = True
        if "\n" not in text:
            if text:
                self._line.append(text)
            return []
        blocks: list[Block] = []
        first, *rest = text.split("\n")
        self._line.append(first)
        for piece in rest:
            line = "".join(self._line)
            self._line = [piece] if piece else []
            self._take(line.removesuffix("\r"), blocks)
        return blocks

    def finish(self) -> list[Block]:
        """The rest, when the reply is over."""
        blocks: list[Block] = []
        if self._line:
            line, self._line = "".join(self._line), []
            self._take(line, blocks)
        self._give(blocks)
        self._whole = None
        return blocks

    def _take(self, line: str, blocks: list[Block]) -> None:
        if self._whole is None and line.strip():
            self._whole = line.lstrip().startswith("{")
        if self._whole:
            self._lines.append(line)
        elif self._close:
            self._take_code(line, blocks)
        else:
            self._take_text(line, blocks)

    def _take_code(self, line: str, blocks: list[Block]) -> None:
        if self._close.startswith("<"):
            code, closed, after = line.partition(self._close)
        else:
            bare, after = line.strip(), ""
            closed = bare if bare.startswith(self._close) and not bare.strip(self._close[0]) else ""
            code = "" if closed else line
        if code or not closed:
            self._lines.append(code)
        if closed:
            self._give(blocks)
            if after.strip():
                self._take_text(after, blocks)

    def _take_text(self, line: str, blocks: list[Block]) -> None:
        fence, tag = _FENCE.match(line), _TAG.match(line)
        if fence or tag:
            self._give(blocks)
            if fence:
                self._close, self._language = fence[1], fence[2]
            elif tag:
                self._close, self._language = f"</{tag[1]}>", "python"
                if tag[2].strip():
                    self._take_code(tag[2], blocks)
        elif not line.strip():
            self._end_of_paragraph(blocks)
        elif line.startswith("#"):
            self._give(blocks)
            self._lines.append(line)
            self._give(blocks)
        else:
            if self._lines and not self._lines[-1] and not line[0].isspace():
                self._give(blocks)
            self._lines.append(line)

    def _end_of_paragraph(self, blocks: list[Block]) -> None:
        # A list may go on after an empty line, if what follows is indented: it waits for the next line.
        if self._lines and _ITEM.match(self._lines[0]):
            self._lines.append("")
        else:
            self._give(blocks)

    def _give(self, blocks: list[Block]) -> None:
        lines, self._lines = self._lines, []
        kind: Literal["text", "code"] = "code" if self._close or self._whole else "text"
        language = "json" if self._whole else self._language
        self._close = self._language = ""
        while lines and not lines[-1].strip():
            lines.pop()
        while lines and not lines[0].strip():
            lines.pop(0)
        if lines:
            blocks.append(Block(kind, "\n".join(lines), language))


def blocks_of(text: str) -> list[Block]:
    """All blocks of a whole text.

    Args:
        text: Markdown.
    """
    splitter = Splitter()
    return [*splitter.feed(text), *splitter.finish()]


def thought_of(text: str) -> str | None:
    """The thought of a reply that is a JSON object of thought and code; None for any other.

    Args:
        text: The whole reply.
    """
    if not text.lstrip().startswith("{"):
        return None
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
    if isinstance(found, dict) and isinstance(found.get("code"), str):
        return str(found.get("thought", ""))
    return None
