"""Which servers there are: the `mcpServers` block that other clients read, checked, its variables filled in.

The form is a convention, not part of the protocol; this is what Claude Desktop, Claude Code, Cursor, VS Code
("servers" instead of "mcpServers") and Gemini's command line have in common. Keys that only another client
knows are passed over.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

import attrs
import msgspec

from core_plus import ConfigurationError, Secret

Kind: TypeAlias = Literal["stdio", "http", "sse", "object"]
KINDS: Final[Mapping[str, Kind]] = {
    "stdio": "stdio",
    "local": "stdio",
    "http": "http",
    "streamable-http": "http",
    "streamableHttp": "http",
    "streamable_http": "http",
    "sse": "sse",
}
"""What `type` may say."""

_VARIABLE: Final = re.compile(r"\$\{(?:(env|input):)?([A-Za-z_][A-Za-z0-9_-]*)(?::-([^}]*))?\}")
_TELLING: Final = re.compile(r"key|token|secret|passw|auth|credential|cookie", re.IGNORECASE)
_SHORTEST: Final = 6
"""Characters from which a value of the environment counts as something that must not be seen."""


def _all(items: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(items)


@attrs.frozen(kw_only=True, repr=False)
class Server:
    """An MCP server and how to reach it. Its `repr` shows no argument, no variable, no header and no path of a URL.

    Args:
        name: What it is called by; part of the names of its tools where these clash.
        command: The program to start, for a server on this machine.
        args: Its arguments.
        env: Its environment, beside the harmless variables (PATH, HOME …) that every server gets.
        cwd: Its working folder; None is this process's.
        url: Where a server on the network listens.
        headers: Sent with each request.
        kind: How to talk to it; "" is found out: "stdio" for a command, "http" for a URL.
        target: A server object of the SDK, or one of its transports, instead of a command or URL.
        auth: An `httpx2.Auth`, such as the SDK's `OAuthClientProvider`.
        oauth: Settings for OAuth: client_id and client_secret (for programs), or scope alone (asks in a browser).
        protocol: "auto" tries 2026-07-28 and then the handshake of 2025-11-25; "legacy" only the latter.
        timeout: Seconds that a call may take without a sign of life; time in which a person is asked isn't counted.
        start_timeout: Seconds until it must have said what it can.
        max_bytes: Bytes that a message of it may have.
        include: Tools to offer; () is all.
        exclude: Tools to leave out.
        prefix: Whether its tools always carry its name.
        disabled: Whether to leave it alone.
    """

    name: str
    command: str | None = None
    args: tuple[str, ...] = attrs.field(default=(), converter=_all)
    env: Mapping[str, str] = attrs.field(factory=dict)
    cwd: str | None = None
    url: str | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict)
    kind: Kind | Literal[""] = ""
    target: Any = attrs.field(default=None, eq=id)
    auth: Any = attrs.field(default=None, eq=id)
    oauth: Mapping[str, Any] | None = None
    protocol: str = "auto"
    timeout: float = 60.0
    start_timeout: float = 30.0
    max_bytes: int = 16 << 20
    include: tuple[str, ...] = attrs.field(default=(), converter=_all)
    exclude: tuple[str, ...] = attrs.field(default=(), converter=_all)
    prefix: bool = False
    disabled: bool = False
    _hidden: tuple[Secret, ...] = attrs.field(default=(), eq=False)

    def __attrs_post_init__(self) -> None:
        given = [self.command is not None, self.url is not None, self.target is not None]
        if sum(given) != 1:
            raise self.wrong("it needs one of a command (a program on this machine) and a url")
        kind = self.kind or ("stdio" if self.command is not None else "http" if self.url is not None else "object")
        if (kind == "stdio") != (self.command is not None):
            raise self.wrong(f"type {kind!r} doesn't go with {'a command' if self.command is not None else 'a url'}")
        if self.url is not None and urlsplit(self.url).scheme not in ("http", "https"):
            raise self.wrong("its url must begin with http:// or https://")
        for what in ("timeout", "start_timeout", "max_bytes"):
            value = getattr(self, what)
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise self.wrong(f"{what} is a number above 0, not {value!r:.40}")
        object.__setattr__(self, "kind", kind)

    def wrong(self, why: str) -> ConfigurationError:
        """What to raise where a setting can't be.

        Args:
            why: What is wrong, and the way out.
        """
        return ConfigurationError(f"MCP server {self.name!r}: {why}")

    @property
    def place(self) -> str:
        """Where it is, in words that give nothing away."""
        if self.command is not None:
            return Path(self.command).name
        if self.url is not None:
            parts = urlsplit(self.url)
            return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"
        return type(self.target).__name__

    def redacted(self, text: str, most: int = 2000) -> str:
        """A text without the server's secrets, cut.

        Args:
            text: An error, or what the server printed.
            most: Characters to keep.
        """
        for value in sorted(self._secrets(), key=len, reverse=True):
            text = text.replace(value, "***")
        text = text.strip()
        return text if len(text) <= most else f"{text[:most]} …"

    def _secrets(self) -> set[str]:
        """All that might be a secret; what is only a word (a level, a number) isn't."""
        found = {secret.reveal() for secret in self._hidden}
        for key, value in {**self.env, **self.headers}.items():
            found.update({value, value.rpartition(" ")[2]} if _TELLING.search(key) else ())
        found |= {value for value in (*self.env.values(), *self.headers.values()) if len(value) > _SHORTEST}
        oauth = self.oauth or {}
        found |= {value for key, value in oauth.items() if _TELLING.search(key) and isinstance(value, str)}
        if self.url is not None:
            parts = urlsplit(self.url)
            found |= {piece for piece in (parts.query, parts.password, parts.username) if piece}
        return {value for value in found if len(value) >= _SHORTEST}

    def __repr__(self) -> str:
        return f"<MCP server {self.name!r}: {self.kind} {self.place}>"


@attrs.frozen
class Servers:
    """Several servers, as one thing that an agent is given: `tools=[servers]`.

    Args:
        servers: In order; where two have a tool of one name, the first keeps it.
        code: Whether an agent that writes code imports the tools, instead of being told of each.
    """

    servers: tuple[Server, ...] = attrs.field(default=(), converter=_all)
    code: bool = False


_SETTINGS: Final[Mapping[str, Any]] = {
    "args": list[str],
    "command": str,
    "cwd": str,
    "disabled": bool,
    "env": dict[str, str | int | float | bool],
    "headers": dict[str, str],
    "max_bytes": int,
    "oauth": dict[str, Any],
    "prefix": bool,
    "protocol": str,
    "start_timeout": float,
    "timeout": float,
    "url": str,
}
"""What an entry of the block may say, by our own names."""
_OTHER_NAMES: Final = {
    "excludeTools": "exclude",
    "disabledTools": "exclude",
    "httpUrl": "url",
    "includeTools": "include",
    "serverUrl": "url",
    "startTimeout": "start_timeout",
}
"""What other clients call the same."""


def read_block(block: Any, where: str, environ: Mapping[str, str] | None = None) -> tuple[Server, ...]:
    """The servers of a configuration.

    Args:
        block: The object that holds `mcpServers` (or `servers`).
        where: What errors call it: the file's name.
        environ: Where `${NAME}`, `${NAME:-default}` and `${env:NAME}` are looked up; None is the environment.

    Raises:
        ConfigurationError: It can't be read, or a variable isn't set; the text names the server and the key.
    """
    found = block.get("mcpServers", block.get("servers")) if isinstance(block, Mapping) else None
    if isinstance(block, Mapping) and found is None and isinstance(block.get("mcp"), Mapping):
        return read_block(block["mcp"], where, environ)
    if not isinstance(found, Mapping):
        raise ConfigurationError(f'{where} holds no MCP servers: it needs {{"mcpServers": {{"NAME": {{…}}}}}}')
    return tuple(_read_server(str(name), entry, where, environ) for name, entry in found.items())


def read_file(path: str | Path) -> tuple[Server, ...]:
    """The servers of a JSON file.

    Args:
        path: Where it is; "~" is the person's home.

    Raises:
        ConfigurationError: It can't be read; the text says where it goes wrong.
    """
    file = Path(path).expanduser()
    try:
        block = msgspec.json.decode(file.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror} (from {Path.cwd()})") from error
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"{path} is no JSON: {error}") from error
    return read_block(block, str(path))


def _read_server(name: str, entry: Any, where: str, environ: Mapping[str, str] | None) -> Server:
    who = f"{where}: MCP server {name!r}"
    if isinstance(entry, Server):
        return entry
    if not isinstance(entry, Mapping):
        raise ConfigurationError(f"{who} is an object with a command or a url, not {type(entry).__name__}")
    hidden: list[Secret] = []
    disabled = entry.get("disabled") is True
    filled = dict(entry) if disabled else _filled(entry, who, os.environ if environ is None else environ, hidden)
    given: dict[str, Any] = {_OTHER_NAMES.get(key, key): value for key, value in filled.items()}
    settings: dict[str, Any] = {}
    for key, form in _SETTINGS.items():
        if given.get(key) is None:
            continue
        try:
            settings[key] = msgspec.convert(given[key], form)
        except msgspec.ValidationError as error:
            raise ConfigurationError(f"{who}: {key}: {str(error).lower()}") from None
    for key in ("include", "exclude"):
        settings[key] = tuple(str(tool) for tool in given.get(key) or ())
    if "env" in settings:
        settings["env"] = {key: _in_words(value) for key, value in settings["env"].items()}
    if (kind := given.get("type")) is not None:
        if kind not in KINDS:
            raise ConfigurationError(f"{who}: type {kind!r:.40} is none of {', '.join(KINDS)}")
        settings["kind"] = KINDS[kind]
    return Server(name=name, hidden=tuple(hidden), **settings)


def _in_words(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _filled(value: Any, who: str, environ: Mapping[str, str], hidden: list[Secret]) -> Any:
    """A value with its variables filled in; what was filled in is noted, for it may be a secret."""
    if isinstance(value, Mapping):
        return {key: _filled(inner, f"{who}: {key}", environ, hidden) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(inner, who, environ, hidden) for inner in value]
    if not isinstance(value, str):
        return value

    def look_up(match: re.Match[str]) -> str:
        if match[1] == "input":
            raise ConfigurationError(f"{who}: nobody is asked for {match[0]} here: write ${{{match[2]}}} and set it")
        found = environ.get(match[2], match[3])
        if found is None:
            raise ConfigurationError(f"{who}: the environment variable {match[2]} isn't set")
        if _TELLING.search(match[2]) or not found.startswith(("/", "~", ".")):  # a path tells nothing
            hidden.append(Secret(found))
        return found

    return _VARIABLE.sub(look_up, value)
