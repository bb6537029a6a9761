"""One HTTP/1.1 connection without I/O: bytes go in, bytes come out (h11 speaks, ssl's memory buffers encrypt)."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Sequence
from typing import Final

import h11

MOST_HEADER_BYTES: Final = 128 * 1024


class Tls:
    """TLS between two buffers.

    Args:
        context: What to trust.
        host: The name that the certificate must hold.
    """

    __slots__ = ("_in", "_out", "_tls")

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=host)

    def shake_hands(self) -> bool:
        """Go on with the handshake, after `receive` has taken what came.

        Returns:
            Whether it is done.

        Raises:
            ssl.SSLError: The other side isn't trusted, or doesn't speak TLS.
        """
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def receive(self, data: bytes) -> None:
        """Take what came from the network; b"" is its end."""
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()

    def decrypted(self) -> tuple[bytes, bool]:
        """The plain text that is there, and whether the other side said that no more follows."""
        parts = []
        try:
            while part := self._tls.read(1 << 16):
                parts.append(part)
        except ssl.SSLWantReadError:
            return b"".join(parts), False
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b"".join(parts), True
        return b"".join(parts), True

    def encrypt(self, data: bytes) -> bytes:
        """What to send for a plain text."""
        self._tls.write(data)
        return self._out.read()

    def pending(self) -> bytes:
        """What TLS itself has to send."""
        return self._out.read()


class Connection:
    """An open connection; between calls it belongs to no thread and no event loop.

    Args:
        sock: The connected socket, which only the drivers touch.
        tls: The encryption, its handshake done; None for plain HTTP.
    """

    __slots__ = ("_http", "_tls", "idle_since", "sock")

    def __init__(self, sock: socket.socket, tls: Tls | None = None) -> None:
        self.sock = sock
        self.idle_since = 0.0
        self._tls = tls
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEADER_BYTES)

    def request(self, method: str, target: str, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bytes:
        """The bytes to send for a request.

        Args:
            method: The HTTP method.
            target: What stands in the request line.
            headers: Host among them; the length is added here.
            body: The body.
        """
        length = [(b"content-length", b"%d" % len(body))] if body or method == "POST" else []
        send = self._http.send
        head = send(h11.Request(method=method, target=target, headers=[*headers, *length]))
        content = send(h11.Data(data=body)) if body else b""
        data = b"".join((head or b"", content or b"", send(h11.EndOfMessage()) or b""))
        return self._tls.encrypt(data) if self._tls else data

    def feed(self, data: bytes) -> bytes:
        """Take what came from the network.

        Args:
            data: b"" where the other side closed.

        Returns:
            What TLS itself wants sent now, nearly always b"".
        """
        if self._tls is None:
            self._http.receive_data(data)
            return b""
        self._tls.receive(data)
        plain, ended = self._tls.decrypted()
        if plain:
            self._http.receive_data(plain)
        if ended:
            self._http.receive_data(b"")
        return self._tls.pending()

    def head(self) -> h11.Response | None:
        """The reply's status and headers, or None while more bytes are needed.

        Raises:
            h11.RemoteProtocolError: What came is no HTTP.
        """
        while True:
            event = self._http.next_event()
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                return None

    def body(self) -> tuple[bytes, bool]:
        """The bytes of the reply's body that are there, and whether these are the last.

        Raises:
            h11.RemoteProtocolError: The body broke off, or is no HTTP.
        """
        parts: list[bytes | bytearray] = []
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError:
                if parts:  # what came before is given first; the next call fails again
                    return b"".join(parts), False
                raise
            if isinstance(event, h11.Data):
                parts.append(event.data)
            else:
                return b"".join(parts), event is not h11.NEED_DATA

    def settle(self) -> bool:
        """Make ready for the next request, after a reply.

        Returns:
            Whether the connection can be used again.
        """
        http = self._http
        if http.our_state is not h11.DONE or http.their_state is not h11.DONE or http.trailing_data[0]:
            return False
        http.start_next_cycle()
        return True

    def silent(self) -> bool:
        """Whether nothing came while idle: whatever comes then is the other side's good-bye."""
        if hasattr(select, "poll"):
            poll = select.poll()
            poll.register(self.sock, select.POLLIN)
            return not poll.poll(0)
        return not select.select([self.sock], [], [], 0)[0]

    def close(self) -> None:
        """Close the socket, whoever else may hold it."""
        self.sock.close()
