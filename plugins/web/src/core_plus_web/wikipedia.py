"""The tool wikipedia_search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypedDict
from urllib.parse import urlencode

import msgspec

from core_plus import Cancellation, ConfigurationError, RunContext, Secret, Tool
from core_plus_web.failures import WebError
from core_plus_web.fetching import EVERYTHING, USER_AGENT, Asked, Fetcher, stop_of

CHOICES = 5
"""Titles that a search looks at: the first is read, the others are named."""


class WikipediaPage(TypedDict):
    """An article.

    Args:
        title: Its title.
        url: Its address.
        text: What it says.
        others: Titles of other articles that fit.
    """

    title: str
    url: str
    text: str
    others: list[str]


class WikipediaSearchTool(Tool):
    """Finds the article that fits best, in any wiki that runs MediaWiki with TextExtracts.

    Args:
        user_agent: Who asks, with a way to reach them, as Wikimedia wants it
            (https://foundation.wikimedia.org/wiki/Policy:Wikimedia_Foundation_User-Agent_Policy).
        language: Which Wikipedia: "en", "de", ….
        content_type: The whole "text", or the "summary" before the first heading.
        extract_format: "WIKI" for plain text with == headings ==, "HTML" for Markdown with # headings.
        url: The address of another wiki's api.php.
        timeout: Seconds for a request.
        proxy: The address of an HTTP proxy that all goes through.
    """

    name = "wikipedia_search"
    description = "Read the Wikipedia article that fits a query best."
    effect = "read"

    def __init__(
        self,
        user_agent: str = USER_AGENT,
        language: str = "en",
        content_type: Literal["text", "summary"] = "text",
        extract_format: Literal["WIKI", "HTML"] = "WIKI",
        *,
        url: str | None = None,
        timeout: float = 20.0,
        proxy: str | Secret | None = None,
    ) -> None:
        if not language.replace("-", "").isalnum():
            raise ConfigurationError(f"language is a Wikipedia's code such as 'en', not {language!r}")
        if content_type not in ("text", "summary") or extract_format not in ("WIKI", "HTML"):
            raise ConfigurationError("content_type is 'text' or 'summary', extract_format 'WIKI' or 'HTML'")
        self._url = url or f"https://{language}.wikipedia.org/w/api.php"
        self._summary, self._html = content_type == "summary", extract_format == "HTML"
        self._fetcher = Fetcher(timeout=timeout, user_agent=user_agent, allow_private=EVERYTHING, proxy=proxy)

    def forward(self, query: str, *, context: RunContext[Any]) -> WikipediaPage:
        """Find an article.

        Args:
            query: A title, or words to find one by.
            context: The run.

        Returns:
            The article.
        """
        cancellation = stop_of(context)
        # https://www.mediawiki.org/wiki/API:Search
        found = self._asked({"list": "search", "srsearch": query, "srlimit": CHOICES, "srprop": ""}, cancellation)
        titles = [row["title"] for row in found.get("search", ())]
        if not titles:
            raise WebError(f"there is no article for {query!r}: try other words")
        # https://www.mediawiki.org/wiki/Extension:TextExtracts
        wish: dict[str, Any] = {"prop": "extracts|info", "inprop": "url", "redirects": 1, "titles": titles[0]}
        wish |= {"exintro": 1} if self._summary else {}
        wish |= {} if self._html else {"explaintext": 1, "exsectionformat": "wiki"}
        pages = self._asked(wish, cancellation).get("pages") or [{}]
        page, url = pages[0], pages[0].get("fullurl", self._url)
        text = page.get("extract") or ""
        if self._html:
            from core_plus_web.markdown import markdown

            text = markdown(text, url)
        return WikipediaPage(title=page.get("title", titles[0]), url=url, text=text.strip(), others=titles[1:])

    def _asked(self, wish: Mapping[str, Any], cancellation: Cancellation | None) -> dict[str, Any]:
        query = urlencode({"action": "query", "format": "json", "formatversion": 2, **wish})
        reply = self._fetcher.fetch(Asked(f"{self._url}?{query}"), cancellation=cancellation)
        try:
            decoded = msgspec.json.decode(reply.body, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError):
            decoded = {"error": {"info": reply.text[:200]}}
        if reply.status != 200 or "error" in decoded:
            why = (decoded.get("error") or {}).get("info", "")
            raise WebError(f"the wiki answered with status {reply.status}: {why}")
        found: dict[str, Any] = decoded.get("query") or {}
        return found
