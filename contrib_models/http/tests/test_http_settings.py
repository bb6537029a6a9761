import pytest

from core_plus.errors import ConfigurationError
from core_plus.secret import Secret
from core_plus_http import Origin, Timeouts
from core_plus_http.settings import header_values


@pytest.mark.parametrize(
    ("base", "address", "netloc"),
    [
        ("https://api.example.com/v1", "https://api.example.com/v1/chat", "api.example.com"),
        ("https://api.example.com/v1/", "https://api.example.com/v1/chat", "api.example.com"),
        ("http://localhost:8080", "http://localhost:8080/chat", "localhost:8080"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1/chat", "[::1]:8080"),
        ("https://x.com:443/a b", "https://x.com/a%20b/chat", "x.com"),
        ("https://x.com/v1?api-version=3", "https://x.com/v1/chat?api-version=3", "x.com"),
        (" https://bücher.example/v1 ", "https://xn--bcher-kva.example/v1/chat", "xn--bcher-kva.example"),
    ],
)
def test_a_path_is_joined_to_the_base_address(base, address, netloc):
    origin = Origin.of(base)
    assert origin.url("/chat") == address
    assert origin.netloc == netloc


def test_an_address_for_people_leaves_the_query_out():
    assert Origin.of("https://x.com/v1?key=secret").address("/chat") == "https://x.com/v1/chat"


def test_two_queries_become_one():
    assert Origin.of("http://x?a=1").target("/m?b=2") == "/m?b=2&a=1"


@pytest.mark.parametrize(
    "base", ["", "api.example.com/v1", "ftp://x", "http://", "http://x:99999", "https://me:pw@x.com"]
)
def test_what_is_no_address_is_refused_without_showing_a_password(base):
    with pytest.raises(ConfigurationError, match="base_url") as caught:
        Origin.of(base)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "loopback"), [("127.0.0.1", True), ("localhost", True), ("[::1]", True), ("x.com", False)]
)
def test_loopback_is_known(host, loopback):
    assert Origin.of(f"http://{host}").is_loopback is loopback


@pytest.mark.parametrize("value", [0, -1, "10", float("nan")])
def test_a_time_out_that_is_no_time_is_refused(value):
    with pytest.raises(ConfigurationError, match="first_byte="):
        Timeouts(first_byte=value)


def test_headers_are_sent_under_small_names_and_none_leaves_one_out():
    assert header_values({"Authorization": Secret("Bearer k"), "X": "y", "Z": None}) == {
        "authorization": "Bearer k",
        "x": "y",
    }


@pytest.mark.parametrize("value", ["key\n", "key\r\nx: y", " key", "kéy", "k\0"])
def test_a_value_that_no_header_may_carry_is_refused_unseen(value):
    with pytest.raises(ConfigurationError, match="'authorization'") as caught:
        header_values({"authorization": Secret(value)})
    assert value not in str(caught.value)
    assert caught.value.__cause__ is None
