"""Calls through a client that the caller made: httpx's or httpx2's, known by what they do, never imported here.

The time-outs of `Timeouts` are handed over as httpx's own connect and read time-outs, unless the client was
made with others than httpx's default. A sync client leaves three things to wish: `whole` is looked at only when
something comes, a `Receive` has no patience of its own, and a call can't be stopped before the reply's head has
come, since the client doesn't tell which socket it uses.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from core_plus.errors import CutStreamError, MalformedReplyError, ModelConnectionError, ModelError, ModelTimeoutError
from core_plus_http.decoders import MOST_BYTES
from core_plus_http.exchange import Reply, Send
from core_plus_http.failures import Cancelled
from core_plus_http.guard import Guard
from core_plus_http.settings import Origin, Timeouts


class BaseCall:
    """What both kinds of client have in common.

    Args:
        client: The caller's client.
        origin: Where to.
        headers: Sent with every request.
        timeouts: How long to wait.
        guard: Where the socket in use is held.
    """

    def __init__(self, client: Any, origin: Origin, headers: dict[str, str], timeouts: Timeouts, guard: Guard) -> None:
        self._client, self._origin, self._headers, self._guard = client, origin, headers, guard
        self._timeouts = timeouts
        self._response: Any = None
        self._deadline = None if timeouts.whole is None else time.monotonic() + timeouts.whole

    def _built(self, request: Send) -> Any:
        if self._guard.cancelled:
            raise Cancelled("the call was stopped")
        extensions = {}
        if self._client.timeout == type(self._client.timeout)(5.0):  # httpx's own default, far too short for a model
            seconds = self._timeouts
            times = {"connect": seconds.connect, "read": seconds.first_byte, "write": seconds.between, "pool": None}
            extensions = {"timeout": times}
        url = self._origin.url(request.path)
        headers = {**self._headers, **request.headers}
        return self._client.build_request(
            request.method, url, headers=headers, content=request.body, extensions=extensions
        )

    def _begun(self, response: Any, request: Send) -> Reply:
        self._response = response
        times = response.request.extensions.get("timeout")
        if isinstance(times, dict) and times.get("read") == self._timeouts.first_byte:
            times["read"] = self._timeouts.between  # httpcore looks again when the body begins
        return Reply(response.status_code, response.headers.raw, url=self._origin.address(request.path))

    def _check(self, size: int = 0) -> None:
        if self._guard.cancelled:
            raise Cancelled("the call was stopped")
        if self._late:
            raise TimeoutError
        if size > MOST_BYTES:
            raise MalformedReplyError(f"the reply is longer than {MOST_BYTES:,} bytes")

    @property
    def _late(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    @property
    def _where(self) -> str:
        return self._origin.address("")

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except ModelError:
            raise
        except Exception as error:
            failure = self._failure(error)
            if failure is None:
                raise
            raise failure from error

    def _failure(self, error: Exception) -> ModelError | None:
        """The kernel's error for one of the client's, None for what isn't one."""
        names = {each.__name__ for each in type(error).__mro__}
        if self._guard.cancelled:
            return Cancelled("the call was stopped")
        if self._late:
            return ModelTimeoutError(f"{self._where} didn't finish within {self._timeouts.whole:g} s (Timeouts.whole)")
        if "TimeoutException" in names:
            return ModelTimeoutError(f"{self._where} gave no answer in time ({type(error).__name__})")
        if "RequestError" not in names:  # the root of what httpx raises on the way
            return None
        if self._response is not None:
            return CutStreamError(f"{self._where} broke off in the middle of its reply: {error}")
        return ModelConnectionError(f"no connection to {self._where}: {error}; is the server running?")


class ClientCall(BaseCall):
    """A call through an `httpx.Client`."""

    def send(self, request: Send) -> Reply:
        self.close()
        with self._translated():
            response = self._client.send(self._built(request), stream=True, follow_redirects=False)
            reply = self._begun(response, request)
            network = response.extensions.get("network_stream")
            if network is not None and (sock := network.get_extra_info("socket")) is not None:
                self._guard.hold(sock)
            self._pieces: Iterator[bytes] = response.iter_bytes()
            if request.stream and reply.ok:
                return reply
            return Reply(reply.status, reply.headers, self._whole(), reply.url)

    def receive(self, patience: float | None = None) -> bytes:
        with self._translated():
            self._check()
            return next(self._pieces, b"")

    def close(self) -> None:
        self._guard.release()
        response, self._response = self._response, None
        if response is not None:
            response.close()

    def _whole(self) -> bytes:
        parts, size = [], 0
        for part in self._pieces:
            parts.append(part)
            size += len(part)
            self._check(size)
        return b"".join(parts)
