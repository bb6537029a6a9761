"""The tool web_search."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from core_plus import Cancellation, ConfigurationError, RunContext, Secret, Tool
from core_plus_web.engines import ENGINES, Engine, Query, SearchResult
from core_plus_web.failures import WebError
from core_plus_web.fetching import EVERYTHING, Asked, Fetcher, stop_of
from core_plus_web.pace import Pace

DUCKDUCKGO: Final = "duckduckgo"
MOST: Final = 100
PATIENCE: Final = 15.0
"""Seconds that an engine which asks to wait is waited for, at the most, and twice."""
_UNSET: Final[Any] = object()


class Paces:
    """The pace of each engine and key, shared by all the search tools of a host."""

    def __init__(self) -> None:
        self._lock, self._paces = threading.Lock(), dict[Any, Pace]()

    def pace(self, name: str, key: Secret, rate: float | None) -> Pace:
        """The one pace for these.

        Args:
            name: The engine.
            key: Its key.
            rate: Requests a second.
        """
        with self._lock:
            return self._paces.setdefault((name, key, rate), Pace(rate))


class WebSearchTool(Tool):
    """Searches the web. What it finds is data, a list of dicts.

    Args:
        engine: "duckduckgo", "brave", "exa", "serpapi", "serper" or "searxng"; else CORE_PLUS_SEARCH, or DuckDuckGo.
        max_results: Results to give where a call doesn't say.
        key: The engine's key; else its environment variable (BRAVE_API_KEY, EXA_API_KEY, SERPAPI_API_KEY,
            SERPER_API_KEY).
        url: The engine's address instead of its own; a SearXNG instance's, else SEARXNG_URL.
        rate: Requests a second; None for no limit. Left out, it is what the engine allows anybody.
        timeout: Seconds for a request.
        options: For duckduckgo, what `DDGS().text` takes besides: region, safesearch, backend.
        pace: Shares the rate with other tools.
        proxy: The address of an HTTP proxy that all goes through.

    Raises:
        ConfigurationError: There is no such engine, or it lacks its key or address.
    """

    name = "web_search"
    description = "Search the web. Gives titles, addresses and snippets; read a page with another tool to know more."
    effect = "read"

    def __init__(
        self,
        engine: str | None = None,
        *,
        max_results: int = 10,
        key: str | Secret | None = None,
        url: str | None = None,
        rate: float | None = _UNSET,
        timeout: float = 20.0,
        options: Mapping[str, Any] | None = None,
        pace: Callable[..., Pace] | None = None,
        proxy: str | Secret | None = None,
    ) -> None:
        engine = engine or os.environ.get("CORE_PLUS_SEARCH") or DUCKDUCKGO
        if engine != DUCKDUCKGO and engine not in ENGINES:
            raise ConfigurationError(
                f"there is no search engine {engine!r}; there are {DUCKDUCKGO}, {', '.join(ENGINES)}"
            )
        if not 1 <= max_results <= MOST:
            raise ConfigurationError(f"max_results is 1 to {MOST}, not {max_results}")
        known = ENGINES.get(engine)
        if options and known:
            raise ConfigurationError(f"options are for {DUCKDUCKGO}; {engine} has none")
        self._key, self._url = _credentials(known, key, url) if known else (Secret(""), "")
        usual = known.rate if known else 1.0
        self._pace = (pace or Paces().pace)(engine, self._key, usual if rate is _UNSET else rate)
        self._engine, self._most, self._seconds = engine, max_results, timeout
        self._options = dict(options or {})
        self._fetcher = Fetcher(timeout=timeout, allow_private=EVERYTHING, proxy=proxy)
        self._proxy = Secret(proxy) if proxy else None

    def forward(
        self, query: str, max_results: int | None = None, year: int | None = None, *, context: RunContext[Any]
    ) -> list[SearchResult]:
        """Search the web.

        Args:
            query: What to search for.
            max_results: How many results to give at the most.
            year: Only pages of this year.
            context: The run.

        Returns:
            What was found, the best first.
        """
        wanted = min(max(1, self._most if max_results is None else max_results), MOST)
        cancellation = stop_of(context)
        if not query.strip():
            raise WebError("the query is empty")
        engine = ENGINES.get(self._engine)
        found = dict[str, SearchResult]()
        before = 0
        for page in range(engine.pages if engine else 10):
            # The length of a page stays the same, for engines count in pages.
            asked = Query(query, min(wanted, engine.most if engine else 10), page, before, year, self._key.reveal())
            rows = self._json(engine, asked, cancellation) if engine else self._duckduckgo(asked, cancellation)
            before += len(rows)
            new = {row["url"]: row for row in rows if row["url"] not in found}
            found.update(new)
            if len(found) >= wanted or not new:
                break
        return [*found.values()][:wanted]

    def _json(self, engine: Engine, query: Query, cancellation: Cancellation | None) -> list[SearchResult]:
        try:
            asked = _request(self._url, engine.ask(query))
        except ConfigurationError as error:
            raise WebError(str(error)) from error
        self._pace.wait(cancellation)
        reply = self._fetcher.fetch(asked, cancellation=cancellation)
        for attempt in range(2):
            if reply.status != 429:
                break
            (cancellation or Cancellation()).pause(_patience(reply.headers.get("retry-after"), attempt))
            self._pace.wait(cancellation)
            reply = self._fetcher.fetch(asked, cancellation=cancellation)
        if reply.status != 200:
            raise WebError(f"{engine.name} answered with status {reply.status}: {self._said(reply.text)[:300]}")
        try:
            decoded = msgspec.json.decode(reply.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            decoded = None
        if not isinstance(decoded, dict):
            raise WebError(f"{engine.name} gave something that is no JSON object: {self._said(reply.text)[:200]}")
        return [*engine.read(decoded)]

    def _said(self, words: str) -> str:
        """What an engine says, without the key, should it repeat it."""
        secret = self._key.reveal()
        return words.replace(secret, "***") if secret else words

    def _duckduckgo(self, query: Query, cancellation: Cancellation | None) -> list[SearchResult]:
        from ddgs import DDGS
        from ddgs.exceptions import DDGSException

        self._pace.wait(cancellation)
        options = {"backend": DUCKDUCKGO, **self._options, "max_results": MOST, "page": query.page + 1}
        if query.year:
            options["timelimit"] = f"{query.year}-01-01..{query.year}-12-31"
        try:
            proxy = self._proxy.reveal() if self._proxy else None
            rows = DDGS(proxy, timeout=max(1, round(self._seconds))).text(query.words, **options)
        except DDGSException as error:
            if query.page:
                return []  # ddgs says no more of a last page
            raise WebError(
                f"{DUCKDUCKGO} gave nothing ({error}): either there is nothing, or it wants fewer requests; "
                "try other words, or wait"
            ) from error
        return [SearchResult(title=row["title"], url=row["href"], snippet=row["body"]) for row in rows]


def _request(url: str, given: dict[str, Any]) -> Asked:
    """An engine's request as it is sent."""
    from urllib.parse import urlencode

    headers = {"accept": "application/json", **given.get("headers", {})}
    if "json" in given:
        return Asked(url, "POST", {**headers, "content-type": "application/json"}, msgspec.json.encode(given["json"]))
    return Asked(f"{url}{'&' if '?' in url else '?'}{urlencode(given['params'])}", "GET", headers)


def _credentials(engine: Engine, key: str | Secret | None, url: str | None) -> tuple[Secret, str]:
    """An engine's key and address; one without an address of its own has no key."""
    given = os.environ.get(engine.variable, "")
    if engine.url:
        secret = Secret(key or given)
        if not secret:
            raise ConfigurationError(f"{engine.name} needs a key: set {engine.variable} or give key=...")
        return secret, url or engine.url
    address = url or given
    if not address.startswith(("http://", "https://")):
        raise ConfigurationError(
            f"{engine.name} needs the address of an instance: set {engine.variable} or give url=..."
        )
    return Secret(key or ""), address.rstrip("/").removesuffix("/search") + "/search"


def _patience(asked: str | None, attempt: int) -> float:
    """Seconds to wait before the next attempt."""
    try:
        return min(max(0.0, float(asked or "")), PATIENCE)
    except ValueError:
        return min(2.0**attempt, PATIENCE)
