"""What is no public address is refused, however it is written; the address that was checked is the one used."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_plus import ConfigurationError
from core_plus_testkit.loopback import Answer, LoopbackServer
from core_plus_web import VisitWebpageTool, WebError
from core_plus_web.addresses import Addresses, as_number, closed

REFUSED = [
    # loopback, and its many spellings
    "http://127.0.0.1/",
    "http://127.0.0.1:8080/",
    "http://127.1/",
    "http://127.0.1/",
    "http://127.255.255.254/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0x7f.1/",
    "http://0X7F.0X0.0x0.0x1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://0177.0.0.0x1/",
    "http://127.0.0.1./",
    "http://localhost/",
    "http://LOCALHOST./",
    "http://127。0。0。1/",
    "http://①②⑦.0.0.1/",
    "http://%31%32%37.0.0.1/",
    "http://0/",
    "http://0.0.0.0/",
    # private, link-local, shared, reserved
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://3232235777/",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    "http://192.0.0.192/",
    "http://198.18.0.1/",
    "http://192.0.2.1/",
    "http://203.0.113.7/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    # IPv6, and IPv4 within it
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:0:127.0.0.1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b:1::1]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:a9fe:a9fe::1]/",
    "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "http://[2606:4700::5efe:10.0.0.1]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25lo]/",
    "http://[fec0::1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[ff02::1]/",
    "http://[2001:db8::1]/",
    # who is meant, and by which road
    "http://example.com@127.0.0.1/",
    "http://user:secret@example.com/",
    "http://127.0.0.1\\@example.com/",
    "http://256.256.256.256/",
    "http://1.2.3.4.5/",
    "http://0x/",
    "file:///etc/passwd",
    "ftp://example.com/",
    "gopher://127.0.0.1:70/",
    "unix:///var/run/docker.sock",
    "data:text/plain,hi",
    "jar:http://127.0.0.1!/",
    "http:///etc/passwd",
    "http:127.0.0.1",
    "http://[::1/",
    "http://127.0.0.1:99999/",
    "//127.0.0.1/",
    "",
]


@pytest.fixture
def visits():
    """Keeps who was connected to; nobody may be."""
    return VisitWebpageTool(timeout=20)


@pytest.mark.parametrize("url", REFUSED)
def test_what_is_not_public_is_refused_before_a_connection_is_made(url, visits, monkeypatch):
    def connect(*_args, **_more):
        pytest.fail(f"{url} was connected to")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(WebError) as caught:
        visits(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "64:ff9b::1.1.1.1", "::ffff:8.8.8.8"]
)
def test_what_is_public_is_let_through(address):
    assert Addresses().of(address, 80) == [str(ipaddress.ip_address(address))]


@given(st.integers(0, 2**32 - 1), st.sampled_from(["d", "#x", "#o"]), st.integers(1, 4))
def test_a_number_means_what_the_system_takes_it_for(value, form, parts):
    octets = value.to_bytes(4, "big")
    numbers = [*octets[: parts - 1], int.from_bytes(octets[parts - 1 :], "big")]
    host = ".".join(format(number, form).replace("0o", "0") for number in numbers)
    assert str(as_number(host)) == socket.inet_ntoa(socket.inet_aton(host))


@given(st.ip_addresses(v=4))
def test_an_address_within_ipv6_is_as_open_as_itself(inner):
    for network in ("::ffff:0:0", "64:ff9b::", "::ffff:0:0:0"):
        outer = ipaddress.IPv6Address(int(ipaddress.IPv6Address(network)) + int(inner))
        assert bool(closed(outer)) == bool(closed(inner))


@given(st.ip_addresses())
def test_nothing_that_python_calls_private_counts_as_public(address):
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        assert closed(address)


def test_a_name_that_leads_to_both_is_refused():
    addresses = Addresses(resolve=lambda host, port: ["93.184.216.34", "10.0.0.1"])
    with pytest.raises(WebError, match=r"leads to 10\.0\.0\.1"):
        addresses.of("both.example", 80)


def test_what_the_settings_name_may_be_reached():
    addresses = Addresses(["10.1.0.0/16", "::1"])
    assert addresses.of("10.1.2.3", 80) == ["10.1.2.3"]
    assert addresses.of("::1", 80) == ["::1"]
    with pytest.raises(WebError, match="private"):
        addresses.of("10.2.0.1", 80)


def test_a_network_that_is_none_is_said_when_the_tool_is_made():
    with pytest.raises(ConfigurationError, match="allow_private"):
        VisitWebpageTool(allow_private=["localhost"])


@pytest.fixture
def server():
    with LoopbackServer(lambda seen: Answer(b"inside", content_type="text/plain")) as made:
        yield made


def test_a_name_that_changes_its_mind_is_asked_once_and_its_first_answer_used(server):
    answers = [["127.0.0.2"], ["127.0.0.1"]]

    def rebinding(_host, _port):
        return answers.pop(0)

    port = server.origin.rpartition(":")[2]
    tool = VisitWebpageTool(resolve=rebinding, allow_private=["127.0.0.2"], timeout=20)
    with pytest.raises(WebError):  # nobody listens at the first answer; the second would have been a server
        tool(f"http://rebinding.example:{port}/")
    assert answers == [["127.0.0.1"]]
    assert server.requests == []


def test_a_name_is_checked_again_for_every_connection(server):
    answers = [["127.0.0.1"], ["10.0.0.1"]]
    port = server.origin.rpartition(":")[2]
    tool = VisitWebpageTool(resolve=lambda host, port: answers.pop(0), allow_private=["127.0.0.1"], timeout=20)
    assert tool(f"http://rebinding.example:{port}/") == "inside"
    assert server.requests[0].headers["host"] == f"rebinding.example:{port}"
    with pytest.raises(WebError, match=r"10\.0\.0\.1"):
        tool(f"http://rebinding.example:{port}/")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "target", ["http://10.0.0.1/", "http://2852039166/", "file:///etc/passwd", "http://inner.example/"]
)
def test_a_redirect_to_what_is_not_public_is_refused(status, target):
    def resolve(host, _port):
        return ["127.0.0.1"] if host == "outer.example" else ["192.168.0.1"]

    with LoopbackServer(lambda seen: Answer(status=status, headers={"location": target})) as server:
        tool = VisitWebpageTool(resolve=resolve, allow_private=["127.0.0.1"], timeout=20)
        with pytest.raises(WebError, match=r"may not be reached|nothing else is fetched"):
            tool(f"http://outer.example:{server.origin.rpartition(':')[2]}/")
        assert len(server.requests) == 1
