"""How a server is served: on standard input and output, or over HTTP."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any, Final

from core_plus import ConfigurationError, Secret

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


async def serve_stdio(server: Server) -> None:
    """Serve one client on standard input and output, until it closes the input.

    Args:
        server: Of `mcp_server`.
    """
    from mcp.server.stdio import stdio_server

    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


def http_app(server: Server, address: str = "127.0.0.1", token: Secret | None = None) -> Any:
    """An ASGI application that serves any number of clients at /mcp.

    Args:
        server: Of `mcp_server`.
        address: Where it will listen; on loopback, requests that other web pages send are refused.
        token: What clients must send as a bearer token.

    Raises:
        ConfigurationError: Other machines could reach it, and there is no token.
    """
    if token is None and address not in LOOPBACK:
        raise ConfigurationError(
            f"on {address} other machines can reach the server, and run what it offers: set a token (--token-env NAME)"
        )
    app: Any = server.streamable_http_app(host=address)
    return app if token is None else guarded(app, token)


async def serve_http(server: Server, port: int, address: str = "127.0.0.1", token: Secret | None = None) -> None:
    """Serve over HTTP until the process is told to end.

    Args:
        server: Of `mcp_server`.
        port: Where to listen.
        address: On which address.
        token: What clients must send as a bearer token.

    Raises:
        ConfigurationError: Other machines could reach it, and there is no token.
    """
    import uvicorn

    app = http_app(server, address, token)
    await uvicorn.Server(uvicorn.Config(app, host=address, port=port, log_level="warning")).serve()


def guarded(app: Any, token: Secret) -> Any:
    """An application that answers only those who send the token.

    Args:
        app: Any ASGI application.
        token: The token.
    """
    wanted = f"Bearer {token.reveal()}".encode()

    async def guard(scope: Any, receive: Any, send: Any) -> None:
        given = dict(scope.get("headers") or ()).get(b"authorization", b"")
        if scope["type"] == "http" and not hmac.compare_digest(given, wanted):
            headers = [(b"www-authenticate", b"Bearer"), (b"content-type", b"text/plain")]
            await send({"type": "http.response.start", "status": 401, "headers": headers})
            await send({"type": "http.response.body", "body": b"a bearer token is needed\n"})
            return
        await app(scope, receive, send)

    return guard
