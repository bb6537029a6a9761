"""The endpoints beside conversations that servers in the manner of OpenAI's have, as exchanges.

Sources: https://platform.openai.com/docs/api-reference/embeddings, …/audio/createTranscription, …/images/create.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from core_plus.errors import ConfigurationError, MalformedReplyError
from core_plus.messages import Audio, Image
from core_plus_http.exchange import Exchange, Reply, Send
from core_plus_http.failures import Classify, error_from_reply, json_in
from core_plus_http.jsontext import dumps, excerpt

Headers = Callable[[], Mapping[str, str]]
ENDINGS: Final[Mapping[str, str]] = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav", "x-m4a": "m4a"}
"""What files of a media type are called, where that isn't its second half."""


def asked(send: Send, classify: Classify | None = None) -> Exchange[Reply]:
    """Send a request and give the whole reply, if it is a success.

    Args:
        send: The request.
        classify: What a provider says its own way of failures.

    Raises:
        ModelError: It is none.
    """
    reply: Reply = yield send
    if not reply.ok:
        raise error_from_reply(reply, classify=classify)
    return reply


def count(send: Send, key: str, classify: Classify | None = None) -> Exchange[int]:
    """Ask how many tokens a request has.

    Args:
        send: The question.
        key: Where the reply has the number.
        classify: What the provider says its own way of failures.
    """
    reply = yield from asked(send, classify)
    found = json_in(reply)
    if not isinstance(found, dict) or type(found.get(key)) is not int:
        raise MalformedReplyError(f"{reply.url} gave no count of tokens: {excerpt(reply.body)}")
    return int(found[key])


def embeddings(
    path: str, model_id: str, texts: Sequence[str], options: Mapping[str, Any], headers: Headers, classify: Classify
) -> Exchange[list[list[float]]]:
    """Ask for vectors.

    Args:
        path: Where.
        model_id: The model's name.
        texts: What to embed.
        options: More parameters.
        headers: More headers.
        classify: What the provider says its own way of failures.
    """
    body = dumps({"model": model_id, "input": list(texts), **options})
    reply = yield from asked(Send(path, body, headers=headers()), classify)
    found = json_in(reply)
    rows = found.get("data") if isinstance(found, dict) else None
    try:
        vectors = [row["embedding"] for row in sorted(rows or (), key=lambda row: row.get("index", 0))]
    except (TypeError, KeyError, AttributeError):
        vectors = []
    return checked(vectors, len(texts), reply)


def checked(vectors: Any, count: int, reply: Reply) -> list[list[float]]:
    """Vectors, if they are such.

    Args:
        vectors: What was found in a reply.
        count: How many there must be.
        reply: Where it was found.

    Raises:
        MalformedReplyError: They aren't, or aren't as many.
    """
    right = isinstance(vectors, list) and len(vectors) == count
    if not right or not all(isinstance(one, list) and all(isinstance(x, int | float) for x in one) for one in vectors):
        raise MalformedReplyError(f"{reply.url} gave no {count} vectors of numbers: {excerpt(reply.body)}")
    return [[float(x) for x in one] for one in vectors]


def transcription(
    path: str, model_id: str, audio: Audio, options: Mapping[str, Any], headers: Headers, classify: Classify
) -> Exchange[str]:
    """Ask for the words of a recording.

    Args:
        path: Where.
        model_id: The model's name.
        audio: Holds bytes.
        options: More parameters.
        headers: More headers.
        classify: What the provider says its own way of failures.
    """
    kind, body = form({"model": model_id, **options}, audio)
    reply = yield from asked(Send(path, body, headers={**headers(), "content-type": kind}), classify)
    if reply.header("content-type").startswith("text/"):  # response_format="text", "srt" or "vtt"
        return reply.body.decode("utf-8", "replace").strip()
    return words_in(reply)


def words_in(reply: Reply) -> str:
    """The words of a recording, from a reply of JSON.

    Args:
        reply: The whole reply.

    Raises:
        MalformedReplyError: It holds none.
    """
    found = json_in(reply)
    if not isinstance(found, dict) or not isinstance(found.get("text"), str):
        raise MalformedReplyError(f"{reply.url} gave no words: {excerpt(reply.body)}")
    return str(found["text"])


def bytes_of(audio: Audio) -> bytes:
    """The bytes of a recording.

    Args:
        audio: Holds them, or else an address.

    Raises:
        ConfigurationError: It holds none.
    """
    if audio.data is None:
        raise ConfigurationError("a recording is sent as bytes: give Audio(data=...), not an address")
    return audio.data


def form(fields: Mapping[str, Any], audio: Audio) -> tuple[str, bytes]:
    """A form with a file (RFC 7578): its content type and its bytes.

    Args:
        fields: Names and values; a list is a field for each of its items.
        audio: The file; its name is that of a recording if it has none.
    """
    import secrets

    ending = audio.media_type.partition("/")[2].partition(";")[0]
    name = audio.name or f"audio.{ENDINGS.get(ending, ending)}"
    for odd, instead in (('"', "%22"), ("\r", "%0D"), ("\n", "%0A")):  # as browsers write them
        name = name.replace(odd, instead)
    mark, parts = secrets.token_hex(16), list[bytes]()
    for key, value in fields.items():
        for item in value if isinstance(value, list | tuple) else [value]:
            text = str(item).lower() if isinstance(item, bool) else str(item)
            field = f"{key}[]" if isinstance(value, list | tuple) else key
            parts.append(f'content-disposition: form-data; name="{field}"\r\n\r\n{text}'.encode())
    head = f'content-disposition: form-data; name="file"; filename="{name}"\r\ncontent-type: {audio.media_type}\r\n\r\n'
    parts.append(head.encode() + bytes_of(audio))
    between = f"--{mark}\r\n".encode()
    body = b"".join(between + part + b"\r\n" for part in parts) + f"--{mark}--\r\n".encode()
    return f"multipart/form-data; boundary={mark}", body


def images(
    path: str, model_id: str, prompt: str, options: Mapping[str, Any], headers: Headers, classify: Classify
) -> Exchange[list[Image]]:
    """Ask for pictures.

    Args:
        path: Where.
        model_id: The model's name.
        prompt: What shall be seen.
        options: More parameters.
        headers: More headers.
        classify: What the provider says its own way of failures.
    """
    body = dumps({"model": model_id, "prompt": prompt, **options})
    reply = yield from asked(Send(path, body, headers=headers()), classify)
    found = json_in(reply)
    rows = found.get("data") if isinstance(found, dict) else None
    kind = f"image/{found.get('output_format') or options.get('output_format') or 'png'}" if rows else ""
    try:
        return [_picture(row, kind) for row in rows or [None]]
    except (TypeError, KeyError, binascii.Error) as error:
        raise MalformedReplyError(f"{reply.url} gave no pictures: {excerpt(reply.body)}") from error


def _picture(row: Any, kind: str) -> Image:
    if row.get("b64_json") if isinstance(row, dict) else False:
        return Image(base64.b64decode(row["b64_json"], validate=True), media_type=kind)
    return Image(url=row["url"], media_type=kind)
