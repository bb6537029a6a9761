"""Which files Python itself needs, so that code may read these and no others."""

from __future__ import annotations

import os
import sys
import sysconfig
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PACKAGES = ("site-packages", "dist-packages")

LIBRARIES = ("/lib/{0}-linux-gnu", "/usr/lib/{0}-linux-gnu", "/lib64", "/usr/lib64", "/etc/ld.so.cache")
"""Where the dynamic loader looks, with the machine's name."""

CLOCKS = ("/usr/share/zoneinfo", "/etc/localtime")

CERTIFICATES = ("/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/ssl/openssl.cnf", "/etc/pki/tls", "/usr/lib/ssl")
"""Where systems keep the certificates of authorities, for code that may reach hosts."""

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def python_paths() -> list[str]:
    """The standard library and the installed packages."""
    named = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    listed = [path for path in sys.path if path.endswith(PACKAGES) or path.endswith(".zip")]
    return [path for path in [*named, *listed] if path]


def library_paths() -> list[str]:
    """The shared libraries of the system, and the folders of those that are loaded now."""
    found = [path.format(os.uname().machine) for path in LIBRARIES]
    with open("/proc/self/maps") as maps:
        loaded = {line.split(maxsplit=5)[-1].strip() for line in maps if ".so" in line}
    return found + sorted({os.path.dirname(path) for path in loaded if path.startswith("/")})


def outermost(paths: Iterable[str]) -> list[str]:
    """Those that exist, without those that stand beneath another one.

    Args:
        paths: Absolute paths.
    """
    found: list[str] = []
    for path in sorted({os.path.normpath(path) for path in paths if os.path.exists(path)}):
        if not any(is_beneath(path, other) for other in found):
            found.append(path)
    return found


def is_beneath(path: str, folder: str) -> bool:
    """Whether a path is a folder or stands beneath it.

    Args:
        path: The path.
        folder: The folder.
    """
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def hidden_from_others(paths: Iterable[str]) -> str:
    """The first folder on the way to one of the paths that a user without rights can't pass; "" if there is none.

    Args:
        paths: Absolute paths.
    """
    for path in paths:
        way = os.path.realpath(path)
        while way != "/":
            if not os.stat(way).st_mode & 0o001 and os.path.isdir(way):
                return way
            way = os.path.dirname(way)
    return ""
