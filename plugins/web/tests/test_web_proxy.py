"""By way of a proxy: all goes through it, and what can be told from a name alone is refused here."""

from __future__ import annotations

import base64

import pytest

from core_plus import ConfigurationError, Secret
from core_plus_testkit.loopback import Answer, LoopbackServer
from core_plus_web import HttpRequestTool, VisitWebpageTool, WebError, WebSearchTool, WikipediaSearchTool


@pytest.fixture
def proxy():
    """A proxy that answers itself, and says what it was asked for."""
    with LoopbackServer(lambda seen: Answer(f"asked for {seen.path}".encode(), content_type="text/plain")) as server:
        yield server


def resolves(_host, _port):
    pytest.fail("a name was looked up here")


def test_a_page_is_asked_of_the_proxy_which_looks_the_name_up(proxy):
    tool = VisitWebpageTool(proxy=proxy.origin, resolve=resolves, timeout=30)
    assert tool("http://page.example/a?b") == "asked for http://page.example/a?b"


def test_the_proxys_password_is_sent_and_shown_nowhere(proxy):
    address = Secret(proxy.origin.replace("http://", "http://me:s3cret@"))
    tool = VisitWebpageTool(proxy=address, timeout=30)
    tool("http://page.example/")
    said = proxy.requests[0].headers["proxy-authorization"]
    assert base64.b64decode(said.removeprefix("Basic ")) == b"me:s3cret"
    assert "s3cret" not in repr(vars(tool)) + repr(vars(tool._fetcher))


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://2130706433/", "http://[::1]/", "http://localhost/", "http://LOCALHOST./",
     "http://printer.local/", "http://metadata.google.internal/", "http://db.corp.lan./", "http://intranet/"],
)  # fmt: skip
def test_numbers_and_names_of_ones_own_network_are_refused_here(proxy, url):
    with pytest.raises(WebError, match="may not be reached"):
        VisitWebpageTool(proxy=proxy.origin, timeout=30)(url)
    assert proxy.requests == []


def test_a_redirect_is_checked_too():
    with LoopbackServer(lambda seen: Answer(status=302, headers={"location": "http://10.0.0.1/"})) as proxy:
        with pytest.raises(WebError, match=r"10\.0\.0\.1"):
            VisitWebpageTool(proxy=proxy.origin, timeout=30)("http://page.example/")
        assert len(proxy.requests) == 1


def test_an_encrypted_page_is_asked_for_by_a_tunnel():
    with LoopbackServer(lambda seen: Answer(status=405)) as proxy:
        with pytest.raises(WebError, match=r"can't be fetched.*405"):  # this proxy digs none
            VisitWebpageTool(proxy=proxy.origin, timeout=30)("https://page.example/")
        assert (proxy.requests[0].method, proxy.requests[0].path) == ("CONNECT", "page.example:443")


def test_an_address_that_is_no_http_proxy_is_refused():
    with pytest.raises(ConfigurationError, match="HTTP proxy"):
        VisitWebpageTool(proxy="socks5://me:s3cret@localhost:1080")


def test_every_tool_of_the_web_may_go_through_it(proxy):
    for tool, call in (
        (WebSearchTool("brave", key="k", url="http://engine.example/", proxy=proxy.origin, rate=None), ("tides",)),
        (WikipediaSearchTool(url="http://wiki.example/api.php", proxy=proxy.origin), ("tides",)),
    ):
        with pytest.raises(WebError):  # what it says is no JSON
            tool(*call)
    HttpRequestTool(["http://api.example"], proxy=proxy.origin)("http://api.example/x")
    hosts = [seen.path.partition("?")[0] for seen in proxy.requests]
    assert hosts == ["http://engine.example/", "http://wiki.example/api.php", "http://api.example/x"]
