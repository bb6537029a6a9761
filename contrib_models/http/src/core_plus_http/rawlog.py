"""What goes over the wire, for the curious: logger "core_plus.http" at DEBUG, secrets removed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from core_plus_http.exchange import Reply, Send

LOGGER: Final = logging.getLogger("core_plus.http")
Clean = Callable[[str], str]


class LoggedCall:
    """A call that tells what it sends and receives; made only where somebody listens.

    Args:
        call: A sync or an async call.
        url: Gives the address of a path.
        clean: Removes secrets from a text.
    """

    def __init__(self, call: Any, url: Callable[[str], str], clean: Clean) -> None:
        self._call, self._url, self._clean = call, url, clean

    def send(self, request: Send) -> Any:
        self._tell("> %s %s %s", request.method, self._url(request.path), _text(request.body))
        reply = self._call.send(request)
        return self._replied(reply) if isinstance(reply, Reply) else self._areplied(reply)

    def receive(self, patience: float | None = None) -> Any:
        piece = self._call.receive(patience)
        return self._received(piece) if isinstance(piece, bytes) else self._areceived(piece)

    def close(self) -> None:
        self._call.close()

    async def aclose(self) -> None:
        await self._call.aclose()

    def _replied(self, reply: Reply) -> Reply:
        headers = ", ".join(f"{key.decode('latin-1')}: {value.decode('latin-1')}" for key, value in reply.headers)
        self._tell("< %s [%s] %s", reply.status, headers, _text(reply.body))
        return reply

    async def _areplied(self, reply: Any) -> Reply:
        return self._replied(await reply)

    def _received(self, piece: bytes) -> bytes:
        self._tell("< %s", _text(piece))
        return piece

    async def _areceived(self, piece: Any) -> bytes:
        return self._received(await piece)

    def _tell(self, form: str, *values: object) -> None:
        LOGGER.debug(form, *(self._clean(str(value)) for value in values))


def listens() -> bool:
    """Whether anybody wants to know."""
    return LOGGER.isEnabledFor(logging.DEBUG)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
