"""Sockets for code that may reach a few hosts: the host connects and hands over a stream, since none can be made here.

Code sees TCP sockets as it knows them; names are resolved on the host, and here they stand for addresses that no
network has. It is a convenience, no wall: what may be reached is checked on the host.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

MESSAGE = 1 << 12
SERVICES = {"http": 80, "https": 443}
INTERNET = (socket.AF_INET, socket.AF_INET6, -1)


class Gate:
    """The way to the host.

    Args:
        fd: A socket to it.
        hosts: What may be reached, for error texts.
    """

    def __init__(self, fd: int, hosts: Sequence[str]) -> None:
        self._socket = socket.socket(fileno=fd)
        self._hosts, self._lock = list(hosts), threading.Lock()
        self._addresses: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def address(self, name: str) -> str:
        """What stands for a name here.

        Args:
            name: A host's name or address.

        Raises:
            socket.gaierror: It isn't among the hosts.
        """
        name = name.lower().rstrip(".")
        if not any(matches(name, host) for host in self._hosts):
            raise socket.gaierror(socket.EAI_NONAME, self._refusal(name))
        if name not in self._addresses:
            count = len(self._addresses) + 1
            self._addresses[name] = f"240.0.{count >> 8}.{count & 255}"  # reserved: no network uses it
            self._names[self._addresses[name]] = name
        return self._addresses[name]

    def connect(self, address: Any) -> int:
        """Have the host connect.

        Args:
            address: A name or address, and a port.

        Returns:
            A descriptor of the stream.

        Raises:
            OSError: The host refuses, or can't connect.
        """
        host, port = str(address[0]), int(address[1])
        name = self._names.get(host, host)
        with self._lock:
            self._socket.sendall(json.dumps([name, port]).encode())
            data, fds, _, _ = socket.recv_fds(self._socket, MESSAGE, 1, socket.MSG_CMSG_CLOEXEC)
        if fds:
            return fds[0]
        number, text = json.loads(data) if data else [errno.ENETUNREACH, "the host has closed the way to the network"]
        raise OSError(number, self._refusal(f"{name}:{port}") if number == errno.EACCES and not text else text)

    def _refusal(self, what: str) -> str:
        return f"{what} may not be reached from here; these may: {', '.join(self._hosts)}"


def matches(name: str, host: str) -> bool:
    """Whether a name is that of a host that was granted.

    Args:
        name: The name, lower case.
        host: As it was granted: name and port; the name may begin with "*.".
    """
    granted = host.rpartition(":")[0].strip("[]")
    return name == granted or (granted.startswith("*.") and name.endswith(granted[1:]))


def socket_class(gate: Gate) -> type[socket.socket]:
    """A class of sockets whose connections go through the host.

    Args:
        gate: The way to it.
    """

    class GrantedSocket(socket.socket):
        """A TCP socket as code knows it; beneath, it is one end of a stream that the host has the other end of."""

        __slots__ = ("_peer",)

        def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:
            self._peer: Any = None
            if fileno is None and family in INTERNET and type in (socket.SOCK_STREAM, -1):
                ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
                theirs.close()
                family, type, fileno = socket.AF_INET, socket.SOCK_STREAM, ours.detach()
            super().__init__(family, type, proto, fileno)

        def connect(self, address: Any) -> None:
            """Connect to a host, by its name or what stands for it."""
            if self.family not in INTERNET:
                super().connect(address)
                return
            fd = gate.connect(address)
            os.dup2(fd, self.fileno(), inheritable=False)
            os.close(fd)
            os.set_blocking(self.fileno(), self.gettimeout() is None)
            self._peer = address

        def connect_ex(self, address: Any) -> int:
            """The same; gives the error's number."""
            try:
                self.connect(address)
            except OSError as error:
                return error.errno or errno.ECONNREFUSED
            return 0

        def getpeername(self) -> Any:
            """Whom it was connected to."""
            return super().getpeername() if self._peer is None else self._peer

        def getsockname(self) -> Any:
            """No address of this machine is told."""
            return ("0.0.0.0", 0) if self.family in INTERNET else super().getsockname()  # told, not bound

        def setsockopt(self, *args: Any) -> None:
            """Options of TCP mean nothing on the way to the host."""
            if args[0] == socket.SOL_SOCKET and args[1] in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                super().setsockopt(*args)

        def getsockopt(self, *args: Any) -> Any:
            """The same."""
            return super().getsockopt(*args) if args[0] == socket.SOL_SOCKET else 0

    return GrantedSocket


def open_to_hosts(fd: int, hosts: Sequence[str]) -> None:
    """Let code connect to the hosts that were granted, by the ordinary means.

    Args:
        fd: The way to the host.
        hosts: What was granted.
    """
    gate = Gate(fd, hosts)

    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else str(host)
        number = SERVICES.get(port) or int(port or 0)
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (gate.address(name), number))]

    def gethostbyname(name: str) -> str:
        return gate.address(name)

    patched: Any = socket
    patched.socket = patched.SocketType = socket_class(gate)
    patched.getaddrinfo, patched.gethostbyname = getaddrinfo, gethostbyname
