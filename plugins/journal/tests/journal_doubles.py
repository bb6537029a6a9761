"""What the journal's tests share: a model that remembers nothing, a world that counts, records to cut."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from core_plus import Event, Message, ModelRequest, ModelResponse, RunContext, Tool, ToolCall, Usage, message, tool
from core_plus.events import ModelDelta, RunFinished
from core_plus_journal.memory import MemoryStore
from core_plus_journal.records import AnyRecord, header_of, record_of

USAGE = Usage(input_tokens=10, output_tokens=2)


class Told:
    """A model that answers by how often it has spoken in the request, as a real one does: a new process knows nothing.

    Args:
        *replies: Texts, parts, messages, errors to raise, or functions of the request that give such.
        name: What people read.

    Attributes:
        calls: How often it was asked.
    """

    def __init__(self, *replies: Any, name: str = "told:test") -> None:
        self.replies, self.name, self.calls = replies, name, 0

    def __str__(self) -> str:
        return self.name

    def forward(self, request: ModelRequest) -> ModelResponse:
        self.calls += 1
        reply = self.replies[sum(said.role == "assistant" for said in request.messages)]
        if callable(reply):
            reply = reply(request)
        if isinstance(reply, BaseException):
            raise reply
        return ModelResponse(reply if isinstance(reply, Message) else message("assistant", reply), USAGE)


def call(name: str, call_id: str = "", **arguments: Any) -> ToolCall:
    """A tool call as a model makes it."""
    return ToolCall(call_id, name, arguments)


def code(source: str) -> str:
    """A reply that holds code."""
    return f"I act.\n<code>\n{source}\n</code>"


class World:
    """Where effects happen: each adds a line, so that what happens twice stands there twice.

    Attributes:
        deeds: What was done, in order.
        at: Called before a deed, with its name: a test may look at the journal, or end the process' life.
    """

    def __init__(self) -> None:
        self.deeds: list[str] = []
        self.keys: dict[str, list[str]] = {}
        self.at: Callable[[str], None] = lambda name: None
        self._lock = threading.Lock()

    def do(self, name: str, key: str = "") -> None:
        self.at(name)
        with self._lock:
            self.deeds.append(name)
            self.keys.setdefault(name, []).append(key)

    @property
    def twice(self) -> list[str]:
        """What was done more than once."""
        return sorted(name for name, times in Counter(self.deeds).items() if times > 1)

    def tools(self) -> list[Tool]:
        """A tool of each sort: a write, an async write, an idempotent one, a read, one that sets variables."""

        @tool
        def pay(amount: int) -> str:
            """Pay an amount.

            Args:
                amount: How much.
            """
            self.do(f"pay {amount}")
            return f"paid {amount}"

        @tool
        async def send(letter: str, wait: float = 0.0) -> str:
            """Send a letter.

            Args:
                letter: Which.
                wait: Seconds that it takes.
            """
            await asyncio.sleep(wait)
            self.do(f"send {letter}")
            return f"sent {letter}"

        @tool(effect="idempotent")
        def book(context: RunContext, seat: int) -> str:
            """Book a seat; the service knows the key.

            Args:
                seat: Which.
            """
            if context.idempotency_key not in self.keys.get(f"book {seat}", ()):
                self.do(f"book {seat}", context.idempotency_key)
            return f"seat {seat}"

        @tool(effect="read")
        def look(at: str) -> str:
            """Look something up.

            Args:
                at: What.
            """
            self.at(f"look {at}")
            return at.upper()

        @tool
        def note(context: RunContext, name: str, value: Any) -> None:
            """Set a variable.

            Args:
                name: Which.
                value: To what.
            """
            self.do(f"note {name}")
            context.state[name] = value

        return [pay, send, book, look, note]


class Untouched(World):
    """A world where nothing may happen."""

    def do(self, name: str, key: str = "") -> None:
        raise AssertionError(f"{name} was done")


class Desk:
    """A UI where somebody sits: answers are taken one after another, or given by a function of the question."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), []

    def observe(self, event: Event) -> None:
        """Events are shown elsewhere."""

    def ask(self, question: Any) -> Any:
        self.asked.append(question)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(question) if callable(answer) else answer

    def close(self) -> None:
        """Nothing to give back."""


class Watcher:
    """An observer that keeps what it sees."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def observe(self, event: Event) -> None:
        self.events.append(event)


def told(events: Iterable[Event]) -> list[Event]:
    """Events as they are compared: how finely words came is no part of a run."""
    return [event for event in events if not isinstance(event, ModelDelta)]


def lines_of(store: MemoryStore, run_id: str) -> list[bytes]:
    """The lines of a kept run."""
    return list(store.read(run_id))


def records_of(store: Any, run_id: str) -> list[AnyRecord]:
    """The records of a kept run, the header first."""
    header, *rest = store.read(run_id)
    return [header_of(header, "here"), *(record_of(line, "here") for line in rest)]


def cut(lines: Sequence[bytes], run_id: str, into: MemoryStore | None = None) -> MemoryStore:
    """A store with the first lines of a run, as a process leaves it that was killed after writing them."""
    store = into or MemoryStore()
    epoch = MemoryStore.create(store, run_id, lines[0])
    if len(lines) > 1:
        MemoryStore.append(store, run_id, epoch, lines[1:])
    store.release(run_id, epoch)
    return store


def ended(events: Sequence[Event]) -> RunFinished:
    """The last event."""
    last = events[-1]
    assert isinstance(last, RunFinished)
    return last
