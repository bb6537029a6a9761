"""What each kind of effect leaves in the journal, and how it comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core_plus import effects as fx
from core_plus import errors
from core_plus.errors import AgentError, CorePlusError, JournalError, ModelError
from core_plus.events import ActionStep, FinalAnswerStep, NoteStep, PlanningStep, TaskStep
from core_plus.executors import CodeError, CodeRequest, Done, Output, Paused
from core_plus.memory import as_data
from core_plus.messages import Message, ToolCall
from core_plus.models import ModelResponse
from core_plus.run import Run
from core_plus_journal.values import HIDDEN, arguments_tree, struct_of, tree_of, value_of, variables_tree

KINDS: Mapping[type, Any] = {
    fx.CallModel: "model",
    fx.CallTool: "tool",
    fx.RunCode: "code",
    fx.ResumeCode: "answers",
    fx.AskHuman: "question",
    fx.Consult: "callback",
}


def is_secret(run: Run, name: str) -> bool:
    """Whether a tool is marked so that its values are left out.

    Args:
        run: Whose tool.
        name: The tool's.
    """
    return bool(getattr(run.bound.tools.get(name), "secret", False))


# ---- intents ------------------------------------------------------------------


def what_of(run: Run, effect: Any) -> dict[str, Any]:
    """What is wanted, as an intent says it.

    Args:
        run: Whose effect.
        effect: What is about to be performed.
    """
    if isinstance(effect, fx.CallTool):
        given: Any = effect.call.arguments
        arguments = HIDDEN if effect.tool.secret else variables_tree(given)
        more = {} if effect.origin == "native" else {"origin": effect.origin}
        return {
            "tool": effect.call.name,
            "arguments": arguments,
            "call": effect.call.id,
            "effect": effect.tool.effect,
            **more,
        }
    if isinstance(effect, fx.CallModel):
        model = str(effect.model or run.bound.model or "")
        return {"purpose": effect.purpose, "model": model, "messages": len(effect.request.messages)}
    if isinstance(effect, fx.RunCode):
        return {"code": effect.code}
    if isinstance(effect, fx.ResumeCode):
        return {"answers": [answer.id for answer in effect.answers]}
    if isinstance(effect, fx.AskHuman):
        return {"question": as_data(effect.question)}
    return {"name": effect.name}


# ---- outcomes -----------------------------------------------------------------


def kept_value(run: Run, effect: Any, value: Any) -> Any:
    """What an effect gave, as an outcome keeps it.

    Args:
        run: Whose effect.
        effect: What was performed.
        value: What came of it.
    """
    if isinstance(effect, fx.CallTool):
        return HIDDEN if effect.tool.secret else tree_of(value)
    if isinstance(effect, fx.CallModel):
        return as_data(_without_secrets(run, value))
    if isinstance(effect, fx.RunCode | fx.ResumeCode):
        return _turn_data(run, value)
    return word_data(value) if isinstance(effect, fx.Consult) else tree_of(value)


def given_value(effect: Any, data: Any) -> Any:
    """The same, back from an outcome.

    Args:
        effect: What is wanted again.
        data: What was kept.

    Raises:
        JournalError: It can't be read, or was left out.
    """
    if isinstance(effect, fx.CallModel):
        response: ModelResponse = struct_of(data, ModelResponse)
        if any(call.arguments == HIDDEN for call in response.message.tool_calls):
            raise JournalError("it calls a tool marked secret, whose values are left out of a journal")
        return response
    if isinstance(effect, fx.RunCode | fx.ResumeCode):
        return _turn(data)
    return word_of(data) if isinstance(effect, fx.Consult) else value_of(data)


def _without_secrets(run: Run, response: ModelResponse) -> ModelResponse:
    import msgspec

    parts = response.message.parts
    if not any(isinstance(part, ToolCall) and is_secret(run, part.name) for part in parts):
        return response
    hidden = tuple(
        ToolCall(part.id, part.name, HIDDEN) if isinstance(part, ToolCall) and is_secret(run, part.name) else part
        for part in parts
    )
    message = Message(response.message.role, hidden)
    return msgspec.structs.replace(response, message=message, data=None)


def _turn_data(run: Run, turn: Paused | Done) -> dict[str, Any]:
    output = {"output": [[one.stream, one.text] for one in turn.output]} if turn.output else {}
    if isinstance(turn, Paused):
        requests = [
            [r.id, r.name, HIDDEN if is_secret(run, r.name) else arguments_tree(r.args, r.kwargs), r.line]
            for r in turn.requests
        ]
        return {"requests": requests, "running": turn.running, **output}
    error = {"error": as_data(turn.error)} if turn.error else {}
    value = {"value": tree_of(turn.value)} if turn.has_value or turn.is_final else {}
    printed = {name: text for name, text in (("stdout", turn.stdout), ("stderr", turn.stderr)) if text}
    return {"done": True, "final": turn.is_final, **value, **printed, **error, **output}


def _turn(data: Any) -> Paused | Done:
    output = tuple(Output(text, stream) for stream, text in data.get("output", ()))
    if "done" not in data:
        return Paused(tuple(_request(*one) for one in data["requests"]), output, data["running"])
    error = struct_of(data["error"], CodeError) if "error" in data else None
    return Done(
        value=value_of(data.get("value")),
        is_final=data["final"],
        stdout=data.get("stdout", ""),
        stderr=data.get("stderr", ""),
        error=error,
        has_value="value" in data,
        output=output,
    )


def _request(number: int, name: str, trees: Any, line: int | None = None) -> CodeRequest:
    if trees == HIDDEN:
        raise JournalError(f"the code calls {name}, a tool marked secret, whose values are left out of a journal")
    args, named = trees
    return CodeRequest(
        number, name, tuple(map(value_of, args)), {key: value_of(one) for key, one in named.items()}, line
    )


# ---- errors -------------------------------------------------------------------

_MODEL_FIELDS = ("provider", "model", "status", "request_id", "retry_after", "partial")


def error_data(error: BaseException) -> dict[str, Any]:
    """An error as an outcome keeps it.

    Args:
        error: What an effect raised.
    """
    kept: dict[str, Any] = {"class": type(error).__name__, "text": str(error)}
    if isinstance(error, ModelError):
        facts = {name: getattr(error, name) for name in _MODEL_FIELDS if getattr(error, name)}
        return {**kept, "text": error.message, **facts}
    return kept


def error_of(data: Mapping[str, Any]) -> Exception:
    """The same, back; an error of a class that isn't the kernel's comes back as an `AgentError`'s nearest kind.

    Args:
        data: What was kept.
    """
    name, text = str(data["class"]), str(data["text"])
    found = getattr(errors, name, None)
    if isinstance(found, type) and issubclass(found, ModelError):
        return found(text, **{key: data[key] for key in _MODEL_FIELDS if key in data})
    if isinstance(found, type) and issubclass(found, CorePlusError) and not issubclass(found, errors.RunError):
        error: Exception = found(text)
        return error
    return Foreign(name, text)


class Foreign(AgentError):
    """An error of a class of the user's, out of a journal.

    Args:
        name: The class it was of.
        text: What it said.
    """

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}")


# ---- words --------------------------------------------------------------------

_STEPS = {step.__name__: step for step in (TaskStep, NoteStep, PlanningStep, ActionStep, FinalAnswerStep)}


def word_data(word: Any) -> dict[str, Any]:
    """What a plugin or a callback said.

    Args:
        word: A decision, a steer, an outcome, or any value.
    """
    if isinstance(word, fx.Outcome):
        return {"error": error_data(word.error)} if word.error else {"outcome": _any_outcome(word.value)}
    if isinstance(word, fx.Edit):
        return {"Edit": [as_data(step) for step in word.steps]}
    if isinstance(word, fx.Stop):
        return {"Stop": [tree_of(word.output), word.reason]}
    if isinstance(word, fx.Retry):
        model = None if word.model is None else str(word.model)
        return {"Retry": [word.after, model, word.reason]}
    if isinstance(word, fx.Allow | fx.Ask | fx.Deny | fx.Continue):
        return {type(word).__name__: as_data(word)}
    return {"value": tree_of(word)}


def _any_outcome(value: Any) -> Any:
    return {"response": as_data(value)} if isinstance(value, ModelResponse) else {"tree": tree_of(value)}


def word_of(data: Mapping[str, Any]) -> Any:
    """The same, back.

    Args:
        data: What was kept.

    Raises:
        JournalError: It is no word.
    """
    ((kind, said),) = data.items()
    if kind == "error":
        return fx.Outcome(error=error_of(said))
    if kind == "outcome":
        given = struct_of(said["response"], ModelResponse) if "response" in said else value_of(said["tree"])
        return fx.Outcome(given)
    if kind == "Edit":
        return fx.Edit(tuple(struct_of(step, _STEPS[step["type"]]) for step in said))
    if kind == "Stop":
        return fx.Stop(value_of(said[0]), said[1])
    if kind == "Retry":
        return fx.Retry(*said)
    if kind == "value":
        return value_of(said)
    known: dict[str, type] = {"Allow": fx.Allow, "Ask": fx.Ask, "Deny": fx.Deny, "Continue": fx.Continue}
    if kind not in known:
        raise JournalError(f"a kept word can't be read: {kind!r:.80}")
    return struct_of(said, known[kind])
