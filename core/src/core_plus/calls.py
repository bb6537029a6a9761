"""A tool call from a step: looked up, its arguments fitted, performed and recorded."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from core_plus.context import RunContext
from core_plus.effects import CallTool, Effects
from core_plus.errors import AgentError, AgentToolCallError
from core_plus.events import StepError, ToolFinished, ToolRecord, ToolStarted
from core_plus.messages import ToolCall
from core_plus.tools import Tool

if TYPE_CHECKING:
    from core_plus.run import Run


def find_tool(run: Run, name: str) -> Tool:
    """The tool that a model named.

    Args:
        run: Whose tools.
        name: As the model wrote it.

    Raises:
        AgentToolCallError: There is none, or not in this step; the text names the closest.
    """
    tool: Tool | None = run.tools.get(name)
    if tool is not None:
        return tool
    if name in run.bound.tools:
        raise AgentToolCallError(f"the tool {name!r} isn't available in this step; there are {', '.join(run.tools)}")
    near = difflib.get_close_matches(name, run.tools, 3)
    known = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(run.tools)}"
    raise AgentToolCallError(f"there is no tool {name!r}; {known}")


def call_tool(
    run: Run,
    records: dict[str, ToolRecord],
    call: ToolCall,
    args: Sequence[Any] = (),
    origin: Literal["native", "code", "plugin"] = "native",
) -> Effects:
    """Call a tool and keep what came of it.

    Args:
        run: Who calls.
        records: Where the call is kept, by its id.
        call: Which tool with which arguments, as the model gave them.
        args: Positional arguments, from code.
        origin: Where the call comes from.

    Returns:
        The tool's value.

    Raises:
        AgentError: What the model shall read of a failure.
    """
    began, error = run.root.now, None
    records[call.id] = ToolRecord(call)
    try:
        tool = find_tool(run, call.name)
        given = call.arguments
        if not isinstance(given, Mapping):
            raise AgentToolCallError(f"the arguments of {call.name} are no JSON object: {given!r:.200}")
        fitted = tool.bind(args, given, RunContext(run, call.id))
        visible = {name: value for name, value in fitted.items() if not isinstance(value, RunContext)}
        shown = dict.fromkeys(visible, "***") if tool.secret else visible
        call, exact = ToolCall(call.id, call.name, shown, call.data), ToolCall(call.id, call.name, visible, call.data)
        records[call.id] = ToolRecord(call)
        run.emit(ToolStarted(call=call, origin=origin))
        value = yield CallTool(call=exact, origin=origin, tool=tool, arguments=fitted)
    except BaseException as caught:
        error = StepError(type(caught).__name__, str(caught) if isinstance(caught, AgentError) else repr(caught))
        records[call.id] = ToolRecord(call, None, error, run.root.now - began)
        run.emit(ToolFinished(call=call, error=error.message, seconds=run.root.now - began))
        raise
    records[call.id] = ToolRecord(call, value, None, run.root.now - began)
    run.emit(ToolFinished(call=call, value="***" if tool.secret else value, seconds=run.root.now - began))
    return value
