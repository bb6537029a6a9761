"""What a provider asks of the transport: a generator that yields its wishes and never does any I/O.

An exchange yields

* a `Send`: the transport sends it and answers with the `Reply`,
* `RECEIVE`: the transport answers with the next bytes of a streamed reply, `b""` at its end,
* `LINGER`: the same after the last event, for a moment only, so that the connection can be used again,
* a `Pause`: the transport waits and answers with None; the time-outs count from after it,
* a list: its items go to the caller (deltas),

and returns what `Transport.run` gives. A `ModelError` of the transport is raised at the `yield` that
caused it, so that an exchange may know better (a connection lost after the last event harms nobody).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final, TypeAlias, TypeVar

import msgspec

from core_plus.errors import MalformedReplyError
from core_plus_http.decoders import MOST_BYTES

T = TypeVar("T")


class Send(msgspec.Struct, frozen=True):
    """A request to send.

    Args:
        path: Joined to the transport's base URL.
        body: The bytes to send, b"" for none.
        method: The HTTP method.
        headers: More headers than the transport's own; one of the same name replaces it.
        stream: Whether the reply's body is wanted piece by piece. The body of an HTTP error comes whole anyway.
    """

    path: str
    body: bytes = b""
    method: str = "POST"
    headers: Mapping[str, str] = {}
    stream: bool = False

    def __repr__(self) -> str:  # a header may hold a key, and tracebacks may show local variables
        return f"Send({self.method} {self.path}, {len(self.body)} bytes)"


class Reply(msgspec.Struct, frozen=True):
    """The start of an answer, or all of it.

    Args:
        status: The HTTP status.
        headers: As they came.
        body: All of it, b"" where it comes piece by piece.
        url: Where the request went, without its query.
    """

    status: int
    headers: Sequence[tuple[bytes, bytes]] = ()
    body: bytes = b""
    url: str = ""

    @property
    def ok(self) -> bool:
        """Whether the status says success."""
        return 200 <= self.status < 300

    def header(self, name: str) -> str:
        """The first header of this name, "" if there is none.

        Args:
            name: In any case.
        """
        wanted = name.lower().encode()
        return next((value.decode("latin-1").strip() for key, value in self.headers if key.lower() == wanted), "")


class Receive(msgspec.Struct, frozen=True):
    """The wish for the next bytes of a streamed reply.

    Args:
        patience: Seconds to wait before the answer is b"", whatever may come later; None for the
            transport's own time-out, which is an error.
    """

    patience: float | None = None


class Pause(msgspec.Struct, frozen=True):
    """The wish to wait before a request is sent. A cancelled call waits no longer.

    Args:
        seconds: How long; None for as long as `until` takes.
        until: Ends the wait early when it is done; which thread does that doesn't matter.
    """

    seconds: float | None
    until: Future[Any] | None = None


RECEIVE: Final = Receive()
LINGER: Final = Receive(0.1)

Exchange: TypeAlias = Generator[Send | Receive | Pause | list[Any], Any, T]


def rest() -> Exchange[bytes]:
    """An exchange, for `yield from`, that gives the rest of a streamed reply's body at once.

    Raises:
        MalformedReplyError: It is longer than any reply should be.
    """
    parts, size = [], 0
    while part := (yield RECEIVE):
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            raise MalformedReplyError(f"the reply is longer than {MOST_BYTES:,} bytes")
    return b"".join(parts)
