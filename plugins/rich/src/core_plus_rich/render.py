"""How things look: the only module that knows rich's renderables and our colours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from markdown_it import MarkdownIt
from markdown_it.token import Token as MarkdownToken
from pygments.token import Comment, Keyword, Name, Number, Operator, String  # type: ignore[import-untyped]
from pygments.token import Token as AnyToken
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.markdown import Heading, Markdown
from rich.segment import Segment
from rich.style import Style
from rich.syntax import ANSISyntaxTheme, Syntax
from rich.text import Text
from rich.theme import Theme

from core_plus.messages import Media
from core_plus_rich import text as words
from core_plus_rich.blocks import Block
from core_plus_rich.text import clean

PROSE = 100
"""Columns that running text fills at most: longer lines are hard to read."""

# Only the terminal's own sixteen colours, so that it is legible on a light and on a dark background.
THEME = Theme(
    {
        "cp.agent": "bold",
        "cp.quiet": "dim",
        "cp.thinking": "dim italic",
        "cp.tool": "cyan",
        "cp.rule": "dim",
        "cp.ok": "green",
        "cp.error": "red",
        "cp.warning": "yellow",
        "cp.question": "bold yellow",
        "cp.bar": "dim",
        "markdown.code": "cyan",
        "markdown.h1": "bold",
        "markdown.h2": "bold",
        "markdown.h3": "bold",
        "markdown.h4": "bold",
        "markdown.item.bullet": "none",
        "markdown.item.number": "none",
        "markdown.link": "none",
        "markdown.link_url": "underline",
        "markdown.block_quote": "dim",
        "markdown.table.border": "dim",
        "markdown.table.header": "bold",
    }
)

CODE_THEME = ANSISyntaxTheme(
    {
        AnyToken: Style(),
        Comment: Style(dim=True, italic=True),
        Keyword: Style(color="magenta"),
        Operator.Word: Style(color="magenta"),
        Name.Builtin: Style(color="cyan"),
        Name.Decorator: Style(color="cyan"),
        Name.Function: Style(color="blue"),
        Name.Class: Style(color="blue"),
        String: Style(color="green"),
        Number: Style(color="cyan"),
    }
)


class Glyphs(NamedTuple):
    """The signs in use, for terminals that know Unicode and for others."""

    task: str = "❯"
    done: str = "✓"
    failed: str = "✗"
    arrow: str = "→"
    bar: str = "│"
    output: str = "▏"
    rule: str = "─"
    between: str = "·"
    warning: str = "!"
    ask: str = "?"
    spinner: str = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


ASCII = Glyphs(">", "+", "x", "->", "|", "|", "-", "-", "!", "?", "|/-\\")


def glyphs_for(console: Console) -> Glyphs:
    """The signs that a console can show.

    Args:
        console: Where to.
    """
    return ASCII if console.options.ascii_only else Glyphs()


class Beside:
    """A renderable with something on its left: an indent, a bar, line numbers.

    Args:
        inner: What is shown.
        first: What stands before its first line.
        rest: What stands before the others; None repeats the first.
        most: Columns that the inner part fills at most.
    """

    def __init__(self, inner: RenderableType, first: Text, rest: Text | None = None, most: int | None = None) -> None:
        self.inner, self.first, self.rest, self.most = inner, first, first if rest is None else rest, most

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Give the lines, none of them with spaces at its end, and no empty ones around them."""
        width = max(options.max_width - max(cell_len(self.first.plain), cell_len(self.rest.plain)), 8)
        inner = options.update(width=min(width, self.most or width), height=None)
        for number, line in enumerate(_without_ends(console.render_lines(self.inner, inner, pad=False))):
            before = self.rest if number else self.first
            margin = [Segment(part.text, part.style) for part in before.render(console)]
            yield from _without_end([*margin, *line])
            yield Segment.line()


def _without_ends(lines: list[list[Segment]]) -> list[list[Segment]]:
    full = [number for number, line in enumerate(lines) if any(segment.text.strip() for segment in line)]
    return lines[full[0] : full[-1] + 1] if full else lines[:1]


def _without_end(line: Sequence[Segment]) -> Iterable[Segment]:
    segments = list(line)
    while segments and not segments[-1].text.strip(" "):
        segments.pop()
    if segments:
        text, style, control = segments[-1]
        segments[-1] = Segment(text.rstrip(" "), style, control)
    return segments


class _Heading(Heading):
    """A heading on the left, without a box."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.text.justify = "left"
        yield self.text


class _Markdown(Markdown):
    """Markdown as models write it: their line ends count, and what looks like HTML is words."""

    elements = {**Markdown.elements, "heading_open": _Heading}


def _parser() -> MarkdownIt:
    # "code" would take each indented line for code; "html" would swallow `List<int>`; "autolink" shows twice.
    rules = ["code", "html_block", "html_inline", "autolink", "reference", "entity"]
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).disable(rules)


def _keep_line_ends(tokens: Sequence[MarkdownToken]) -> None:
    for token in tokens:
        if token.type == "softbreak":
            token.type = "hardbreak"
        if token.children:
            _keep_line_ends(token.children)


def markdown(text: str) -> RenderableType:
    """Markdown; nothing in it acts on the terminal, links show where they lead.

    Args:
        text: One block or more.
    """
    text = clean(text)
    if not any(sign in text for sign in "*_`#[~|\\") and not _lists(text):
        return Text(text)
    shown = _Markdown("", hyperlinks=False, code_theme="ansi_dark")
    shown.parsed = _parser().parse(text)
    _keep_line_ends(shown.parsed)
    return shown


def _lists(text: str) -> bool:
    return any(line.lstrip()[:1] in "-+>=0123456789" for line in text.splitlines() if line.strip())


def code(text: str, language: str = "python", numbers: bool = True) -> Sequence[RenderableType]:
    """Code, highlighted, its lines numbered as errors count them.

    Args:
        text: The code.
        language: A name that Pygments knows; another is shown plainly.
        numbers: Whether to number.
    """
    shown = Syntax("", language or "text", theme=CODE_THEME, tab_size=4).highlight(clean(text).expandtabs(4))
    lines = shown.split("\n", allow_blank=False)
    wide = len(str(len(lines)))
    if not numbers:
        return [Beside(line, Text("  "), Text("    ")) for line in lines]
    return [
        Beside(line, Text(f"  {number:>{wide}}  ", "cp.quiet"), Text(" " * (wide + 4)))
        for number, line in enumerate(lines, 1)
    ]


def block(item: Block) -> Sequence[RenderableType]:
    """A block of a reply or an answer.

    Args:
        item: Text or code.
    """
    if item.kind == "code":
        return code(item.text, item.language, numbers=False)
    return [Beside(markdown(item.text), Text(""), most=PROSE)]


def fitted(text: Text, width: int) -> Text:
    """A line, cut to a width.

    Args:
        text: The line; it is changed.
        width: Columns.
    """
    text.truncate(max(width, 4), overflow="ellipsis")
    return text


def value(item: Any) -> str:
    """A value as text, whole: words as they are, data as JSON, anything else as Python shows it.

    Args:
        item: Any value.
    """
    if isinstance(item, bytes | bytearray | Media):
        return words.describe(item)
    try:
        if isinstance(item, dict | list | tuple | msgspec.Struct):
            return _json(item)
        return item if isinstance(item, str) else str(item)
    except Exception as error:  # an answer is shown whatever its class does
        return f"<{type(item).__name__} that can't be shown: {error}>"


def _json(item: Any) -> str:
    try:
        return msgspec.json.format(msgspec.json.encode(item), indent=2).decode()
    except (TypeError, ValueError, RecursionError):
        return repr(item)
