"""visit_webpage: pages as Markdown; what is too long, too large, too slow or no text."""

from __future__ import annotations

import asyncio
import gzip
import threading
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_plus import (
    CodeAgent,
    ConfigurationError,
    Host,
    ModelResponse,
    RunInterrupted,
    ToolCall,
    ToolCallingAgent,
    message,
)
from core_plus_testkit.loopback import Answer, LoopbackServer
from core_plus_web import VisitWebpageTool, WebError
from core_plus_web.inflating import whole
from core_plus_web.markdown import markdown

PAGE = b"""<html><head><title>Tides &amp; moons</title><base href="/sea/"><style>p { color: red }</style></head>
<body><h1>Why</h1><script>steal()</script><p>The <b>moon</b> pulls, <a href="more?x=1">more</a>.</p>
<ul><li>one</li><li>two</li></ul><table><tr><th>a</th></tr><tr><td>1</td></tr></table>
<img src="data:image/png;base64,AAAA" alt="a wave"><a href="javascript:steal()">click</a></body></html>"""


@pytest.fixture
def serve():
    """Starts a server that gives each path's answer; visits go there."""
    servers = []

    def start(answers, **settings):
        pick = answers if callable(answers) else lambda seen: answers[seen.path]
        servers.append(LoopbackServer(pick))
        server = servers[-1].__enter__()
        tool = VisitWebpageTool(allow_private=["127.0.0.1"], **{"timeout": 30, **settings})
        return server, lambda path, *more: tool(server.origin + path, *more)

    yield start
    for server in servers:
        server.close()


def html(body, **more):
    return Answer(body, content_type="text/html; charset=utf-8", **more)


def test_a_page_becomes_markdown_with_whole_links_and_without_scripts(serve):
    server, visit = serve({"/a": html(PAGE)})
    text = visit("/a")
    assert text.startswith("# Tides & moons\n\n# Why\n\nThe **moon** pulls")
    assert f"[more]({server.origin}/sea/more?x=1)" in text
    assert "- one\n- two" in text
    assert "| a |" in text
    assert "a wave" in text
    for gone in ("steal", "color: red", "base64", "javascript:"):
        assert gone not in text


def test_an_address_without_a_scheme_means_https():
    tool = VisitWebpageTool(resolve=lambda host, port: pytest.fail("a name") if port != 443 else ["10.0.0.1"])
    with pytest.raises(WebError, match=r"10\.0\.0\.1"):
        tool("example.com/page")


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        ("<p>Größe €</p>".encode(), "text/html", "Größe €"),
        ("<p>Größe</p>".encode("latin-1"), "text/html; charset=iso-8859-1", "Größe"),
        ('<meta charset="windows-1251"><p>привет</p>'.encode("cp1251"), "text/html", "привет"),
        ("日本語".encode("shift_jis"), "text/plain; charset=Shift_JIS", "日本語"),
        (b"{\"a\": 1}", "application/json", '{"a": 1}'),
        (b"<?xml version='1.0'?><rss><title>News</title></rss>", "application/rss+xml", "News"),
        (b"<?xml version='1.0'?><feed><title>News</title></feed>", "text/html", "News"),
        (b"a,b\n1,2", "text/csv; charset=nonsense", "a,b\n1,2"),
        (b"plain words", None, "plain words"),
        (b"<p>untold</p>", None, "untold"),
        (b"", "text/html", ""),
        (b"file.html", "text/html", "file.html"),
        (b"http://only.an/address", "text/html", "http://only.an/address"),
    ],
)  # fmt: skip
def test_text_is_read_in_the_encoding_that_it_is_in(serve, body, kind, says):
    _, visit = serve({"/": Answer(body, content_type=kind)})
    assert says in visit("/")


def test_what_is_no_text_is_said_with_its_kind_and_size(serve):
    _, visit = serve({"/": Answer(b"%PDF\0\1", content_type="application/pdf")})
    with pytest.raises(WebError, match=r"no text but application/pdf \(6 bytes\)"):
        visit("/")


def test_a_page_of_an_error_is_an_error_with_its_words(serve):
    _, visit = serve({"/": html(b"<h1>Gone fishing</h1>", status=404)})
    with pytest.raises(WebError, match="status 404: # Gone fishing"):
        visit("/")


def test_redirects_are_followed_but_not_for_ever(serve):
    answers = {
        "/1": Answer(status=302, headers={"location": "2"}),
        "/2": Answer(status=308, headers={"location": "/3#x"}),
    }
    _, visit = serve({**answers, "/3": html(b"there"), "/loop": Answer(status=302, headers={"location": "/loop"})})
    assert visit("/1") == "there"
    with pytest.raises(WebError, match="more than 10 redirects"):
        visit("/loop")


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, lambda data: zlib.compress(data, wbits=-15)])
def test_compressed_pages_are_read(serve, pack):
    _, visit = serve(
        {"/": html(pack(PAGE), headers={"content-encoding": "deflate" if pack is not gzip.compress else "gzip"})}
    )
    assert "moon" in visit("/")


BOMBS = {
    "thirty megabytes of zeros": lambda: gzip.compress(bytes(30 << 20)),
    "many members": lambda: gzip.compress(b"x" * 1000) * 3000,
    "members with nothing in them": lambda: gzip.compress(b"") * 20_000,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_read_no_further_than_a_page_may_be_long(serve, bomb):
    import tracemalloc

    answer = Answer(BOMBS[bomb](), content_type="text/plain", headers={"content-encoding": "gzip"})
    _, visit = serve({"/": answer}, max_bytes=100_000)
    visit("/")  # what is imported doesn't count
    tracemalloc.start()
    try:
        text = visit("/")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(text) < 100_200
    assert peak < 12_000_000


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
def test_a_compression_that_was_not_asked_for_is_refused(serve, encoding):
    server, visit = serve({"/": html(b"?", headers={"content-encoding": encoding})})
    with pytest.raises(WebError, match="wasn't asked for"):
        visit("/")
    assert server.requests[0].headers["accept-encoding"] == "gzip, deflate"


def test_a_broken_compression_is_an_error(serve):
    _, visit = serve({"/": html(gzip.compress(PAGE)[:20] + b"garbage" * 10, headers={"content-encoding": "gzip"})})
    with pytest.raises(WebError, match="can't be decompressed"):
        visit("/")


@given(
    st.lists(st.binary(max_size=300), max_size=6), st.integers(1, 700), st.sampled_from(["", "gzip", "deflate", "raw"])
)
def test_any_body_in_any_pieces_comes_out_whole_or_cut(pieces, most, form):
    data = b"".join(pieces)
    packed = {
        "": data,
        "gzip": gzip.compress(data),
        "deflate": zlib.compress(data),
        "raw": zlib.compress(data, wbits=-15),
    }
    wire = packed[form]
    cuts = [wire[at : at + 7] for at in range(0, len(wire), 7)]
    body, cut = whole(cuts, "deflate" if form == "raw" else form, most)
    assert data.startswith(body)
    assert len(body) <= most
    assert body == data or cut


def test_a_page_that_is_too_large_is_cut_and_says_so(serve):
    _, visit = serve({"/": Answer(b"x" * 5000, content_type="text/plain")}, max_bytes=1000)
    assert visit("/") == "x" * 1000 + "\n\n[The page is longer than 1,000 bytes; the rest was not read.]"


def test_a_long_page_can_be_read_on_from_anywhere(serve):
    _, visit = serve({"/": Answer(b"0123456789" * 10, content_type="text/plain")})
    assert visit("/", 95) == "56789"


def test_max_output_length_leaves_the_middle_out(serve):
    _, visit = serve({"/": Answer(b"a" * 50 + b"b" * 50, content_type="text/plain")}, max_output_length=10)
    assert visit("/") == "aaaaa\n[… 90 characters left out …]\nbbbbb"
    with pytest.raises(ConfigurationError, match="above 0"):
        VisitWebpageTool(0)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(fault="hang"),
        Answer(b"x" * 100, content_type="text/plain", fault="hang_midway"),
        Answer(b"x" * 10_000, content_type="text/plain", chunk=1, delay=0.05),
    ],
    ids=["silent", "silent midway", "a drop at a time"],
)
def test_a_server_that_takes_too_long_is_given_up(serve, answer):
    _, visit = serve({"/": answer}, timeout=0.6)
    with pytest.raises(WebError, match=r"0\.6 seconds"):
        visit("/")


def test_a_head_that_never_ends_is_given_up_too():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:
        ended = threading.Event()

        def drip():
            line, _ = listening.accept()
            with line:
                try:
                    line.sendall(b"HTTP/1.1 200 OK\r\n")
                    while not ended.wait(0.05):
                        line.sendall(b"x: y\r\n")
                except OSError:
                    return

        dripping = threading.Thread(target=drip, daemon=True)
        dripping.start()
        tool = VisitWebpageTool(allow_private=["127.0.0.1"], timeout=0.6)
        with pytest.raises(WebError, match=r"0\.6 seconds"):
            tool(f"http://127.0.0.1:{listening.getsockname()[1]}/")
        ended.set()
        dripping.join(30)


@pytest.mark.parametrize("answer", [Answer(fault="reset"), Answer(raw=b"SSH-2.0-OpenSSH_9.9\r\n")])
def test_a_server_that_breaks_off_or_speaks_something_else_is_an_error(serve, answer):
    _, visit = serve({"/": answer})
    with pytest.raises(WebError, match="can't be fetched"):
        visit("/")


def test_a_page_nested_without_end_still_gives_its_words():
    assert "deep" in markdown(b"<b>" * 5000 + b"deep" + b"</b>" * 5000)


@settings(max_examples=30)
@given(st.binary(max_size=400))
def test_any_bytes_are_some_page(data):
    assert isinstance(markdown(data, "http://h/"), str)


class Says:
    """A model that answers from a list, and keeps what it was asked."""

    def __init__(self, *replies):
        self.replies, self.requests = list(replies), []

    def forward(self, request):
        self.requests.append(request)
        return ModelResponse(message("assistant", self.replies.pop(0)))


@pytest.fixture
def host(serve):
    long = b"begin " + b"x" * 50_000 + b" end"
    server, _ = serve({"/": Answer(long, content_type="text/plain")})
    with Host(config={"tool.visit_webpage": {"allow_private": ["127.0.0.1"]}}) as made:
        made.origin = server.origin
        yield made


def test_a_model_is_shown_both_ends_of_a_long_page_and_told_what_is_missing(host):
    model = Says([ToolCall("1", "visit_webpage", {"url": host.origin})], "done")
    ToolCallingAgent(model=model, tools=["visit_webpage"], host=host).run("read")
    shown = model.requests[1].messages[-1].parts[0].text
    assert shown.startswith("begin ")
    assert shown.endswith(" end")
    assert "characters left out" in shown
    assert len(shown) < 21_000


def test_code_gets_the_whole_page(host):
    model = Says(f"<code>\npage = visit_webpage('{host.origin}')\nfinal_answer((len(page), page[-3:]))\n</code>")
    agent = CodeAgent(model=model, tools=["visit_webpage"], host=host, executor="subprocess")
    assert agent.run("read").output == (50_010, "end")


def test_fifty_pages_are_visited_at_once_in_an_async_run(serve):
    server, _ = serve(lambda seen: html(seen.path.encode()))
    with Host(config={"tool.visit_webpage": {"allow_private": ["127.0.0.1"]}}) as host:
        calls = [ToolCall(str(n), "visit_webpage", {"url": f"{server.origin}/{n}"}) for n in range(50)]
        model = Says(calls, "done")
        result = asyncio.run(ToolCallingAgent(model=model, tools=["visit_webpage"], host=host).arun("read"))
    assert result.output == "done"
    assert [part.text for part in model.requests[1].messages[-1].parts] == [f"/{n}" for n in range(50)]


def test_an_interrupted_run_leaves_the_connection_at_once(serve):
    server, _ = serve({"/": Answer(fault="hang")})
    with Host(config={"tool.visit_webpage": {"allow_private": ["127.0.0.1"], "timeout": 60}}) as host:
        model = Says([ToolCall("1", "visit_webpage", {"url": server.origin})], "done")
        run = ToolCallingAgent(model=model, tools=["visit_webpage"], host=host).stream("read")
        waiter = threading.Thread(target=_interrupt_when_asked, args=(server, run), daemon=True)
        waiter.start()
        for _ in run:
            pass
        waiter.join(30)
        with pytest.raises(RunInterrupted):
            _ = run.result.output
        _wait(lambda: server.connections == 0)


def _interrupt_when_asked(server, run):
    _wait(lambda: server.requests)
    run.interrupt()


def _wait(until):
    import time

    limit = time.monotonic() + 30
    while not until() and time.monotonic() < limit:
        time.sleep(0.01)
    assert until()
