"""The model that answers from disk, and asks another what isn't there."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator, Mapping
from typing import Any, cast

import msgspec

from core_plus.errors import ConfigurationError
from core_plus.messages import Usage
from core_plus.models import Collector, Delta, ModelRequest, ModelResponse, as_deltas
from core_plus_cache.key import key_of, whole
from core_plus_cache.settings import Settings, settings_of
from core_plus_cache.store import Store
from core_plus_cache.text import dumps, response_in


class Cached:
    """Answers from disk what was asked before, exactly; what wasn't, another model answers.

    An answer from disk costs no tokens, and its usage says so: `details["cache_hits"]` is 1 and all else 0. Errors
    aren't kept, nor answers that were cut off, filtered or given up. What else the other model offers
    (`count_tokens`, `embed`, …) goes to it.

    Args:
        model: Who answers what isn't there.
        settings: Where answers are kept; None takes the environment's.
        identity: What decides the model's answers besides the request; "" asks the model's `identity()`, or
            takes its name.

    Raises:
        ConfigurationError: There is no model.
    """

    def __init__(self, model: Any, settings: Settings | None = None, *, identity: str = "") -> None:
        if model is None or isinstance(model, str):
            raise ConfigurationError("cache wants a model to ask: cache:openai:gpt-5-mini, or Cached(model)")
        self.model, self.settings = model, settings or settings_of()
        days = self.settings.days
        seconds = None if days is None else days * 86_400
        self._identity = identity or described(model, str(model), {})
        self._store = Store(self.settings.file, self.settings.megabytes * 1e6, seconds)

    def __str__(self) -> str:
        return f"cache:{self.model}"

    def __repr__(self) -> str:
        return f"<{self}>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "model":
            raise AttributeError(name)
        return getattr(self.model, name)

    def identity(self) -> str:
        """That of the model that is asked."""
        return self._identity

    def forward(self, request: ModelRequest) -> ModelResponse:
        """Answer a request.

        Args:
            request: All that is asked.

        Raises:
            ModelError: The other model's.
            ConfigurationError: The other model is async only, or the file is no cache.
        """
        key = key_of(self._identity, request)
        return self._found(key) or self._kept(key, _answered(self.model, request))

    def stream(self, request: ModelRequest) -> Iterator[Delta]:
        """Answer a request as it comes; from disk, all at once.

        Args:
            request: All that is asked.

        Raises:
            ModelError: The other model's.
            ConfigurationError: As `forward`.
        """
        key, collector = key_of(self._identity, request), Collector()
        if (found := self._found(key)) is not None:
            yield from as_deltas(found)
            return
        with contextlib.closing(_pieces(self.model, request)) as deltas:
            for delta in deltas:
                collector.add(delta)
                yield delta
        self._kept(key, collector.response())

    async def aforward(self, request: ModelRequest) -> ModelResponse:
        """As `forward`, on the running event loop.

        Args:
            request: All that is asked.
        """
        import asyncio

        key = key_of(self._identity, request)
        if (found := await asyncio.to_thread(self._found, key)) is not None:
            return found
        return await asyncio.to_thread(self._kept, key, await _aanswered(self.model, request))

    async def astream(self, request: ModelRequest) -> AsyncIterator[Delta]:
        """As `stream`, on the running event loop.

        Args:
            request: All that is asked.
        """
        import asyncio

        key, collector = key_of(self._identity, request), Collector()
        if (found := await asyncio.to_thread(self._found, key)) is not None:
            for delta in as_deltas(found):
                yield delta
            return
        async with contextlib.aclosing(_apieces(self.model, request)) as deltas:
            async for delta in deltas:
                collector.add(delta)
                yield delta
        await asyncio.to_thread(self._kept, key, collector.response())

    def close(self) -> None:
        """Close the database; the other model is its owner's to close."""
        self._store.close()

    def _found(self, key: bytes | None) -> ModelResponse | None:
        data = None if key is None else self._store.get(key)
        found = None if data is None else response_in(data)
        return found and msgspec.structs.replace(found, usage=Usage(details={"cache_hits": 1}))

    def _kept(self, key: bytes | None, response: ModelResponse) -> ModelResponse:
        if key is not None and whole(response):
            try:
                self._store.put(key, dumps(response))
            except TypeError:
                return response  # it holds something that isn't data
        return response


def described(model: Any, ref: str, config: Mapping[str, Mapping[str, Any]]) -> str:
    """What decides a model's answers besides the request: what it says itself, or else its name and settings.

    Args:
        model: The model; with `identity()`, if it can say.
        ref: Its name.
        config: Settings by "model.NAME", of which those count whose names stand in `ref`.
    """
    if hasattr(model, "identity"):
        return str(model.identity())
    named = {f"model.{name}" for name in re.split("[:,]", ref)}
    settings = {name: values for name, values in config.items() if name in named}
    return f"{ref} {msgspec.json.encode(settings, enc_hook=repr, order='sorted').decode()}"


# ---- asking the other model --------------------------------------------------------


def _answered(model: Any, request: ModelRequest) -> ModelResponse:
    found = model.forward(request)
    if isinstance(found, ModelResponse):
        return found
    if inspect.iscoroutine(found):
        found.close()
    raise ConfigurationError(f"{model} can't answer a sync run within a cache; use arun(), or a model that can")


def _pieces(model: Any, request: ModelRequest) -> Any:
    """The deltas, as a generator: closing it closes those of the model."""
    deltas = model.stream(request) if hasattr(model, "stream") else as_deltas(_answered(model, request))
    if not hasattr(deltas, "__iter__"):
        raise ConfigurationError(f"{model} can't stream to a sync run within a cache; use astream()")
    yield from deltas


async def _aanswered(model: Any, request: ModelRequest) -> ModelResponse:
    import asyncio

    if hasattr(model, "aforward"):
        return cast("ModelResponse", await model.aforward(request))
    found: Any = await asyncio.to_thread(model.forward, request)
    return cast("ModelResponse", await found if inspect.isawaitable(found) else found)


async def _apieces(model: Any, request: ModelRequest) -> AsyncGenerator[Delta, None]:
    import asyncio

    begin = getattr(model, "astream", None) or getattr(model, "stream", None)
    deltas: Any = begin(request) if begin else as_deltas(await _aanswered(model, request))
    if isinstance(deltas, AsyncIterable):
        async with contextlib.AsyncExitStack() as stack:
            if hasattr(deltas, "aclose"):
                stack.push_async_callback(deltas.aclose)
            async for delta in deltas:
                yield delta
        return
    pieces = iter(deltas)
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece
