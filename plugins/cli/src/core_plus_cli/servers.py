"""Model servers on this machine that speak the chat completions of OpenAI."""

from __future__ import annotations

import http.client
from concurrent.futures import ThreadPoolExecutor

import msgspec

KNOWN = (("Ollama", 11434), ("LM Studio", 1234), ("llama.cpp", 8080), ("vLLM", 8000))
"""Servers that people run, and the ports that these listen at unless told otherwise."""
TIMEOUT = 0.3
MOST = 1 << 20
"""Bytes of a list of models that are read."""


class Server(msgspec.Struct, frozen=True):
    """A server that answered.

    Args:
        name: What usually listens at that port.
        base_url: Where it is.
        models: The models that it has.
    """

    name: str
    base_url: str
    models: tuple[str, ...]


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_Model]


def look() -> list[Server]:
    """The servers that answer, asked all at once and given a third of a second."""
    with ThreadPoolExecutor(len(KNOWN)) as pool:
        return [server for server in pool.map(_ask, KNOWN) if server is not None]


def _ask(place: tuple[str, int]) -> Server | None:
    name, port = place
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)  # knows of no proxy
    try:
        connection.request("GET", "/v1/models", headers={"Accept": "application/json"})
        reply = connection.getresponse()
        found = msgspec.json.decode(reply.read(MOST), type=_Models)
    except (OSError, http.client.HTTPException, msgspec.DecodeError):  # nobody there, or something else
        return None
    finally:
        connection.close()
    models = tuple(model.id for model in found.data)
    return Server(name, f"http://127.0.0.1:{port}/v1", models) if reply.status == 200 and models else None
