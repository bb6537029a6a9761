"""What a server offers: agents, which take a task, and tools as they are; each call is a run of its own."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

import attrs
import msgspec

from core_plus import AgentError, EventStream, Host, Runnable, TaskStep, Tool, ToolCall
from core_plus.calls import call_tool
from core_plus.messages import Audio, File, Image, Text
from core_plus.render import as_parts

if TYPE_CHECKING:
    import mcp_types

    from core_plus import Run, RunResult


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ToolRun(Runnable[Any, Any]):
    """A run that calls one tool, so that reviews, limits and observers hold for it as for an agent's calls.

    Args:
        tool: Which.
        arguments: Its arguments.
    """

    tool: Any = None
    arguments: Mapping[str, Any] = attrs.field(factory=dict)

    def loop(self, run: Run) -> Generator[Any, Any, None]:
        """Call the tool; its value is the answer.

        Args:
            run: Fresh.
        """
        run.record(TaskStep(task=run.task))
        run.tools = {self.tool.name: self.tool}
        try:
            call = ToolCall("call", self.tool.name, dict(self.arguments))
            value = yield from call_tool(run, {}, call, (), "plugin")
        except AgentError as error:
            run.finish("failed", error=error)
        else:
            run.finish("success", value)


class Offer:
    """An agent or a tool, as a tool of the server.

    Args:
        thing: The agent (with a name and a description) or the tool.
        host: Where plugins come from.
    """

    def __init__(self, thing: Runnable[Any, Any] | Tool, host: Host) -> None:
        self.thing, self.host = thing, host
        if isinstance(thing, Tool):
            self.name, self.description = thing.name, thing.spec.description
            self.parameters, self.returns = thing.spec.parameters, thing.spec.output_schema
        else:
            self.name = thing.name or "agent"
            self.description = thing.description or "An agent: give it a task in words, it gives the answer."
            task = {"type": "string", "description": "What to do, with all that must be known for it."}
            self.parameters = {"type": "object", "properties": {"task": task}, "required": ["task"]}
            self.returns = None
        self.wraps = self.returns is not None and self.returns.get("type") != "object"

    def told(self) -> mcp_types.Tool:
        """It, as the SDK tells clients."""
        from mcp_types import Tool as McpTool
        from mcp_types import ToolAnnotations

        effect = getattr(self.thing, "effect", "write")
        hints = ToolAnnotations(read_only_hint=effect == "read", idempotent_hint=effect == "idempotent")
        returns = self.returns
        if returns is not None and self.wraps:
            # Before 2026-07-28 the result is an object; SDKs put others under this key, and take them out again.
            more = {key: returns[key] for key in ("$defs",) if key in returns}
            returns = {"type": "object", "properties": {"result": returns}, "required": ["result"], **more}
        facts: dict[str, Any] = {"name": self.name, "description": self.description, "annotations": hints}
        return McpTool(**facts, input_schema={"type": "object", **self.parameters}, output_schema=returns)

    def begin(self, arguments: Mapping[str, Any]) -> EventStream[Any]:
        """Start a run.

        Args:
            arguments: Of the call.

        Raises:
            ValueError: An agent was given no task.
        """
        if isinstance(self.thing, Tool):
            words = f"call {self.name}"
            return ToolRun(tool=self.thing, arguments=arguments, host=self.host).astream(words)
        task = arguments.get("task")
        if not isinstance(task, str) or not task.strip():
            raise ValueError(f"{self.name} needs a task in words")
        return self.thing.astream(task)

    def outcome(self, result: RunResult[Any]) -> mcp_types.CallToolResult:
        """What came of a run, as the SDK sends it.

        Args:
            result: Of a run that ended.
        """
        from mcp_types import CallToolResult, TextContent

        if not result.answered:
            why = str(result.error or f"the run ended without an answer ({result.state})")
            return CallToolResult(content=[TextContent(type="text", text=why)], is_error=True)
        value = result.answer
        parts = as_parts(value, 10_000_000)
        content: Any = [block(part) for part in parts]
        if self.returns is not None:
            data = msgspec.to_builtins(value, enc_hook=str, str_keys=True)
            return CallToolResult(content=content, structured_content={"result": data} if self.wraps else data)
        if isinstance(value, dict) and all(isinstance(part, Text) for part in parts):
            data = msgspec.to_builtins(value, enc_hook=str, str_keys=True)
            return CallToolResult(content=content, structured_content=data)
        return CallToolResult(content=content)


def block(part: Text | Image | Audio | File) -> Any:
    """A part of a message as the SDK's content.

    Args:
        part: Words, a picture, a sound or a file.
    """
    import base64

    import mcp_types as types

    if isinstance(part, Text):
        return types.TextContent(type="text", text=part.text)
    if part.data is None:
        name = part.name or str(part.url).rpartition("/")[2] or "file"
        return types.ResourceLink(type="resource_link", name=name, uri=str(part.url), mime_type=part.media_type)
    data = base64.b64encode(part.data).decode()
    if isinstance(part, Image):
        return types.ImageContent(type="image", data=data, mime_type=part.media_type)
    if isinstance(part, Audio):
        return types.AudioContent(type="audio", data=data, mime_type=part.media_type)
    uri = f"file:///{part.name or 'file'}"
    found = types.BlobResourceContents(uri=uri, blob=data, mime_type=part.media_type)
    return types.EmbeddedResource(type="resource", resource=found)
