"""The transport of one model object: its connections, and the drivers of its exchanges."""

from __future__ import annotations

import functools
import os
import ssl
import sys
import threading
import weakref
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from core_plus.errors import ConfigurationError, ModelError
from core_plus.secret import Secret
from core_plus_http import rawlog
from core_plus_http.clients import ClientCall
from core_plus_http.direct import Direct, DirectCall
from core_plus_http.exchange import Exchange, Pause, Receive, Send
from core_plus_http.guard import Guard
from core_plus_http.pauses import apaused, paused
from core_plus_http.pool import Pool
from core_plus_http.settings import USER_AGENT, Origin, Timeouts, header_values
from core_plus_http.sync_driver import SyncCall

if TYPE_CHECKING:
    from core_plus.cancellation import Cancellation

T = TypeVar("T")


class Transport:
    """Performs exchanges with one server, from any number of threads and event loops at once.

    One attempt each: who wants another decides so above. Calls go over connections of its own, unless the
    caller gave a client or the environment names a proxy, which httpx then deals with. Redirects aren't
    followed, so a key goes nowhere but to `base_url`.

    Args:
        base_url: What paths are joined to.
        headers: Sent with every request; a `Secret` is shown nowhere else.
        timeouts: How long to wait.
        client: An `httpx.Client` (or httpx2's) for sync calls, used as it is and never closed.
        async_client: The same for async calls; it belongs to one event loop.
        provider: Stands in errors.
        model: Stands in errors.

    Raises:
        ConfigurationError: The address or a header is none.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str | Secret | None] | None = None,
        timeouts: Timeouts | None = None,
        client: Any = None,
        async_client: Any = None,
        provider: str = "",
        model: str = "",
    ) -> None:
        self.origin = Origin.of(base_url)
        self.timeouts = timeouts or Timeouts()
        self._headers = header_values({"user-agent": USER_AGENT, "accept": "*/*", **(headers or {})})
        self._hidden = _to_hide(headers or {})
        self.public_headers = {name: text for name, text in (headers or {}).items() if isinstance(text, str)}
        """The given headers that are no secrets."""
        self._provider, self._model = provider, model
        self._client, self._async_client = client, async_client
        self._given = client is not None or async_client is not None
        self._proxied = not self._given and _has_proxy(self.origin)
        self._lock = threading.Lock()
        self._loops: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
        own = {"host": self.origin.netloc, "accept-encoding": "identity", **self._headers}
        pool = Pool()
        pairs = [(name.encode(), value.encode()) for name, value in own.items()]
        self._direct = Direct(self.origin, pairs, self.timeouts, pool, functools.cache(_trust))
        self._close_idle = weakref.finalize(self, pool.close)

    def __repr__(self) -> str:
        return f"Transport({self.origin.address('')!r})"

    def run(self, exchange: Exchange[T], cancellation: Cancellation | None = None) -> T:
        """Perform an exchange and give its result; what it hands out meanwhile is dropped.

        Args:
            exchange: A fresh exchange.
            cancellation: Stops the call at once, from any thread.

        Raises:
            ModelError: Of the exchange or of the way.
        """
        driving = self.stream(exchange, cancellation)
        while True:
            try:
                next(driving)
            except StopIteration as end:
                value: T = end.value
                return value

    def stream(self, exchange: Exchange[T], cancellation: Cancellation | None = None) -> Generator[Any, None, T]:
        """Perform an exchange and give what it hands out, as it does.

        Args:
            exchange: A fresh exchange.
            cancellation: Stops the call at once, from any thread.

        Raises:
            ModelError: Of the exchange or of the way.
        """
        guard = Guard()
        forget = cancellation.on_cancel(guard.cancel) if cancellation is not None else None
        try:
            return (yield from _drive(exchange, lambda: self._logged(self._sync_call(guard)), guard))
        except ModelError as error:
            self._dress(error)
            raise
        finally:
            if forget is not None:
                forget()
            exchange.close()

    async def arun(self, exchange: Exchange[T], cancellation: Cancellation | None = None) -> T:
        """Perform an exchange on the running event loop and give its result.

        Args:
            exchange: A fresh exchange.
            cancellation: Stops the call at once; so does cancelling the task.

        Raises:
            ModelError: Of the exchange or of the way.
        """
        result: list[T] = []
        async for _ in self.astream(_kept(exchange, result), cancellation):
            pass
        return result[0]

    async def astream(
        self, exchange: Exchange[Any], cancellation: Cancellation | None = None
    ) -> AsyncGenerator[Any, None]:
        """Perform an exchange on the running event loop and give what it hands out, as it does.

        Args:
            exchange: A fresh exchange.
            cancellation: Stops the call at once; so does cancelling the task.

        Raises:
            ModelError: Of the exchange or of the way.
        """
        guard = Guard()
        call = self._logged(self._async_call(guard))
        forget = cancellation.on_cancel(guard.cancel) if cancellation is not None else None
        answer: Any = None
        failure: ModelError | None = None
        try:
            while True:
                item = exchange.send(answer) if failure is None else exchange.throw(failure)
                answer = failure = None
                try:
                    if isinstance(item, Send):
                        answer = await call.send(item)
                    elif isinstance(item, Receive):
                        answer = await call.receive(item.patience)
                    elif isinstance(item, Pause):
                        await call.aclose()
                        await apaused(item, guard)
                        call = self._logged(self._async_call(guard))
                    else:
                        for each in item:
                            yield each
                except ModelError as error:
                    failure = error
        except StopIteration:
            return
        except ModelError as error:
            self._dress(error)
            raise
        finally:
            if forget is not None:
                forget()
            exchange.close()
            await call.aclose()

    def close(self) -> None:
        """Close idle connections, and each busy one at the end of its call; a caller's client is left alone."""
        self._close_idle()
        with self._lock:
            own, self._client = (self._client, None) if self._proxied else (None, self._client)
        if own is not None:
            own.close()

    async def aclose(self) -> None:
        """The same; of the clients for a proxy, it closes the one of the running event loop too."""
        import asyncio

        self.close()
        with self._lock:
            own = self._loops.pop(asyncio.get_running_loop(), None)
        if own is not None:
            await own.aclose()

    def clean(self, text: str) -> str:
        """A text without the secrets that are sent.

        Args:
            text: Any text.
        """
        for value in self._hidden:
            text = text.replace(value, "***")
        return text

    def hide(self, secret: Secret) -> None:
        """Show a secret nowhere, which a `Send` carries among its own headers (a token that was just renewed).

        Args:
            secret: The header's value.
        """
        self._hidden = tuple(sorted({*self._hidden, *_to_hide({"": secret})}, key=len, reverse=True))

    def _sync_call(self, guard: Guard) -> Any:
        if not self._given and not self._proxied:
            return SyncCall(DirectCall(self._direct, guard), guard)
        if self._given and self._client is None:
            raise ConfigurationError(f"{self!r} was given an async client only; give it client= for sync calls too")
        with self._lock:
            if self._client is None:
                import httpx

                self._client = httpx.Client(limits=httpx.Limits(max_keepalive_connections=100))
            client = self._client
        return ClientCall(client, self.origin, self._headers, self.timeouts, guard)

    def _async_call(self, guard: Guard) -> Any:
        if not self._given and not self._proxied:
            from core_plus_http.async_driver import AsyncCall

            return AsyncCall(DirectCall(self._direct, guard), guard)
        if self._given and self._async_client is None:
            raise ConfigurationError(
                f"{self!r} was given a sync client only; give it async_client= for async calls too"
            )
        from core_plus_http.async_clients import AsyncClientCall

        client = self._async_client if self._given else self._client_of_loop()
        return AsyncClientCall(client, self.origin, self._headers, self.timeouts, guard)

    def _client_of_loop(self) -> Any:
        import asyncio

        import httpx

        loop = asyncio.get_running_loop()
        with self._lock:
            client = self._loops.get(loop)
            if client is None:
                limits = httpx.Limits(max_keepalive_connections=100)
                client = self._loops[loop] = httpx.AsyncClient(limits=limits)
        return client

    def _logged(self, call: Any) -> Any:
        return rawlog.LoggedCall(call, self.origin.address, self.clean) if rawlog.listens() else call

    def _dress(self, error: ModelError) -> None:
        error.provider, error.model = error.provider or self._provider, error.model or self._model
        error.message = self.clean(error.message)
        error.args = (error.message,)


def _drive(exchange: Exchange[T], begin: Callable[[], Any], guard: Guard) -> Generator[Any, None, T]:
    answer: Any = None
    failure: ModelError | None = None
    call = begin()
    try:
        while True:
            item = exchange.send(answer) if failure is None else exchange.throw(failure)
            answer = failure = None
            try:
                if isinstance(item, Send):
                    answer = call.send(item)
                elif isinstance(item, Receive):
                    answer = call.receive(item.patience)
                elif isinstance(item, Pause):
                    call.close()
                    paused(item, guard)
                    call = begin()  # its time begins now
                else:
                    yield from item
            except ModelError as error:
                failure = error
    except StopIteration as end:
        value: T = end.value
        return value
    finally:
        call.close()


def _kept(exchange: Exchange[T], result: list[T]) -> Exchange[None]:
    result.append((yield from exchange))


def _to_hide(headers: Mapping[str, str | Secret | None]) -> tuple[str, ...]:
    """Texts that must be seen nowhere: each secret, and a key without the "Bearer" before it.

    Very short ones are left, such as the "none" that a local server is given: they hide what an error says.
    """
    texts = [value.reveal() for value in headers.values() if isinstance(value, Secret)]
    parts = {part for text in texts for part in (text, text.rpartition(" ")[2]) if len(part) >= 6}
    return tuple(sorted(parts, key=len, reverse=True))


def _has_proxy(origin: Origin) -> bool:
    """Whether the environment, or the system, names a proxy for this address."""
    only_environment = sys.platform not in ("darwin", "win32")
    if only_environment and not any(name.lower().endswith("_proxy") for name in os.environ):
        return False
    import urllib.request  # takes longer to import than all the rest

    proxies = urllib.request.getproxies()
    return bool(proxies.get(origin.scheme) or proxies.get("all")) and not urllib.request.proxy_bypass(origin.netloc)


def _trust() -> ssl.SSLContext:
    """Whom to trust, as httpx decides: SSL_CERT_FILE, SSL_CERT_DIR, or the authorities that browsers trust."""
    import httpx

    try:
        context = httpx.create_ssl_context()
    except OSError as error:
        raise ConfigurationError(f"the certificates of SSL_CERT_FILE or SSL_CERT_DIR can't be read: {error}") from error
    context.set_alpn_protocols(["http/1.1"])
    return context
