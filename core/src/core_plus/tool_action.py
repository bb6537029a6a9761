"""The tool action: the model calls tools as JSON, natively or in its words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus import effects as fx
from core_plus.calls import call_tool
from core_plus.errors import AgentError, AgentParsingError, AgentToolCallError
from core_plus.messages import Message, Text, Thinking, ToolCall, ToolResult, message
from core_plus.models import ModelResponse
from core_plus.parsing import parse_tool_calls
from core_plus.render import as_parts

if TYPE_CHECKING:
    from core_plus.loop import Draft
    from core_plus.run import Run


class ToolStyle:
    """How a tool-calling agent asks, acts and remembers.

    Args:
        plain_answers: Whether prose without a call is the final answer; otherwise a tool must be called.
        tool_choice: What the provider is told; None leaves it to `plain_answers`.
    """

    prompt = "tool_calling"

    def __init__(self, plain_answers: bool = True, tool_choice: str | None = None) -> None:
        self.plain_answers = plain_answers
        self.tool_choice = tool_choice or (None if plain_answers else "required")

    def values(self, run: Run) -> dict[str, Any]:
        """What the system prompt is filled with.

        Args:
            run: In progress.
        """
        return {"open_tag": "", "close_tag": "", "imports": ""}

    def describe(self, tool: Any) -> str:
        """A tool in the prompt's words.

        Args:
            tool: The tool.
        """
        text: str = tool.to_tool_calling_prompt()
        return text

    def request(self, run: Run) -> dict[str, Any]:
        """What a request has besides messages.

        Args:
            run: In progress.
        """
        return {"tools": run.bound.specs(run), "tool_choice": self.tool_choice}

    def act(self, run: Run, draft: Draft, response: ModelResponse) -> fx.Effects:
        """Perform the calls of a reply, several at once, and keep their order.

        Args:
            run: In progress.
            draft: The step in the making.
            response: The model's reply.

        Raises:
            AgentError: There is no call, or one failed; the results of the others are kept.
        """
        reply, draft.thought = response.message, response.message.text
        calls = list(reply.tool_calls)
        if not calls:
            try:
                calls = [ToolCall("", name, arguments) for name, arguments in parse_tool_calls(reply.text)]
            except AgentParsingError:
                if not self.plain_answers or not reply.text.strip():
                    raise
                draft.value, draft.is_final = reply.text, True
                return
            draft.thought = ""
        calls = _numbered(run, calls)
        kept = [
            part for part in reply.parts if isinstance(part, Thinking) or (isinstance(part, Text) and reply.tool_calls)
        ]
        draft.reply = Message("assistant", (*kept, *calls), reply.data)
        finals = [call for call in calls if call.name in run.tools and run.tools[call.name].final]
        held = finals if len(calls) > 1 else []
        branches = [_refuse(draft, call) if call in held else call_tool(run, draft.records, call) for call in calls]
        outcomes = yield fx.Together(branches=branches)
        for outcome in outcomes:
            if outcome.error is not None and not isinstance(outcome.error, AgentError):
                raise outcome.error
        draft.records = {call.id: draft.records[call.id] for call in calls}
        failed = [outcome.error for outcome in outcomes if outcome.error is not None]
        if finals and not failed:
            draft.value, draft.is_final = outcomes[0].value, True
        elif failed:
            raise failed[0]

    def messages(self, run: Run, draft: Draft) -> tuple[Message, ...]:
        """What the model reads of a step later on.

        Args:
            run: In progress.
            draft: The step.
        """
        assert draft.reply is not None
        most = run.bound.agent.max_observation
        results = []
        for call in draft.reply.tool_calls:
            record = draft.records.get(call.id)
            error = (
                record.error.message
                if record and record.error
                else None
                if record
                else "the run ended before this call"
            )
            parts = as_parts(error if error is not None or record is None else record.value, most)
            results.append(ToolResult(call.id, call.name, parts, error is not None))
        said = [draft.reply, *([message("tool", results)] if results else [])]
        refused = draft.error is not None and not any(result.is_error for result in results)
        if draft.error is not None and refused and not draft.is_final:
            said.append(message("user", f"Error: {draft.error.message}"))
        return tuple(said)


def _refuse(draft: Draft, call: ToolCall) -> fx.Effects:
    """A final answer beside other calls was written without seeing their results."""
    from core_plus.events import StepError, ToolRecord

    error = AgentToolCallError(f"call {call.name} alone, once you have seen the results of the other calls")
    draft.records[call.id] = ToolRecord(call, None, StepError(type(error).__name__, str(error)))
    yield from ()
    raise error


def _numbered(run: Run, calls: list[ToolCall]) -> list[ToolCall]:
    """The calls with ids that are unique in the conversation: providers repeat them or leave them out."""
    if "call ids" not in run.notes:
        run.notes["call ids"] = {call.id for said in run.history for call in said.tool_calls}
    used: set[str] = run.notes["call ids"]
    taken = {call.id for call in calls}
    numbered: list[ToolCall] = []
    for call in calls:
        name, n = call.id, 0
        while not name or name in used:
            n += 1
            name = f"call_{run.step_number}_{len(numbered) + 1}" + (f"_{n}" if n > 1 else "")
            name = "" if name in taken else name
        used.add(name)
        numbered.append(ToolCall(name, call.name, call.arguments, call.data))
    return numbered
