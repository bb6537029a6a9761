import asyncio
import contextlib
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

from core_plus_http import RECEIVE, Send, Transport, error_from_reply
from core_plus_testkit import LoopbackServer


@pytest.fixture
def serve():
    """Starts loopback servers: `serve(answer)`, an `Answer` or a function of the request."""
    with contextlib.ExitStack() as stack:

        def started(answer, **options):
            function = answer if callable(answer) else lambda _: answer
            return stack.enter_context(LoopbackServer(function, **options))

        yield started


@pytest.fixture
def transport():
    """Makes transports that are closed at the end."""
    with contextlib.ExitStack() as stack:

        def made(base_url, **options):
            found = Transport(base_url, **{"provider": "test", "model": "m", **options})
            stack.callback(found.close)
            return found

        yield made


@pytest.fixture
def speak():
    """Starts servers that say just these bytes to each connection, once a request's first bytes are there.

    An `Ellipsis` among the pieces waits until the client leaves.
    """
    with contextlib.ExitStack() as stack:

        def started(*pieces, listen=100):
            server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=listen))
            threading.Thread(target=_accept, args=(server, pieces), daemon=True).start()
            stack.callback(server.shutdown, socket.SHUT_RDWR)
            return f"http://127.0.0.1:{server.getsockname()[1]}"

        yield started


def _accept(server, pieces):
    with contextlib.suppress(OSError):
        while True:
            sock, _ = server.accept()
            with sock, contextlib.suppress(OSError):
                sock.recv(1 << 16)
                for piece in pieces:
                    if piece is ...:
                        while sock.recv(1 << 16):
                            pass
                    else:
                        sock.sendall(piece)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for localhost and its key, made for this run."""
    if shutil.which("openssl") is None:
        pytest.skip("the command `openssl` makes the certificate, and isn't installed")
    folder = tmp_path_factory.mktemp("certificate")
    command = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    files = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run(["openssl", *command.split(), *files], check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def whole(path):
    reply = yield Send(path, b"{}")
    if not reply.ok:
        raise error_from_reply(reply)
    return reply.body


def pieces(path):
    reply = yield Send(path, b"{}", stream=True)
    if not reply.ok:
        raise error_from_reply(reply)
    while piece := (yield RECEIVE):
        yield [piece]


@pytest.fixture
def perform():
    """Posts to a path by one of the four ways ("run", "stream", "arun", "astream") and gives the reply's body."""

    def performed(way, transport, cancellation=None, path="/x"):
        if way == "run":
            return transport.run(whole(path), cancellation)
        if way == "stream":
            return b"".join(transport.stream(pieces(path), cancellation))
        if way == "arun":
            return asyncio.run(transport.arun(whole(path), cancellation))
        return asyncio.run(joined(transport.astream(pieces(path), cancellation)))

    return performed


async def joined(stream):
    return b"".join([piece async for piece in stream])
