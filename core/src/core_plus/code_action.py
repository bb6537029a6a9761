"""The code action: the model writes Python, the executor runs it, its calls of tools are effects of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from core_plus import effects as fx
from core_plus.calls import call_tool
from core_plus.errors import AgentExecutionError, AgentParsingError, ConfigurationError, JournalError, LimitReached
from core_plus.events import CodeOutput, CodeStarted
from core_plus.executors import Answer, CodeError, CodeRequest, Done, Turn
from core_plus.messages import Audio, File, Image, Message, Text, ToolCall, message
from core_plus.models import ModelResponse
from core_plus.parsing import CODE_TAGS, MARKDOWN_TAGS, split_reply
from core_plus.render import as_parts, cut

if TYPE_CHECKING:
    from core_plus.loop import Draft
    from core_plus.run import Run

THOUGHT_AND_CODE = {
    "title": "ThoughtAndCode",
    "type": "object",
    "properties": {"thought": {"type": "string"}, "code": {"type": "string"}},
    "required": ["thought", "code"],
    "additionalProperties": False,
}
"""The JSON Schema of a structured reply."""


class CodeStyle:
    """How a code agent asks, acts and remembers.

    Args:
        tags: What stands before and after code in a reply, or "markdown".
        structured: Whether the model answers as JSON with a thought and code.
    """

    def __init__(self, tags: tuple[str, str] | str = CODE_TAGS, structured: bool = False) -> None:
        pair: Any = MARKDOWN_TAGS if tags == "markdown" else tags
        if (
            not isinstance(pair, tuple | list)
            or len(pair) != 2
            or not all(isinstance(tag, str) and tag for tag in pair)
        ):
            raise ConfigurationError(f'code tags are "markdown" or a pair of texts, not {tags!r}')
        self.tags: tuple[str, str] = tuple(pair)
        self.structured = structured
        self.prompt = "code_structured" if structured else "code"

    def values(self, run: Run) -> dict[str, Any]:
        """What the system prompt is filled with.

        Args:
            run: In progress.
        """
        imports = run.bound.agent.imports(run.bound)
        named = "any" if imports is None or "*" in imports else ", ".join(imports)
        return {"open_tag": self.tags[0], "close_tag": self.tags[1], "imports": named}

    def describe(self, tool: Any) -> str:
        """A tool in the prompt's words: its signature and docstring.

        Args:
            tool: The tool.
        """
        text: str = tool.to_code_prompt()
        return text

    def request(self, run: Run) -> dict[str, Any]:
        """What a request has besides messages.

        Args:
            run: In progress.
        """
        if self.structured:
            return {"output_schema": THOUGHT_AND_CODE}
        return {} if self.tags[1] in self.tags[0] else {"stop": (self.tags[1],)}

    def act(self, run: Run, draft: Draft, response: ModelResponse) -> fx.Effects:
        """Find the code in a reply and run it.

        Args:
            run: In progress.
            draft: The step in the making.
            response: The model's reply.

        Raises:
            AgentError: There is no code, or it failed.
        """
        text = response.message.text
        if self.structured:
            draft.thought, draft.code = _structured(text)
        else:
            draft.thought, draft.code = split_reply(text, self.tags)
            draft.reply = _repaired(response.message, self.tags)
        run.emit(CodeStarted(code=draft.code))
        done = yield from run_code(run, draft, draft.code)
        draft.stdout = done.stdout
        draft.value, draft.is_final = done.value, done.is_final
        draft.observation = _observation(run, done)
        if done.has_value and not done.is_final:
            shown = [part for part in as_parts(done.value) if not isinstance(part, Text)]
            draft.parts += [part for part in shown if part not in draft.parts]
        if done.error is not None:
            raise AgentExecutionError(_explained(done.error))

    def messages(self, run: Run, draft: Draft) -> tuple[Message, ...]:
        """What the model reads of a step later on.

        Args:
            run: In progress.
            draft: The step.
        """
        assert draft.reply is not None
        pieces = [draft.observation] if draft.observation else []
        if draft.error is not None and not draft.is_final:
            pieces.append(f"Error: {draft.error.message}")
            pieces.append("The step failed. Look at the error and go on from here another way.")
        said = "\n".join(pieces) or "The code ran and printed nothing."
        return draft.reply, message("user", [said, *draft.parts])


def run_code(run: Run, draft: Draft, code: str) -> fx.Effects:
    """Run a snippet to its end, answering its calls as they come.

    Calls made one by one are performed in place; several at once, or with timers running in the code, are
    branches of the run, and the code goes on with whichever is done first.

    Args:
        run: In progress.
        draft: Where the calls are kept.
        code: Python source.

    Returns:
        `Done`.
    """
    turn: Turn = yield fx.RunCode(code=code)
    branches, listening = 0, False
    while True:
        for output in turn.output:
            run.emit(CodeOutput(text=output.text, stream=output.stream))
        if isinstance(turn, Done):
            break
        if len(turn.requests) == 1 and not branches and not turn.running and not listening:
            turn = yield fx.ResumeCode(answers=((yield from _answer(run, draft, turn.requests[0])),))
            continue
        for request in turn.requests:
            yield fx.Begin(key=request.id, branch=_answer(run, draft, request))
            branches += 1
        if not branches and not listening:
            turn = yield fx.ResumeCode()
            continue
        if turn.running and not listening:
            yield fx.Begin(key="code", branch=fx.ResumeCode())
            listening = True
        key, outcome = yield fx.FirstDone()
        if key == "code":
            listening, turn = False, outcome.get()
        else:
            branches -= 1
            turn = yield fx.ResumeCode(answers=(outcome.get(),))
    for _ in range(branches + listening):
        # The code didn't wait for these calls; what they do is done, and stands in the record.
        yield fx.FirstDone()
    return turn


def _answer(run: Run, draft: Draft, request: CodeRequest) -> fx.Effects:
    call = ToolCall(f"{draft.number}.{len(draft.records) + 1}.{request.id}", request.name, dict(request.kwargs))
    try:
        value = yield from call_tool(run, draft.records, call, request.args, "code")
    except (LimitReached, JournalError):
        raise
    except Exception as error:
        return Answer(request.id, None, str(error), type(error).__name__)
    if isinstance(value, Image | Audio | File):
        draft.parts.append(value)
    return Answer(request.id, value)


def _structured(text: str) -> tuple[str, str]:
    try:
        found = msgspec.json.decode(text[text.find("{") : text.rfind("}") + 1], type=dict[str, str])
        return found.get("thought", ""), found["code"]
    except (msgspec.DecodeError, KeyError, UnicodeEncodeError) as error:
        raise AgentParsingError(
            'your reply is not the JSON object that was asked for: answer {"thought": "…", "code": "…"}, nothing else'
        ) from error


def _repaired(reply: Message, tags: tuple[str, str]) -> Message:
    """The reply with the closing tag that a stop sequence cut off."""
    text = reply.text
    if tags[0] not in text or tags[1] in text.rpartition(tags[0])[2]:
        return reply
    last = max(index for index, part in enumerate(reply.parts) if isinstance(part, Text))
    parts = [
        Text(f"{part.text.rstrip()}\n{tags[1]}") if index == last and isinstance(part, Text) else part
        for index, part in enumerate(reply.parts)
    ]
    return Message(reply.role, tuple(parts), reply.data)


def _observation(run: Run, done: Done) -> str:
    most = run.bound.agent.max_observation
    pieces = [f"Printed:\n{cut(done.stdout.rstrip(), most)}"] if done.stdout.strip() else []
    if done.stderr.strip():
        pieces.append(f"Printed to stderr:\n{cut(done.stderr.rstrip(), most)}")
    if done.has_value and done.value is not None and not done.is_final:
        words = "".join(part.text for part in as_parts(done.value, most) if isinstance(part, Text))
        pieces += [f"Value of the last line:\n{words}"] if words else []
    return "\n".join(pieces)


def _explained(error: CodeError) -> str:
    where = f"\n{error.traceback.rstrip()}" if error.traceback else ""
    lost = f"\nLost: {error.lost}. Set up again what you need." if error.lost else ""
    return f"{error.kind}: {error.message}{where}{lost}" if error.message else f"{error.kind}{where}{lost}"
