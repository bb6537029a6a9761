"""web_search: every engine over loopback, its results as data, its rate, its errors without its key."""

from __future__ import annotations

import logging
import threading
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

import core_plus_web
from core_plus import Cancellation, CodeAgent, ConfigurationError, Host, ModelResponse, Secret, message
from core_plus_testkit.loopback import Answer, LoopbackServer
from core_plus_web import WebError, WebSearchTool
from core_plus_web.engines import ENGINES
from core_plus_web.pace import Pace

KEY = "k3y-that-nobody/sees"
SHAPES = {
    "brave": lambda rows: {"web": {"results": rows("title", "url", "description")}},
    "exa": lambda rows: {"results": [{**row, "highlights": [row["text"]]} for row in rows("title", "url", "text")]},
    "serpapi": lambda rows: {"organic_results": rows("title", "link", "snippet")},
    "serper": lambda rows: {"organic": rows("title", "link", "snippet")},
    "searxng": lambda rows: {"results": rows("title", "url", "content")},
}


def asked_of(seen):
    """What an engine was asked: the query's fields, or the body's."""
    if seen.body:
        return {name: str(value) for name, value in seen.json.items()}
    return {name: values[0] for name, values in parse_qs(urlsplit(seen.path).query).items()}


def page_of(engine, asked, there_are):
    """The rows of a page, as the engine counts them."""
    size = int(asked.get("count") or asked.get("num") or asked.get("numResults") or 10)
    first = {
        "brave": lambda: int(asked["offset"]) * size,
        "exa": lambda: 0,
        "serpapi": lambda: int(asked["start"]),
        "serper": lambda: (int(asked["page"]) - 1) * size,
        "searxng": lambda: (int(asked["pageno"]) - 1) * size,
    }[engine]()
    return range(first, min(first + size, there_are))


@pytest.fixture
def engine_server():
    """Starts a loopback server that speaks as an engine does and knows so many pages."""
    servers = []

    def start(engine, there_are=1000):
        def answer(seen):
            numbers = page_of(engine, asked_of(seen), there_are)

            def rows(title, url, text):
                return [{title: f"Title {n}", url: f"http://found/{n}", text: f"Words {n}"} for n in numbers]

            return Answer(msgspec.json.encode(SHAPES[engine](rows)))

        servers.append(LoopbackServer(answer))
        return servers[-1].__enter__()

    yield start
    for server in servers:
        server.close()


def search_with(engine, server, **settings):
    return WebSearchTool(engine, url=f"{server.origin}/search", key=KEY, rate=None, timeout=30, **settings)


@pytest.mark.parametrize("engine", ENGINES)
def test_results_are_data(engine, engine_server):
    tool = search_with(engine, engine_server(engine))
    assert tool("tides", 2) == [
        {"title": "Title 0", "url": "http://found/0", "snippet": "Words 0"},
        {"title": "Title 1", "url": "http://found/1", "snippet": "Words 1"},
    ]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("wanted", [1, 10, 33])
def test_as_many_results_are_given_as_are_wanted(engine, wanted, engine_server):
    found = search_with(engine, engine_server(engine), max_results=wanted)("tides")
    assert [row["url"] for row in found] == [f"http://found/{n}" for n in range(wanted)]


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_that_has_no_more_isnt_asked_for_ever(engine, engine_server):
    server = engine_server(engine, there_are=13)
    assert len(search_with(engine, server)("tides", 100)) == 13
    assert len(server.requests) <= 3


@pytest.mark.parametrize("engine", ENGINES)
def test_the_key_goes_where_the_engine_wants_it_and_nowhere_else(engine, engine_server, caplog):
    server = engine_server(engine)
    with caplog.at_level(logging.DEBUG):
        tool = search_with(engine, server)
        tool("tides")
    seen = server.requests[0]
    sent = {*seen.headers.values(), *asked_of(seen).values()}
    assert (KEY in sent) == (engine != "searxng")
    assert KEY not in caplog.text + repr(tool) + repr(vars(tool)) + seen.path
    assert "k3y" not in caplog.text


@pytest.mark.parametrize(
    ("engine", "field", "value"),
    [
        ("brave", "freshness", "2023-01-01to2023-12-31"),
        ("exa", "startPublishedDate", "2023-01-01T00:00:00.000Z"),
        ("serpapi", "tbs", "cdr:1,cd_min:01/01/2023,cd_max:12/31/2023"),
        ("serper", "tbs", "cdr:1,cd_min:01/01/2023,cd_max:12/31/2023"),
    ],
)
def test_a_year_is_said_in_the_engines_words(engine, field, value, engine_server):
    server = engine_server(engine)
    search_with(engine, server)("tides", year=2023)
    assert asked_of(server.requests[0])[field] == value


def test_an_engine_that_cannot_search_by_year_says_so(engine_server):
    with pytest.raises(WebError, match="can't search by year"):
        search_with("searxng", engine_server("searxng"))("tides", year=2023)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(f'{{"error": "bad key {KEY}"}}'.encode(), status=401), r"status 401.*bad key \*\*\*|searxng"),
        (Answer(b"<html>oops</html>"), "no JSON object"),
        (Answer(b"[1]"), "no JSON object"),
        (Answer(fault="reset"), "can't be fetched"),
    ],
)
def test_an_engine_that_fails_is_an_error_without_the_key(engine, answer, says):
    with LoopbackServer(lambda seen: answer) as server, pytest.raises(WebError, match=says) as caught:
        search_with(engine, server)("tides")
    assert engine == "searxng" or KEY not in str(caught.value)


@pytest.mark.parametrize("rows", [None, 5, {}, [{}], [{"title": None, "url": None}], [{"url": "http://a", "title": 5}]])
def test_rows_of_odd_shapes_break_nothing(rows):
    with LoopbackServer(lambda seen: Answer(msgspec.json.encode({"web": {"results": rows}}))) as server:
        assert search_with("brave", server)("tides") in ([], [{"title": "5", "url": "http://a", "snippet": ""}])


def test_an_engine_that_asks_to_wait_is_asked_again():
    replies = [Answer(status=429, headers={"retry-after": "0"}), Answer(status=429, headers={"retry-after": "0.01"})]
    with LoopbackServer(lambda seen: replies.pop(0) if replies else Answer(b'{"web": {}}')) as server:
        assert search_with("brave", server)("tides") == []
        assert len(server.requests) == 3


def test_an_engine_that_keeps_asking_to_wait_is_given_up():
    with LoopbackServer(lambda seen: Answer(b"slow down", status=429, headers={"retry-after": "0"})) as server:
        with pytest.raises(WebError, match="status 429: slow down"):
            search_with("brave", server)("tides")
        assert len(server.requests) == 3


def test_an_empty_query_is_asked_of_nobody():
    with pytest.raises(WebError, match="empty"):
        WebSearchTool()("  ")


# ---- DuckDuckGo, read by ddgs -------------------------------------------------


@pytest.fixture
def duckduckgo(monkeypatch):
    """A page of results like DuckDuckGo's, where ddgs looks for it."""
    from ddgs.engines.duckduckgo import Duckduckgo

    def answer(seen):
        form = parse_qs(seen.body.decode())
        first = int(form.get("s", ["0"])[0])
        rows = "".join(
            f'<div class="result body"><h2>Tides {n}</h2><a href="http://found/{n}">About tides {n}</a></div>'
            for n in range(first, min(first + 10, 25))
        )
        return Answer(f"<html><body>{rows}</body></html>".encode(), content_type="text/html")

    with LoopbackServer(answer) as server:
        monkeypatch.setattr(Duckduckgo, "search_url", f"{server.origin}/html/")
        yield server


def test_duckduckgo_needs_no_key_and_gives_the_same_shape(duckduckgo):
    found = WebSearchTool(rate=None, timeout=30)("tides", 3)
    assert len(found) == 3
    assert found[0] == {"title": "Tides 0", "url": "http://found/0", "snippet": "About tides 0"}


def test_duckduckgo_gives_as_many_as_are_wanted_over_several_pages(duckduckgo):
    found = WebSearchTool(rate=None, timeout=30)("tides", 18)
    assert len({row["url"] for row in found}) == 18
    assert len(duckduckgo.requests) == 2


def test_duckduckgo_takes_a_year_and_a_region(duckduckgo):
    WebSearchTool(rate=None, timeout=30, options={"region": "de-de"})("tides", 1, 2023)
    form = parse_qs(duckduckgo.requests[0].body.decode())
    assert (form["df"], form["l"]) == (["2023-01-01..2023-12-31"], ["de-de"])


def test_duckduckgo_that_gives_nothing_is_an_error_that_says_what_it_may_mean(monkeypatch):
    from ddgs.engines.duckduckgo import Duckduckgo

    with LoopbackServer(lambda seen: Answer(status=202)) as server:
        monkeypatch.setattr(Duckduckgo, "search_url", f"{server.origin}/html/")
        with pytest.raises(WebError, match="fewer requests"):
            WebSearchTool(rate=None, timeout=30)("tides")


# ---- rates ----------------------------------------------------------------------


def test_moments_are_given_out_one_after_another_to_any_number_of_threads():
    pace, waits = Pace(10, clock=lambda: 100.0), []
    threads = [threading.Thread(target=lambda: waits.append(pace.turn())) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waits) == pytest.approx([n / 10 for n in range(50)])


def test_a_pause_that_was_longer_than_the_gap_costs_nobody_anything():
    now = iter([0.0, 5.0, 5.0])
    pace = Pace(1, clock=lambda: next(now))
    assert [pace.turn(), pace.turn(), pace.turn()] == [0.0, 0.0, 1.0]


def test_waiting_ends_when_the_run_does():
    from core_plus.cancellation import Interrupted

    pace, stop = Pace(0.001), Cancellation()
    pace.wait()
    threading.Timer(0.05, stop.cancel).start()
    with pytest.raises(Interrupted):
        pace.wait(stop)


def test_the_search_tools_of_a_host_share_a_rate_and_those_of_another_do_not():
    def tool(host):
        return host.make("tool", "web_search", "brave", key="k")

    with Host(discover=False, plugins=[core_plus_web]) as one, Host(discover=False, plugins=[core_plus_web]) as two:
        assert tool(one)._pace is tool(one)._pace
        assert tool(one)._pace is not tool(two)._pace


# ---- settings -----------------------------------------------------------------


@pytest.mark.parametrize("engine", ["brave", "exa", "serpapi", "serper", "searxng"])
def test_a_missing_key_or_address_is_said_with_its_variable(engine, monkeypatch):
    monkeypatch.delenv(ENGINES[engine].variable, raising=False)
    with pytest.raises(ConfigurationError, match=ENGINES[engine].variable):
        WebSearchTool(engine)


def test_a_key_comes_from_the_environment(monkeypatch, engine_server):
    server = engine_server("brave")
    monkeypatch.setenv("BRAVE_API_KEY", KEY)
    WebSearchTool("brave", url=server.origin, rate=None)("tides")
    assert server.requests[0].headers["x-subscription-token"] == KEY


@pytest.mark.parametrize(
    "settings",
    [{"engine": "altavista"}, {"max_results": 0}, {"engine": "exa", "key": "k", "options": {"x": 1}}, {"rate": 0}],
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ConfigurationError):
        WebSearchTool(**settings)


def test_the_tool_is_found_by_name_and_configured_by_the_host(engine_server):
    class Says:
        def forward(self, request):
            return ModelResponse(message("assistant", "<code>\nfinal_answer(web_search('tides')[4]['url'])\n</code>"))

    config = {"engine": "searxng", "url": engine_server("searxng").origin}
    with Host(config={"tool.web_search": config}) as host:
        agent = CodeAgent(model=Says(), tools=["web_search"], host=host, executor="subprocess")
        assert agent.run("find").output == "http://found/4"


def test_the_engine_may_stand_in_the_environment(engine_server, monkeypatch):
    monkeypatch.setenv("CORE_PLUS_SEARCH", "searxng")
    monkeypatch.setenv("SEARXNG_URL", engine_server("searxng").origin)
    with Host() as host:
        assert len(host.tools("web_search")[0]("tides", 3)) == 3


def test_a_secret_is_taken_as_a_key(engine_server):
    server = engine_server("serper")
    WebSearchTool("serper", url=server.origin, key=Secret(KEY), rate=None)("tides")
    assert server.requests[0].headers["x-api-key"] == KEY
