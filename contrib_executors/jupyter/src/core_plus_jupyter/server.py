"""The way to a kernel on a Jupyter Server or kernel gateway: HTTP to start it, a WebSocket to talk with it.

Both as in Jupyter Server's documentation, "The REST API" and "WebSocket kernel wire protocols" (the default one).
"""

from __future__ import annotations

import asyncio
import json
import struct
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

from core_plus.errors import ExecutorError
from core_plus.secret import Secret
from core_plus_jupyter.wires import Lost, Said, refuse_other_languages

LARGEST = 1 << 30
"""Bytes of a message that is read; what a value may be is the session's business."""

AGAIN = 2.0
"""Seconds between two questions whether the kernel is there: a server that has lost it keeps the WebSocket open."""

GONE = ": is this the address of a Jupyter Server or kernel gateway, and is the kernel there?"
"""What to say where the server knows nothing of what it is asked for."""

PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each further try to delete a kernel."""

LEAVING = 5.0
"""Seconds in which connections must have ended that can't be cut off."""

REQUEST_SECONDS = 30.0
"""How long the server may take over a request."""


class ServerKernel:
    """A kernel on a server.

    Args:
        url: The server's address, without a token.
        token: What it wants to see; an empty one is not sent.
        name: Of the kernel's specification; "" is the server's own choice.
        kernel_id: A kernel that runs there already and lives on; None starts one.
    """

    is_far = True

    def __init__(self, url: str, token: Secret, name: str, kernel_id: str | None) -> None:
        self._url, self._token, self._name, self._id = url, token, name, kernel_id
        self.is_ours = kernel_id is None
        self.where = f"the kernel {kernel_id or name!r} at {url}"
        self._http: Any = None
        self._socket: Any = None
        self._session = ""
        self._reading: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._interrupting: asyncio.Task[Any] | None = None
        self._asking: set[asyncio.Future[Any]] = set()
        self._is_leaving = False

    async def open(self, session: str, said: Said, lost: Lost) -> None:
        from tornado.httpclient import AsyncHTTPClient

        self._session = session
        self._http = AsyncHTTPClient(force_instance=True)
        if self._id is None:
            made = await self._ask("POST", "/api/kernels", {"name": self._name} if self._name else {})
            self._id = str(made["id"])
        self._socket = await self._connect()
        there, language = asyncio.Event(), list[str]()

        def first(channel: str, message: Mapping[str, Any]) -> None:
            if message["header"]["msg_type"] == "kernel_info_reply":
                language.append(str(message["content"].get("language_info", {}).get("name", "")))
                there.set()
            if there.is_set():
                said(channel, message)

        self._reading = asyncio.create_task(self._read(first, lost))
        while not there.is_set() and not self._reading.done():
            self.send("shell", "kernel_info_request", {})
            await asyncio.wait([asyncio.create_task(there.wait()), self._reading], timeout=AGAIN)
        refuse_other_languages(self.where, language[0] if language else "")
        self._watching = asyncio.create_task(self._watch(lost))

    async def _watch(self, lost: Lost) -> None:
        path = f"/api/kernels/{quote(str(self._id))}"
        while GONE not in await self._attempt("GET", path):  # noqa: ASYNC110  # nobody tells otherwise
            await asyncio.sleep(AGAIN)
        lost("the server has no such kernel any more")

    async def _connect(self) -> Any:
        from tornado.httpclient import HTTPRequest
        from tornado.websocket import websocket_connect

        address = urlsplit(f"{self._url}/api/kernels/{quote(str(self._id))}/channels?session_id={self._session}")
        socket = address._replace(scheme="wss" if address.scheme == "https" else "ws")  # a named tuple's own method
        request = HTTPRequest(urlunsplit(socket), headers=self._headers(), connect_timeout=REQUEST_SECONDS)
        try:
            return await websocket_connect(request, max_message_size=LARGEST)
        except Exception as error:  # of sockets, TLS, HTTP and tornado
            raise self._refused("its WebSocket can't be opened", error) from error

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask the server.

        Raises:
            ExecutorError: It says no, or nothing.
        """
        from tornado.httpclient import HTTPRequest

        text = json.dumps(body or {}) if method == "POST" else None
        request = HTTPRequest(
            f"{self._url}{path}", method=method, headers=self._headers(), body=text, request_timeout=REQUEST_SECONDS
        )
        asking = asyncio.ensure_future(self._http.fetch(request))
        self._asking.add(asking)
        asking.add_done_callback(self._answered)
        try:
            response = await asyncio.shield(asking)  # the client can't give a request up: it would leave its connection
        except Exception as error:  # of sockets, TLS, HTTP and tornado
            raise self._refused(f"{method} {path} failed", error) from error
        return json.loads(response.body) if response.body else None

    def _answered(self, asking: asyncio.Future[Any]) -> None:
        self._asking.discard(asking)
        if not asking.cancelled():
            asking.exception()  # nobody may be there any more to hear of it

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        return {**headers, "Authorization": f"token {self._token.reveal()}"} if self._token else headers

    def _refused(self, what: str, error: Exception) -> ExecutorError:
        code = getattr(error, "code", None)
        hint = {
            401: ": give the executor token=, or set JUPYTER_TOKEN",
            403: ": give the executor token=, or set JUPYTER_TOKEN",
            404: GONE,
        }.get(code or 0, "")
        return ExecutorError(f"the Jupyter server at {self._url}: {what}: {error}{hint}")

    async def _read(self, said: Said, lost: Lost) -> None:
        try:
            while (data := await self._socket.read_message()) is not None:
                message = json.loads(data if isinstance(data, str) else first_part(data))
                said(message["channel"], message)
            if not self._is_leaving:
                lost("the server closed the connection")
        except (
            Exception
        ) as error:  # whatever a message that can't be read provokes: the talk is over, and this says why
            lost(f"its messages can't be read: {type(error).__name__}: {error}"[:500])

    def send(self, channel: str, kind: str, content: Mapping[str, Any]) -> str:
        number = uuid.uuid4().hex
        header = {
            "msg_id": number,
            "session": self._session,
            "username": "core-plus",
            "date": "",
            "msg_type": kind,
            "version": "5.3",
        }
        message = {"channel": channel, "header": header, "parent_header": {}, "metadata": {}, "content": content}
        sent = asyncio.ensure_future(self._write(json.dumps({**message, "buffers": []})))
        del sent  # a failure is told by the reading side
        return number

    async def _write(self, text: str) -> None:
        from tornado.websocket import WebSocketClosedError

        try:
            await self._socket.write_message(text)
        except WebSocketClosedError:
            return

    def interrupt(self) -> None:
        if self._interrupting is None or self._interrupting.done():
            path = f"/api/kernels/{quote(str(self._id))}/interrupt"
            self._interrupting = asyncio.ensure_future(self._attempt("POST", path))

    def kill(self) -> None:
        """Nothing at once: `close` has the server do it."""

    async def _attempt(self, method: str, path: str) -> str:
        """Ask the server; what it refuses is told and not raised."""
        try:
            await self._ask(method, path)
        except ExecutorError as error:
            return str(error)
        return ""

    async def _delete(self, path: str) -> str:
        """Delete the kernel; a server that is just starting it anew, because it died, can't at once."""
        problem = ""
        for pause in (0, *PAUSES):
            await asyncio.sleep(pause)
            problem = await self._attempt("DELETE", path)
            if not problem or GONE in problem:
                return ""
        return problem

    async def close(self) -> None:
        problem = ""
        if self.is_ours and self._id is not None and self._http is not None:
            problem = await self._delete(f"/api/kernels/{quote(self._id)}")
        self._is_leaving = True
        if self._socket is not None:
            self._socket.close()
        if self._reading is not None:  # it ends with the connection
            await asyncio.wait([self._reading], timeout=LEAVING)
        for task in (self._interrupting, self._watching, self._reading):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if self._asking:
            await asyncio.wait(self._asking, timeout=LEAVING)
        if self._http is not None:
            self._http.close()
        if problem:
            raise ExecutorError(f"a kernel may be left behind: {problem}")


def address_of(url: str) -> tuple[str, str]:
    """A server's address and the token in it, as Jupyter prints it when it starts.

    Args:
        url: Such as "http://localhost:8888/?token=…".

    Raises:
        ExecutorError: It is no address of a server.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ExecutorError("url= must be the http:// or https:// address of a Jupyter Server or kernel gateway")
    if parts.username or parts.password:
        raise ExecutorError("url= must carry no user and password: give the executor token=")
    path = parts.path.rstrip("/")
    for page in ("/lab", "/tree"):
        path = path.removesuffix(page)
    token = parse_qs(parts.query).get("token", [""])[0]
    return urlunsplit((parts.scheme, parts.netloc, path, "", "")), token


def first_part(data: bytes) -> bytes:
    """The message itself in one that carries buffers: a count, its offsets (32 bits, big-endian), then the parts.

    Args:
        data: What came.
    """
    count = struct.unpack_from("!i", data)[0]
    offsets = [*struct.unpack_from(f"!{count}i", data, 4), len(data)]
    return data[offsets[0] : offsets[1]]
