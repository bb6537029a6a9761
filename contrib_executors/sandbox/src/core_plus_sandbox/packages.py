"""Extra packages for code: installed on the host, into a folder of their own that sandboxes may read."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from core_plus.errors import ExecutorError

REQUIREMENT = re.compile(
    r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(\[[\w,. -]+\])?\s*([=<>!~]=?=?[\w.*+!-]+(\s*,\s*)?)*"
)
"""A name, extras and versions; no option of an installer, no address."""

SECRET = re.compile(r"(?<=://)[^/@\s]+@")
"""User and password in an address."""

INSTALL_SECONDS = 600.0


def installed(packages: Sequence[str]) -> str:
    """Install packages, unless the same ones were before.

    Only wheels are taken: nothing of a package runs while it is installed. Where they come from is the installer's
    own setting (pip.conf, UV_… and PIP_… variables).

    Args:
        packages: Requirements, such as "humanize==4.9", or paths of wheels.

    Returns:
        The folder that they are in; "" for none.

    Raises:
        ExecutorError: One is none, or can't be installed.
    """
    if not packages:
        return ""
    for package in packages:
        is_wheel = package.endswith(".whl") and Path(package).is_file()
        if not is_wheel and not REQUIREMENT.fullmatch(package):
            raise ExecutorError(
                f"packages: {package!r} must be a name with versions, such as 'humanize==4.9', or a wheel"
            )
    folder = cache() / key(packages)
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix="new-", dir=folder.parent))
        try:
            run(packages, fresh)
            fresh.chmod(0o755)
            place(fresh, folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)  # it has its place by now, or isn't wanted
    return str(folder)


def cache() -> Path:
    """Where the folders are: in the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "core-plus" / "sandbox-packages"


def key(packages: Sequence[str]) -> str:
    """A name for a list of packages and this Python.

    Args:
        packages: The list.
    """
    text = "\n".join([sys.version, *sorted(packages)])
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def place(fresh: Path, folder: Path) -> None:
    """Give a finished folder its name, so that nobody ever finds half of it.

    Args:
        fresh: The folder.
        folder: Its name; another process may have been quicker, with the same content.
    """
    try:
        fresh.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def run(packages: Sequence[str], folder: Path) -> None:
    """Run the installer.

    Args:
        packages: What.
        folder: Where to.

    Raises:
        ExecutorError: It fails; the text is its own last words.
    """
    beside = Path(sys.executable).parent
    uv = shutil.which("uv", path=os.pathsep.join([str(beside), os.environ.get("PATH", os.defpath)]))
    if uv:
        command = [uv, "pip", "install", "--quiet", "--python", sys.executable]
    elif importlib.util.find_spec("pip"):
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    else:
        raise ExecutorError("packages: neither uv nor pip is there to install them: install one of the two")
    command += ["--only-binary", ":all:", "--target", str(folder), "--", *packages]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        raise ExecutorError(f"packages: installing took more than {INSTALL_SECONDS:g} s and was given up") from None
    if done.returncode:
        said = SECRET.sub("…@", (done.stderr or done.stdout).strip()[-1500:])
        raise ExecutorError(f"packages: {', '.join(packages)} can't be installed: {said}")
