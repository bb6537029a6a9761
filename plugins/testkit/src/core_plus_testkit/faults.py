"""What can go wrong at a server, as answers that a scripted server gives in its own dialect."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import attrs

from core_plus.errors import (
    AuthenticationError,
    BadRequestError,
    CutStreamError,
    MalformedReplyError,
    ModelConnectionError,
    ModelError,
    ModelNotFoundError,
    ModelTimeoutError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
)
from core_plus_testkit.loopback import Answer, Seen
from core_plus_testkit.model_kit import KEY
from core_plus_testkit.scripted_server import PAGE, ScriptedServer, Turn, WireFault

Make: TypeAlias = Callable[[ScriptedServer, Seen], Answer]

SAID: Final = Turn(text="héllo, wörld, and so on and on", size=4)
DIED: Final = Turn(error=f"died of {KEY}")
SSE: Final = "text/event-stream"
HUGE: Final = 100 * 1024 * 1024
SHORT: Final = 0.3
"""Seconds that a call may take where nothing, or too little, comes."""
STATUSES: Final[Mapping[int, tuple[type[ModelError], bool]]] = {
    400: (BadRequestError, False),
    401: (AuthenticationError, False),
    402: (PermissionDeniedError, False),
    403: (PermissionDeniedError, False),
    404: (ModelNotFoundError, False),
    405: (ModelNotFoundError, False),
    408: (ServerError, True),
    409: (ServerError, True),
    410: (ModelNotFoundError, False),
    413: (BadRequestError, False),
    415: (BadRequestError, False),
    422: (BadRequestError, False),
    425: (ServerError, True),
    429: (RateLimitError, True),
    500: (ServerError, True),
    501: (ServerError, True),
    502: (ServerError, True),
    503: (OverloadedError, True),
    504: (ServerError, True),
    529: (OverloadedError, True),
}
"""What a status means, and whether another try may help."""
BODIES: Final[Mapping[str, bytes]] = {
    "nothing": b"",
    "white space": b" \r\n ",
    "a page": PAGE,
    "plain words": b"upstream connect error",
    "no UTF-8": b'{"error": {"message": "\xff\xfe"}}',
    "half a JSON": b'{"error": {"mess',
    "a number": b"7",
    "null": b"null",
    "an empty list": b"[]",
    "a list": b"[1]",
    "a text": b'"no"',
    "an empty object": b"{}",
    "an error of another form": b'{"error": 7, "message": [1], "detail": {"a": null}, "code": {}}',
    "brackets without end": b"[" * 200_000,
}
"""Bodies that are no reply and no account of an error."""
NO_HTTP: Final[Mapping[str, tuple[bytes, type[ModelError]]]] = {
    "another protocol": (b"SSH-2.0-OpenSSH_9.9\r\n", ModelConnectionError),
    "bytes without sense": (bytes(range(256)), MalformedReplyError),
    "a length that is none": (b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n", MalformedReplyError),
    "headers without end": (b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 300_000, MalformedReplyError),
    "half a head": (b"HTTP/1.1 200 OK\r\ncontent-type: applic", ModelConnectionError),
    "chunks that are none": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", CutStreamError),
    "less than its length": (b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{", CutStreamError),
}
"""What is written in the place of an answer, and what it is to the caller."""


@attrs.frozen
class Fault:
    """Something that goes wrong, and how a caller learns of it.

    Args:
        answer: Makes the server's answer.
        kind: The error.
        retryable: Whether another try may help.
        words: What its text says, a regular expression.
        timeout: Seconds that the whole call may take.
        partial: Whether output was given before, in a stream.
        echoes: Whether the server repeats the key, which then stands in what it sent.
    """

    answer: Make
    kind: type[ModelError]
    retryable: bool = False
    words: str = ""
    timeout: float | None = None
    partial: bool = False
    echoes: bool = False


def body_of(server: ScriptedServer, seen: Seen) -> bytes:
    """A whole reply, as JSON.

    Args:
        server: Whose dialect it is in.
        seen: The request.
    """
    return json.dumps(server.whole(SAID, seen, 0)).encode()


def pieces_of(server: ScriptedServer, seen: Seen) -> list[bytes]:
    """The pieces of a stream, complete.

    Args:
        server: Whose dialect they are in.
        seen: The request.
    """
    return [*server.events(SAID, seen, 0), *filter(None, [server.last])]


def streamed(server: ScriptedServer, *pieces: bytes) -> Answer:
    """A stream.

    Args:
        server: Whose kind of stream it is.
        *pieces: As they are sent.
    """
    return Answer(content_type=server.stream_type, stream=True, pieces=pieces)


def spoiled(server: ScriptedServer, seen: Seen) -> Answer:
    """A stream of which an event in the middle was spoiled.

    Args:
        server: Whose dialect it is in.
        seen: The request.
    """
    pieces = pieces_of(server, seen)
    place = len(pieces) // 2
    text = "event" not in server.stream_type or server.stream_type == SSE
    pieces[place] = pieces[place].rstrip()[:-1] + b"\n\n" if text else pieces[place][:-1] + b"\x00"
    return streamed(server, *pieces)


def _refused(status: int) -> Make:
    return lambda server, _: Answer(json.dumps(server.refused(status, f"wrong, {KEY}")).encode(), status)


def _body(body: bytes, status: int = 200) -> Make:
    return lambda _, seen: Answer(body, status)


def _raw(data: bytes) -> Make:
    return lambda _, seen: Answer(raw=data)


def _half(server: ScriptedServer, seen: Seen) -> Answer:
    whole = body_of(server, seen)
    return Answer(whole[: len(whole) // 2])


def _stalled(fault: WireFault) -> Make:
    return lambda server, seen: attrs.evolve(server.answer(SAID, seen), fault=fault)


def _drip(server: ScriptedServer, seen: Seen) -> Answer:
    return attrs.evolve(server.answer(SAID, seen), chunk=1, delay=0.02)


def _redirect(status: int) -> Make:
    return lambda server, seen: Answer(b"", status, headers={"location": f"{server.origin}/elsewhere"})


BOTH_WAYS: Final[Mapping[str, Fault]] = {
    **{f"status {n}": Fault(_refused(n), kind, again, r"wrong, \*\*\*", echoes=True)
       for n, (kind, again) in STATUSES.items()},
    **{f"status 500 with {name}": Fault(_body(body, 500), ServerError, True) for name, body in BODIES.items()},
    **{f"status 400 with {name}": Fault(_body(body, 400), BadRequestError) for name, body in BODIES.items()},
    **{f"a reply of {name}": Fault(_body(body), MalformedReplyError) for name, body in BODIES.items()
       if "error" not in name},
    **{f"{name} for HTTP": Fault(_raw(data), kind, kind is not MalformedReplyError)
       for name, (data, kind) in NO_HTTP.items()},
    **{f"a redirect by {n}": Fault(_redirect(n), ModelNotFoundError, False, "redirects to")
       for n in (301, 302, 303, 307, 308)},
    "a log-in page": Fault(lambda *_: Answer(PAGE, content_type="text/html"), MalformedReplyError),
    "another service's JSON": Fault(_body(b'{"status": "up"}'), MalformedReplyError, False, "that is no reply"),
    "half a reply": Fault(_half, MalformedReplyError, False, "no JSON"),
    "no answer": Fault(_stalled("reset"), ModelConnectionError, True),
    "silence": Fault(_stalled("hang"), ModelTimeoutError, True, r"0\.3 s", SHORT),
    "a reply that drips": Fault(_drip, ModelTimeoutError, True, r"0\.3 s", SHORT),
    "a compressed bomb": Fault(
        lambda *_: Answer(gzip.compress(bytes(1 << 20)), headers={"content-encoding": "gzip"}),
        MalformedReplyError, False, "compressed"),
}  # fmt: skip
"""Faults that a call meets whether it streams or not."""
STREAMED: Final[Mapping[str, Fault]] = {
    "no event": Fault(lambda server, _: streamed(server), CutStreamError, True, "before it began"),
    "the first event only": Fault(
        lambda server, seen: streamed(server, *pieces_of(server, seen)[:1]), CutStreamError, True),
    "an end in the middle": Fault(
        lambda server, seen: streamed(server, *pieces_of(server, seen)[:5]),
        CutStreamError, words="middle", partial=True),
    "a connection lost in the middle": Fault(_stalled("cut"), CutStreamError, words="broke off", partial=True),
    "silence in the middle": Fault(_stalled("hang_midway"), ModelTimeoutError, timeout=SHORT, partial=True),
    "an error at once": Fault(
        lambda server, _: streamed(server, server.failure(DIED)), ServerError, True, r"died of \*", echoes=True),
    "an error in the middle": Fault(
        lambda server, seen: streamed(server, *pieces_of(server, seen)[:5], server.failure(DIED)),
        ServerError, words=r"died of \*", partial=True, echoes=True),
    "a spoiled event": Fault(spoiled, MalformedReplyError, partial=True),
    "a page in the place of events": Fault(
        lambda server, _: streamed(server, PAGE), MalformedReplyError),
}  # fmt: skip
"""Faults of streams."""


def _lines(change: Callable[[bytes], bytes]) -> Make:
    return lambda server, seen: streamed(server, *map(change, pieces_of(server, seen)))


def _after(fault: WireFault) -> Make:
    """What happens once all was said: the second half of the pieces is empty."""

    def make(server: ScriptedServer, seen: Seen) -> Answer:
        pieces = pieces_of(server, seen)
        return attrs.evolve(streamed(server, *pieces, *[b""] * len(pieces)), fault=fault)

    return make


def _evolved(**more: Any) -> Make:
    return lambda server, seen: attrs.evolve(server.answer(SAID, seen), **more)


def _in_capitals(server: ScriptedServer, seen: Seen) -> Answer:
    answer = server.answer(SAID, seen)
    return attrs.evolve(answer, content_type=f"{str(answer.content_type).upper()}; Charset=UTF-8")


HARMLESS: Final[Mapping[str, Make]] = {
    "no content type": _evolved(content_type=None),
    "a wrong content type": _evolved(content_type="text/plain; charset=latin-1"),
    "a content type in capitals": _in_capitals,
    "headers of 8-bit text": _evolved(headers={"x-odd": "é\xff"}),
    "one byte at a time": _evolved(chunk=1),
    "a connection lost after the last word": _after("cut"),
    "an interim answer before it": lambda server, seen: Answer(
        raw=b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\n\r\n" + body_of(server, seen)
    ),
}
"""What a caller needn't know of; where a stream was asked for, the last may answer with the whole at once."""
HARMLESS_EVENTS: Final[Mapping[str, Make]] = {
    "line ends of Windows": _lines(lambda event: event.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")),
    "line ends of old Macs": _lines(lambda event: event.replace(b"\r\n", b"\n").replace(b"\n", b"\r")),
    "keep-alives between": _lines(lambda event: b": keep-alive\n\n" + event),
    "the same id for all": _lines(lambda event: b"id: 1\n" + event),
    "a time to come back": _lines(lambda event: b"retry: 100\n" + event),
    "a byte order mark": lambda server, seen: streamed(server, b"\xef\xbb\xbf", *pieces_of(server, seen)),
    "events of a new kind": _lines(lambda event: b'data: {"type": "ping", "object": "ping"}\n\n' + event),
}
"""Of server-sent events."""
