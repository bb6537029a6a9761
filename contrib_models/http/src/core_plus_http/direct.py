"""A call over a connection of our own, as steps that a driver performs: open, write, read."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeAlias, TypeVar

import attrs
import h11
import msgspec

from core_plus.errors import CutStreamError, MalformedReplyError, ModelConnectionError, ModelError, ModelTimeoutError
from core_plus_http.decoders import MOST_BYTES
from core_plus_http.exchange import Reply, Send
from core_plus_http.failures import Cancelled
from core_plus_http.guard import Guard
from core_plus_http.pool import Pool
from core_plus_http.settings import Origin, Timeouts
from core_plus_http.wire import Connection, Tls

T = TypeVar("T")


class Open(msgspec.Struct, frozen=True):
    """Connect; the answer is a socket. `timeout` is in seconds, here and below."""

    host: str
    port: int
    timeout: float | None


class Write(msgspec.Struct, frozen=True):
    """Send all of `data`."""

    sock: socket.socket
    data: bytes
    timeout: float | None

    def __repr__(self) -> str:  # the data holds the key, and tracebacks may show local variables
        return f"Write({len(self.data)} bytes)"


class Read(msgspec.Struct, frozen=True):
    """Receive; the answer is bytes, b"" where the other side closed."""

    sock: socket.socket
    timeout: float | None


Steps: TypeAlias = Generator[Open | Write | Read, Any, T]


@attrs.frozen
class Direct:
    """What all calls of a transport have in common.

    Args:
        origin: Where to.
        headers: Sent with every request.
        timeouts: How long to wait.
        pool: Idle connections.
        trust: Gives the TLS context when it is first needed; making one takes milliseconds.
    """

    origin: Origin
    headers: Sequence[tuple[bytes, bytes]] = attrs.field(repr=False)
    timeouts: Timeouts
    pool: Pool
    trust: Callable[[], ssl.SSLContext]


class DirectCall:
    """One call: a request, its reply, and the connection meanwhile.

    Args:
        setting: What all calls have in common.
        guard: Where the socket in use is held.
    """

    __slots__ = ("_connection", "_deadline", "_guard", "_setting", "_settled")

    def __init__(self, setting: Direct, guard: Guard) -> None:
        self._setting, self._guard = setting, guard
        self._connection: Connection | None = None
        self._settled = False
        whole = setting.timeouts.whole
        self._deadline = None if whole is None else time.monotonic() + whole

    def send(self, request: Send) -> Steps[Reply]:
        """Send a request and wait for the reply's head, or for all of it.

        Args:
            request: What to send.

        Raises:
            ModelError: No connection, no answer in time, or one that is no HTTP.
        """
        self.close()
        self._connection = connection = self._setting.pool.take() or (yield from self._opened())
        self._guard.hold(connection.sock)
        self._settled = False
        origin = self._setting.origin
        try:
            yield from self._write(connection, request)
            head = yield from self._head(connection)
        except OSError as error:
            raise self._failure(error, "answer") from error
        except h11.RemoteProtocolError as error:
            raise MalformedReplyError(
                f"{origin.address('')} answers with something that is no HTTP: {error}"
            ) from error
        headers = head.headers.raw_items()
        reply = Reply(head.status_code, headers, url=origin.address(request.path))
        if reply.header("content-encoding") not in ("", "identity"):
            raise MalformedReplyError(
                f"{reply.url} sent a compressed reply, which wasn't asked for; give the model client=httpx.Client()"
            )
        if request.stream and reply.ok:
            return reply
        return Reply(reply.status, headers, (yield from self._whole()), reply.url)

    def receive(self, patience: float | None = None) -> Steps[bytes]:
        """The next bytes of the reply's body, b"" at its end.

        Args:
            patience: Seconds after which the answer is b"" as well; None for the time-out between pieces.

        Raises:
            ModelError: The connection broke, or nothing came in time.
        """
        connection = self._connection
        if connection is None or self._settled:
            return b""
        try:
            while True:
                data, ended = connection.body()
                if ended:
                    self._end(connection)
                if data or ended:
                    return data
                yield from self._read(connection, patience or self._setting.timeouts.between)
        except OSError as error:
            if patience and isinstance(error, TimeoutError):
                return b""
            raise self._failure(error, "body") from error
        except h11.RemoteProtocolError as error:
            raise self._failure(EOFError(str(error)), "body") from error

    def close(self) -> None:
        """Leave the call, early or at its end. A connection whose reply wasn't read to its end is closed."""
        self._guard.release()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _opened(self) -> Steps[Connection]:
        setting, origin = self._setting, self._setting.origin
        trust = setting.trust() if origin.scheme == "https" else None
        try:
            timeout = self._limit(setting.timeouts.connect)
            until = None if timeout is None else time.monotonic() + timeout
            if self._guard.cancelled:
                raise ConnectionAbortedError
            sock = yield Open(origin.host, origin.port, timeout)
        except OSError as error:
            raise self._failure(error, "connect") from error
        if trust is None:
            return Connection(sock)
        self._guard.hold(sock)
        try:
            tls = Tls(trust, origin.host)
            while not tls.shake_hands():
                yield from self._shake(sock, tls, until)
            yield Write(sock, tls.pending(), timeout)
        except OSError as error:
            sock.close()
            raise self._failure(error, "connect") from error
        except BaseException:
            sock.close()
            raise
        return Connection(sock, tls)

    def _shake(self, sock: socket.socket, tls: Tls, until: float | None) -> Steps[None]:
        timeout = None if until is None else max(0.001, until - time.monotonic())
        yield Write(sock, tls.pending(), timeout)
        tls.receive((yield Read(sock, timeout)))

    def _write(self, connection: Connection, request: Send) -> Steps[None]:
        target = self._setting.origin.target(request.path)
        limit = self._limit(self._setting.timeouts.between)
        try:
            yield Write(
                connection.sock, connection.request(request.method, target, self._headers(request), request.body), limit
            )
        except (BrokenPipeError, ConnectionResetError):
            # The server may have answered and closed before it read everything: its answer says why.
            return

    def _head(self, connection: Connection) -> Steps[h11.Response]:
        while True:
            head = connection.head()
            if head is not None:
                return head
            if not (yield from self._read(connection, self._setting.timeouts.first_byte)):
                raise ConnectionResetError("it closed the connection without an answer")

    def _read(self, connection: Connection, seconds: float | None) -> Steps[bool]:
        data = yield Read(connection.sock, self._limit(seconds))
        if not data and self._guard.cancelled:
            raise ConnectionAbortedError
        more = connection.feed(data)
        if more:
            yield Write(connection.sock, more, self._limit(seconds))
        return bool(data)

    def _whole(self) -> Steps[bytes]:
        parts, size = [], 0
        while part := (yield from self.receive()):
            parts.append(part)
            size += len(part)
            if size > MOST_BYTES:
                raise MalformedReplyError(f"the reply is longer than {MOST_BYTES:,} bytes")
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _end(self, connection: Connection) -> None:
        """The reply is complete: give the connection back at once, since the caller may be long in leaving."""
        self._settled = True
        if connection.settle():
            self._guard.release()
            self._connection = None
            self._setting.pool.give(connection)

    def _headers(self, request: Send) -> Sequence[tuple[bytes, bytes]]:
        if not request.headers:
            return self._setting.headers
        more = {name.lower().encode(): value.encode("latin-1") for name, value in request.headers.items()}
        return [*(pair for pair in self._setting.headers if pair[0] not in more), *more.items()]

    def _limit(self, seconds: float | None) -> float | None:
        if self._deadline is None:
            return seconds
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the whole call's time is over")
        return left if seconds is None else min(seconds, left)

    def _failure(self, error: OSError | EOFError, stage: str) -> ModelError:
        """The kernel's error for one of the socket's; `stage` is "connect", "answer" or "body"."""
        where = self._setting.origin.address("")
        if self._guard.cancelled:
            return Cancelled("the call was stopped")
        if isinstance(error, TimeoutError):
            return ModelTimeoutError(self._late(stage, where))
        if stage == "body":
            return CutStreamError(f"{where} broke off in the middle of its reply: {error}")
        if stage == "answer" or isinstance(error, EOFError):
            return ModelConnectionError(f"the connection to {where} broke before an answer: {error}")
        return ModelConnectionError(f"no connection to {where}: {_way_out(error)}")

    def _late(self, stage: str, where: str) -> str:
        timeouts = self._setting.timeouts
        if self._deadline is not None and time.monotonic() >= self._deadline - 0.001:
            return f"{where} didn't finish within {timeouts.whole:g} s (Timeouts.whole)"
        if stage == "connect":
            return f"no connection to {where} within {timeouts.connect or 0:g} s (Timeouts.connect)"
        if stage == "answer":
            return f"{where} gave no answer within {timeouts.first_byte or 0:g} s (Timeouts.first_byte)"
        return f"{where} fell silent for {timeouts.between or 0:g} s in its reply (Timeouts.between)"


def _way_out(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate isn't trusted ({error.verify_message}); name your authority in SSL_CERT_FILE"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason or error}); does the server speak https?"
    if isinstance(error, socket.gaierror):
        return f"the host's name can't be looked up ({error.strerror}); is it spelt right, is there a network?"
    if isinstance(error, ConnectionRefusedError):
        return "it was refused; is the server running?"
    return f"{error.strerror or error}; is the server running?"
