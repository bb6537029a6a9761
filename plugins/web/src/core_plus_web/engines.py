"""Search engines with a JSON interface: how each is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypedDict

import attrs

from core_plus import ConfigurationError


class SearchResult(TypedDict):
    """A page that was found.

    Args:
        title: Its title.
        url: Its address.
        snippet: What the engine shows of it.
    """

    title: str
    url: str
    snippet: str


@attrs.frozen
class Query:
    """What is searched for.

    Args:
        words: The query.
        count: Results that this request shall give.
        page: The number of the request, from 0.
        before: Results of the requests before it.
        year: Only pages of this year.
        key: The engine's key.
    """

    words: str
    count: int
    page: int = 0
    before: int = 0
    year: int | None = None
    key: str = attrs.field(default="", repr=False)


@attrs.frozen
class Engine:
    """How an engine is spoken to.

    Args:
        name: What people call it.
        url: Where it is asked; "" where it has no address of its own.
        variable: The environment variable of its key, or of its address where it has no key.
        most: Results that one request gives at most.
        pages: Requests that it answers for one query.
        rate: Requests a second that anybody may make; None where that is a matter of the plan.
        ask: A request: its headers, and either params, which go into the address, or a json body to post.
        read: The results in an answer.
    """

    name: str
    url: str
    variable: str
    most: int
    pages: int
    rate: float | None
    ask: Callable[[Query], dict[str, Any]]
    read: Callable[[Mapping[str, Any]], Iterable[SearchResult]]


def _rows(items: Any, title: str, url: str, *snippets: str) -> Iterable[SearchResult]:
    for item in items if isinstance(items, list) else ():
        found = next((item[name] for name in snippets if item.get(name)), "")
        words = " … ".join(map(str, found)) if isinstance(found, list) else str(found)
        if item.get(url):
            yield SearchResult(title=str(item.get(title) or ""), url=str(item[url]), snippet=words)


def _brave(query: Query) -> dict[str, Any]:
    # https://api-dashboard.search.brave.com/app/documentation/web-search
    params: dict[str, Any] = {"q": query.words, "count": query.count, "offset": query.page, "text_decorations": "false"}
    if query.year:
        params["freshness"] = f"{query.year}-01-01to{query.year}-12-31"
    return {"params": params, "headers": {"X-Subscription-Token": query.key}}


def _exa(query: Query) -> dict[str, Any]:
    # https://exa.ai/docs/reference/search
    contents = {"highlights": {"maxCharacters": 500}}
    body: dict[str, Any] = {"query": query.words, "numResults": query.count, "contents": contents}
    if query.year:
        body["startPublishedDate"] = f"{query.year}-01-01T00:00:00.000Z"
        body["endPublishedDate"] = f"{query.year}-12-31T23:59:59.999Z"
    return {"json": body, "headers": {"x-api-key": query.key}}


def _dates(year: int | None) -> dict[str, str]:
    """Google's way to say a year."""
    return {"tbs": f"cdr:1,cd_min:01/01/{year},cd_max:12/31/{year}"} if year else {}


def _serpapi(query: Query) -> dict[str, Any]:
    # https://serpapi.com/search-api. The key goes in the address, which is why no address stands in an error.
    params = {"engine": "google", "q": query.words, "start": query.before, "api_key": query.key, **_dates(query.year)}
    return {"params": params}


def _serper(query: Query) -> dict[str, Any]:
    # https://serper.dev/playground
    body = {"q": query.words, "num": query.count, "page": query.page + 1, **_dates(query.year)}
    return {"json": body, "headers": {"X-API-KEY": query.key}}


def _searxng(query: Query) -> dict[str, Any]:
    # https://docs.searxng.org/dev/search_api.html. An instance must have "json" among its search.formats.
    if query.year:
        raise ConfigurationError("searxng can't search by year: put the year into the query")
    return {"params": {"q": query.words, "format": "json", "pageno": query.page + 1}}


def _read_brave(found: Mapping[str, Any]) -> Iterable[SearchResult]:
    return _rows((found.get("web") or {}).get("results"), "title", "url", "description")


def _read_exa(found: Mapping[str, Any]) -> Iterable[SearchResult]:
    return _rows(found.get("results"), "title", "url", "highlights", "text")


def _read_serpapi(found: Mapping[str, Any]) -> Iterable[SearchResult]:
    return _rows(found.get("organic_results"), "title", "link", "snippet")


def _read_serper(found: Mapping[str, Any]) -> Iterable[SearchResult]:
    return _rows(found.get("organic"), "title", "link", "snippet")


def _read_searxng(found: Mapping[str, Any]) -> Iterable[SearchResult]:
    return _rows(found.get("results"), "title", "url", "content")


_BRAVE = "https://api.search.brave.com/res/v1/web/search"
_KNOWN: Final = (
    Engine("brave", _BRAVE, "BRAVE_API_KEY", 20, 10, 1.0, _brave, _read_brave),
    Engine("exa", "https://api.exa.ai/search", "EXA_API_KEY", 100, 1, None, _exa, _read_exa),
    Engine("serpapi", "https://serpapi.com/search", "SERPAPI_API_KEY", 10, 10, None, _serpapi, _read_serpapi),
    Engine("serper", "https://google.serper.dev/search", "SERPER_API_KEY", 10, 10, None, _serper, _read_serper),
    Engine("searxng", "", "SEARXNG_URL", 10, 10, None, _searxng, _read_searxng),
)
ENGINES: Final[Mapping[str, Engine]] = {engine.name: engine for engine in _KNOWN}
"""By name; DuckDuckGo, which has no such interface, is read by ddgs."""
