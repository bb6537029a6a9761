"""http_request and wikipedia_search: what the list allows, and nothing else."""

from __future__ import annotations

import logging
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest

from core_plus import ConfigurationError, Host, Secret, ToolCallingAgent
from core_plus_testkit.loopback import Answer, LoopbackServer
from core_plus_web import HttpRequestTool, VisitWebpageTool, WebError, WebSearchTool, WikipediaSearchTool
from core_plus_web.calls import Place


@pytest.fixture
def server():
    def answer(seen):
        if seen.path.startswith("/v1/away"):
            return Answer(status=307, headers={"location": parse_qs(urlsplit(seen.path).query)["to"][0]})
        if seen.path == "/v1/picture":
            return Answer(b"\x89PNG\0", content_type="image/png")
        return Answer(seen.body or b"{}", status=404 if seen.path == "/v1/none" else 200)

    with LoopbackServer(answer) as made:
        yield made


@pytest.fixture
def tool(server):
    allow = [f"{server.origin}/v1/"]
    key = {"Authorization": Secret("Bearer s3cret")}
    return HttpRequestTool(allow, methods=["GET", "POST"], headers=key, allow_private=["127.0.0.1"], timeout=30)


def test_a_request_is_made_with_the_settings_headers_and_its_answer_is_data(tool, server):
    reply = tool(f"{server.origin}/v1/items?q=1", "post", {"a": [1]})
    assert (reply["status"], reply["body"], reply["cut"]) == (200, '{"a":[1]}', False)
    seen = server.requests[0]
    assert (seen.method, seen.path, seen.headers["authorization"]) == ("POST", "/v1/items?q=1", "Bearer s3cret")
    assert seen.headers["content-type"] == "application/json"


def test_an_error_of_the_server_is_an_answer_too(tool, server):
    assert tool(f"{server.origin}/v1/none")["status"] == 404


def test_what_is_not_to_be_read_comes_as_bytes(tool, server):
    assert tool(f"{server.origin}/v1/picture")["body"] == b"\x89PNG\0"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v2/",
        "/v1/../admin",
        "/v1/%2e%2e/admin",
        "/v1/%252e%252e/x",
        "/v1/..%2fadmin",
        "/v1x/",
        "/v1/a/..;/b",
        "/v1/..%5cx",
    ],
)
def test_a_path_outside_the_list_is_refused(tool, server, path):
    with pytest.raises(WebError, match="not among what may be asked"):
        tool(server.origin + path)
    assert server.requests == []


@pytest.mark.parametrize("other", ["http://127.0.0.2", "https://127.0.0.1", "http://localhost"])
def test_another_host_scheme_or_port_is_refused(tool, server, other):
    with pytest.raises(WebError, match="not among what may be asked"):
        tool(f"{other}:{server.origin.rpartition(':')[2]}/v1/")
    with pytest.raises(WebError, match="not among what may be asked"):
        tool("http://127.0.0.1:1/v1/")


def test_a_redirect_out_of_the_list_is_refused_and_the_key_stays_here(tool, server):
    with LoopbackServer(lambda seen: Answer()) as elsewhere:
        with pytest.raises(WebError, match="not among what may be asked"):
            tool(f"{server.origin}/v1/away?to={elsewhere.origin}/v1/")
        assert elsewhere.requests == []


def test_a_redirect_to_another_host_of_the_list_goes_without_the_key(server):
    with LoopbackServer(lambda seen: Answer(b"{}")) as elsewhere:
        tool = HttpRequestTool(
            [server.origin, elsewhere.origin], headers={"x-key": "s3cret"}, allow_private=["127.0.0.1"], timeout=30
        )
        assert tool(f"{server.origin}/v1/away?to={elsewhere.origin}/")["url"] == f"{elsewhere.origin}/"
        assert server.requests[0].headers["x-key"] == "s3cret"
        assert "x-key" not in elsewhere.requests[0].headers


def test_an_allowed_name_that_leads_inside_is_refused_all_the_same():
    tool = HttpRequestTool(["inner.example"], resolve=lambda host, port: ["10.0.0.5"])
    with pytest.raises(WebError, match=r"10\.0\.0\.5"):
        tool("https://inner.example/")


@pytest.mark.parametrize(
    "headers",
    [{"Host": "x"}, {"Content-Length": "3"}, {"Transfer-Encoding": "chunked"}, {"Authorization": "mine"}, {"a b": "c"},
     {"x": "1\r\ny: 2"}, {"Proxy-Authorization": "x"}],
)  # fmt: skip
def test_headers_that_arent_the_models_to_set_are_refused(tool, server, headers):
    with pytest.raises(WebError, match="can't be set here"):
        tool(f"{server.origin}/v1/", headers=headers)


def test_a_method_that_was_not_allowed_is_refused(tool, server):
    with pytest.raises(WebError, match="only GET, POST"):
        tool(f"{server.origin}/v1/", "DELETE")
    reading = HttpRequestTool([server.origin])
    assert (reading.effect, tool.effect) == ("read", "write")
    with pytest.raises(WebError, match="POST is not allowed"):
        reading(server.origin, "POST")


def test_the_key_stands_nowhere_that_can_be_read(tool, server, caplog):
    with caplog.at_level(logging.DEBUG):
        tool(f"{server.origin}/v1/")
    assert "s3cret" not in caplog.text + repr(tool) + repr(vars(tool)) + tool.to_code_prompt()


def test_without_a_list_there_is_no_tool(monkeypatch):
    monkeypatch.delenv("CORE_PLUS_HTTP_ALLOW", raising=False)
    with Host() as host, pytest.raises(ConfigurationError, match=r"tool\.http_request.*allow"):
        ToolCallingAgent(model=object(), tools=["http_request"], host=host).prompt()


def test_the_list_may_stand_in_the_environment(monkeypatch):
    monkeypatch.setenv("CORE_PLUS_HTTP_ALLOW", "a.example, https://b.example/v1/,")
    assert "a.example, https://b.example/v1/." in HttpRequestTool().description


@pytest.mark.parametrize("entry", ["ftp://example.com", "https://u:p@example.com/", "", "http://"])
def test_an_entry_that_is_no_place_is_refused(entry):
    with pytest.raises(ConfigurationError, match="allow takes"):
        HttpRequestTool([entry])


@pytest.mark.parametrize(
    ("entry", "url", "holds"),
    [
        ("example.com", "https://example.com/any?q", True),
        ("example.com", "https://EXAMPLE.com./", True),
        ("example.com", "http://example.com/", False),
        ("example.com", "https://example.com:8443/", False),
        ("example.com", "https://sub.example.com/", False),
        ("example.com", "https://example.com.evil.org/", False),
        ("*.example.com", "https://a.b.example.com/", True),
        ("*.example.com", "https://example.com/", False),
        ("*.example.com", "https://evilexample.com/", False),
        ("http://example.com:8080/a/", "http://example.com:8080/a/b", True),
        ("http://example.com:8080/a", "http://example.com:8080/a", True),
        ("http://example.com:8080/a", "http://example.com:8080/ab", False),
        ("https://*.example.com/v1/", "https://x.example.com/v1/y%20z", True),
        ("https://example.com/v1/", "https://example.com/v1/%2e%2e/", False),
    ],
)
def test_what_an_entry_holds(entry, url, holds):
    assert Place.of(entry).holds(httpx.URL(url)) is holds


# ---- Wikipedia --------------------------------------------------------------------


@pytest.fixture
def wiki():
    """Speaks as MediaWiki's action API does."""

    def answer(seen):
        asked = {name: values[0] for name, values in parse_qs(urlsplit(seen.path).query).items()}
        if asked.get("list") == "search":
            titles = {"nothing": [], "broken": None}.get(asked["srsearch"], ["Tide", "Tidal power"])
            if titles is None:
                return Answer(b'{"error": {"code": "x", "info": "too many requests"}}')
            return Answer(msgspec.json.encode({"query": {"search": [{"title": title} for title in titles]}}))
        text = "Tides are waves." if "exintro" in asked else "Tides are waves.\n== Causes ==\nThe Moon."
        text = text if "explaintext" in asked else "<p>Tides are <b>waves</b>.</p><h2>Causes</h2>"
        page = {"title": asked["titles"], "extract": text, "fullurl": "https://wiki.example/Tide"}
        return Answer(msgspec.json.encode({"query": {"pages": [page]}}))

    with LoopbackServer(answer) as server:
        yield server


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "Tides are waves.\n== Causes ==\nThe Moon."),
        ({"content_type": "summary"}, "Tides are waves."),
        ({"extract_format": "HTML"}, "Tides are **waves**.\n\n## Causes"),
    ],
)
def test_the_article_that_fits_best_is_read(wiki, settings, text):
    found = WikipediaSearchTool("tests (me@example.com)", url=f"{wiki.origin}/w/api.php", **settings)("what are tides")
    assert found == {"title": "Tide", "url": "https://wiki.example/Tide", "text": text, "others": ["Tidal power"]}
    assert wiki.requests[0].headers["user-agent"] == "tests (me@example.com)"


@pytest.mark.parametrize(("query", "says"), [("nothing", "no article"), ("broken", "too many requests")])
def test_a_wiki_without_an_answer_is_an_error(wiki, query, says):
    with pytest.raises(WebError, match=says):
        WikipediaSearchTool(url=f"{wiki.origin}/w/api.php")(query)


def test_a_language_is_no_way_to_another_host():
    with pytest.raises(ConfigurationError, match="language"):
        WikipediaSearchTool(language="evil.example/")
    with pytest.raises(ConfigurationError, match="content_type"):
        WikipediaSearchTool(content_type="all")


def test_every_tools_schema_is_json_schema():
    import jsonschema

    for tool in (HttpRequestTool(["a.example"]), WikipediaSearchTool(), WebSearchTool(), VisitWebpageTool()):
        jsonschema.Draft202012Validator.check_schema(tool.spec.parameters)
        jsonschema.Draft202012Validator.check_schema(tool.spec.output_schema or {})
        assert tool.spec.parameters["additionalProperties"] is False
