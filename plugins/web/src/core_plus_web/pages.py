"""The tool visit_webpage."""

from __future__ import annotations

from typing import Any

from core_plus import ConfigurationError, RunContext, Tool
from core_plus_web.failures import WebError
from core_plus_web.fetching import Asked, Fetched, Fetcher, stop_of


class VisitWebpageTool(Tool):
    """Fetches a page and gives it as Markdown.

    Args:
        max_output_length: Characters to give at most; None gives all. A model is shown no more than its agent's
            `max_observation` anyway, and code gets the whole.
        timeout: Seconds for a page, redirects included.
        max_bytes: Bytes of a page to read.
        allow_private: Addresses and networks that may be visited though they aren't public.
        **settings: More of `Fetcher`: max_redirects, user_agent, resolve, trust, proxy.
    """

    name = "visit_webpage"
    description = "Read a page of the web, or a text file there, as Markdown."
    effect = "read"

    def __init__(
        self,
        max_output_length: int | None = None,
        *,
        timeout: float = 30.0,
        max_bytes: int = 2_000_000,
        allow_private: Any = (),
        **settings: Any,
    ) -> None:
        if max_output_length is not None and max_output_length < 1:
            raise ConfigurationError(f"max_output_length must be above 0, not {max_output_length}")
        self._most = max_output_length
        self._fetcher = Fetcher(timeout=timeout, max_bytes=max_bytes, allow_private=allow_private, **settings)
        # The fetch keeps its time itself, but for the look-up of a name, which nothing can interrupt.
        self.timeout = timeout + 5

    def forward(self, url: str, start: int = 0, *, context: RunContext[Any]) -> str:
        """Read a page.

        Args:
            url: The page's address.
            start: The character to read from, to go on with a long page.
            context: The run.

        Returns:
            The page as Markdown.
        """
        whole = url if "://" in url or not url.strip() else f"https://{url.strip()}"
        fetched = self._fetcher.fetch(
            Asked(whole, headers={"accept": "text/html,application/xhtml+xml,text/*;q=0.9,*/*;q=0.5"}),
            cancellation=stop_of(context),
        )
        text = readable(fetched)[max(0, start) :]
        if fetched.cut:
            text += f"\n\n[The page is longer than {len(fetched.body):,} bytes; the rest was not read.]"
        if self._most is None or len(text) <= self._most:
            return text
        head = self._most // 2
        note = f"\n[… {len(text) - self._most} characters left out …]\n"
        return text[:head] + note + text[len(text) - (self._most - head) :]


def readable(fetched: Fetched) -> str:
    """What a page says.

    Args:
        fetched: The page.

    Raises:
        WebError: It is an error's, or no text.
    """
    from core_plus_web.markdown import markdown

    is_html = fetched.media_type in ("text/html", "application/xhtml+xml") or (
        not fetched.media_type and fetched.body.lstrip()[:1] == b"<"
    )
    if is_html and not _is_feed(fetched.body):
        text = markdown(fetched.body, fetched.url, fetched.charset)
    elif fetched.is_text:
        text = fetched.text
    elif fetched.status < 400:
        kind, size = fetched.media_type or "an unknown type", f"{len(fetched.body):,} bytes"
        raise WebError(f"{fetched.url} is no text but {kind} ({size}{' and more' if fetched.cut else ''})")
    else:
        text = ""
    if fetched.status >= 400:
        raise WebError(f"{fetched.url} answered with status {fetched.status}: {text[:500]}".rstrip(": "))
    return text


def _is_feed(body: bytes) -> bool:
    head = body[:1000].lstrip().lower()
    return head.startswith(b"<?xml") and b"<html" not in head
