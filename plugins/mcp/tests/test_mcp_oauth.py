"""OAuth, against a server that has its own authorization server: for programs, and for people in a browser."""

from __future__ import annotations

import socket
import threading

import httpx2
import pytest

from core_plus_mcp import ServerError


@pytest.fixture
def url(listening):
    return listening("http", "stateless", "oauth")


def test_a_program_signs_in_with_its_id_and_secret(host, url, call):
    oauth = {"client_id": "program", "client_secret": "word-of-program", "issuer": url.removesuffix("/mcp")}
    (record,) = call({"mcpServers": {"web": {"url": url, "oauth": oauth}}}, ("add", {"a": 1}), on=host)
    assert record.value == 3


@pytest.mark.slow
def test_a_wrong_secret_is_said_and_not_shown(host, url):
    oauth = {"client_id": "program", "client_secret": "a-wrong-word", "issuer": url.removesuffix("/mcp")}
    with pytest.raises(ServerError, match="MCP server 'web'") as caught:
        host.tools({"mcpServers": {"web": {"url": url, "oauth": oauth}}})
    assert "a-wrong-word" not in str(caught.value)


def test_a_person_signs_in_in_a_browser(host, url, call, monkeypatch, caplog):
    visits = []

    def browse(page):
        visits.append(page)
        threading.Thread(target=lambda: httpx2.get(page, follow_redirects=True)).start()
        return True

    monkeypatch.setattr("webbrowser.open", browse)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    source = {"mcpServers": {"web": {"url": url, "oauth": {"port": port}}}}
    first, second = call(source, ("add", {"a": 1}), ("add", {"a": 2}), on=host)
    assert (first.value, second.value) == (3, 4)
    assert len(visits) == 1
    assert "code_challenge=" in visits[0]
    assert "wants you to sign in" in caplog.text


@pytest.mark.slow
def test_a_provider_of_the_sdk_can_be_given(host, url, says):
    from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider

    from core_plus import ToolCallingAgent
    from core_plus_mcp import Server
    from core_plus_mcp.oauth import MemoryTokens

    issuer = url.removesuffix("/mcp")
    auth = ClientCredentialsOAuthProvider(url, MemoryTokens(), "program", "word-of-program", issuer=issuer)
    server = Server(name="web", url=url, auth=auth)
    agent = ToolCallingAgent(model=says(("add", {"a": 1})), tools=[server], host=host)
    assert agent.run("go").steps[1].calls[0].value == 3
