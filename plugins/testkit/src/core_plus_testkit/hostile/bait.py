"""What is set out for an attempt: files with a secret, a folder to write to, listeners to reach."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import socket
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

ELSEWHERE = ("/dev/shm", "/tmp", "/var/tmp")
"""Where code may leave files named after the trial's own word."""

SHORT = 50
"""Characters: the path of a Unix socket may have 107 in all, unix(7)."""


class Bait:
    """A folder with secrets in it, one for the host's own temporary files, and listeners on loopback.

    Close it after use: all that was put into these folders goes with it.

    Args:
        token: The secret that the files hold.
        owner: The user id that owns them; None is the user of this process.
    """

    def __init__(self, token: str, owner: int | None) -> None:
        self.word = f"w{secrets.token_hex(6)}"
        place = tempfile.gettempdir()
        self._base = Path(tempfile.mkdtemp(prefix="core-plus-hostile-", dir=place if len(place) < SHORT else "/tmp"))
        self.directory, self.temporary = self._base / "bait", self._base / "tmp"
        for folder in (self.directory, self.temporary):
            folder.mkdir()
        self.file, self.target = self.directory / "secret.txt", self.directory / "made"
        self.file.write_text(f"{token}\n")
        self.directory.joinpath("note.txt").write_text("nothing of interest\n")
        self.directory.joinpath("pointer").symlink_to(f"nowhere-{token}")
        with contextlib.suppress(OSError):  # not every file system keeps attributes
            os.setxattr(self.file, "user.secret", token.encode())
        self.listeners = self._listen()
        for path in (self._base, self.temporary, self.directory, *self.directory.iterdir()):
            if owner is not None:
                os.chown(path, owner, owner, follow_symlinks=False)
            if not path.is_symlink():  # nothing but the executor's own walls is in the way
                path.chmod(0o777 if path.is_dir() else 0o666)
        self._before = self._seen()

    def _listen(self) -> list[socket.socket]:
        tcp = socket.create_server(("127.0.0.1", 0))
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        path, abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        self.port = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", self.port))
        path.bind(str(self.directory / "u.sock"))
        abstract.bind(f"\0{self.word}")
        for listener in (path, abstract):
            listener.listen()
        for listener in (tcp, udp, path, abstract):
            listener.setblocking(False)
        return [tcp, udp, path, abstract]

    def marks(self, host: int) -> Mapping[str, str]:
        """What the marks of an attempt stand for.

        Args:
            host: The host's process id.
        """
        return {
            "FILE": str(self.file),
            "WFILE": str(self.target),
            "DIR": str(self.directory),
            "PORT": str(self.port),
            "HOSTPID": str(host),
            "ID": self.word,
        }

    def was_reached(self) -> str:
        """Which listener somebody came to; "" is none.

        On loopback they must have said the trial's own word: ports are used again, and somebody else may have
        meant another listener.
        """
        tcp, udp, *local = self.listeners
        with contextlib.suppress(BlockingIOError):
            while True:
                if self.word.encode() in udp.recvfrom(1 << 16)[0]:
                    return "UDP on loopback"
        with contextlib.suppress(BlockingIOError):
            while True:
                visitor = tcp.accept()[0]
                if self.word.encode() in said(visitor):
                    return "TCP on loopback"
        for listener in local:
            with contextlib.suppress(BlockingIOError):
                listener.accept()[0].close()
                return "a Unix socket"
        return ""

    def was_touched(self) -> str:
        """What became of the files; "" is nothing."""
        now, left = self._seen(), [f"{place}/{self.word}" for place in ELSEWHERE if Path(place, self.word).exists()]
        changed = [name for name in {**self._before, **now} if self._before.get(name) != now.get(name)]
        return ", ".join(sorted(changed) + left)

    def _seen(self) -> dict[str, tuple[object, ...]]:
        """The files by name, with all that can be seen of each."""
        seen: dict[str, tuple[object, ...]] = {}
        for path in self.directory.rglob("*"):
            try:
                seen[path.name] = facts(path)
            except OSError as error:  # an attempt has locked it, or taken it away meanwhile
                seen[path.name] = (str(error),)
        own = self.directory.stat()
        return {**seen, "the folder": (own.st_mode, own.st_uid, own.st_gid, len(seen))}

    def close(self) -> None:
        """Take everything away."""
        for listener in self.listeners:
            listener.close()
        for place in ELSEWHERE:
            Path(place, self.word).unlink(missing_ok=True)
        # Trees may be deeper than a path can be written, and locked on the way; the system's own tools can do that.
        for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
            subprocess.run([*command, "--", self._base], capture_output=True, check=False)


def facts(path: Path) -> tuple[object, ...]:
    """All that can be seen of a file, but when it was last read.

    Args:
        path: The file.
    """
    info = path.lstat()
    numbers = (info.st_mode, info.st_uid, info.st_gid, info.st_nlink, info.st_size, info.st_mtime_ns)
    content = hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(info.st_mode) else ""
    pointer = str(path.readlink()) if path.is_symlink() else ""
    return (*numbers, content, pointer, *([] if path.is_symlink() else sorted(os.listxattr(path))))


def said(visitor: socket.socket) -> bytes:
    """What a visitor has said, and leave them.

    Args:
        visitor: A connection.
    """
    with visitor:
        visitor.settimeout(0.2)
        try:
            return visitor.recv(1 << 16)
        except OSError:
            return b""
