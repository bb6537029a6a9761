"""What the dialects have in common: one JSON request, answered by JSON or by a stream of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from core_plus.errors import CutStreamError, MalformedReplyError, ModelError, ModelTimeoutError
from core_plus.models import Collector, Delta, ModelRequest, ModelResponse
from core_plus_http.decoders import Event, JSONLinesDecoder, SSEDecoder
from core_plus_http.exchange import LINGER, RECEIVE, Exchange, Reply, Send, rest
from core_plus_http.failures import Classify, Find, error_from_reply, error_of, json_in, problem_in
from core_plus_http.jsontext import excerpt, loads

LINES = ("application/x-ndjson", "application/jsonl", "application/json-seq")
"""Content types of streams that hold a JSON text in each line, and no events."""


class Reader(Protocol):
    """Reads one reply: its events as they come, or the whole as one long event.

    Attributes:
        begun: Whether anything of a reply was seen.
        finished: Whether the reply is complete, though more may come (usage, say).
        closed: Whether nothing comes after it.
        gave: Whether deltas have reached the caller; the codec sets it.
    """

    begun: bool
    finished: bool
    closed: bool
    gave: bool

    def read(self, body: Any) -> list[Delta]:
        """Take an event, or a whole reply.

        Args:
            body: Decoded JSON.

        Raises:
            ModelError: It is the server's account of a failure, or nothing of the kind expected.
        """
        ...

    def end(self) -> list[Delta]:
        """What is left at the reply's end, and the facts about it."""
        ...


class Decoder(Protocol):
    """Cuts a stream into its events, wherever the network broke it."""

    def feed(self, chunk: bytes) -> Sequence[Event | bytes]:
        """Take the next bytes and give the events that are now complete.

        Args:
            chunk: Whatever the network gave.
        """
        ...

    def flush(self) -> Sequence[Event | bytes]:
        """The last event, where the stream ended without an end."""
        ...


class JSONCodec:
    """A codec whose requests are JSON, answered by JSON or by a stream of server-sent events or of JSON lines.

    Inherit and give `send` and `reader`; `find` and `classify`, where a provider words its errors its own way.
    """

    find: Find = staticmethod(problem_in)
    classify: Classify | None = None

    def send(self, request: ModelRequest, *, stream: bool) -> Send:
        """What is sent.

        Args:
            request: All that is asked.
            stream: Whether the reply shall come piece by piece.
        """
        raise NotImplementedError

    def reader(self, request: ModelRequest) -> Reader:
        """A fresh reader.

        Args:
            request: What was asked.
        """
        raise NotImplementedError

    def decoder(self, kind: str) -> Decoder:
        """What cuts a stream into its events.

        Args:
            kind: The reply's content type.
        """
        return JSONLinesDecoder() if kind in LINES else SSEDecoder()

    def opened(self, event: Event | bytes) -> Any:
        """What is read of an event: its decoded JSON.

        Args:
            event: From the decoder.

        Raises:
            ModelError: It is no JSON, or tells of a failure.
        """
        name, data = (event.event, event.data) if isinstance(event, Event) else ("", event)
        body = loads(data, "an event of the stream")
        if name == "error":
            raise error_of(self.find(body), classify=self.classify)
        return body

    def forward(self, request: ModelRequest) -> Exchange[ModelResponse]:
        """Ask at once.

        Args:
            request: All that is asked.
        """
        reply = yield self.send(request, stream=False)
        reader, collector = self._reader(reply, request), Collector()
        for delta in self._whole(reader, reply):
            collector.add(delta)
        return collector.response()

    def stream(self, request: ModelRequest) -> Exchange[None]:
        """Ask piece by piece; the pieces are `Delta`s.

        Args:
            request: All that is asked.
        """
        reply = yield self.send(request, stream=True)
        reader, kind = self._reader(reply, request), reply.header("content-type").partition(";")[0].strip().lower()
        try:
            if "json" in kind and kind not in LINES:  # a server that doesn't stream
                yield self._whole(reader, Reply(reply.status, reply.headers, (yield from rest()), reply.url))
            else:
                yield from self._events(reader, reply, self.decoder(kind))
        except ModelError as error:
            error.partial = error.partial or reader.gave
            raise

    def _reader(self, reply: Reply, request: ModelRequest) -> Reader:
        if not reply.ok:
            raise error_from_reply(reply, find=self.find, classify=self.classify)
        return self.reader(request)

    def _whole(self, reader: Reader, reply: Reply) -> list[Delta]:
        deltas = reader.read(json_in(reply))
        if not reader.begun:
            what = f"{reply.url} gave JSON that is no reply: {excerpt(reply.body)}"
            raise MalformedReplyError(what, status=reply.status)
        return deltas + reader.end()

    def _events(self, reader: Reader, reply: Reply, decoder: Decoder) -> Exchange[None]:
        first, chunk, end = b"", b"", False
        while not end:
            try:
                chunk = yield RECEIVE
            except (CutStreamError, ModelTimeoutError):
                if not reader.finished:
                    raise
                chunk = b""  # all was said before the connection was lost
            first = first or chunk
            deltas, failure, done = self._read(reader, decoder.feed(chunk) if chunk else decoder.flush())
            if deltas:
                reader.gave = True
                yield deltas
            if failure is not None:
                raise failure
            if not chunk and not done and not reader.finished:
                raise _unfinished(reader, reply, first)
            end = done or not chunk
        yield reader.end()
        if chunk:
            yield from _linger()

    def _read(self, reader: Reader, events: Sequence[Event | bytes]) -> tuple[list[Delta], ModelError | None, bool]:
        """The deltas of events, and what ended the stream: an error must not take what came before it."""
        deltas: list[Delta] = []
        for event in events:
            if (event.data if isinstance(event, Event) else event).startswith(b"[DONE]"):
                return deltas, None, True
            try:
                deltas += reader.read(self.opened(event))
            except ModelError as error:
                return deltas, error, True
            if reader.closed:
                return deltas, None, True
        return deltas, None, False


def _unfinished(reader: Reader, reply: Reply, first: bytes) -> ModelError:
    if reader.begun:
        return CutStreamError(f"{reply.url} ended its stream in the middle of the reply")
    kind = reply.header("content-type") or "no content type"
    if first.lstrip()[:1] == b"<":
        return MalformedReplyError(
            f"{reply.url} sent a web page instead of events (is the base URL right?): {excerpt(first)} [{kind}]",
            status=reply.status,
        )
    if not first:
        return CutStreamError(f"{reply.url} ended its stream before it began [{kind}]")
    return MalformedReplyError(
        f"{reply.url} sent no reply in its stream: {excerpt(first)} [{kind}]", status=reply.status
    )


def _linger() -> Exchange[None]:
    """Read to the body's end after the last event, so that the connection can be used again."""
    try:
        while (yield LINGER):
            pass
    except ModelError:
        return  # the reply is complete; only the connection is lost
