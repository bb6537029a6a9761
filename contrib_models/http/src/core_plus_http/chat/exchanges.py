"""The exchanges of chat completions: what is sent, and how the reply is read."""

from __future__ import annotations

from typing import Any

from core_plus.errors import CutStreamError, MalformedReplyError, ModelError, ModelTimeoutError
from core_plus.models import Collector, Delta, ModelRequest, ModelResponse
from core_plus_http import (
    LINGER,
    RECEIVE,
    Event,
    Exchange,
    Reply,
    Send,
    SSEDecoder,
    error_from_reply,
    error_of,
    excerpt,
    json_in,
    loads,
    problem_in,
    rest,
)
from core_plus_http.chat.decode import Reader, classify
from core_plus_http.chat.encode import Encoder

PATH = "/chat/completions"


class Chat:
    """Makes exchanges for one model.

    Args:
        encoder: Writes its requests.
        owner: Whose items of a message go back with it.
    """

    def __init__(self, encoder: Encoder, owner: str) -> None:
        self._encoder, self._owner = encoder, owner

    def forward(self, request: ModelRequest) -> Exchange[ModelResponse]:
        """Ask at once.

        Args:
            request: All that is asked.
        """
        reply = yield Send(PATH, self._encoder.body(request, stream=False))
        reader, collector = self._reader(reply, request), Collector()
        for delta in _whole(reader, reply):
            collector.add(delta)
        return collector.response()

    def stream(self, request: ModelRequest) -> Exchange[None]:
        """Ask piece by piece; the pieces are `Delta`s.

        Args:
            request: All that is asked.
        """
        body = self._encoder.body(request, stream=True)
        reply = yield Send(PATH, body, stream=True, headers={"accept": "text/event-stream"})
        reader = self._reader(reply, request)
        try:
            if "json" in reply.header("content-type"):  # a server that doesn't stream
                yield _whole(reader, Reply(reply.status, reply.headers, (yield from rest()), reply.url))
            else:
                yield from _events(reader, reply)
        except ModelError as error:
            error.partial = error.partial or reader.gave
            raise

    def _reader(self, reply: Reply, request: ModelRequest) -> Reader:
        if not reply.ok:
            raise error_from_reply(reply, classify=classify)
        return Reader(self._owner, self._encoder.cuts(request))


def models() -> Exchange[list[str]]:
    """Ask which models there are; gives their names in order."""
    reply = yield Send("/models", method="GET")
    if not reply.ok:
        raise error_from_reply(reply, classify=classify)
    body = json_in(reply)
    found = body.get("data", body.get("models")) if isinstance(body, dict) else body
    if not isinstance(found, list):
        raise MalformedReplyError(f"{reply.url} gave no list of models: {excerpt(reply.body)}")
    return sorted(str(each.get("id") or each.get("name")) for each in found if isinstance(each, dict))


def _whole(reader: Reader, reply: Reply) -> list[Delta]:
    deltas = reader.read(json_in(reply))
    if not reader.begun:
        raise MalformedReplyError(
            f"{reply.url} gave a reply without choices: {excerpt(reply.body)}", status=reply.status
        )
    return deltas + reader.end()


def _events(reader: Reader, reply: Reply) -> Exchange[None]:
    decoder, first = SSEDecoder(), b""
    while True:
        try:
            chunk: bytes = yield RECEIVE
        except (CutStreamError, ModelTimeoutError):
            if not reader.finished:
                raise
            chunk = b""  # all was said before the connection was lost
        first = first or chunk
        deltas, end = _read(reader, decoder.feed(chunk) if chunk else decoder.flush())
        if deltas:
            reader.gave = True
            yield deltas
        if isinstance(end, ModelError):
            raise end
        if end or not chunk:
            break
    if not end and not reader.finished:
        raise _unfinished(reader, reply, first)
    yield reader.end()
    if end and chunk:
        yield from _linger()


def _read(reader: Reader, events: list[Event]) -> tuple[list[Delta], ModelError | bool]:
    """The deltas of events, and what ended the stream if anything did: an error must not take what came before it."""
    deltas: list[Delta] = []
    for event in events:
        if event.data.startswith(b"[DONE]"):
            return deltas, True
        try:
            body: Any = loads(event.data, "an event of the stream")
            if event.event == "error":
                raise error_of(problem_in(body), classify=classify)
            deltas += reader.read(body)
        except ModelError as error:
            return deltas, error
    return deltas, False


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
