"""Connections by address are encrypted for the name, and end with the call's time in TLS too."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading

import pytest

from core_plus import Cancellation
from core_plus_testkit.loopback import Answer, LoopbackServer
from core_plus_web import VisitWebpageTool, WebError
from core_plus_web.fetching import Asked, Fetcher


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of our own for the name "page.example", and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("the command `openssl` makes the certificate, and isn't installed")
    folder = tmp_path_factory.mktemp("tls")
    files = [str(folder / name) for name in ("key.pem", "cert.pem")]
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=page.example"
    more = ["-addext", "subjectAltName=DNS:page.example", "-keyout", files[0], "-out", files[1]]
    subprocess.run(["openssl", *command.split(), *more], check=True, capture_output=True)
    return files


@pytest.fixture
def settings(certificate):
    """How to reach such a server: every name leads to this machine, and the certificate is trusted."""
    trust = ssl.create_default_context(cafile=certificate[1])
    return {"trust": trust, "allow_private": ["127.0.0.1"], "resolve": lambda host, port: ["127.0.0.1"], "timeout": 30}


@pytest.fixture
def serve(certificate):
    servers = []

    def start(answer):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate[1], certificate[0])
        servers.append(LoopbackServer(lambda seen: answer, tls=context))
        return servers[-1].__enter__().origin.rpartition(":")[2]

    yield start
    for server in servers:
        server.close()


def test_the_certificate_is_checked_against_the_name_though_the_address_is_what_is_connected_to(serve, settings):
    port = serve(Answer(b"inside", content_type="text/plain"))
    tool = VisitWebpageTool(**settings)
    assert tool(f"https://page.example:{port}/") == "inside"
    with pytest.raises(WebError, match=r"can't be fetched.*certificate"):
        tool(f"https://other.example:{port}/")


def test_a_certificate_that_nobody_vouches_for_is_refused(serve, settings):
    port = serve(Answer(b"inside"))
    del settings["trust"]
    with pytest.raises(WebError, match=r"can't be fetched.*certificate"):
        VisitWebpageTool(**settings)(f"https://page.example:{port}/")


def test_a_silent_server_is_given_up_in_tls_too(serve, settings):
    port = serve(Answer(fault="hang"))
    with pytest.raises(WebError, match=r"0\.7 seconds"):
        VisitWebpageTool(**{**settings, "timeout": 0.7})(f"https://page.example:{port}/")


def test_an_encrypted_fetch_is_broken_off_at_once(serve, settings):
    port = serve(Answer(b"x" * 1000, content_type="text/plain", fault="hang_midway"))
    stop = Cancellation()
    threading.Timer(0.3, stop.cancel).start()
    with pytest.raises(WebError, match="can't be fetched"):
        Fetcher(**{**settings, "timeout": 60}).fetch(Asked(f"https://page.example:{port}/"), cancellation=stop)
