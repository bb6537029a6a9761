"""generateContent as a codec: where requests go, who writes them, who reads the replies."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core_plus.errors import MalformedReplyError
from core_plus.messages import Image
from core_plus.models import ModelRequest
from core_plus_google.decode import Reader
from core_plus_google.encode import Encoder
from core_plus_http import Exchange, JSONCodec, Send, asked, checked, count, dumps, error_from_reply, excerpt, json_in


class Generate(JSONCodec):
    """Makes exchanges for one model.

    Args:
        path: The model's address, to which ":generateContent" is joined.
        encoder: Writes its requests.
        owner: Whose thinking and items go back.
        headers: Gives the headers that aren't the same for every request.
    """

    def __init__(
        self, path: str, encoder: Encoder, owner: str, headers: Callable[[], Mapping[str, str]] = dict[str, str]
    ) -> None:
        self._path, self._encoder, self._owner, self._headers = path, encoder, owner, headers

    def send(self, request: ModelRequest, *, stream: bool) -> Send:
        path = f"{self._path}:streamGenerateContent?alt=sse" if stream else f"{self._path}:generateContent"
        return Send(path, self._encoder.body(request), stream=stream, headers=self._headers())

    def reader(self, request: ModelRequest) -> Reader:
        return Reader(self._owner, self._encoder.cuts(request))

    def models(self, path: str) -> Exchange[list[str]]:
        """Ask which models there are; gives their names in order.

        Args:
            path: Where they are listed.
        """
        reply = yield Send(path, method="GET", headers=self._headers())
        if not reply.ok:
            raise error_from_reply(reply)
        found = json_in(reply)
        key = next((key for key in ("models", "publisherModels") if isinstance(found, dict) and key in found), "")
        if not key:
            raise MalformedReplyError(f"{reply.url} gave no list of models: {excerpt(reply.body)}")
        return sorted(str(each["name"]).rpartition("/")[2] for each in found[key] if "name" in each)

    def count(self, request: ModelRequest, model: str) -> Exchange[int]:
        """Ask how many tokens a request has.

        Args:
            request: All that would be asked.
            model: The model's full name, as the body wants it; "" where the body is as for a reply.
        """
        body = self._encoder.body(request)
        if model:
            body = b'{"generateContentRequest":{"model":"%b",%b}' % (model.encode(), body[1:])
        return count(Send(f"{self._path}:countTokens", body, headers=self._headers()), "totalTokens")

    def embed(self, texts: Sequence[str], model: str, options: Mapping[str, Any]) -> Exchange[list[list[float]]]:
        """Ask for vectors (https://ai.google.dev/api/embeddings#method:-models.batchembedcontents).

        Args:
            texts: What to embed.
            model: The model's full name.
            options: Parameters of each, such as `outputDimensionality` and `taskType`.
        """
        requests = [{"model": model, "content": {"parts": [{"text": text}]}, **options} for text in texts]
        body = dumps({"requests": requests})
        reply = yield from asked(Send(f"{self._path}:batchEmbedContents", body, headers=self._headers()))
        found = json_in(reply)
        rows = found.get("embeddings") if isinstance(found, dict) else None
        vectors = [row.get("values") for row in rows or () if isinstance(row, dict)]
        return checked(vectors, len(texts), reply)

    def draw(self, prompt: str, options: Mapping[str, Any]) -> Exchange[list[Image]]:
        """Ask an Imagen model for pictures (https://ai.google.dev/gemini-api/docs/imagen).

        Args:
            prompt: What shall be seen.
            options: Parameters, such as `sampleCount` and `aspectRatio`.
        """
        body = dumps({"instances": [{"prompt": prompt}], "parameters": {**options}})
        reply = yield from asked(Send(f"{self._path}:predict", body, headers=self._headers()))
        found = json_in(reply)
        rows = found.get("predictions") if isinstance(found, dict) else None
        try:
            return [
                Image(
                    base64.b64decode(row["bytesBase64Encoded"], validate=True),
                    media_type=row.get("mimeType", "image/png"),
                )
                for row in rows or [None]
            ]
        except (TypeError, KeyError, AttributeError, binascii.Error) as error:
            raise MalformedReplyError(f"{reply.url} gave no pictures: {excerpt(reply.body)}") from error
