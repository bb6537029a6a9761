"""OAuth as the SDK does it: for programs with a client's id and secret, for people in a browser."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from mcp.client.auth import AuthorizationCodeResult

    from core_plus_mcp.settings import Server

PORT = 33418
"""Where the browser brings the code back to; an authorization server knows the address from the registration."""


class MemoryTokens:
    """Tokens for as long as the host lives; nothing is written to disk."""

    def __init__(self) -> None:
        self._tokens: Any = None
        self._client: Any = None

    async def get_tokens(self) -> Any:
        """The tokens, None if there are none yet."""
        return self._tokens

    async def set_tokens(self, tokens: Any) -> None:
        """Keep tokens.

        Args:
            tokens: What the authorization server gave.
        """
        self._tokens = tokens

    async def get_client_info(self) -> Any:
        """What this client was registered as, None if it wasn't yet."""
        return self._client

    async def set_client_info(self, client_info: Any) -> None:
        """Keep what this client was registered as.

        Args:
            client_info: What the authorization server gave.
        """
        self._client = client_info


def provider(server: Server) -> Any:
    """The SDK's provider for a server's `oauth` settings.

    Args:
        server: `oauth` has client_id and client_secret, or else a person is asked in the browser. There may be
            scope, issuer (of the authorization server that knows the client) and port (where the browser comes
            back to, on this machine).
    """
    from mcp.client.auth import OAuthClientProvider
    from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
    from mcp.shared.auth import OAuthClientMetadata

    oauth, url, tokens = dict(server.oauth or {}), server.url or "", MemoryTokens()
    if "client_id" in oauth and "client_secret" in oauth:
        more = {key: oauth[key] for key in ("scope", "issuer") if key in oauth}
        return ClientCredentialsOAuthProvider(url, tokens, oauth["client_id"], oauth["client_secret"], **more)
    port = int(oauth.get("port", PORT))
    facts = {
        "client_name": "core-plus",
        "redirect_uris": [f"http://127.0.0.1:{port}/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": oauth.get("scope"),
    }
    browser = Browser(server.name, port)
    return OAuthClientProvider(url, OAuthClientMetadata.model_validate(facts), tokens, browser.show, browser.code)


class Browser:
    """Sends a person to the authorization server, and waits for where the browser comes back.

    Args:
        name: The MCP server's name, for the words.
        port: Where the browser comes back to, on this machine.
    """

    def __init__(self, name: str, port: int) -> None:
        self._name, self._port = name, port
        self._back: asyncio.Future[str] | None = None
        self._server: asyncio.Server | None = None

    async def show(self, url: str) -> None:
        """Open the page, and say where it is for those who have no browser here.

        Args:
            url: The page.
        """
        import webbrowser

        self._back = asyncio.get_running_loop().create_future()
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", self._port)
        told = "MCP server %r wants you to sign in: %s"
        logging.getLogger("core_plus.mcp").warning(told, self._name, url)
        await asyncio.to_thread(webbrowser.open, url)

    async def code(self) -> AuthorizationCodeResult:
        """What the browser brought back."""
        from mcp.client.auth import AuthorizationCodeResult

        assert self._back is not None
        assert self._server is not None
        try:
            query = parse_qs(urlsplit(await self._back).query)
        finally:
            self._server.close()
        first = {key: values[0] for key, values in query.items()}
        return AuthorizationCodeResult(code=first.get("code", ""), state=first.get("state"), iss=first.get("iss"))

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        words = (await reader.readline()).decode("ascii", "replace").split(" ")
        path = words[1] if len(words) > 1 else ""
        found = path.startswith("/callback?") and self._back is not None
        text = "You are signed in; this page can be closed." if found else "Nothing is here."
        status = "200 OK" if found else "404 Not Found"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n{text}\n".encode())
        await writer.drain()
        writer.close()
        if found and self._back is not None and not self._back.done():
            self._back.set_result(path)
