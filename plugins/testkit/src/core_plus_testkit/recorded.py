"""Recorded traffic of real providers, played to a model and compared with what the vendor's own SDK read.

A folder holds `providers.jsonl` (an exchange in each line: id, dialect, stream, request and response) and
`oracle.jsonl` (by the same id: ok, text, thinking, tool_calls, finish, usage). Such recordings are other people's
data and no part of this project; `CORE_PLUS_SHARED` names the folder around them.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from core_plus.errors import ModelError
from core_plus.messages import Thinking, Usage, message
from core_plus.models import Collector, ModelRequest, ModelResponse

REQUEST = ModelRequest((message("user", "x"),))
DROPPED = ("content-length", "transfer-encoding", "content-encoding")
"""Headers that say how the body travelled, which is different here."""


class Recordings:
    """The recordings of a dialect.

    Args:
        dialect: As they name it, such as "openai-chat".
        beside: A file of the checkout: where no folder is named, `shared` is looked for beside the checkout.
    """

    def __init__(self, dialect: str, beside: str) -> None:
        named = os.environ.get("CORE_PLUS_SHARED")
        self.folder = (Path(named) if named else Path(beside).resolve().parents[4] / "shared") / "recordings"
        self._dialect = dialect
        self.exchanges = self._lines("providers.jsonl")
        self.oracle = {each["id"]: each for each in self._lines("oracle.jsonl")}

    @property
    def replies(self) -> list[dict[str, Any]]:
        """Those that came at once."""
        return [each for each in self.exchanges if not each["stream"]]

    @property
    def streams(self) -> list[dict[str, Any]]:
        """Those that came piece by piece."""
        return [each for each in self.exchanges if each["stream"]]

    @property
    def absent(self) -> str:
        """Why there are none, "" where there are."""
        words = f"no recordings in {self.folder}; CORE_PLUS_SHARED names the folder that holds them"
        return "" if self.exchanges else words

    def _lines(self, name: str) -> list[dict[str, Any]]:
        if not self.folder.is_dir():
            return []
        texts = (self.folder / name).read_text(encoding="utf-8").split("\n")
        found = (json.loads(text) for text in texts if f'"{self._dialect}"' in text)
        return [each for each in found if each["dialect"] == self._dialect]


def name_of(recording: Any) -> str:
    """A short name for a test's parameter.

    Args:
        recording: One of them, or another parameter.
    """
    return str(recording["id"]).rpartition("/")[2] if isinstance(recording, dict) else str(recording)


def clients(recording: dict[str, Any], chunk: int | None = None, cut: int | None = None) -> tuple[Any, Any]:
    """A sync and an async client of httpx that answer every request with a recording.

    Args:
        recording: Which.
        chunk: Bytes in a piece; None gives one event in each.
        cut: Bytes after which the connection is lost; None loses none.
    """
    import httpx

    def pieces() -> Iterator[bytes]:
        reply = recording["response"]
        text = reply["sse"] if "sse" in reply else reply.get("body", "")
        data = base64.b64decode(reply["base64"]) if "base64" in reply else text.encode()
        kept = data if cut is None else data[:cut]
        if chunk is None:
            yield from re.findall(rb"(?s).+?(?:\r?\n\r?\n|\Z)", kept) if "sse" in reply else [kept]
        else:
            yield from (kept[at : at + chunk] for at in range(0, len(kept), chunk))
        if cut is not None:
            raise httpx.ReadError("the recording was cut here")

    class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            return pieces()

        async def __aiter__(self) -> Any:
            for piece in pieces():
                yield piece

    def answer(request: Any) -> Any:
        reply = recording["response"]
        headers = {name: value for name, value in reply["headers"].items() if name not in DROPPED}
        return httpx.Response(reply["status"], headers=headers, stream=Body(), request=request)

    class Playback(httpx.BaseTransport, httpx.AsyncBaseTransport):
        def handle_request(self, request: Any) -> Any:
            return answer(request)

        async def handle_async_request(self, request: Any) -> Any:
            return answer(request)

    return httpx.Client(transport=Playback()), httpx.AsyncClient(transport=Playback())


def played(
    make: Callable[..., Any],
    recording: dict[str, Any],
    chunk: int | None = None,
    *,
    on_loop: bool = False,
    cut: int | None = None,
) -> ModelResponse | ModelError:
    """The reply, or the error, that a model makes of a recording.

    Args:
        make: Makes the model: called with `client` and `async_client`.
        recording: Which.
        chunk: See `clients`.
        on_loop: Whether it is asked on an event loop.
        cut: See `clients`.
    """
    import asyncio

    client, async_client = clients(recording, chunk, cut)
    model = make(client=client, async_client=async_client)

    async def drained() -> list[Any]:
        return [delta async for delta in model.astream(REQUEST)]

    try:
        if not recording["stream"]:
            reply: ModelResponse = asyncio.run(model.aforward(REQUEST)) if on_loop else model.forward(REQUEST)
            return reply
        collector = Collector()
        for delta in asyncio.run(drained()) if on_loop else model.stream(REQUEST):
            collector.add(delta)
        return collector.response()
    except ModelError as error:
        return error


def check(
    reply: ModelResponse | ModelError, expected: dict[str, Any], counts: Callable[[Usage], dict[str, int]] | None = None
) -> None:
    """Compare text, thinking, tool calls, finish reason and usage with what the SDK read.

    Args:
        reply: What the model made of a recording.
        expected: The oracle's line of the same id. What the SDK didn't say isn't asked for.
        counts: The tokens as this provider counts them, where that isn't as the kernel does.
    """
    if not expected["ok"]:
        assert isinstance(reply, ModelError), reply
        return
    assert isinstance(reply, ModelResponse), reply
    refusal = expected.get("refusal") or ""
    assert reply.message.text == expected["text"] + refusal
    assert "".join(part.text for part in reply.message.parts if isinstance(part, Thinking)) == expected["thinking"]
    wanted = expected["tool_calls"]
    calls = [{"name": call.name, "arguments": call.arguments, "id": call.id} for call in reply.message.tool_calls]
    named = [{**call, "id": call["id"] or made["id"]} for call, made in zip(wanted, calls, strict=False)]
    assert calls == named + wanted[len(calls) :]
    assert all(call["id"] for call in calls)
    assert (reply.raw_finish_reason or "") == (expected["finish"] or expected.get("blocked") or "")
    assert not refusal or reply.finish_reason == "refusal"
    if expected["usage"] is None:
        assert reply.usage is None
        return
    told = {name: count for name, count in expected["usage"].items() if count is not None}
    assert (reply.usage is not None) or not told
    if reply.usage is None:
        return
    found = {**_counts(reply.usage), **(counts(reply.usage) if counts else {})}
    assert {name: found[name] for name in told if name in found} == {n: c for n, c in told.items() if n in found}


def _counts(usage: Usage) -> dict[str, int]:
    return {
        "input": usage.input_tokens,
        "output": usage.output_tokens,
        "reasoning": usage.reasoning_tokens,
        "cached": usage.cached_tokens,
        "cache_write": usage.cache_write_tokens,
    }
