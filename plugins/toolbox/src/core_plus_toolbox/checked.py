"""A folder whose paths are checked before they are used, for systems without `openat` (Windows)."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import Any

from core_plus_toolbox.failures import ToolboxError
from core_plus_toolbox.folder import Folder, MissingError, grown, too_large


class CheckedFolder(Folder):
    """Files below a folder, none of whose paths has a link in it. A link that is swapped in after that isn't noticed.

    Args:
        path: The folder. Links in its own path are followed, once.

    Raises:
        ConfigurationError: It isn't there.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        self._lock = threading.Lock()

    def parts(self, path: str) -> list[str]:
        """The steps of a path; what is no plain name on Windows (drives, streams, devices) is refused."""
        if path.startswith(f"{self.root}{os.sep}"):
            path = path[len(str(self.root)) :].lstrip(os.sep).replace(os.sep, "/")
        found = super().parts(path)
        for part in found:
            odd = set(part) & set('\\\\:*?"<>|') or part != part.rstrip(". ") or not part.isprintable()
            if odd or _is_device(part):
                raise ToolboxError(f"{path!r} leads out of the folder: {part!r} is no plain name")
        return found

    def read(self, path: str, most: int) -> bytes:
        """A file's bytes."""
        return _read(path, self._checked(path), most)

    def write(self, path: str, data: bytes, append: bool, most: int) -> None:
        """Write a file whole."""
        with self._lock:
            target = self._checked(path)
            if target == self.root:
                raise ToolboxError(f"{path!r} is the folder itself: name a file in it")
            before = b""
            with contextlib.suppress(MissingError):
                before = _read(path, target, most if append else sys.maxsize, append)
            whole = grown(path, before, data, most)
            passing = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}")
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                passing.write_bytes(whole)
                if target.exists():
                    shutil.copymode(target, passing)
                passing.replace(target)
            except OSError as error:
                with contextlib.suppress(OSError):
                    passing.unlink(missing_ok=True)
                raise ToolboxError(f"{path!r} can't be used: {error.strerror}") from error

    def walk(self, path: str, deep: bool = True) -> Iterator[tuple[str, os.stat_result, Any]]:
        """What lies below; the places are the paths themselves."""
        top = self._checked(path)
        if not top.is_dir():
            raise MissingError(f"there is no folder {path!r}")
        for here, folders, names in os.walk(top):
            folders[:] = sorted(name for name in folders if not _is_link(Path(here) / name))
            for name in sorted([*folders, *names]):
                full = Path(here) / name
                if not _is_link(full):
                    yield full.relative_to(self.root).as_posix(), full.lstat(), full
            if not deep:
                return

    def read_at(self, path: str, place: Any, most: int) -> bytes:
        """The bytes of a file that `walk` came to."""
        return self.read(path, most)

    def _checked(self, path: str) -> Path:
        full = self.root.joinpath(*self.parts(path))
        if Path(os.path.realpath(full)) != full or _is_link(full, missing=False):
            raise ToolboxError(f"{path!r} leads through a link, and links are not followed")
        return full


def _read(path: str, full: Path, most: int, wanted: bool = True) -> bytes:
    """A plain file's bytes; none, if they aren't wanted."""
    try:
        facts = full.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise ToolboxError(f"{path!r} is no plain file")
        if facts.st_size > most:
            raise too_large(path, most)
        return full.read_bytes() if wanted else b""
    except FileNotFoundError as error:
        raise MissingError(f"there is no {path!r}") from error
    except OSError as error:
        raise ToolboxError(f"{path!r} can't be used: {error.strerror}") from error


def _is_link(full: Path, missing: bool = True) -> bool:
    """Whether something is a link, or one of the junctions that Windows has."""
    try:
        facts = full.lstat()
    except OSError:
        return missing
    return stat.S_ISLNK(facts.st_mode) or bool(getattr(facts, "st_reparse_tag", 0))


def _is_device(part: str) -> bool:
    """Whether Windows takes a name for a device: NUL, COM1 and so on, whatever follows a dot."""
    name = PureWindowsPath(part).name.partition(".")[0].rstrip().upper()
    numbered = {f"{kind}{number}" for kind in ("COM", "LPT") for number in "0123456789¹²³"}
    return name in {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"} | numbered
