"""Tools for the web: search it, read its pages, look into Wikipedia, make requests; private addresses are refused."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus_web.calls import HttpRequestTool
    from core_plus_web.failures import WebError
    from core_plus_web.pages import VisitWebpageTool
    from core_plus_web.searching import WebSearchTool
    from core_plus_web.wikipedia import WikipediaSearchTool

__all__ = ["HttpRequestTool", "VisitWebpageTool", "WebError", "WebSearchTool", "WikipediaSearchTool"]
_HOME = {
    "HttpRequestTool": "calls",
    "VisitWebpageTool": "pages",
    "WebError": "failures",
    "WebSearchTool": "searching",
    "WikipediaSearchTool": "wikipedia",
}


@hookimpl
def register_tools(register: Register) -> None:
    """Declare the tools. The search tools of a host share the rate of their engine."""
    search = _Search()
    register("web_search", search, summary="searches the web: DuckDuckGo, Brave, Exa, SerpApi, Serper or SearXNG")
    register("visit_webpage", _made("VisitWebpageTool"), summary="reads a page of the web as Markdown")
    register("wikipedia_search", _made("WikipediaSearchTool"), summary="reads the Wikipedia article that fits best")
    register("http_request", _made("HttpRequestTool"), summary="makes HTTP requests to what a list allows")


class _Search:
    """Makes search tools of a host."""

    def __init__(self) -> None:
        self._paces: Any = None

    def __call__(self, engine: str | None = None, **settings: Any) -> WebSearchTool:
        from core_plus_web.searching import Paces, WebSearchTool

        self._paces = self._paces or Paces()
        return WebSearchTool(engine, **{"pace": self._paces.pace, **settings})


def _made(name: str) -> Any:
    def make(**settings: Any) -> Any:
        return getattr(import_module(f"core_plus_web.{_HOME[name]}"), name)(**settings)

    return make


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"core_plus_web.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
