"""Connections to addresses that were checked, for no longer than a call may last."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore

from core_plus_web.addresses import Addresses
from core_plus_web.failures import WebError


class Lines(httpcore.NetworkBackend):
    """How a call connects: the name is resolved once, checked, and the connection made to that very address.

    Args:
        addresses: Resolves and checks.
        seconds: For the whole call, however it is spent.
    """

    def __init__(self, addresses: Addresses, seconds: float) -> None:
        self._addresses, self._seconds = addresses, seconds
        self._until = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self._stopped = False

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to a host's checked addresses, one after another."""
        failed: Exception = WebError(f"no connection to {host!r}")
        for address in self._addresses.of(host, port):
            try:
                line = httpcore.SyncBackend().connect_tcp(address, port, self.left(timeout), None, socket_options or ())
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
                continue
            return self.held(line)
        raise failed

    def held(self, line: httpcore.NetworkStream) -> Line:
        """A connection that ends with the call.

        Args:
            line: Fresh, or fresh from going on in TLS, which makes another socket of it.
        """
        self._sockets.append(line.get_extra_info("socket"))
        if self._stopped:
            self.stop()
        return Line(line, self)

    def left(self, timeout: float | None) -> float:
        """The seconds that may be waited now.

        Args:
            timeout: What is asked for.

        Raises:
            WebError: The call's time is over.
        """
        left = self._until - time.monotonic()
        if left <= 0:
            raise WebError(f"the server took longer than {self._seconds:g} seconds and was given up")
        return left if timeout is None else min(timeout, left)

    def stop(self) -> None:
        """Break off, from any thread."""
        self._stopped = True
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class Line(httpcore.NetworkStream):
    """A connection whose every wait ends with the call's time.

    Args:
        inner: The connection.
        lines: Knows how much time is left.
    """

    def __init__(self, inner: httpcore.NetworkStream, lines: Lines) -> None:
        self._inner, self._lines = inner, lines

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Receive."""
        return self._inner.read(max_bytes, self._lines.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send."""
        self._inner.write(buffer, self._lines.left(timeout))

    def close(self) -> None:
        """End the connection."""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Go on in TLS; the certificate is checked against the name, not the address."""
        return self._lines.held(self._inner.start_tls(ssl_context, server_hostname, self._lines.left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        """What httpcore wants to know of the socket."""
        return self._inner.get_extra_info(info)
