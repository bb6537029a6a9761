"""The host's side of the network: checks what sandboxes may reach, connects, and passes bytes on.

One thread serves all sandboxes of an executor. A sandbox asks by name and port over a socket of its own and gets the
end of a stream; the connection itself never leaves the host.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import json
import re
import socket
import threading
import weakref
from collections.abc import Sequence
from functools import partial
from typing import Any

from core_plus.errors import ExecutorError
from core_plus_sandbox.inside.network import matches

CONNECT_SECONDS = 20.0
"""How long connecting may take."""

CONNECTIONS = 64
"""Connections of a sandbox at once."""

CHUNK = 1 << 16
REQUEST = 1 << 12

HOST = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")


def checked(hosts: Sequence[str]) -> tuple[str, ...]:
    """Hosts as they are compared.

    Args:
        hosts: Each a name or an address, a colon and a port; "*.example.com:443" is every name beneath it.

    Raises:
        ExecutorError: One isn't written so.
    """
    found = []
    for host in hosts:
        name, _, port = host.lower().rpartition(":")
        if not HOST.fullmatch(name) or not port.isdigit() or not 0 < int(port) < 1 << 16:
            raise ExecutorError(f"hosts: {host!r} must be a name, a colon and a port, such as 'api.example.com:443'")
        found.append(f"{name}:{port}")
    return tuple(found)


class Hosts:
    """The way to the network for the sandboxes of one executor.

    Args:
        hosts: What may be reached, as `checked` gives them.
    """

    def __init__(self, hosts: Sequence[str]) -> None:
        self._hosts = tuple(hosts)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=run, args=(self._loop,), name="core-plus-sandbox-hosts", daemon=True)
        self._thread.start()
        self._end = weakref.finalize(self, stop, self._loop, self._thread)

    def attach(self) -> int:
        """Make a way for one sandbox.

        Returns:
            The descriptor of its end.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        asyncio.run_coroutine_threadsafe(serve(ours, self._hosts), self._loop)
        return theirs.detach()

    def close(self) -> None:
        """Close every connection and end the thread; a second call does nothing."""
        self._end()


def run(loop: asyncio.AbstractEventLoop) -> None:
    """The thread.

    Args:
        loop: Its loop; closed at the end.
    """
    asyncio.set_event_loop(loop)
    loop.run_forever()
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    """End the thread.

    Args:
        loop: Its loop.
        thread: The thread.
    """
    if thread.is_alive():  # it isn't in a fork of the process that started it
        loop.call_soon_threadsafe(loop.stop)
        if thread is not threading.current_thread():
            thread.join()


async def serve(asked: socket.socket, hosts: Sequence[str]) -> None:
    """Answer one sandbox until it is gone.

    Args:
        asked: The socket to it.
        hosts: What may be reached.
    """
    loop, connections = asyncio.get_running_loop(), set[asyncio.Task[None]]()
    with asked:
        while True:
            try:
                data = await loop.sock_recv(asked, REQUEST)
            except ConnectionError:
                data = b""
            if not data:
                break
            if len(connections) >= CONNECTIONS:
                send(asked, [errno.EMFILE, f"at most {CONNECTIONS} connections may be open at once"])
                continue
            try:
                far = await connected(data, hosts)
            except OSError as error:
                send(
                    asked, [error.errno or errno.EHOSTUNREACH, str(error) if error.strerror is None else error.strerror]
                )
                continue
            near, theirs = socket.socketpair()
            near.setblocking(False)
            with theirs:
                send(asked, [], theirs.fileno())
            task = asyncio.create_task(relay(near, far))
            connections.add(task)
            task.add_done_callback(partial(finish, connections, near, far))
    for task in connections:
        task.cancel()


def send(asked: socket.socket, answer: list[Any], *fds: int) -> None:
    """Answer a request.

    Args:
        asked: The socket to the sandbox; one that doesn't read gets no answer.
        answer: An error's number and text; empty: it went well.
        *fds: The stream.
    """
    with contextlib.suppress(OSError):
        socket.send_fds(asked, [json.dumps(answer).encode()], fds)


async def connected(data: bytes, hosts: Sequence[str]) -> socket.socket:
    """Connect as a sandbox asks.

    Args:
        data: Its request.
        hosts: What may be reached.

    Raises:
        OSError: It may not be, or can't be reached.
    """
    try:
        name, port = json.loads(data)
    except (ValueError, RecursionError):
        raise OSError(errno.EINVAL, "a request that can't be read") from None
    if not isinstance(name, str) or not isinstance(port, int):
        raise OSError(errno.EINVAL, "a request that can't be read")
    granted = [host for host in hosts if host.endswith(f":{port}") and matches(name, host)]
    if not granted:
        raise OSError(errno.EACCES, "")
    loop, last = asyncio.get_running_loop(), OSError(errno.EHOSTUNREACH, f"{name} has no address")
    for family, kind, proto, _, address in await loop.getaddrinfo(name, port, type=socket.SOCK_STREAM):
        try:
            check_address(name, str(address[0]))
            return await open_one(family, kind, proto, address)
        except TimeoutError:
            last = OSError(errno.ETIMEDOUT, f"{name}:{port} didn't answer within {CONNECT_SECONDS:g} s")
        except OSError as error:
            last = OSError(error.errno, f"{name}:{port}: {error.strerror or error}")
    raise last


async def open_one(family: int, kind: int, proto: int, address: Any) -> socket.socket:
    """Connect to one address.

    Args:
        family: Of the socket.
        kind: Its type.
        proto: Its protocol.
        address: The address.

    Raises:
        OSError: It can't be reached.
    """
    made = socket.socket(family, kind, proto)
    made.setblocking(False)
    try:
        await asyncio.wait_for(asyncio.get_running_loop().sock_connect(made, address), CONNECT_SECONDS)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        made.close()
        raise
    return made


def check_address(name: str, address: str) -> None:
    """Refuse a name that leads into the host's own networks; an address that was granted as such may.

    Args:
        name: What was granted.
        address: What it was resolved to.

    Raises:
        OSError: It does.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if name == "localhost" or found.is_global:
        return
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(name) == found:
            return
    raise OSError(errno.EACCES, f"{address} is a private address: grant the address itself if that is meant")


async def relay(near: socket.socket, far: socket.socket) -> None:
    """Pass bytes on, both ways, until both sides have ended.

    Args:
        near: The sandbox's stream.
        far: The connection.
    """
    await asyncio.gather(pump(near, far), pump(far, near), return_exceptions=True)


def finish(tasks: set[asyncio.Task[None]], near: socket.socket, far: socket.socket, task: asyncio.Task[None]) -> None:
    """A connection has ended, or was cancelled before it had begun.

    Args:
        tasks: Those that are open.
        near: The sandbox's stream.
        far: The connection.
        task: What passed bytes on.
    """
    tasks.discard(task)
    near.close()
    far.close()


async def pump(source: socket.socket, target: socket.socket) -> None:
    """Pass bytes on, one way, until the source ends.

    Args:
        source: Where they come from.
        target: Where they go.
    """
    loop = asyncio.get_running_loop()
    try:
        while data := await loop.sock_recv(source, CHUNK):
            await loop.sock_sendall(target, data)
    except ConnectionError:  # one of the two is gone: so must the other be
        with contextlib.suppress(OSError):
            source.shutdown(socket.SHUT_RDWR)
    finally:
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
