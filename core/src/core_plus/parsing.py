"""Finding the action in a model's reply: code between tags or fences, or a tool call written as JSON."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator
from typing import Any

from core_plus.errors import AgentParsingError
from core_plus.models import parse_arguments

CODE_TAGS = ("<code>", "</code>")
MARKDOWN_TAGS = ("```python", "```")

MOST_TRIES = 300
"""How many brackets that begin no JSON are looked at before the rest of a reply is taken for prose."""

_FENCE = re.compile(
    r"^[ \t]*(`{3,}+|~{3,}+)[ \t]*+(\w*+)[^\n]*+\n(.*?)(?:^[ \t]*\1[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)
_NAMES = ("name", "tool_name", "tool", "function", "action")
_ARGUMENTS = ("arguments", "tool_arguments", "parameters", "args", "input", "action_input")


def parse_code_blobs(text: str, tags: tuple[str, str] = CODE_TAGS) -> str:
    """The code of a reply; several blocks are joined by an empty line.

    Args:
        text: The reply. The last closing tag may be missing (models stop at it), and tags inside string
            literals don't count. Where there are no tags, Markdown fences do, and then a reply that is
            code as a whole.
        tags: What stands before and after code.

    Raises:
        AgentParsingError: There is no code; the text teaches the form.
    """
    return split_reply(text, tags)[1]


def split_reply(text: str, tags: tuple[str, str] = CODE_TAGS) -> tuple[str, str]:
    """The words before the first block of code, and the code.

    Args:
        text: The reply.
        tags: What stands before and after code.

    Raises:
        AgentParsingError: There is no code; the text teaches the form.
    """
    found = list(_tagged(text, tags)) or list(_fenced(text))
    blocks = [block for _, block in found if block]
    if blocks:
        return text[: found[0][0]].strip(), "\n\n".join(blocks)
    if _is_code(text):
        return "", _clean(text)
    opening, closing = tags
    hint = f"final_answer({'your answer'!r})" if "final answer" in text.lower() else "result = 1 + 1\nprint(result)"
    why = "the block of code is empty" if found else "your reply holds no code"
    raise AgentParsingError(
        f"{why}. Say in words what you are about to do, then write code between {opening} and {closing}:\n\n"
        f"Thought: what I do now\n{opening}\n{hint}\n{closing}\n\n"
        "To end with an answer, call final_answer(…) in the code."
    )


def _tagged(text: str, tags: tuple[str, str]) -> Iterator[tuple[int, str]]:
    opening, closing = tags
    place = text.find(opening)
    while place >= 0:
        begin = place + len(opening)
        ends = [match.start() for match in re.finditer(re.escape(closing), text[begin:])]
        # A closing tag may stand inside a string: the first end at which the code is whole is the one.
        whole = next((end for end in (*ends, len(text) - begin) if _parses(_clean(text[begin : begin + end]))), None)
        end = whole if whole is not None else ends[0] if ends else len(text) - begin
        yield place, _clean(text[begin : begin + end])
        place = text.find(opening, begin + end + len(closing))


def _fenced(text: str) -> Iterator[tuple[int, str]]:
    for match in _FENCE.finditer(text):
        language, code = match[2].lower(), _clean(match[3])
        if language in ("python", "py", "python3") or (not language and _parses(code)):
            yield match.start(), code


def _clean(code: str) -> str:
    fence = _FENCE.fullmatch(code.strip())
    return textwrap.dedent(fence[3] if fence else code.strip("\n")).strip()


def _parses(code: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape is the model's affair
            ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _is_code(text: str) -> bool:
    """Whether a reply without marks is code: it parses, and does something."""
    code = _clean(text)
    doing = ast.Call | ast.Assign | ast.Import | ast.ImportFrom | ast.FunctionDef | ast.For
    if not _parses(code):
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return any(isinstance(node, doing) for node in ast.walk(ast.parse(code)))


def parse_tool_calls(text: str) -> list[tuple[str, Any]]:
    """Tool calls that a model wrote as JSON in its words, as (name, arguments).

    Args:
        text: The reply: JSON objects with a name and arguments, alone, in a list, in fences or in tags.

    Raises:
        AgentParsingError: There is none; the text teaches the form.
    """
    calls = [call for value in _json_values(text) for item in _as_list(value) if (call := _as_call(item))]
    if calls:
        return calls
    raise AgentParsingError(
        "your reply calls no tool. Call one of the tools; without native tool calls, answer with JSON only:\n"
        '{"name": "final_answer", "arguments": {"answer": "…"}}'
    )


def _json_values(text: str) -> Iterator[Any]:
    import json

    decoder, place, tries = json.JSONDecoder(), 0, 0
    while tries < MOST_TRIES and (match := re.compile(r"[{\[]").search(text, place)):
        try:
            value, place = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            place, tries = match.start() + 1, tries + 1
        else:
            yield value


def _as_list(value: Any) -> list[Any]:
    if isinstance(value, dict) and isinstance(value.get("tool_calls"), list):
        return list(value["tool_calls"])
    return value if isinstance(value, list) else [value]


def _as_call(item: Any) -> tuple[str, Any] | None:
    if not isinstance(item, dict):
        return None
    if isinstance(item.get("function"), dict):
        item = item["function"]
    name = next((item[key] for key in _NAMES if isinstance(item.get(key), str)), None)
    arguments: Any = next((item[key] for key in _ARGUMENTS if key in item), None)
    if arguments is None and not set(item) - {*_NAMES, "id", "type"}:
        arguments = {}
    if name is None or arguments is None:
        return None
    return name, parse_arguments(arguments) if isinstance(arguments, str) else arguments
