"""The model object, and where its token is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core_plus.errors import ConfigurationError, MalformedReplyError
from core_plus.messages import Audio, Image
from core_plus.secret import Secret
from core_plus_http import (
    Exchange,
    RateLimit,
    Send,
    Timeouts,
    asked,
    base64_of,
    bytes_of,
    checked,
    dumps,
    excerpt,
    json_in,
    words_in,
)
from core_plus_http.chat import ChatModel, Quirks

BASE_URL = "https://router.huggingface.co/v1"
OWN = ("", "hf-inference", "fastest", "cheapest", "preferred")
"""What may stand after a model's name where Hugging Face itself shall do a task: nothing, its name, or a policy."""


class HuggingFaceModel(ChatModel):
    """A model at Hugging Face: behind the router of Inference Providers, or an endpoint of one's own.

    Args:
        model_id: "org/name", with ":provider" or a policy (":cheapest", ":fastest") after it where it matters.
        base_url: A dedicated endpoint; None takes the router.
        token: The token; None takes HF_TOKEN, or what `hf auth login` has kept.
        bill_to: The organization that pays.
        headers: More headers for every request; a `Secret` among them is shown nowhere.
        options: Parameters of every request, such as {"temperature": 0}.
        timeout: How long to wait; a number is the whole call's seconds.
        client: An `httpx.Client` (or httpx2's) for sync calls, used as it is and never closed.
        async_client: The same for async calls.
        rate: Requests and tokens a minute; one `RateLimit` may be shared by several models.
        quirks: How the model wants its requests; None takes what is known of it.

    Raises:
        ConfigurationError: There is no token, or an address or header is none.
    """

    def __init__(
        self,
        model_id: str,
        *,
        base_url: str | None = None,
        token: str | Secret | None = None,
        bill_to: str | None = None,
        headers: Mapping[str, str | Secret] | None = None,
        options: Mapping[str, Any] | None = None,
        timeout: Timeouts | float | None = None,
        client: Any = None,
        async_client: Any = None,
        rate: RateLimit | Mapping[str, Any] | None = None,
        quirks: Quirks | None = None,
    ) -> None:
        self._own = base_url is not None
        super().__init__(
            model_id,
            base_url=(base_url or BASE_URL).rstrip("/").removesuffix("/v1"),  # an endpoint's address is shown without
            provider="hf",
            api_key=token if token is not None else kept_token(),
            wants_key="set HF_TOKEN, run `hf auth login`, or give token=" if base_url is None else "",
            headers={**({"x-hf-bill-to": bill_to} if bill_to else {}), **(headers or {})},
            options=options,
            timeout=timeout,
            client=client,
            async_client=async_client,
            rate=rate,
            quirks=quirks,
            path=self.place("chat/completions"),
        )

    def place(self, endpoint: str) -> str:
        """Where an endpoint is.

        Args:
            endpoint: As OpenAI calls it.
        """
        return f"/v1/{endpoint}"

    def embedding(self, texts: Sequence[str], options: Mapping[str, Any]) -> Exchange[list[list[float]]]:
        return super().embedding(texts, options) if self._own else self._vectors(texts, options)

    def transcription(self, audio: Audio, options: Mapping[str, Any]) -> Exchange[str]:
        return super().transcription(audio, options) if self._own else self._words(audio, options)

    def drawing(self, prompt: str, options: Mapping[str, Any]) -> Exchange[list[Image]]:
        return super().drawing(prompt, options) if self._own else self._pictures(prompt, options)

    def _vectors(self, texts: Sequence[str], options: Mapping[str, Any]) -> Exchange[list[list[float]]]:
        path = f"{self._task_path()}/pipeline/feature-extraction"
        reply = yield from asked(Send(path, dumps({"inputs": list(texts), **options})))
        return checked(json_in(reply), len(texts), reply)

    def _words(self, audio: Audio, options: Mapping[str, Any]) -> Exchange[str]:
        if options:
            body = dumps({"inputs": base64_of(audio, "recordings"), "parameters": {**options}})
            return words_in((yield from asked(Send(self._task_path(), body))))
        kind = {"content-type": audio.media_type}
        return words_in((yield from asked(Send(self._task_path(), bytes_of(audio), headers=kind))))

    def _pictures(self, prompt: str, options: Mapping[str, Any]) -> Exchange[list[Image]]:
        body = dumps({"inputs": prompt, **({"parameters": {**options}} if options else {})})
        reply = yield from asked(Send(self._task_path(), body, headers={"accept": "image/png"}))
        kind = reply.header("content-type").partition(";")[0]
        if not kind.startswith("image/"):
            raise MalformedReplyError(
                f"{reply.url} gave {kind or 'no content type'}, no picture: {excerpt(reply.body)}"
            )
        return [Image(reply.body, media_type=kind)]

    def _task_path(self) -> str:
        """Where a model's task is: Hugging Face serves it itself; other providers have each an API of its own.

        Raises:
            ConfigurationError: The model's name asks for such a one.
        """
        name, _, provider = self.model_id.partition(":")
        if provider not in OWN:
            raise ConfigurationError(
                f"hf:{self.model_id}: beside conversations only Hugging Face itself is asked, not {provider}: "
                f"write hf:{name}, or give base_url="
            )
        return f"/hf-inference/models/{name}"


def kept_token() -> str:
    """The token of the environment, or the one that Hugging Face's own tools have kept; "" if there is none."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if found := os.environ.get(name, "").strip():
            return found
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = Path(os.environ.get("HF_HOME") or cache / "huggingface")
    try:
        return Path(os.environ.get("HF_TOKEN_PATH") or home / "token").read_text("utf-8").strip()
    except OSError:  # nobody has signed in
        return ""


def missing() -> str:
    """What has to be set before the router can be asked, "" if nothing."""
    return "" if kept_token() else "set HF_TOKEN, or run: hf auth login"
