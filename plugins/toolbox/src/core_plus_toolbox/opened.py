"""A folder of which every step is opened by itself (`openat`), so that nothing can be changed in between."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import threading
from collections.abc import Iterator
from typing import Any, Final

from core_plus_toolbox.failures import ToolboxError
from core_plus_toolbox.folder import Folder, MissingError, grown, too_large

_DIRECTORY: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
# Opening a pipe or a device must not wait for whoever is at its other end.
_FILE: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)


class OpenedFolder(Folder):
    """Files below a folder. Every step of a path is opened by itself, from the one before it, and no link is followed.

    What was opened is what is used: a link that takes a file's place in between is noticed, or comes too late.

    Args:
        path: The folder. Links in its own path are followed, once.

    Raises:
        ConfigurationError: It isn't there.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        self._lock = threading.Lock()

    def read(self, path: str, most: int) -> bytes:
        """A file's bytes."""
        with self._opened(path) as (directory, name), self._file(path, directory, name) as file:
            return _read(path, file, most)

    def write(self, path: str, data: bytes, append: bool, most: int) -> None:
        """Write a file whole."""
        with self._lock, self._opened(path, make=True) as (directory, name):
            mode: int | None = None
            before = b""
            try:
                with self._file(path, directory, name) as file:
                    mode = stat.S_IMODE(os.fstat(file).st_mode)
                    before = _read(path, file, most) if append else b""
            except MissingError:
                mode = None  # a new one: what this process gives new files
            self._replace(path, directory, name, grown(path, before, data, most), mode)

    def walk(self, path: str, deep: bool = True) -> Iterator[tuple[str, os.stat_result, int]]:
        """What lies below; the places are descriptors, open until the next is given."""
        parts = self.parts(path)
        with self._directory(parts, path) as top:
            for under, folders, files, here in os.fwalk(".", dir_fd=top):
                prefix = "/".join([*parts, *(part for part in under.split("/") if part != ".")])
                folders[:] = sorted(name for name in folders if not _is_link(name, here))
                for name in sorted([*folders, *files]):
                    with contextlib.suppress(FileNotFoundError):  # gone since
                        facts = os.stat(name, dir_fd=here, follow_symlinks=False)
                        if not stat.S_ISLNK(facts.st_mode):
                            yield f"{prefix}/{name}".lstrip("/"), facts, here
                if not deep:
                    return

    def read_at(self, path: str, place: Any, most: int) -> bytes:
        """The bytes of a file that `walk` came to."""
        with self._file(path, place, path.rpartition("/")[2]) as file:
            return _read(path, file, most)

    @contextlib.contextmanager
    def _opened(self, path: str, make: bool = False) -> Iterator[tuple[int, str]]:
        """The folder in which something lies, and its name there."""
        parts = self.parts(path)
        if not parts:
            raise ToolboxError(f"{path!r} is the folder itself: name a file in it")
        with self._directory(parts[:-1], path, make) as directory:
            yield directory, parts[-1]

    @contextlib.contextmanager
    def _directory(self, parts: list[str], path: str, make: bool = False) -> Iterator[int]:
        current = os.open(self.root, _DIRECTORY)
        try:
            for part in parts:
                with _explained(path):
                    if make:
                        with contextlib.suppress(FileExistsError):
                            os.mkdir(part, dir_fd=current)
                    below = os.open(part, _DIRECTORY, dir_fd=current)
                os.close(current)
                current = below
            yield current
        finally:
            os.close(current)

    @contextlib.contextmanager
    def _file(self, path: str, directory: int, name: str) -> Iterator[int]:
        with _explained(path):
            file = os.open(name, _FILE, dir_fd=directory)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise ToolboxError(f"{path!r} is no plain file")
            yield file
        finally:
            os.close(file)

    def _replace(self, path: str, directory: int, name: str, data: bytes, mode: int | None) -> None:
        passing = f".{name[:100]}.{secrets.token_hex(4)}"
        with _explained(path):
            file = os.open(passing, _NEW, 0o666 if mode is None else 0o600, dir_fd=directory)
            try:
                with open(file, "wb") as stream:  # noqa: PTH123 - a descriptor, not a path
                    stream.write(data)
                    stream.flush()
                    if mode is not None:
                        os.fchmod(stream.fileno(), mode)
                os.replace(passing, name, src_dir_fd=directory, dst_dir_fd=directory)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(passing, dir_fd=directory)
                raise


@contextlib.contextmanager
def _explained(path: str) -> Iterator[None]:
    """What the system's errors mean for a model."""
    try:
        yield
    except FileNotFoundError as error:
        raise MissingError(f"there is no {path!r}") from error
    except OSError as error:
        # A link is ELOOP where a file is wanted, and ENOTDIR where a folder is; EMLINK on FreeBSD.
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise ToolboxError(f"{path!r} is a link, and links are not followed") from error
        if error.errno == errno.ENOTDIR:
            raise ToolboxError(f"{path!r} leads through a file or a link, and links are not followed") from error
        raise ToolboxError(f"{path!r} can't be used: {error.strerror}") from error


def _read(path: str, file: int, most: int) -> bytes:
    with open(file, "rb", closefd=False) as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise too_large(path, most)
    return data


def _is_link(name: str, directory: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return True
