import pytest

from core_plus.errors import ConfigurationError, ModelConnectionError, ModelTimeoutError
from core_plus_http import Timeouts
from core_plus_testkit import Answer

WAYS = pytest.mark.parametrize("way", ["run", "stream", "arun", "astream"])


@pytest.fixture
def trusted(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))


@WAYS
@pytest.mark.usefixtures("trusted")
def test_https_works_by_every_way(way, tls, serve, transport, perform):
    server = serve(Answer(b"fine" * 100_000), tls=tls)
    there = transport(server.origin)
    assert perform(way, there) == b"fine" * 100_000
    assert perform(way, there) == b"fine" * 100_000


@pytest.mark.usefixtures("trusted")
def test_an_encrypted_connection_serves_sync_and_async_calls_in_turn(tls, serve, transport, perform):
    server = serve(Answer(b"fine"), tls=tls)
    there = transport(server.origin)
    for way in ["run", "arun", "stream", "astream"] * 2:
        assert perform(way, there) == b"fine"
    assert server.opened <= 2  # the session tickets after the handshake may cost the first one


@WAYS
def test_a_certificate_that_nobody_vouches_for_is_refused(way, tls, serve, transport, perform):
    server = serve(Answer(b"fine"), tls=tls)
    with pytest.raises(ModelConnectionError, match=r"isn't trusted .* SSL_CERT_FILE"):
        perform(way, transport(server.origin))
    assert not server.requests


@WAYS
@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_name_is_refused(way, tls, serve, transport, perform):
    server = serve(Answer(b"fine"), tls=tls)
    with pytest.raises(ModelConnectionError, match="isn't trusted"):
        perform(way, transport(server.origin.replace("localhost", "127.0.0.1")))


@WAYS
def test_a_server_that_speaks_no_tls_is_told_from_one_that_is_gone(way, speak, transport, perform):
    plain = speak(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(ModelConnectionError, match="does the server speak https"):
        perform(way, transport(plain.replace("http:", "https:")))


@WAYS
def test_a_server_that_leaves_in_the_handshake(way, speak, transport, perform):
    with pytest.raises(ModelConnectionError, match="does the server speak https"):
        perform(way, transport(speak().replace("http:", "https:")))


@WAYS
def test_a_handshake_that_takes_too_long_is_given_up(way, speak, transport, perform):
    with pytest.raises(ModelTimeoutError, match=r"no connection to .* within 0\.2 s"):
        perform(way, transport(speak(...).replace("http:", "https:"), timeouts=Timeouts(connect=0.2)))


def test_a_missing_file_of_authorities_is_named(monkeypatch, transport, perform):
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/authorities.pem")
    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
        perform("run", transport("https://127.0.0.1:1"))
