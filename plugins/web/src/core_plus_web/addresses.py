"""Which addresses may be reached: public ones, and those that the settings name."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

from core_plus import ConfigurationError
from core_plus_web.failures import WebError

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve: TypeAlias = Callable[[str, int], Iterable[str]]

_V4: Final = ipaddress.IPv4Network
_V6: Final = ipaddress.IPv6Network
# The special-purpose registries of IANA (iana-ipv4-special-registry, iana-ipv6-special-registry), with multicast and
# what is reserved. Python's own `is_global` says most of it too, but not the same in every version.
_CLOSED: Final[tuple[tuple[Network, str], ...]] = (
    (_V4("0.0.0.0/8"), "this network"),
    (_V4("10.0.0.0/8"), "private"),
    (_V4("100.64.0.0/10"), "shared by a carrier's customers"),
    (_V4("127.0.0.0/8"), "loopback"),
    (_V4("168.63.129.16/32"), "the platform of a cloud (Azure)"),
    (_V4("169.254.0.0/16"), "link-local"),
    (_V4("172.16.0.0/12"), "private"),
    (_V4("192.0.0.0/24"), "reserved for protocols"),
    (_V4("192.0.2.0/24"), "for documentation"),
    (_V4("192.88.99.0/24"), "a 6to4 relay"),
    (_V4("192.168.0.0/16"), "private"),
    (_V4("198.18.0.0/15"), "for benchmarks"),
    (_V4("198.51.100.0/24"), "for documentation"),
    (_V4("203.0.113.0/24"), "for documentation"),
    (_V4("224.0.0.0/4"), "multicast"),
    (_V4("240.0.0.0/4"), "reserved"),
    (_V6("::/128"), "unspecified"),
    (_V6("::1/128"), "loopback"),
    (_V6("64:ff9b:1::/48"), "a local translation to IPv4"),
    (_V6("100::/64"), "a black hole"),
    (_V6("2001::/23"), "reserved for protocols"),
    (_V6("2001:db8::/32"), "for documentation"),
    (_V6("2002::/16"), "6to4, which nobody uses any more (RFC 7526)"),
    (_V6("3fff::/20"), "for documentation"),
    (_V6("5f00::/16"), "for segment routing"),
    (_V6("fc00::/7"), "private"),
    (_V6("fe80::/10"), "link-local"),
    (_V6("fec0::/10"), "site-local"),
    (_V6("ff00::/8"), "multicast"),
)
# IPv6 addresses that end in an IPv4 one, which is the one that counts.
_CARRIERS: Final = (
    _V6("::ffff:0:0/96"),  # mapped, RFC 4291
    _V6("::ffff:0:0:0/96"),  # translated, RFC 2765
    _V6("::/96"),  # compatible, RFC 4291
    _V6("64:ff9b::/96"),  # NAT64, RFC 6052
)
_ISATAP: Final = (0x00005EFE, 0x02005EFE)  # RFC 5214: the two words before the IPv4 address
# Names that only a machine or a network of one's own knows: RFC 6761, RFC 6762, RFC 8375, and ICANN's "internal".
_INNER: Final = (".localhost", ".local", ".internal", ".home.arpa", ".lan", ".localdomain")
_NUMBER: Final = re.compile(r"(0[xX][0-9a-fA-F]*|[0-9]+)")


class Addresses:
    """Resolves names, and refuses those that lead anywhere but to public addresses.

    Args:
        allow_private: Addresses and networks ("127.0.0.1", "10.0.0.0/8", "fd00::/8") that may be reached all the same.
        resolve: Gives the addresses of a name; None asks the system.

    Raises:
        ConfigurationError: `allow_private` holds something else.
    """

    def __init__(self, allow_private: Sequence[str] = (), resolve: Resolve | None = None) -> None:
        given = [allow_private] if isinstance(allow_private, str) else allow_private
        try:
            self._allowed = tuple(ipaddress.ip_network(one, strict=False) for one in given)
        except ValueError as error:
            raise ConfigurationError(
                f"allow_private takes addresses and networks such as '127.0.0.1' or '10.0.0.0/8': {error}"
            ) from error
        self._resolve = resolve or _resolved

    def of(self, host: str, port: int) -> list[str]:
        """The addresses that a host has, all of which may be reached.

        Args:
            host: A name, or an address in any of the forms that the system's own functions understand.
            port: For the look-up.

        Raises:
            WebError: There is none, or one of them may not be reached.
        """
        number = as_number(host)
        if number is not None:
            found: list[Address] = [number]
        else:
            try:
                found = [ipaddress.ip_address(one) for one in self._resolve(host, port)]
            except (OSError, UnicodeError) as error:
                raise WebError(f"the name {host!r} can't be looked up: {error}") from error
        if not found:
            raise WebError(f"the name {host!r} has no address")
        for address in found:
            self._check(host, address)
        return [str(address) for address in dict.fromkeys(found)]

    def check_unresolved(self, host: str) -> None:
        """Refuse a host that a proxy would look up, where its name alone says that it isn't public.

        Args:
            host: A name or an address.

        Raises:
            WebError: It may not be reached.
        """
        number = as_number(host)
        if number is not None:
            self._check(host, number)
        elif not self._allowed and ("." not in host.rstrip(".") or host.rstrip(".").lower().endswith(_INNER)):
            raise WebError(f"{host!r} is a name of this machine's or network's own, and may not be reached")

    def _check(self, host: str, address: Address) -> None:
        why = closed(address)
        if why and not any(address.version == one.version and address in one for one in self._allowed):
            led = f"{host!r}" if host.strip("[]") == str(address) else f"{host!r} leads to {address}, which"
            raise WebError(f"{led} is not public ({why}) and may not be reached (but for what allow_private names)")


def closed(address: Address) -> str:
    """Why an address is not public; "" if it is.

    Args:
        address: Any.
    """
    inner = _carried(address)
    if inner is not None:
        return (why := closed(inner)) and f"it stands for {inner}, {why}"
    for network, why in _CLOSED:
        if address.version == network.version and address in network:
            return why
    return "" if address.is_global and not address.is_multicast else "special"


def _carried(address: Address) -> Address | None:
    if not isinstance(address, ipaddress.IPv6Address):
        return None
    value = int(address)
    if value < 2:
        return None  # unspecified and loopback
    if value >> 32 & 0xFFFFFFFF in _ISATAP or any(address in network for network in _CARRIERS):
        return ipaddress.IPv4Address(value & 0xFFFFFFFF)
    return None


def as_number(host: str) -> Address | None:
    """The address that a host is, where it is no name.

    IPv4 addresses are read as `inet_aton` and browsers read them: of one to four parts, each decimal, octal (0…) or
    hexadecimal (0x…), the last one filling what is left (https://url.spec.whatwg.org/#concept-ipv4-parser).

    Args:
        host: As it stands in an address.

    Raises:
        WebError: It ends in a number, as no name does, and is no address either.
    """
    bare = host.strip("[]").rstrip(".")
    try:
        return ipaddress.ip_address(bare.replace("%25", "%"))
    except ValueError:
        parts = bare.split(".")
    if ":" in bare or not _NUMBER.fullmatch(parts[-1]):
        if ":" in bare:
            raise WebError(f"{host!r} is no address that can be read")
        return None
    try:
        *first, last = [_read(part) for part in parts]
    except ValueError:
        raise WebError(f"{host!r} is neither a name nor an address") from None
    if len(parts) > 4 or any(part > 255 for part in first) or last >= 256 ** (4 - len(first)):
        raise WebError(f"{host!r} is neither a name nor an address")
    return ipaddress.IPv4Address(last + sum(part << 8 * (3 - at) for at, part in enumerate(first)))


def _read(part: str) -> int:
    if not _NUMBER.fullmatch(part):
        raise ValueError(part)
    if part[:2].lower() == "0x":
        return int(part[2:] or "0", 16)
    return int(part, 8) if part[0] == "0" else int(part)


def _resolved(host: str, port: int) -> list[str]:
    return [str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
