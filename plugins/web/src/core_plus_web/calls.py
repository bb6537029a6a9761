"""The tool http_request: requests to addresses that a list allows."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypedDict
from urllib.parse import unquote

import attrs
import msgspec

from core_plus import ConfigurationError, RunContext, Secret, Tool
from core_plus_web.failures import WebError
from core_plus_web.fetching import Asked, Fetcher, checked, origin, stop_of

if TYPE_CHECKING:
    import httpx

METHODS: Final = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
READING: Final = ("GET", "HEAD", "OPTIONS")
# What says where a message goes and how long it is, which isn't the model's to say.
_OWN: Final = re.compile(
    r"host|content-length|transfer-encoding|connection|keep-alive|te|trailer|upgrade|proxy-.*|expect"
)
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2


class HttpReply(TypedDict):
    """What a server answered.

    Args:
        status: The HTTP status.
        url: Where it came from, after redirects.
        headers: By lower-case name.
        body: Text; or bytes, where it isn't meant to be read.
        cut: Whether the body was longer than may be read.
    """

    status: int
    url: str
    headers: dict[str, str]
    body: Any
    cut: bool


@attrs.frozen
class Place:
    """An entry of the list.

    Args:
        scheme: "http" or "https".
        host: A name, "*.example.com" for all below one.
        port: The port.
        path: What a path must begin with.
    """

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, entry: str) -> Place:
        """Read an entry.

        Args:
            entry: "api.example.com", "*.example.com" (both https), or an address such as "https://api.example.com/v1/".

        Raises:
            ConfigurationError: It is none of these.
        """
        wild = entry.partition("://")[2].startswith("*.") or entry.startswith("*.")
        try:
            url = checked((entry if "://" in entry else f"https://{entry}").replace("*.", "", 1))
        except WebError as error:
            raise ConfigurationError(
                f"allow takes hosts and addresses such as 'https://api.example.com/v1/': {error}"
            ) from error
        scheme, host, port = origin(url)
        return cls(scheme, f"*.{host}" if wild else host, port, url.path)

    def holds(self, url: httpx.URL) -> bool:
        """Whether an address is within.

        Args:
            url: Checked.
        """
        scheme, host, port = origin(url)
        host = host.rstrip(".")
        right = host.endswith(self.host[1:]) if self.host.startswith("*.") else host == self.host
        if not right or (scheme, port) != (self.scheme, self.port):
            return False
        return self.path == "/" or (_is_plain(url) and f"{url.path}/".startswith(self.path.rstrip("/") + "/"))


def _is_plain(url: httpx.URL) -> bool:
    """Whether a path has no way up in it, however often it is unquoted."""
    path = url.raw_path.decode("ascii").partition("?")[0]
    for _ in range(3):
        if re.search(r"(^|[/\\])\.\.?([/\\;]|$)|\\|%2f", path, re.IGNORECASE):
            return False
        path = unquote(path)
    return "%" not in path


class HttpRequestTool(Tool):
    """Makes requests to the places that a list allows, redirects included, and to no other.

    Args:
        allow: Hosts ("api.example.com", "*.example.com": https only) and addresses that others must begin with
            ("https://api.example.com/v1/"); else those in CORE_PLUS_HTTP_ALLOW, with commas between them.
        methods: What may be done; reading only, if not said.
        headers: Sent with every request, such as a key; the model sees none of them.
        timeout: Seconds for a request, redirects included.
        max_bytes: Bytes of a body to read.
        allow_private: Addresses and networks that may be reached though they aren't public.
        **settings: More of `Fetcher`: max_redirects, user_agent, resolve, trust, proxy.

    Raises:
        ConfigurationError: The list is empty, or a setting is wrong.
    """

    name = "http_request"

    def __init__(
        self,
        allow: Sequence[str] = (),
        *,
        methods: Sequence[str] = READING,
        headers: Mapping[str, str | Secret] | None = None,
        timeout: float = 30.0,
        max_bytes: int = 5_000_000,
        allow_private: Any = (),
        **settings: Any,
    ) -> None:
        entries = [allow] if isinstance(allow, str) else [*allow]
        entries = entries or [
            one.strip() for one in os.environ.get("CORE_PLUS_HTTP_ALLOW", "").split(",") if one.strip()
        ]
        if not entries:
            raise ConfigurationError(
                "http_request needs a list of what it may ask: set CORE_PLUS_HTTP_ALLOW=api.example.com,…, or "
                "Host(config={'tool.http_request': {'allow': ['api.example.com']}})"
            )
        self._places = [Place.of(entry) for entry in entries]
        self._methods = tuple(method.upper() for method in methods)
        if odd := set(self._methods) - set(METHODS):
            raise ConfigurationError(f"http_request knows no method {min(odd)!r}; there are {', '.join(METHODS)}")
        self._headers = {name.lower(): Secret(value) for name, value in (headers or {}).items()}
        self._fetcher = Fetcher(timeout=timeout, max_bytes=max_bytes, allow_private=allow_private, **settings)
        self._allowed = ", ".join(entries)
        self.description = f"Make an HTTP request ({', '.join(self._methods)}) to: {self._allowed}."
        self.effect = "read" if set(self._methods) <= set(READING) else "write"
        self.timeout = timeout + 5

    def forward(
        self,
        url: str,
        method: str = "GET",
        json: Any = None,
        body: str | None = None,
        headers: dict[str, str] | None = None,
        *,
        context: RunContext[Any],
    ) -> HttpReply:
        """Make a request.

        Args:
            url: The address, with its query.
            method: The method.
            json: A body to send as JSON.
            body: A body to send as it is.
            headers: More headers.
            context: The run.

        Returns:
            The answer, whatever its status.
        """
        method = method.upper()
        if method not in self._methods:
            raise WebError(f"{method} is not allowed here, only {', '.join(self._methods)}")
        sent = {name.lower(): value for name, value in (headers or {}).items()}
        for name, value in sent.items():
            if not _TOKEN.fullmatch(name) or _OWN.fullmatch(name) or not value.isprintable() or name in self._headers:
                raise WebError(f"the header {name[:60]!r} can't be set here")
        content = (body or "").encode() if json is None else msgspec.json.encode(json)
        if json is not None:
            sent.setdefault("content-type", "application/json")
        sent |= {name: secret.reveal() for name, secret in self._headers.items()}
        reply = self._fetcher.fetch(Asked(url, method, sent, content), check=self._check, cancellation=stop_of(context))
        told = reply.text if reply.is_text else reply.body
        return HttpReply(status=reply.status, url=reply.url, headers={**reply.headers}, body=told, cut=reply.cut)

    def _check(self, url: httpx.URL) -> None:
        if not any(place.holds(url) for place in self._places):
            where = f"{url.scheme}://{url.netloc.decode('ascii')}{url.path}"
            raise WebError(f"{where[:300]} is not among what may be asked: {self._allowed}")
