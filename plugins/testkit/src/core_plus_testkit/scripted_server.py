"""A loopback server that says what a script tells it to, in the words of some provider's API."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final, Literal, TypeAlias, cast, get_args

import attrs

from core_plus.messages import Usage
from core_plus_testkit.loopback import Answer, LoopbackServer, Seen

WireFault: TypeAlias = Literal["hang", "hang_midway", "cut", "reset"]
Fault: TypeAlias = WireFault | Literal["error_midway", "html", "bad_json", "bad_utf8", "empty", "no_choices"]
USAGE: Final = Usage(100, 20, 10, 0, 5)
PAGE: Final = b"<!DOCTYPE html><html><title>Gateway</title><body>Please log in</body></html>"


@attrs.frozen(kw_only=True)
class Turn:
    """One reply of the model, or one failure.

    Args:
        text: Its words.
        calls: Its tool calls: names and arguments, the latter as values or as raw text.
        thinking: Its reasoning.
        refusal: Its words of refusal.
        usage: What it counts; None says nothing.
        finish: The finish reason; None takes the usual one.
        status: The HTTP status; from 400 on, `error` is the message.
        error: The words of an error, also of the one in the middle of a stream.
        code: The error's code.
        headers: More headers.
        size: Characters to each streamed delta.
        chunk: Bytes to each write, for breaking apart what belongs together.
        delay: Seconds before the head and between streamed events.
        done: Whether a stream ends with [DONE].
        fault: What goes wrong; see `core_plus_testkit.Answer` for the first four.
    """

    text: str = ""
    calls: Sequence[tuple[str, Any]] = ()
    thinking: str = ""
    refusal: str = ""
    usage: Usage | None = USAGE
    finish: str | None = None
    status: int = 200
    error: str = "scripted failure"
    code: str | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict)
    size: int = 8
    chunk: int | None = None
    delay: float = 0.0
    done: bool = True
    fault: Fault | None = None


Script: TypeAlias = Sequence["Turn | str | Sequence[Turn]"] | Callable[[dict[str, Any]], Turn]


class ScriptedServer(LoopbackServer):
    """Answers from scripts. Inherit and say how a provider writes what a turn says.

    Which turn of its script a request is at is the number of the model's messages that it carries, so any
    number of runs may use one script at once. A list in the place of a turn holds the replies to
    repeated attempts at this step, the last one for all further ones.
    """

    base: ClassVar[str] = ""
    """What stands before every path in the URL that a model is given."""
    last: ClassVar[bytes] = b""
    """What ends a stream, where a turn doesn't say otherwise."""
    stream_type: ClassVar[str] = "text/event-stream"
    half: ClassVar[bytes] = b'{"text": "hal'
    """JSON that was cut off."""

    def __init__(self) -> None:
        super().__init__(self._reply)
        self.respond: Callable[[Seen], Answer] | None = None
        """Answers every request, whatever it is, while it is set."""
        self._scripts: dict[str, Script] = {}
        self._queue: list[Turn] = []
        self._tries: dict[tuple[str, int], int] = {}
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """The base URL to give to a model."""
        return f"{self.origin}{self.base}"

    def script(self, turns: Script, model: str = "") -> None:
        """Say what is answered from now on.

        Args:
            turns: One for each step of a run (a text is a turn that says it), or a function of the request's JSON.
            model: For requests that name this model; "" for all others.
        """
        with self._lock:
            self._scripts[model] = turns
            self._tries.clear()

    def queue(self, *turns: Turn) -> None:
        """Answer the next requests with these, whatever they ask, before the scripts' turn.

        Args:
            *turns: In order.
        """
        with self._lock:
            self._queue.extend(turns)

    # -- what providers differ in

    def handles(self, path: str) -> bool:
        """Whether a path is that of the conversation.

        Args:
            path: Without its query.
        """
        raise NotImplementedError

    def other(self, path: str) -> Any:
        """The JSON at another path; None where there is nothing.

        Args:
            path: Without its query.
        """
        return None

    def complaint(self, body: Any) -> str:
        """What the real server would refuse in a request, "" if nothing.

        Args:
            body: The request's JSON.
        """
        raise NotImplementedError

    def step(self, body: dict[str, Any]) -> int:
        """How many of the model's messages a request carries.

        Args:
            body: The request's JSON.
        """
        return sum(message["role"] == "assistant" for message in body["messages"])

    def model(self, seen: Seen) -> str:
        """The model that a request names.

        Args:
            seen: The request.
        """
        return str(seen.json["model"])

    def streams(self, seen: Seen) -> bool:
        """Whether the reply is wanted piece by piece.

        Args:
            seen: The request.
        """
        return bool(seen.json.get("stream"))

    def whole(self, turn: Turn, seen: Seen, step: int) -> Any:
        """The JSON of a reply that comes at once.

        Args:
            turn: What the model says.
            seen: The request.
            step: Which step of the script it is, for ids.
        """
        raise NotImplementedError

    def events(self, turn: Turn, seen: Seen, step: int) -> list[bytes]:
        """The pieces of a reply that streams, encoded.

        Args:
            turn: What the model says.
            seen: The request.
            step: Which step of the script it is, for ids.
        """
        raise NotImplementedError

    def failure(self, turn: Turn) -> bytes:
        """The piece of a stream that tells of an error.

        Args:
            turn: Holds its words.
        """
        raise NotImplementedError

    def refused(self, status: int, words: str, code: str | None = None) -> Any:
        """The JSON of an error.

        Args:
            status: The HTTP status.
            words: Why.
            code: The error's code.
        """
        raise NotImplementedError

    # -- answering

    def _reply(self, seen: Seen) -> Answer:
        if self.respond is not None:
            return self.respond(seen)
        path = seen.path.partition("?")[0].removeprefix(self.base)
        if not self.handles(path):
            found = self.other(path)
            return as_json(found) if found is not None else self._refuse(404, f"no such path: {seen.path}")
        if complaint := self.complaint(seen.json):
            return self._refuse(400, complaint, "invalid_request_error")
        turn, step = self._turn(seen)
        if turn is None:
            return self._refuse(400, f"the script has no turn {step + 1}")
        return self.answer(turn, seen, step)

    def answer(self, turn: Turn, seen: Seen, step: int = 0) -> Answer:
        """The HTTP answer of a turn.

        Args:
            turn: What the model says.
            seen: The request.
            step: Which step of the script it is; the ids of tool calls hold it.
        """
        common: dict[str, Any] = {"headers": turn.headers, "chunk": turn.chunk, "delay": turn.delay}
        if turn.status >= 400:
            return attrs.evolve(self._refuse(turn.status, turn.error, turn.code), **common)
        broken = {
            "html": Answer(PAGE, content_type="text/html"),
            "bad_json": Answer(self.half),
            "bad_utf8": Answer(self.half[:-3] + b'\xff\xfe"}'),
            "empty": Answer(b""),
            "no_choices": as_json({"id": "x", "object": "chat.completion", "choices": []}),
        }
        if turn.fault is not None and turn.fault in broken:
            return attrs.evolve(broken[turn.fault], **common)
        fault = cast("WireFault | None", turn.fault if turn.fault in get_args(WireFault) else None)
        if not self.streams(seen):
            return attrs.evolve(as_json(self.whole(turn, seen, step)), fault=fault, **common)
        pieces = self.events(turn, seen, step)
        if turn.fault == "error_midway":
            pieces = [*pieces[: len(pieces) // 2], self.failure(turn)]
        elif turn.done and turn.fault is None and self.last:
            pieces.append(self.last)
        return Answer(content_type=self.stream_type, stream=True, pieces=tuple(pieces), fault=fault, **common)

    def _refuse(self, status: int, words: str, code: str | None = None) -> Answer:
        return as_json(self.refused(status, words, code), status)

    def _turn(self, seen: Seen) -> tuple[Turn | None, int]:
        body = seen.json
        step, model = self.step(body), self.model(seen)
        with self._lock:
            if self._queue:
                return self._queue.pop(0), step
            script = self._scripts.get(model, self._scripts.get("", ()))
            attempt = self._tries[model, step] = self._tries.get((model, step), -1) + 1
        if callable(script):
            return script(body), step
        found = script[step] if step < len(script) else None
        if isinstance(found, str):
            return Turn(text=found), step
        if found is None or isinstance(found, Turn):
            return found, step
        return found[min(attempt, len(found) - 1)], step


def as_json(value: Any, status: int = 200) -> Answer:
    """An answer of JSON.

    Args:
        value: What.
        status: The HTTP status.
    """
    return Answer(dumps(value), status)


def dumps(value: Any) -> bytes:
    """JSON as a server writes it, half characters replaced.

    Args:
        value: What.
    """
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def sse(value: Any, name: str = "") -> bytes:
    """A server-sent event.

    Args:
        value: Its data, as JSON.
        name: Its type.
    """
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + dumps(value) + b"\n\n"


def cut(text: str, size: int) -> list[str]:
    """A text in pieces.

    Args:
        text: What.
        size: Characters to each.
    """
    return re.findall(f"(?s).{{1,{size}}}", text)


def arguments_text(given: Any) -> str:
    """The arguments of a scripted call as the JSON text that a model writes.

    Args:
        given: Values, or raw text.
    """
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
