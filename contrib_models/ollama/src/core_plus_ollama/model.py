"""The model object, and pulling a model that the server hasn't got."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from core_plus.errors import MalformedReplyError, ModelNotFoundError
from core_plus.models import ModelRequest, ModelResponse
from core_plus.secret import Secret
from core_plus_http import (
    RECEIVE,
    Embeds,
    Exchange,
    JSONCodec,
    JSONLinesDecoder,
    RateLimit,
    Send,
    Timeouts,
    Transport,
    as_timeouts,
    asked,
    checked,
    dumps,
    error_from_reply,
    error_of,
    excerpt,
    json_headers,
    json_in,
    loads,
    problem_in,
)
from core_plus_ollama.decode import Reader
from core_plus_ollama.encode import Encoder

LOGGER: Final = logging.getLogger("core_plus.ollama")
Progress = Callable[[str, int, int], object]


class OllamaModel(Embeds):
    """A model behind Ollama's own API.

    Args:
        model_id: The model's name, such as "qwen3:8b".
        base_url: The server; None takes OLLAMA_HOST, or else the one on this machine.
        api_key: For ollama.com; None takes OLLAMA_API_KEY.
        pull: Whether the server shall fetch a model that it hasn't got.
        progress: Called while it does, with what it does, bytes done and bytes in all; None tells the log
            "core_plus.ollama".
        headers: More headers for every request; a `Secret` among them is shown nowhere.
        options: Parameters of every request: of the model, such as {"num_ctx": 32768}, or of the request, such
            as {"think": "high", "keep_alive": "1h"}.
        timeout: How long to wait; a number is the whole call's seconds.
        client: An `httpx.Client` (or httpx2's) for sync calls, used as it is and never closed.
        async_client: The same for async calls.
        rate: Requests and tokens a minute; one `RateLimit` may be shared by several models.

    Raises:
        ConfigurationError: An address or header is none.
    """

    def __init__(
        self,
        model_id: str,
        *,
        base_url: str | None = None,
        api_key: str | Secret | None = None,
        pull: bool = False,
        progress: Progress | None = None,
        headers: Mapping[str, str | Secret] | None = None,
        options: Mapping[str, Any] | None = None,
        timeout: Timeouts | float | None = None,
        client: Any = None,
        async_client: Any = None,
        rate: RateLimit | Mapping[str, Any] | None = None,
    ) -> None:
        key = Secret(api_key if api_key is not None else os.environ.get("OLLAMA_API_KEY", "").strip())
        transport = Transport(
            base_url or address_of(os.environ.get("OLLAMA_HOST", "")),
            headers=json_headers(headers, authorization=Secret(f"Bearer {key.reveal()}") if key else None),
            timeouts=as_timeouts(timeout),
            client=client,
            async_client=async_client,
            provider="ollama-native",
            model=model_id,
        )
        self._api = Chat(model_id, Encoder(model_id, options or {}, "ollama-native"), pull, progress or _log)
        super().__init__("ollama-native", model_id, self._api, transport, rate)

    def pull(self) -> None:
        """Have the server fetch the model, if it hasn't got it.

        Raises:
            ModelError: There is no such model, or it can't be fetched.
        """
        self.transport.run(self._api.fetch())

    def embedding(self, texts: Sequence[str], options: Mapping[str, Any]) -> Exchange[list[list[float]]]:
        return self._api.embed(texts, options)

    def list_models(self) -> list[str]:
        """The names of the models that the server has, in order.

        Raises:
            ModelError: The server doesn't tell.
        """
        return self.transport.run(self._api.models())


class Chat(JSONCodec):
    """/api/chat as a codec.

    Args:
        model_id: The model's name.
        encoder: Writes the requests.
        pull: Whether a model that isn't there is fetched.
        progress: Called while it is.
    """

    def __init__(self, model_id: str, encoder: Encoder, pull: bool, progress: Progress) -> None:
        self._model_id, self._encoder, self._pull, self._progress = model_id, encoder, pull, progress

    def send(self, request: ModelRequest, *, stream: bool) -> Send:
        return Send("/api/chat", self._encoder.body(request, stream=stream), stream=stream)

    def reader(self, request: ModelRequest) -> Reader:
        return Reader("ollama-native")

    def decoder(self, kind: str) -> JSONLinesDecoder:
        return JSONLinesDecoder()

    def forward(self, request: ModelRequest) -> Exchange[ModelResponse]:
        try:
            return (yield from super().forward(request))
        except ModelNotFoundError:
            if not self._pull:
                raise
        yield from self.fetch()
        return (yield from super().forward(request))

    def stream(self, request: ModelRequest) -> Exchange[None]:
        try:
            yield from super().stream(request)
        except ModelNotFoundError:
            if not self._pull:
                raise
        else:
            return
        yield from self.fetch()
        yield from super().stream(request)

    def fetch(self) -> Exchange[None]:
        """Have the server fetch the model."""
        reply = yield Send("/api/pull", dumps({"model": self._model_id, "stream": True}), stream=True)
        if not reply.ok:
            raise error_from_reply(reply)
        decoder, last = JSONLinesDecoder(), ""
        while chunk := (yield RECEIVE):
            for line in decoder.feed(chunk):
                told = loads(line, "a line of the download")
                if not isinstance(told, dict) or told.get("error"):
                    raise error_of(problem_in(told), classify=lambda *_: ModelNotFoundError)
                last = str(told.get("status", ""))
                self._progress(last, int(told.get("completed") or 0), int(told.get("total") or 0))
        if last != "success":
            raise MalformedReplyError(f"{reply.url} ended the download of {self._model_id} at {last!r}")

    def embed(self, texts: Sequence[str], options: Mapping[str, Any]) -> Exchange[list[list[float]]]:
        """Ask for vectors.

        Args:
            texts: What to embed.
            options: More parameters, such as `dimensions`.
        """
        body = dumps({"model": self._model_id, "input": list(texts), **options})
        reply = yield from asked(Send("/api/embed", body))
        found = json_in(reply)
        return checked(found.get("embeddings") if isinstance(found, dict) else None, len(texts), reply)

    def models(self) -> Exchange[list[str]]:
        """Ask which models the server has; gives their names in order."""
        reply = yield Send("/api/tags", method="GET")
        if not reply.ok:
            raise error_from_reply(reply)
        found = json_in(reply)
        listed = found.get("models") if isinstance(found, dict) else None
        if not isinstance(listed, list):
            raise MalformedReplyError(f"{reply.url} gave no list of models: {excerpt(reply.body)}")
        return sorted(str(each["name"]) for each in listed if isinstance(each, dict) and "name" in each)


def address_of(host: str) -> str:
    """The server's address, from what OLLAMA_HOST says: host, host:port, :port or an address.

    Args:
        host: As the variable has it; "" is this machine.
    """
    scheme, _, rest = host.strip().rpartition("://")
    name, _, port = rest.rstrip("/").partition(":")
    name = "127.0.0.1" if name in ("", "0.0.0.0") else name
    return f"{scheme or 'http'}://{name}:{port or {'https': 443, 'http': 80}.get(scheme, 11434)}"


def _log(status: str, done: int, total: int) -> None:
    LOGGER.info("%s%s", status, f" {done * 100 // total} %" if total else "")


def missing() -> str:
    """Nothing has to be set: a local server wants no key."""
    return ""
