"""How a server is reached: a child process, streamable HTTP, the old HTTP with server-sent events, or an object."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import httpx2

    from core_plus_mcp.process import Ending
    from core_plus_mcp.settings import Server

CONNECT: Final = 30.0
"""Seconds to connect to a server on the network, and to send it something."""


def reach(server: Server, ending: Ending) -> Any:
    """What the SDK's `Client` is given to talk to a server.

    Args:
        server: Which.
        ending: Learns how it ends, where it is a process.
    """
    if server.kind == "stdio" and sys.platform == "win32":  # its process groups and .cmd files are the SDK's business
        from mcp.client.stdio import StdioServerParameters, stdio_client

        command = {"command": server.command, "args": list(server.args), "env": dict(server.env), "cwd": server.cwd}
        return stdio_client(StdioServerParameters.model_validate(command))
    if server.kind == "stdio":
        from core_plus_mcp.process import spawned

        return spawned(server, ending)
    if server.url is None:
        return server.target
    return _streamable(server) if server.kind == "http" else _old_sse(server)


@contextlib.asynccontextmanager
async def _streamable(server: Server) -> AsyncIterator[Any]:
    from mcp.client.streamable_http import streamable_http_client

    assert server.url is not None
    async with http_client(server) as client:
        most = server.max_bytes
        async with streamable_http_client(server.url, http_client=client, max_sse_event_size=most) as streams:
            yield streams


def _old_sse(server: Server) -> Any:
    from mcp.client.sse import sse_client

    assert server.url is not None

    def make(
        headers: dict[str, str] | None = None, timeout: httpx2.Timeout | None = None, auth: httpx2.Auth | None = None
    ) -> httpx2.AsyncClient:
        return http_client(server)

    return sse_client(server.url, httpx_client_factory=make)


def http_client(server: Server) -> httpx2.AsyncClient:
    """An HTTP client with the server's headers and credentials, that reads no answer longer than it may be.

    Args:
        server: Which.
    """
    import httpx2

    from core_plus_mcp.bounded import BoundedTransport

    auth = server.auth
    if auth is None and server.oauth is not None:
        from core_plus_mcp.oauth import provider

        auth = provider(server)
    # A call has a time limit of its own, and a stream of events may be silent for as long as it likes.
    timeout = httpx2.Timeout(CONNECT, read=None)
    transport = BoundedTransport(httpx2.AsyncHTTPTransport(), server.max_bytes)
    return httpx2.AsyncClient(headers=dict(server.headers), timeout=timeout, auth=auth, transport=transport)
