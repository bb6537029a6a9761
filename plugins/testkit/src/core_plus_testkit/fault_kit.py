"""What every model makes of a server that fails, as tests to inherit."""

from __future__ import annotations

import asyncio
import functools
import gzip
import logging
import re
import traceback
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from core_plus.errors import CutStreamError, MalformedReplyError, ModelError
from core_plus.messages import message
from core_plus.models import Delta, ModelRequest
from core_plus_testkit.faults import (
    BOTH_WAYS,
    HARMLESS,
    HARMLESS_EVENTS,
    HUGE,
    SAID,
    SSE,
    STREAMED,
    Fault,
    Make,
    streamed,
)
from core_plus_testkit.loopback import Answer, Seen
from core_plus_testkit.model_kit import KEY, collected, eventually
from core_plus_testkit.scripted_server import ScriptedServer

REQUEST = ModelRequest((message("system", "Be brief."), message("user", "hi")))
WAYS = ("forward", "stream", "aforward", "astream")


class FaultKit:
    """Inherit it in a test class, give `server`, and `make`: a model that talks to an address with `KEY`.

    Each fault is met by sync and async calls, at once and streamed; it must end in the typed error, with nothing
    left open, and with the key nowhere: in no text, log, repr, nor in a local variable that a traceback may show.
    """

    server: ClassVar[type[ScriptedServer]]

    def make(self, url: str, **settings: Any) -> Any:
        """A model with `KEY` as its key; override it.

        Args:
            url: The server.
            **settings: `timeout`, in seconds for a whole call, or an httpx `client`.
        """
        raise NotImplementedError(f"{type(self).__name__} must give `make`")

    @pytest.fixture
    def backend(self) -> Iterator[ScriptedServer]:
        """The server that fails."""
        with self.server() as server:
            yield server

    @pytest.mark.parametrize("name", BOTH_WAYS)
    def test_a_fault_is_a_typed_error(
        self, backend: ScriptedServer, name: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            for way in WAYS:
                self._met(backend, BOTH_WAYS[name], way)
        assert KEY not in f"{caplog.text} {[record.args for record in caplog.records]}"

    @pytest.mark.parametrize("name", STREAMED)
    def test_a_fault_in_a_stream_says_whether_output_was_given(
        self, backend: ScriptedServer, name: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            for way in WAYS[1::2]:
                self._met(backend, STREAMED[name], way)
        assert KEY not in f"{caplog.text} {[record.args for record in caplog.records]}"

    @pytest.mark.parametrize("name", HARMLESS)
    def test_what_is_odd_but_complete_is_read(self, backend: ScriptedServer, name: str) -> None:
        streams = name.endswith("last word")
        self._read(backend, HARMLESS[name], WAYS[1::2] if streams else WAYS)

    @pytest.mark.parametrize("name", HARMLESS_EVENTS)
    def test_odd_events_are_read(self, backend: ScriptedServer, name: str) -> None:
        if backend.stream_type != SSE:
            pytest.skip("it streams in another form")
        self._read(backend, HARMLESS_EVENTS[name], WAYS[1::2])

    def test_a_redirect_takes_the_key_nowhere(self, backend: ScriptedServer) -> None:
        with type(backend)() as elsewhere:
            backend.respond = lambda _: Answer(b"", 307, headers={"location": f"{elsewhere.origin}/v1"})
            for way in WAYS:
                with pytest.raises(ModelError):
                    self._asked(self.make(backend.url), way)
            assert elsewhere.requests == []

    @pytest.mark.parametrize("way", ["forward", "stream"])
    @pytest.mark.slow
    def test_a_reply_without_measure_is_given_up(self, backend: ScriptedServer, way: str) -> None:
        huge = b'{"x": "' + b"x" * HUGE
        for answer in (Answer(huge), streamed(backend, b"data: ", huge)):
            backend.respond = functools.partial(_same, answer)
            with pytest.raises(MalformedReplyError):
                self._asked(self.make(backend.url), way)

    @pytest.mark.parametrize("way", ["forward", "stream"])
    @pytest.mark.slow
    def test_a_bomb_through_a_callers_client_is_given_up(self, backend: ScriptedServer, way: str) -> None:
        httpx = pytest.importorskip("httpx", reason="httpx isn't installed")
        bomb = gzip.compress(b'data: {"x": "' + bytes(HUGE))
        backend.respond = lambda _: Answer(bomb, headers={"content-encoding": "gzip"}, content_type=backend.stream_type)
        with httpx.Client() as client, pytest.raises(MalformedReplyError):
            self._asked(self.make(backend.url, client=client), way)

    def test_the_next_call_is_none_the_worse_for_it(self, backend: ScriptedServer) -> None:
        model = self.make(backend.url)
        for fault in (*BOTH_WAYS.values(), *STREAMED.values()):
            if fault.timeout is None:
                backend.respond = functools.partial(fault.answer, backend)
                with pytest.raises(ModelError):
                    self._asked(model, "stream")
        backend.respond = lambda seen: backend.answer(SAID, seen)
        assert self._asked(model, "forward") == self._asked(model, "stream") == SAID.text
        model.close()

    def _met(self, backend: ScriptedServer, fault: Fault, way: str) -> None:
        backend.respond = functools.partial(fault.answer, backend)
        model = self.make(backend.url, timeout=fault.timeout or 30.0)
        given: list[Delta] = []
        with pytest.raises(ModelError) as caught:
            self._asked(model, way, given)
        error = caught.value
        if type(error) is not fault.kind:  # an empty stream tells no more than that it ended
            assert (fault.kind, type(error)) == (MalformedReplyError, CutStreamError), repr(error)
        else:
            assert error.retryable is (fault.retryable and not given), repr(error)
            assert re.search(fault.words, str(error)), str(error)
        assert error.partial is bool(given)
        assert given or not (fault.partial and "stream" in way)
        assert str(model) in str(error)
        assert KEY not in f"{told_by(error, variables=not fault.echoes)} {model!r} {model!s}"
        model.close()
        eventually(lambda: backend.connections == 0)

    def _read(self, backend: ScriptedServer, make: Make, ways: tuple[str, ...]) -> None:
        backend.respond = functools.partial(make, backend)
        model = self.make(backend.url)
        assert [self._asked(model, way) for way in ways] == [SAID.text] * len(ways)
        model.close()

    def _asked(self, model: Any, way: str, given: list[Delta] | None = None) -> str:
        """The words of a reply; `given` keeps what came before a failure."""
        given = [] if given is None else given
        if way == "stream":
            given.extend(model.stream(REQUEST))
        elif way == "astream":
            asyncio.run(_drained(model.astream(REQUEST), given))
        else:
            reply = model.forward(REQUEST) if way == "forward" else asyncio.run(model.aforward(REQUEST))
            return str(reply.message.text)
        return collected(given).message.text


def told_by(error: BaseException, *, variables: bool) -> str:
    """All that an error tells to who looks closely, its causes included.

    Args:
        error: Which.
        variables: Whether to look into the local variables of the frames of our own code too.
    """
    told = [f"{error} {error!r} {error.args} {error.__dict__}", *traceback.format_exception(error)]
    cause: BaseException | None = error
    while variables and cause is not None:
        for frame, _ in traceback.walk_tb(cause.__traceback__):
            name = str(frame.f_globals.get("__name__"))
            if name.startswith("core_plus") and not name.startswith("core_plus_testkit"):
                told.append(repr(frame.f_locals))
        cause = cause.__cause__ or cause.__context__
    return " ".join(told)


def _same(answer: Answer, seen: Seen) -> Answer:
    return answer


async def _drained(deltas: Any, given: list[Delta]) -> None:
    async for delta in deltas:
        given.append(delta)  # noqa: PERF401 (a comprehension would lose what came before a failure)
