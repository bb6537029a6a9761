"""The model object: LiteLLM's `acompletion`, or its Router's, for sync and async callers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncGenerator, Awaitable, Generator, Mapping
from importlib import import_module
from typing import Any, Final, TypeVar

import msgspec

from core_plus.cancellation import Cancellation
from core_plus.errors import CorePlusError, CutStreamError, MalformedReplyError, ModelError
from core_plus.models import Collector, Delta, FinishDelta, ModelRequest, ModelResponse
from core_plus.secret import Secret
from core_plus.workers import Workers
from core_plus_http import Cancelled, loads
from core_plus_http.chat.decode import Reader
from core_plus_http.chat.encode import Encoder
from core_plus_http.chat.quirks import Quirks
from core_plus_litellm.failures import error_of

T = TypeVar("T")
OWNER: Final = "litellm"
ENDINGS: Final = ("_API_KEY", "_TOKEN", "_SECRET", "_SECRET_ACCESS_KEY")
"""How the variables are named in which LiteLLM finds its keys."""
SHORTEST: Final = 8
"""Characters that a key has at least; shorter values aren't worth hiding, and would blot out words."""


class LiteLLMModel:
    """A model behind the litellm package: any provider that it knows, with the keys that it finds, or its Router.

    Each call is tried once; `core-plus-retry` tries again, or a Router by its own settings. LiteLLM's work is async:
    sync calls run it on an event loop that the object owns.

    Args:
        model_id: LiteLLM's name of the model, such as "openai/gpt-4o"; with a Router, one of its names.
        api_key: The provider's key; None leaves it to LiteLLM, which looks in the environment.
        base_url: The server; None leaves it to LiteLLM.
        headers: More headers for every request.
        options: Parameters of every request, such as {"temperature": 0, "reasoning_effort": "low"}.
        timeout: Seconds for the whole call.
        router: A `litellm.Router`, or the arguments to make one of, such as {"model_list": [...]}.
    """

    def __init__(
        self,
        model_id: str,
        *,
        api_key: str | Secret | None = None,
        base_url: str | None = None,
        headers: Mapping[str, str | Secret] | None = None,
        options: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        router: Any = None,
    ) -> None:
        self.model_id = model_id
        self._key = Secret(api_key) if api_key else None
        self._headers = {name: Secret(value) for name, value in (headers or {}).items()}
        self._settings = {"base_url": base_url, "timeout": timeout, **(options or {})}
        self._router = router
        self._encoder = Encoder(model_id, Quirks(thinking="reasoning_content"), {}, OWNER)
        self._workers = Workers()

    def __repr__(self) -> str:
        return f"litellm:{self.model_id}"

    def forward(self, request: ModelRequest) -> ModelResponse:
        """Answer a request.

        Args:
            request: All that is asked.

        Raises:
            ModelError: The provider's refusal or failure, typed.
            ConfigurationError: LiteLLM doesn't take the settings.
        """
        return self._wait(self.aforward(request))

    def stream(self, request: ModelRequest) -> Generator[Delta, None, None]:
        """Answer a request as it comes. Closing the iterator early closes LiteLLM's stream.

        Args:
            request: All that is asked.

        Raises:
            ModelError: As `forward`; `partial` tells whether pieces were given before.
        """
        deltas = self.astream(request)
        try:
            while (delta := self._wait(anext(deltas, None))) is not None:
                yield delta
        finally:
            self._wait(deltas.aclose())

    async def aforward(self, request: ModelRequest) -> ModelResponse:
        """As `forward`, on the running event loop.

        Args:
            request: All that is asked.
        """
        reader, collector, thoughts = Reader(OWNER), Collector(), Thoughts()
        failure: CorePlusError | None = None
        try:
            reply = await _heeding(request.cancellation, self._asked(request, stream=False))
            body = reply.model_dump()
            thoughts.read(body)
            for delta in (*reader.read(body), *reader.end(), *thoughts.end()):
                collector.add(delta)
            if not reader.begun:
                raise MalformedReplyError("the reply holds no choice")
        except Exception as error:
            failure = self._failure(error, reader)
        if failure is not None:
            raise failure  # out here, so that LiteLLM's own, which holds a request with its key, isn't kept with it
        return collector.response()

    async def astream(self, request: ModelRequest) -> AsyncGenerator[Delta, None]:
        """As `stream`, on the running event loop.

        Args:
            request: All that is asked.
        """
        reader, thoughts = Reader(OWNER), Thoughts()
        failure: CorePlusError | None = None
        try:
            chunks = await _heeding(request.cancellation, self._asked(request, stream=True))
            try:
                while (chunk := await _heeding(request.cancellation, anext(chunks, None))) is not None:
                    body = chunk.model_dump()
                    thoughts.read(body)
                    for delta in reader.read(body):
                        reader.gave = True
                        yield delta
            finally:
                with contextlib.suppress(OSError, RuntimeError):  # broken already, and what broke it is told
                    await chunks.aclose()
            _check(chunks, reader)
        except Exception as error:
            failure = self._failure(error, reader)
        if failure is not None:
            raise failure
        for delta in (*reader.end(), *thoughts.end()):
            yield delta

    def close(self) -> None:
        """End the event loop of sync calls. Connections are LiteLLM's, which keeps them for all that use it."""
        self._workers.close()

    def _wait(self, awaitable: Awaitable[T]) -> T:
        future = self._workers.submit_async(awaitable)
        try:
            return future.result()
        finally:
            future.cancel()  # the caller was interrupted

    async def _asked(self, request: ModelRequest, *, stream: bool) -> Any:
        import asyncio

        litellm = await asyncio.to_thread(_litellm)  # slow to import: the event loop doesn't wait for it
        if isinstance(self._router, Mapping):
            self._router = litellm.Router(**self._router)
        return await (self._router or litellm).acompletion(**self._arguments(request, stream))

    def _arguments(self, request: ModelRequest, stream: bool) -> dict[str, Any]:
        plain = msgspec.structs.replace(request, options={})
        arguments = {**loads(self._encoder.body(plain, stream=stream)), **self._settings, **request.options}
        if self._key:
            arguments["api_key"] = self._key.reveal()
        if self._headers:
            arguments["extra_headers"] = {name: value.reveal() for name, value in self._headers.items()}
        if self._router is None:
            arguments.update(num_retries=0, max_retries=0)
        return {name: value for name, value in arguments.items() if value is not None}

    def _failure(self, error: Exception, reader: Reader) -> CorePlusError:
        """An error as the kernel's, without a trace of LiteLLM's."""
        failure = error_of(error, self.model_id, self._secrets(), begun=reader.gave)
        if isinstance(failure, ModelError):
            failure.provider, failure.model = OWNER, self.model_id
            failure.partial = failure.partial or reader.gave
        failure.__cause__ = failure.__context__ = None
        return failure

    def _secrets(self) -> list[Secret]:
        """All that LiteLLM may have sent as a key."""
        names = [name for name in os.environ if name.upper().endswith(ENDINGS)]
        found = [os.environ[name] for name in names]
        router = self._router
        listed = router.get("model_list") if isinstance(router, Mapping) else getattr(router, "model_list", None)
        found += [str(dict(each).get("litellm_params", {}).get("api_key") or "") for each in listed or ()]
        own = [*self._headers.values(), *([self._key] if self._key else ())]
        return [*own, *(Secret(value) for value in found if len(value) >= SHORTEST)]


class Thoughts:
    """Anthropic's signed reasoning, which LiteLLM gives apart from the words and wants back as it was."""

    def __init__(self) -> None:
        self._blocks: list[dict[str, Any]] = []
        self._open = False

    def read(self, body: Mapping[str, Any]) -> None:
        """Take what a chunk, or a whole reply, has of it.

        Args:
            body: As LiteLLM's JSON.
        """
        for choice in body.get("choices") or ():
            said = choice.get("delta") or choice.get("message") or {}
            for block in said.get("thinking_blocks") or ():
                self._add({name: value for name, value in block.items() if value is not None})

    def end(self) -> list[Delta]:
        """What goes back with the message."""
        return [FinishDelta(message_data={OWNER: {"thinking_blocks": self._blocks}})] if self._blocks else []

    def _add(self, block: dict[str, Any]) -> None:
        if self._open and block.get("type") == "thinking":
            last = self._blocks[-1]
            last["thinking"] = last.get("thinking", "") + block.get("thinking", "")
            last.update({name: value for name, value in block.items() if name != "thinking" and value})
        else:
            self._blocks.append(block)
        self._open = block.get("type") == "thinking" and not block.get("signature")


def _check(chunks: Any, reader: Reader) -> None:
    """Whether a stream that ended was one: LiteLLM ends every stream well, a web page's too."""
    made_up = getattr(chunks, "received_finish_reason", "") is None
    if not reader.gave and (made_up or not reader.finished):
        raise MalformedReplyError("the server sent no stream of a reply")
    if not reader.finished:
        raise CutStreamError("the stream ended before the reply did")


async def _heeding(cancellation: Cancellation | None, awaitable: Awaitable[T]) -> T:
    """Wait for something, but no longer than until the call is cancelled."""
    import asyncio

    if cancellation is None:
        return await awaitable
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(awaitable)

    def cancel() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(task.cancel)

    forget = cancellation.on_cancel(cancel)
    try:
        return await task
    except asyncio.CancelledError:
        current = asyncio.current_task()
        if current is not None and current.cancelling():
            raise
        raise Cancelled("the call was cancelled") from None
    finally:
        forget()


def _litellm() -> Any:
    """The package, made to fetch nothing and print nothing."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else its import asks a server for prices
    litellm: Any = import_module("litellm")
    litellm.suppress_debug_info = True
    return litellm
