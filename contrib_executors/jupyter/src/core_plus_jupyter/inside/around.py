"""What a channel needs to know of the kernel around it: its streams, and its threads."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from core_plus_worker.inside.waiting import passive

if TYPE_CHECKING:
    from collections.abc import Sequence

FLUSHES = 100
"""Pieces of a snippet's output that are waited for until they are out; later ones only now and then."""

PAUSE = 0.02
"""Seconds between two of those that are waited for later."""


class Streams:
    """The kernel's standard output and standard error.

    Output is sent by a thread that needs the interpreter: code that keeps it to itself would keep the output too. So
    the first pieces are waited for, and then one now and then.
    """

    def __init__(self) -> None:
        self.printed = [0, 0]
        self._files: Sequence[Any] = ()
        self._count, self._flushed_at, self._is_dirty = 0, 0.0, False

    def connect(self, files: Sequence[Any]) -> None:
        """Use this cell's.

        Args:
            files: Standard output and standard error.
        """
        self._files = files

    def begin(self) -> None:
        """Count characters anew."""
        self.printed, self._count = [0, 0], 0

    def write(self, stream: int, text: str) -> None:
        """Print.

        Args:
            stream: 1 or 2.
            text: What; lone surrogates are shown as escapes.
        """
        text = text.encode("utf-8", "backslashreplace").decode("utf-8")
        self.printed[stream - 1] += len(text)
        self._files[stream - 1].write(text)
        self._count += 1
        self._is_dirty = True
        if self._count < FLUSHES or time.monotonic() - self._flushed_at > PAUSE:
            self.flush()

    def flush(self) -> None:
        """Wait until all that was printed is out."""
        if self._is_dirty:
            self._is_dirty = False
            for file in self._files:
                file.flush()
            self._flushed_at = time.monotonic()


class Threads:
    """The threads of the code, told apart from those that the kernel had before it."""

    def __init__(self) -> None:
        self._main = threading.main_thread()
        self._kernels_own = frozenset(threading.enumerate()) - {self._main}

    def others(self) -> list[threading.Thread]:
        """Threads of the code, and the main one, beside this."""
        own = threading.current_thread()
        if threading.active_count() <= len(self._kernels_own) + 1 and own is self._main:
            return []
        return [thread for thread in threading.enumerate() if thread is not own and thread not in self._kernels_own]

    def are_busy(self) -> bool:
        """Whether one of them could go on without an answer."""
        others = self.others()
        if not others:
            return False
        current = sys._current_frames()  # noqa: SLF001  # documented, the underscore is a warning
        frames = [current.get(thread.ident) for thread in others if thread.ident is not None]
        return any(frame is not None and not passive(frame) for frame in frames)
