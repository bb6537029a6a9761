"""A model behind HTTP: a codec and a transport make one."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from typing import Any, Protocol, TypeVar

from core_plus.models import Delta, ModelRequest, ModelResponse
from core_plus.secret import Secret
from core_plus_http.exchange import Exchange
from core_plus_http.rates import RateLimit, as_rate, within
from core_plus_http.settings import Timeouts
from core_plus_http.transport import Transport

T = TypeVar("T")


class Codec(Protocol):
    """How one provider's requests are written and its replies read; it never does I/O."""

    def forward(self, request: ModelRequest) -> Exchange[ModelResponse]:
        """Ask at once.

        Args:
            request: All that is asked.
        """

    def stream(self, request: ModelRequest) -> Exchange[None]:
        """Ask piece by piece; the exchange hands out lists of `Delta`s.

        Args:
            request: All that is asked.
        """


class HTTPModel:
    """A model behind HTTP. Providers inherit, make the codec and call `super().__init__`.

    One object serves any number of runs at once, from any threads and event loops. It tries each call once.

    Args:
        provider: The plugin's name; stands in errors and in `repr`.
        model_id: The model's name at the server.
        codec: Writes requests, reads replies.
        transport: Performs them.
        rate: Requests and tokens a minute, shared by all models that are given the same object.

    Attributes:
        rate: The same; it may be set at any time, and holds for the calls that begin after.
    """

    def __init__(
        self,
        provider: str,
        model_id: str,
        codec: Codec,
        transport: Transport,
        rate: RateLimit | Mapping[str, Any] | None = None,
    ) -> None:
        self.provider, self.model_id = provider, model_id
        self.codec, self.transport, self.rate = codec, transport, as_rate(rate)

    def __repr__(self) -> str:
        return f"{self.provider}:{self.model_id}"

    def identity(self) -> str:
        """A digest of what decides its answers besides the request: the server, the model, all that is sent beside.

        Equal digests are of models that may stand for each other, as for a cache. Keys don't count.
        """
        import hashlib

        asked = self.asked() or (self.model_id, b"")
        public = sorted(self.transport.public_headers.items())
        parts = (self.provider, self.transport.origin.address(asked[0]), *(f"{name}:{text}" for name, text in public))
        return hashlib.sha256("\n".join(parts).encode("utf-8", "replace") + b"\n" + asked[1]).hexdigest()

    def asked(self) -> tuple[str, bytes] | None:
        """Where a request goes that says nothing, and its body: what the model's settings add to any request."""
        send = getattr(self.codec, "send", None)
        sent = send(ModelRequest(()), stream=False) if send else None
        return (sent.path, sent.body) if sent else None

    def prepare(self) -> None:
        """What must be done before a call and may wait, such as to renew a token; nothing, for most.

        Async calls have it done in a thread.
        """

    def forward(self, request: ModelRequest) -> ModelResponse:
        """Answer a request.

        Args:
            request: All that is asked.

        Raises:
            ModelError: The server's refusal or failure, typed.
        """
        self.prepare()
        return self.transport.run(self._in_turn(request, self.codec.forward), request.cancellation)

    def stream(self, request: ModelRequest) -> Generator[Delta, None, None]:
        """Answer a request as it comes. Closing the iterator early closes the connection.

        Args:
            request: All that is asked.

        Raises:
            ModelError: As `forward`; `partial` tells whether pieces were given before.
        """
        self.prepare()
        return self.transport.stream(self._in_turn(request, self.codec.stream), request.cancellation)

    async def aforward(self, request: ModelRequest) -> ModelResponse:
        """As `forward`, on the running event loop.

        Args:
            request: All that is asked.
        """
        await self.aprepare()
        return await self.transport.arun(self._in_turn(request, self.codec.forward), request.cancellation)

    def astream(self, request: ModelRequest) -> AsyncGenerator[Delta, None]:
        """As `stream`, on the running event loop.

        Args:
            request: All that is asked.
        """
        if type(self).prepare is HTTPModel.prepare:
            return self.transport.astream(self._in_turn(request, self.codec.stream), request.cancellation)
        return self._prepared_stream(request)

    def _in_turn(self, request: ModelRequest, ask: Callable[[ModelRequest], Exchange[T]]) -> Exchange[T]:
        """The exchange for a request, which waits where there is a limit."""
        return ask(request) if self.rate is None else within(self.rate, request, ask(request))

    async def aprepare(self) -> None:
        """As `prepare`, in a thread."""
        if type(self).prepare is not HTTPModel.prepare:
            import asyncio

            await asyncio.to_thread(self.prepare)

    async def _prepared_stream(self, request: ModelRequest) -> AsyncGenerator[Delta, None]:
        await self.aprepare()
        async with contextlib.aclosing(
            self.transport.astream(self._in_turn(request, self.codec.stream), request.cancellation)
        ) as deltas:
            async for delta in deltas:
                yield delta

    def close(self) -> None:
        """Close the idle connections; a busy one is closed when its call ends."""
        self.transport.close()

    async def aclose(self) -> None:
        """As `close`."""
        await self.transport.aclose()


def as_timeouts(timeout: Timeouts | float | None) -> Timeouts | None:
    """What a caller says of time, as `Timeouts`.

    Args:
        timeout: A number is the whole call's seconds.
    """
    return timeout if isinstance(timeout, Timeouts | None) else Timeouts(whole=timeout)


def json_headers(more: Mapping[str, str | Secret] | None, **own: str | Secret | None) -> dict[str, str | Secret | None]:
    """The headers of a JSON API; the caller's own win.

    Args:
        more: What the caller gave.
        **own: The provider's, `_` for `-`; None sends none.
    """
    named = {name.replace("_", "-"): value for name, value in own.items()}
    given: dict[str, Any] = {name.lower(): value for name, value in (more or {}).items()}
    return {"content-type": "application/json", **named, **given}
