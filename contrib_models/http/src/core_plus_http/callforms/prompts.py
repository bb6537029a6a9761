"""What a chat template is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import msgspec

from core_plus.models import ModelRequest
from core_plus.tools import ToolSpec
from core_plus_http.chat.encode import Encoder
from core_plus_http.chat.quirks import Quirks
from core_plus_http.jsontext import dumps, loads

Wire: TypeAlias = dict[str, Any]
MERGED: Final = ("user", "system")
WORDS: Final = """You may call these tools, described as JSON:
{tools}

To call one, write nothing but this, once for each call, and wait for the result:
<tool_call>
{{"name": "the tool's name", "arguments": {{"by name": "value"}}}}
</tool_call>"""
"""What a model is told whose template knows no tools; `CallReader` reads the form."""


def conversation(request: ModelRequest, owner: str) -> tuple[list[Wire], list[Wire] | None]:
    """A request as chat templates are given it: messages, and the tools offered.

    Arguments of calls are objects, results carry their tool's name, and messages of one role in a row are one, since
    many templates insist on turns.

    Args:
        request: All that is asked.
        owner: Whose reasoning goes back, as `reasoning_content`.
    """
    plain = msgspec.structs.replace(request, options={}, stop=(), output_schema=None, tools=offered(request))
    body = loads(Encoder("", Quirks(thinking="reasoning_content"), {}, owner).body(plain, stream=False))
    names: dict[str, str] = {}
    found: list[Wire] = []
    for each in body["messages"]:
        each["content"] = each.get("content") or ""
        for call in each.get("tool_calls", ()):
            function = call["function"]
            function["arguments"] = loads(function["arguments"] or "{}")
            names[call["id"]] = function["name"]
        if each["role"] == "tool":
            each["name"] = names.get(each["tool_call_id"], "")
        if found and each["role"] in MERGED and found[-1]["role"] == each["role"]:
            found[-1]["content"] = _together(found[-1]["content"], each["content"])
        else:
            found.append(each)
    return found, body.get("tools")


def offered(request: ModelRequest) -> tuple[ToolSpec, ...]:
    """The tools that a model is told of: none, or only the one that it must call, by `tool_choice`.

    Args:
        request: All that is asked.
    """
    if request.tool_choice == "none":
        return ()
    named = tuple(tool for tool in request.tools if tool.name == request.tool_choice)
    return named or request.tools


def folded(messages: Sequence[Wire]) -> list[Wire]:
    """The same conversation for a template that knows no system: its words begin the first turn of the user.

    Args:
        messages: As from `conversation`.
    """
    first, *rest = messages
    if first["role"] != "system":
        return [*messages]
    if rest and rest[0]["role"] == "user":
        return [{**rest[0], "content": _together(first["content"], rest[0]["content"])}, *rest[1:]]
    return [{**first, "role": "user"}, *rest]


def in_words(messages: Sequence[Wire], tools: Sequence[Wire] | None) -> list[Wire]:
    """The same conversation for a template that knows no tools: they, their calls and results are told in words.

    Args:
        messages: As from `conversation`.
        tools: The tools offered.
    """
    found: list[Wire] = []
    if tools:
        listed = "\n".join(dumps(tool.get("function", tool)).decode() for tool in tools)
        found.append({"role": "system", "content": WORDS.format(tools=listed)})
    for each in messages:
        said = {key: value for key, value in each.items() if key in ("role", "content", "reasoning_content")}
        if each["role"] == "tool":
            said = {"role": "user", "content": _together(f"{each['name']} gave:", each["content"])}
        elif calls := [dumps(call["function"]).decode() for call in each.get("tool_calls", ())]:
            written = "\n".join(f"<tool_call>\n{call}\n</tool_call>" for call in calls)
            said["content"] = _together(each["content"], written)
        if found and said["role"] in MERGED and found[-1]["role"] == said["role"]:
            said = {**said, "content": _together(found.pop()["content"], said["content"])}
        found.append(said)
    return found


def _together(one: Any, other: Any) -> Any:
    """Two contents as one: words stay words."""
    if isinstance(one, str) and isinstance(other, str):
        return f"{one}\n\n{other}" if one and other else one or other
    return [*_parts(one), *_parts(other)]


def _parts(content: Any) -> list[Wire]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
