"""Fetching what a model names: public addresses only, bounded in time and size, redirects included."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

import attrs

from core_plus import Cancellation, ConfigurationError, RunContext, Secret
from core_plus_web.addresses import Addresses, Resolve
from core_plus_web.failures import WebError

if TYPE_CHECKING:
    import httpcore
    import httpx

    from core_plus_web.lines import Lines

USER_AGENT: Final = "Mozilla/5.0 (compatible; core-plus-web)"
PORTS: Final = {"http": 80, "https": 443}
EVERYTHING: Final = ("0.0.0.0/0", "::/0")
"""For `allow_private`, where whoever sets a tool up says where it goes: to a machine of their own, perhaps."""

_REDIRECTS: Final = (301, 302, 303, 307, 308)


@attrs.frozen
class Asked:
    """A request.

    Args:
        url: Where to.
        method: GET and so on.
        headers: By name.
        body: The bytes.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    body: bytes = b""


@attrs.frozen
class Fetched:
    """What came back.

    Args:
        url: Where it came from, after redirects.
        status: The HTTP status.
        headers: By lower-case name; the last one counts.
        body: Decompressed.
        cut: Whether the body was longer than may be read.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = attrs.field(repr=False)
    cut: bool

    @property
    def media_type(self) -> str:
        """The body's type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str | None:
        """The encoding that the server names, where Python knows it."""
        import codecs

        name = self.headers.get("content-type", "").lower().partition("charset=")[2].partition(";")[0].strip(" \"'")
        try:
            return codecs.lookup(name).name if name else None
        except (LookupError, ValueError):
            return None

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(self.charset or "utf-8-sig", "replace")

    @property
    def is_text(self) -> bool:
        """Whether the body is meant to be read."""
        kind = self.media_type
        words = ("json", "xml", "javascript", "yaml", "toml", "x-www-form-urlencoded", "x-ndjson")
        return kind.startswith("text/") or kind.endswith(words) or (not kind and b"\0" not in self.body[:1000])


class Fetcher:
    """Makes requests on a model's behalf.

    Args:
        allow_private: Addresses and networks that may be reached though they aren't public.
        timeout: Seconds for a whole fetch, redirects included.
        max_bytes: Bytes of a body to read; the rest is left out.
        max_redirects: How many to follow.
        user_agent: How it calls itself.
        resolve: Gives the addresses of a name; None asks the system.
        trust: A TLS context; None is certifi's list, as httpx has it.
        proxy: The address of an HTTP proxy that all goes through. It looks the names up, so it is the proxy that must
            refuse those which lead to private addresses; numbers and names of one's own network are refused here.

    Raises:
        ConfigurationError: A setting makes no sense.
    """

    def __init__(
        self,
        *,
        allow_private: Sequence[str] = (),
        timeout: float = 30.0,
        max_bytes: int = 5_000_000,
        max_redirects: int = 10,
        user_agent: str = USER_AGENT,
        resolve: Resolve | None = None,
        trust: ssl.SSLContext | None = None,
        proxy: str | Secret | None = None,
    ) -> None:
        for name, value in (("timeout", timeout), ("max_bytes", max_bytes)):
            if not value > 0:
                raise ConfigurationError(f"{name} must be above 0, not {value!r}")
        self._addresses = Addresses(allow_private, resolve)
        self._timeout, self._max_bytes, self._max_redirects = timeout, max_bytes, max_redirects
        self._user_agent, self._trust, self._lock = user_agent, trust, threading.Lock()
        self._proxy = Secret(proxy) if proxy else None
        if self._proxy and not self._proxy.reveal().startswith(("http://", "https://")):
            raise ConfigurationError("proxy must be the address of an HTTP proxy, such as 'http://proxy.example:3128'")

    def fetch(
        self,
        asked: Asked,
        *,
        check: Callable[[httpx.URL], None] | None = None,
        cancellation: Cancellation | None = None,
    ) -> Fetched:
        """Make a request, and follow where it leads.

        Args:
            asked: What to ask for. Its headers go along to where it is redirected on the same host, scheme and port.
            check: Told each address before it is asked; raises where it may not be.
            cancellation: Breaks the fetch off.

        Raises:
            WebError: The address may not be reached, or the server gave no answer in time.
        """
        import httpcore

        from core_plus_web.lines import Lines

        # The only host that is connected to by way of a proxy is the proxy, which whoever set it up vouches for.
        lines = Lines(Addresses(EVERYTHING) if self._proxy else self._addresses, self._timeout)
        forget = cancellation.on_cancel(lines.stop) if cancellation else None
        try:
            return self._followed(lines, asked, check)
        except httpcore.TimeoutException as error:
            raise WebError(f"{shown(asked.url)} gave no answer within {self._timeout:g} seconds") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError, ssl.SSLError) as error:
            raise WebError(f"{shown(asked.url)} can't be fetched: {str(error) or type(error).__name__}") from error
        finally:
            if forget:
                forget()

    def _followed(self, lines: Lines, asked: Asked, check: Any) -> Fetched:
        for _ in range(self._max_redirects + 1):
            url = checked(asked.url)
            if check:
                check(url)
            if self._proxy:
                self._addresses.check_unresolved(url.host)
            target = self._asked_once(lines, url, asked)
            if isinstance(target, Fetched):
                return target
            asked = target
        raise WebError(f"{shown(asked.url)} lies behind more than {self._max_redirects} redirects")

    def _asked_once(self, lines: Lines, url: httpx.URL, asked: Asked) -> Fetched | Asked:
        import httpcore

        from core_plus_web.inflating import ACCEPTED, whole

        where = httpcore.URL(scheme=url.scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        own = {"user-agent": self._user_agent, "accept": "*/*", "accept-encoding": ACCEPTED}
        given = {name.lower(): value for name, value in asked.headers.items()}
        headers = {"host": url.netloc.decode("ascii"), **own, **given}
        sent = [(name.encode(), value.encode("utf-8")) for name, value in headers.items()]
        if asked.body or asked.method in ("POST", "PUT", "PATCH"):
            sent.append((b"content-length", str(len(asked.body)).encode()))
        waits = {**dict.fromkeys(("read", "write", "pool"), self._timeout), "connect": min(self._timeout, 10.0)}
        trust = self._context() if url.scheme == "https" else None  # to make one takes as long as a request
        with (
            self._pool(trust, lines) as pool,
            pool.stream(
                asked.method, where, headers=sent, content=asked.body or None, extensions={"timeout": waits}
            ) as response,
        ):
            found = {_words(name).lower(): _words(value) for name, value in response.headers}
            if response.status in _REDIRECTS and found.get("location"):
                return _redirected(asked, url, response.status, found["location"])
            body, cut = whole(response.iter_stream(), found.get("content-encoding", ""), self._max_bytes)
        return Fetched(str(url), response.status, found, body, cut)

    def _pool(self, trust: ssl.SSLContext | None, lines: Lines) -> httpcore.ConnectionPool:
        import httpcore
        import httpx

        if self._proxy is None:
            return httpcore.ConnectionPool(ssl_context=trust, network_backend=lines)
        proxy = httpx.Proxy(self._proxy.reveal())  # takes the name and password out of the address
        where = httpcore.URL(
            scheme=proxy.url.scheme, host=proxy.url.raw_host, port=proxy.url.port, target=proxy.url.raw_path
        )
        return httpcore.HTTPProxy(where, proxy_auth=proxy.raw_auth, ssl_context=trust, network_backend=lines)

    def _context(self) -> ssl.SSLContext:
        with self._lock:
            if self._trust is None:
                import httpx

                self._trust = httpx.create_ssl_context()
            return self._trust


def stop_of(context: RunContext[Any] | None) -> Cancellation | None:
    """What tells a tool's call to stop; nothing where it was called outside a run.

    Args:
        context: What the tool was given.
    """
    return None if context is None else context.cancellation


def shown(url: str) -> str:
    """An address for people to read: its query may hold a key.

    Args:
        url: Any.
    """
    return url.partition("?")[0][:300]


def checked(text: str) -> httpx.URL:
    """An address that may be asked at all: http or https, with a host, and nobody's name or password in it.

    Args:
        text: As the model wrote it, or a server.

    Raises:
        WebError: It is something else.
    """
    import httpx

    try:
        url = httpx.URL(text.strip())
        host = url.raw_host.decode("ascii")
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise WebError(f"{text[:200]!r} is no address: {error}") from error
    if url.userinfo or "\\" in text:
        raise WebError("the address holds a user name, a password or a backslash: write it without")
    if url.scheme not in PORTS:
        raise WebError(f"{text[:200]!r} is neither http:// nor https://, and nothing else is fetched")
    if not host or "%" in host.partition("%25")[0] or (url.port or 80) > 65535:
        raise WebError(f"{text[:200]!r} names no host and port")
    return url.copy_with(fragment=None)


def origin(url: httpx.URL) -> tuple[str, str, int]:
    """Scheme, host and port of an address.

    Args:
        url: Any that was checked.
    """
    return url.scheme, url.host.lower(), url.port or PORTS[url.scheme]


def _words(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _redirected(asked: Asked, url: httpx.URL, status: int, location: str) -> Asked:
    """The request that a redirect stands for, as https://fetch.spec.whatwg.org/#http-redirect-fetch has it."""
    target = urljoin(str(url), location.strip())
    same = origin(checked(target)) == origin(url)
    headers = {name: value for name, value in asked.headers.items() if same}
    if status == 303 or (status in (301, 302) and asked.method == "POST"):
        kept = {name: value for name, value in headers.items() if not name.lower().startswith("content-")}
        return Asked(target, "HEAD" if asked.method == "HEAD" else "GET", kept)
    return Asked(target, asked.method, headers, asked.body)
