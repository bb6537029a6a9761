"""HTML as Markdown: what a page says, without what only a browser needs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

_UNREAD: Final = (
    "script", "style", "noscript", "template", "svg", "iframe", "object", "embed", "canvas", "head", "link", "meta",
)  # fmt: skip
_PROLOGUE: Final = re.compile(rb"\A\s*<\?xml[^>]*>")
_GAPS: Final = re.compile(r"[ \t]+\n|\n{3,}")


def markdown(html: bytes | str, url: str = "", charset: str | None = None) -> str:
    """A page as Markdown, its links whole.

    Args:
        html: The page.
        url: Where it comes from, for its links.
        charset: Its encoding, where the server named one; otherwise the page says it, or it is guessed.
    """
    from bs4 import BeautifulSoup
    from markdownify import MarkdownConverter

    raw, encoding = (html, charset) if isinstance(html, bytes) else (html.encode("utf-8", "replace"), "utf-8")
    if b"<" not in raw:
        return raw.decode(encoding or "utf-8", "replace").strip()
    # Beautiful Soup takes what begins like XML for no HTML, and says so by a warning.
    soup = BeautifulSoup(_PROLOGUE.sub(b"", raw, count=1), "lxml", from_encoding=encoding)
    title = " ".join(soup.title.get_text().split()) if soup.title else ""
    _clean(soup, url)
    try:
        text = MarkdownConverter(heading_style="ATX", bullets="-").convert_soup(soup)
    except RecursionError:  # thousands of tags in each other; the words are there all the same
        text = soup.get_text("\n", strip=True)
    text = _GAPS.sub(lambda gap: "\n\n" if gap[0].count("\n") > 1 else "\n", text).strip()
    return f"# {title}\n\n{text}".strip() if title and not text.startswith(f"# {title}") else text


def _clean(soup: BeautifulSoup, url: str) -> None:
    """Take out what isn't read, and make addresses whole."""
    base = soup.find("base", href=True)
    root = urljoin(url, str(base["href"])) if base else url
    for tag in soup.find_all(_UNREAD):
        tag.extract()
    for link in soup.find_all("a", href=True):
        target = _joined(root, str(link["href"]))
        if target:
            link["href"] = target
        else:
            del link["href"]
    for image in soup.find_all("img"):
        target = _joined(root, str(image.get("src") or ""))
        if target:
            image["src"] = target
        else:
            image.replace_with(str(image.get("alt") or ""))


def _joined(root: str, target: str) -> str:
    """A whole address; "" for what leads nowhere (scripts, and pictures that stand in the address itself)."""
    try:
        found = urljoin(root, target.strip())
    except ValueError:
        return ""
    return found if found.startswith(("http://", "https://", "mailto:")) else ""
