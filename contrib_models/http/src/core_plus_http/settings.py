"""How long the transport waits, and where it goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

import attrs

from core_plus.errors import ConfigurationError
from core_plus.secret import Secret

USER_AGENT: Final = "core-plus-http"
PORTS: Final = {"http": 80, "https": 443}
SAFE: Final = "/?%:@!$&'()*+,;=~"
LOOPBACK: Final = ("localhost", "::1")


def _positive(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and not (isinstance(value, int | float) and value > 0):
        raise ConfigurationError(
            f"Timeouts({attribute.name}={value!r}): give seconds above 0, or None to wait for ever"
        )


@attrs.frozen
class Timeouts:
    """How long to wait, in seconds; None waits for ever.

    Args:
        connect: For a connection, with name look-up and TLS.
        first_byte: From the request's last byte to the reply's first; a model may think long.
        between: From one piece of the reply to the next, and for each piece sent.
        whole: For the whole call, however it is spent.
    """

    connect: float | None = attrs.field(default=10.0, validator=_positive)
    first_byte: float | None = attrs.field(default=600.0, validator=_positive)
    between: float | None = attrs.field(default=120.0, validator=_positive)
    whole: float | None = attrs.field(default=None, validator=_positive)


@attrs.frozen
class Origin:
    """A base URL, taken apart once.

    Args:
        scheme: "http" or "https".
        host: The host's name or number.
        port: The port.
        path: The base path, without a slash at its end.
        query: A query that every address carries, with its "?", or "".
    """

    scheme: str
    host: str
    port: int
    path: str
    query: str

    @classmethod
    def of(cls, base_url: str) -> Origin:
        """Take a base URL apart.

        Args:
            base_url: Such as "https://api.example.com/v1".

        Raises:
            ConfigurationError: It is no http or https address.
        """
        try:
            parts = urlsplit(base_url.strip())
            port = parts.port
        except ValueError as error:
            raise ConfigurationError(f"base_url {base_url!r} is no address: {error}") from error
        if parts.scheme not in PORTS or not parts.hostname or parts.username or parts.password:
            raise ConfigurationError(f"base_url {_shown(base_url)!r} must look like 'https://api.example.com/v1'")
        host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()
        query = f"?{quote(parts.query, safe=SAFE)}" if parts.query else ""
        return cls(parts.scheme, host, port or PORTS[parts.scheme], quote(parts.path.rstrip("/"), safe=SAFE), query)

    @property
    def netloc(self) -> str:
        """Host and port, as in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the address is this machine's own."""
        return self.host in LOOPBACK or self.host.startswith("127.")

    def url(self, path: str) -> str:
        """A whole address, with the base URL's query.

        Args:
            path: Such as "/chat/completions".
        """
        return f"{self.scheme}://{self.netloc}{self.target(path)}"

    def address(self, path: str) -> str:
        """The same for people to read: without the query, which may hold a secret.

        Args:
            path: As above.
        """
        return f"{self.scheme}://{self.netloc}{self.path}{path}"

    def target(self, path: str) -> str:
        """What stands in the request line.

        Args:
            path: Such as "/chat/completions".
        """
        if self.query and "?" in path:
            return f"{self.path}{path}&{self.query[1:]}"
        return f"{self.path}{path}{self.query}"


def header_values(headers: Mapping[str, str | Secret | None]) -> dict[str, str]:
    """Headers as they are sent, secrets revealed.

    Args:
        headers: By name; None leaves one out.

    Raises:
        ConfigurationError: A value that no header may carry; the text doesn't show it.
    """
    given = {name.lower(): value for name, value in headers.items() if value is not None}
    for name, value in given.items():
        if not _sendable(value):
            raise ConfigurationError(
                f"the value of header {name!r} holds a blank at its end, a line break or a non-ASCII character"
            )
    return {name: _revealed(value) for name, value in given.items()}


def _sendable(value: str | Secret) -> bool:
    text = _revealed(value)
    return text.isascii() and text.isprintable() and text == text.strip()


def _revealed(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def _shown(base_url: str) -> str:
    """An address without the password that may stand in it."""
    before, _, after = base_url.rpartition("@")
    return f"***@{after}" if before else base_url
