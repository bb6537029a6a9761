"""What code finds as sys.stdout, sys.stderr and sys.stdin."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Output(io.TextIOBase):
    """Passes whole lines on as they are printed, so that nothing printed is lost when the process is killed.

    Args:
        fd: What `fileno` says, for programs that the code starts.
        sink: Where the text goes.
        limit: Characters of a snippet that are passed on at once; of the rest the end follows when the snippet
            ends. 0: all are passed on.
    """

    def __init__(self, fd: int, sink: Callable[[str], None], limit: int = 0) -> None:
        self._fd, self.sink, self.limit = fd, sink, limit
        self._lines: dict[int, list[str]] = {}
        self._lock = threading.RLock()
        self._passed = 0
        self._late: list[str] = []
        self._late_size = self._dropped = 0
        self.buffer = Bytes(self)

    encoding = "utf-8"
    errors = "backslashreplace"

    def write(self, text: str) -> int:
        """Print.

        Args:
            text: What to print.
        """
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        thread = threading.get_ident()  # a line that two threads print at once would be neither's
        with self._lock:
            line = self._lines.get(thread)
            if line is None:
                line = self._lines[thread] = []
            line.append(text)
            if "\n" in text or len(line) > 1000 or len(text) > 8192:
                del self._lines[thread]
                self._pass_on("".join(line))
        return len(text)

    def flush(self) -> None:
        """Pass on what was printed, a line that isn't ended too."""
        with self._lock:
            while self._lines:
                self._pass_on("".join(self._lines.pop(next(iter(self._lines)))))

    def finish(self) -> int:
        """End a snippet: pass on the kept end.

        Returns:
            How many characters in the middle were dropped.
        """
        if not (self._lines or self._passed or self._late_size):
            return 0
        with self._lock:
            self.flush()
            dropped, late = self._dropped, "".join(self._late)
            if late:
                self.sink(late)
            self._passed = self._late_size = self._dropped = 0
            self._late.clear()
            return dropped

    def _pass_on(self, text: str) -> None:
        room = self.limit - self._passed if self.limit else len(text)
        if room > 0:
            self._passed += min(room, len(text))
            self.sink(text[:room])
        if room < len(text):
            self._keep(text[max(room, 0) :])

    def _keep(self, text: str) -> None:
        """Keep the end of what is over the limit; shortened now and then, so that a flood costs little."""
        self._late.append(text)
        self._late_size += len(text)
        if self._late_size > 4 * self.limit:
            kept = "".join(self._late)[-self.limit :]
            self._dropped += self._late_size - len(kept)
            self._late, self._late_size = [kept], len(kept)

    def close(self) -> None:
        """Stay open: the next snippet prints here too."""
        self.flush()

    def fileno(self) -> int:
        """The descriptor that programs started by the code print to."""
        self.flush()
        return self._fd

    def writable(self) -> bool:
        """It is."""
        return True

    def isatty(self) -> bool:
        """It isn't."""
        return False


class Bytes(io.RawIOBase):
    """The `buffer` of an output, for code that prints bytes.

    Args:
        output: Where they go as text.
    """

    def __init__(self, output: Output) -> None:
        self._output = output

    def write(self, data: Any) -> int:
        """Print bytes; those that aren't UTF-8 are shown as escapes.

        Args:
            data: The bytes.
        """
        self._output.write(bytes(data).decode("utf-8", "backslashreplace"))
        return len(data)

    def writable(self) -> bool:
        """It is."""
        return True


def no_breakpoint(*args: Any, **kwargs: Any) -> None:
    """What `breakpoint()` does where nobody can type.

    Raises:
        RuntimeError: Always.
    """
    raise RuntimeError("breakpoint() needs somebody who types, and there is nobody: print what you want to see")


class NoInput(io.TextIOBase):
    """Standard input where nobody types."""

    def readline(self, size: int = -1) -> str:  # type: ignore[override]
        """Refuse.

        Raises:
            EOFError: Always.
        """
        raise EOFError("nobody can type here: there is no standard input")

    def read(self, size: int | None = -1) -> str:
        """Refuse.

        Raises:
            EOFError: Always.
        """
        return self.readline()

    def close(self) -> None:
        """Stay as it is: Python's own `exit()` closes standard input."""

    def readable(self) -> bool:
        """For those who ask first."""
        return True
