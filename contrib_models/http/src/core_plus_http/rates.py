"""Rate limits that a provider sets: requests and tokens a minute, kept by waiting before a request is sent.

A limit decides and never waits: a ticket stands in a queue and says how long it may take; the transport waits, in a
thread or on an event loop. So one limit serves models, threads and event loops at once, first come, first served.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from typing import Any, Final, TypeVar

from core_plus.errors import ConfigurationError, ModelError
from core_plus.messages import AnyPart, Message, Usage
from core_plus.models import FinishDelta, ModelRequest, ModelResponse
from core_plus_http.exchange import Exchange, Pause

T = TypeVar("T")

MINUTE: Final = 60.0
SIZE: Final = "http.rates"
CHARACTERS: Final = 4
"""Of a token, about, in English and the usual tokenizers."""
MEDIA: Final = 1000
"""Tokens of a picture or a file, guessed."""
REPLY: Final = 500
"""Tokens of a reply, guessed, where the request sets no most."""


class RateLimit:
    """No more than so many requests and tokens within any minute.

    One object may be given to several models, which then share it. Tokens are guessed before a request is sent
    (a token for four characters, and the reply's most), and corrected when the reply says what it used. A request
    that is guessed to need more tokens than a minute has waits for a minute of its own.

    Args:
        requests: Requests a minute; None is no limit.
        tokens: Tokens a minute, read and written; None is no limit.
        per: Seconds of the "minute", for providers that count otherwise.
        clock: Gives seconds that never go back.

    Raises:
        ConfigurationError: No limit at all, or one that lets nothing pass.
    """

    def __init__(
        self,
        requests: int | None = None,
        tokens: int | None = None,
        *,
        per: float = MINUTE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        given: list[Any] = [number for number in (requests, tokens) if number is not None]
        if not given or not all(type(number) is int and number > 0 for number in given):
            raise ConfigurationError(
                f"RateLimit({requests=}, {tokens=}): give whole numbers from 1, at least one of the two"
            )
        if not per > 0:
            raise ConfigurationError(f"RateLimit({per=}): give seconds above 0")
        self.requests, self.tokens, self.per = requests, tokens, per
        self._clock, self._lock = clock, threading.Lock()
        self._queue: deque[Ticket] = deque()
        self._passed: deque[Ticket] = deque()
        self._used = 0

    def __repr__(self) -> str:
        numbers = {"requests": self.requests, "tokens": self.tokens}
        limits = " and ".join(f"{number} {name}" for name, number in numbers.items() if number is not None)
        return f"<RateLimit {limits} per {self.per:g} s>"

    def enter(self, tokens: int = 0) -> Ticket:
        """Stand in the queue.

        Args:
            tokens: What the request is guessed to need.
        """
        ticket = Ticket(tokens if self.tokens is None else min(tokens, self.tokens))
        with self._lock:
            self._queue.append(ticket)
        return ticket

    def waits(self, ticket: Ticket) -> Pause | None:
        """The wait before asking again, or None: send now.

        Args:
            ticket: Whose wait.
        """
        with self._lock:
            now = self._clock()
            self._advance(now)
            if ticket.passed is not None:
                return None
            ticket.woken = Future()
            return Pause(self._left(ticket, now) if self._queue[0] is ticket else None, ticket.woken)

    def settle(self, ticket: Ticket, tokens: int) -> None:
        """Correct the guess.

        Args:
            ticket: Which request's.
            tokens: What it really used, read and written.
        """
        with self._lock:
            self._used += tokens - ticket.tokens if ticket in self._passed else 0
            ticket.tokens = tokens
            self._advance(self._clock())

    def leave(self, ticket: Ticket) -> None:
        """Give a place back: nothing was sent.

        Args:
            ticket: Whose place.
        """
        with self._lock:
            if ticket in self._queue:
                self._queue.remove(ticket)
            elif ticket in self._passed:
                self._passed.remove(ticket)
                self._used -= ticket.tokens
            self._advance(self._clock())

    def _advance(self, now: float) -> None:
        """Let pass who may, and tell those who wait: who has passed, and who is now the first."""
        while self._passed and now - (self._passed[0].passed or 0.0) >= self.per:
            self._used -= self._passed.popleft().tokens
        while self._queue and self._fits(self._queue[0], len(self._passed), self._used):
            ticket = self._queue.popleft()
            ticket.passed = now
            self._passed.append(ticket)
            self._used += ticket.tokens
            ticket.wake()
        if self._queue:
            self._queue[0].wake()

    def _fits(self, ticket: Ticket, requests: int, used: int) -> bool:
        enough = self.tokens is None or used <= 0 or used + ticket.tokens <= self.tokens
        return enough and (self.requests is None or requests < self.requests)

    def _left(self, ticket: Ticket, now: float) -> float:
        """Seconds until the first in the queue fits, if nothing changes."""
        at, requests, used = now, len(self._passed), self._used
        for past in self._passed:
            if self._fits(ticket, requests, used):
                break
            at, requests, used = (past.passed or 0.0) + self.per, requests - 1, used - past.tokens
        return max(at - now, 0.0)


class Ticket:
    """One request's place: in the queue, then among those of the last minute.

    Args:
        tokens: What it is thought to need.
    """

    __slots__ = ("passed", "tokens", "woken")

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens
        self.passed: float | None = None
        self.woken: Future[None] | None = None

    def wake(self) -> None:
        """End its wait."""
        if self.woken is not None:
            with contextlib.suppress(InvalidStateError):  # it was ended or cancelled before
                self.woken.set_result(None)


def as_rate(rate: RateLimit | Mapping[str, Any] | None) -> RateLimit | None:
    """What a caller says of rates, as a `RateLimit`.

    Args:
        rate: A mapping holds its arguments, as a file of settings does.

    Raises:
        ConfigurationError: It is no limit.
    """
    if rate is None or isinstance(rate, RateLimit):
        return rate
    try:
        return RateLimit(**rate)
    except TypeError as error:
        raise ConfigurationError(
            f"rate={rate!r}: give RateLimit(requests=..., tokens=...) or these in a mapping"
        ) from error


def within(limit: RateLimit, request: ModelRequest, exchange: Exchange[T]) -> Exchange[T]:
    """An exchange that waits for its turn, and tells the limit what it used.

    Args:
        limit: The limit.
        request: What is asked, to guess its tokens.
        exchange: Fresh.
    """
    ticket = limit.enter(estimate(request) if limit.tokens is not None else 0)
    sent = False
    try:
        while (pause := limit.waits(ticket)) is not None:
            yield pause
        sent = True
        return (yield from _counted(limit, ticket, exchange))
    except ModelError as error:
        if sent and error.status is not None:
            limit.settle(ticket, 0)  # refused, and so not read
        raise
    finally:
        exchange.close()
        if not sent:
            limit.leave(ticket)


def _counted(limit: RateLimit, ticket: Ticket, exchange: Exchange[T]) -> Exchange[T]:
    """The exchange itself, looking at what passes for the tokens used."""
    answer: Any = None
    failure: ModelError | None = None
    used: Usage | None = None
    try:
        while True:
            item = exchange.send(answer) if failure is None else exchange.throw(failure)
            answer = failure = None
            if isinstance(item, list):
                used = _usage(item) or used
            try:
                answer = yield item
            except ModelError as error:
                failure = error
    except StopIteration as end:
        value: T = end.value
        used = value.usage if isinstance(value, ModelResponse) else used
        return value
    finally:
        if used is not None:
            limit.settle(ticket, used.total_tokens)


def _usage(items: Sequence[Any]) -> Usage | None:
    return next((item.usage for item in reversed(items) if isinstance(item, FinishDelta) and item.usage), None)


def estimate(request: ModelRequest) -> int:
    """Tokens of a request and its reply, guessed from lengths. Each message is measured once.

    Args:
        request: All that is asked.
    """
    tools = sum(len(tool.name) + len(tool.description) + 8 * len(tool.parameters) for tool in request.tools)
    said = sum(message.__dict__.get(SIZE) or _measured(message) for message in request.messages)
    return said + tools // CHARACTERS + (REPLY if request.max_tokens is None else request.max_tokens)


def _measured(message: Message) -> int:
    size: int = 1 + sum(map(_size, message.parts))
    message.__dict__[SIZE] = size
    return size


def _size(part: AnyPart) -> int:
    if hasattr(part, "media_type"):
        return MEDIA
    inner: Sequence[AnyPart] = getattr(part, "parts", ())
    words = len(getattr(part, "text", "")) + len(str(getattr(part, "arguments", "")))
    return words // CHARACTERS + sum(map(_size, inner))
