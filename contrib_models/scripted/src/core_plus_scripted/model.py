"""A model that says what a script holds."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from core_plus.errors import ConfigurationError, ModelError
from core_plus.models import Delta, ModelRequest, ModelResponse
from core_plus_scripted.replies import Reply, checked, estimate, pieces, response_to

Mode = Literal["queue", "turn"]


class ScriptedModel:
    """Answers with the turns of a script, at once or word by word. One object serves many runs at once.

    In mode "queue", each call takes the next turn: right for one run, whatever it asks (plans and inner agents
    take theirs too). In mode "turn", a request with n messages of the assistant takes turn n + 1: right for
    many conversations at once, and for a run that is resumed, since nothing is remembered.

    Usage is estimated from lengths, four characters to a token, and marked so (`Usage.unknown_calls`).

    Args:
        replies: The turns, each a text, a `Message`, a `ModelResponse`, an exception to raise, or a function of
            the request that gives one of these. Or a single function, which answers every call. Or a mapping
            from words to turns: the first words that a user's message of the request contains choose the
            script, "" fits any, and so a task or a managed agent has a script of its own.
        name: What people read.
        mode: How the turn is found.
        chunk: How `stream` cuts: "word", a number of characters, or None for whole parts.
        delay: Seconds before each piece of a stream; a whole reply waits once.

    Attributes:
        requests: What it was asked, in order.

    Raises:
        ConfigurationError: The script holds something that is no turn, or nothing.
    """

    def __init__(
        self,
        replies: Sequence[Reply] | Mapping[str, Sequence[Reply]] | Callable[[ModelRequest], Any],
        *,
        name: str = "script",
        mode: Mode = "queue",
        chunk: Literal["word"] | int | None = "word",
        delay: float = 0.0,
    ) -> None:
        if mode not in ("queue", "turn"):
            raise ConfigurationError(f"a scripted model has the modes 'queue' and 'turn', not {mode!r}")
        if chunk not in ("word", None) and not (isinstance(chunk, int) and chunk > 0):
            raise ConfigurationError(f"chunk is 'word', a number of characters or None, not {chunk!r}")
        self._always = replies if callable(replies) else None
        self._scripts = {} if callable(replies) else _scripts(replies)
        self.name, self._mode, self._chunk, self._delay = name, mode, chunk, delay
        self._taken = dict.fromkeys(self._scripts, 0)
        self._lock = threading.Lock()
        self.requests: list[ModelRequest] = []

    def __str__(self) -> str:
        return f"scripted:{self.name}"

    def __repr__(self) -> str:
        return f"<ScriptedModel {self.name}, {sum(map(len, self._scripts.values())) or 'endless'} turns>"

    def forward(self, request: ModelRequest) -> ModelResponse:
        response = self._answer(request)
        self._wait(request)
        return response

    async def aforward(self, request: ModelRequest) -> ModelResponse:
        import asyncio

        response = self._answer(request)
        await asyncio.sleep(self._delay)
        return response

    def stream(self, request: ModelRequest) -> Iterator[Delta]:
        for piece in pieces(self._answer(request), self._chunk):
            self._wait(request)
            yield piece

    async def astream(self, request: ModelRequest) -> AsyncIterator[Delta]:
        import asyncio

        for piece in pieces(self._answer(request), self._chunk):
            await asyncio.sleep(self._delay)
            yield piece

    def count_tokens(self, request: ModelRequest) -> int:
        """Tokens of a request, estimated from its length.

        Args:
            request: All that is asked.
        """
        return estimate(request)

    def _wait(self, request: ModelRequest) -> None:
        stop = request.cancellation
        if self._delay:
            woken = threading.Event()
            forget = stop.on_cancel(woken.set) if stop is not None else woken.clear
            try:
                woken.wait(self._delay)
            finally:
                forget()
        if stop is not None and stop.cancelled:
            raise ModelError(f"stopped: {stop.reason}", provider="scripted", model=self.name)

    def _answer(self, request: ModelRequest) -> ModelResponse:
        with self._lock:
            self.requests.append(request)
            key, turn = self._place(request) if self._always is None else ("", 0)
        if self._always is not None:
            return response_to(self._always, request, self.name, "the function")
        script = self._scripts[key]
        if turn >= len(script):
            raise self._exhausted(key, turn, request)
        return response_to(script[turn], request, self.name, f"turn {turn + 1} of {self._called(key)}")

    def _place(self, request: ModelRequest) -> tuple[str, int]:
        """Which script, and which of its turns, from 0."""
        key = self._key(request)
        if self._mode == "turn":
            return key, sum(said.role == "assistant" for said in request.messages)
        turn, self._taken[key] = self._taken[key], self._taken[key] + 1
        return key, turn

    def _key(self, request: ModelRequest) -> str:
        asked = [said.text for said in request.messages if said.role == "user"]
        for key in self._scripts:
            if not key or any(key in text for text in asked):
                return key
        keys = ", ".join(repr(key) for key in self._scripts)
        raise ModelError(f"no script fits: no user's message holds any of {keys}", provider="scripted", model=self.name)

    def _called(self, key: str) -> str:
        return f"the script {self.name!r}" + (f" for {key!r}" if key else "")

    def _exhausted(self, key: str, turn: int, request: ModelRequest) -> ModelError:
        last = request.messages[-1] if request.messages else None
        shown = f"{last.role}: {last.text[:200]!r}" if last else "none"
        turns = len(self._scripts[key])
        return ModelError(
            f"{self._called(key)} has {turns} turn{'s' * (turns > 1)} and was asked for turn {turn + 1}; "
            f"the last message of the request is {shown}",
            provider="scripted",
            model=self.name,
        )


def _scripts(replies: Sequence[Reply] | Mapping[str, Sequence[Reply]]) -> dict[str, tuple[Reply, ...]]:
    given = replies if isinstance(replies, Mapping) else {"": replies}
    if not given:
        raise ConfigurationError("the script is empty: give it at least one turn")
    ordered = sorted(given.items(), key=lambda item: not item[0])  # "" fits any, so it comes after all others
    return {key: _turns(key, turns) for key, turns in ordered}


def _turns(key: str, turns: Sequence[Reply]) -> tuple[Reply, ...]:
    script = f"the script for {key!r}" if key else "the script"
    if isinstance(turns, str) or not isinstance(turns, Sequence):
        raise ConfigurationError(f"{script} is {turns!r:.100}; give a list of turns, if only of one")
    if not turns:
        raise ConfigurationError(f"{script} is empty: give it at least one turn")
    return tuple(checked(turn, f"turn {number} of {script}") for number, turn in enumerate(turns, 1))
