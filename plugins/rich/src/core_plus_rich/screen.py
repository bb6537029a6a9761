"""The terminal or file: what is finished is printed once, and below it stands what goes on now."""

from __future__ import annotations

import atexit
import io
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import IO, Any, Literal, TypeAlias

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from core_plus.messages import Usage
from core_plus_rich import text as words
from core_plus_rich.render import THEME, Beside, Glyphs
from core_plus_rich.status import REFRESH, Status
from core_plus_rich.view import RunView

Kind: TypeAlias = Literal["head", "rule", "text", "code", "work", "answer", "total", "question"]
"""What is printed: an empty line stands between two pieces, but not below a step's rule, above the totals, or
between the calls, outputs and errors that make up the work of a step."""


def new_console(file: IO[str] | None, color: bool | None, stderr: bool = False) -> Console:
    """A console of our own, in which nothing that models write is taken for markup.

    Args:
        file: Where to; None is standard output.
        color: Whether to colour; None leaves it to the terminal, NO_COLOR and FORCE_COLOR.
        stderr: Whether it is standard error, where no file is given.
    """
    look: dict[str, Any] = {"theme": THEME, "markup": False, "emoji": False, "highlight": False}
    if color is not None:
        look |= {"no_color": not color, "force_terminal": color or None}
    console = Console(file=file, stderr=stderr, **look)
    if isinstance(console.file, io.TextIOWrapper) and not console.encoding.startswith("utf"):
        console.file.reconfigure(errors="replace")  # a sign that it hasn't got must not end the showing
    return console


def seen(console: Console) -> bool:
    """Whether what is printed goes to a terminal.

    Args:
        console: Any.
    """
    isatty = getattr(console.file, "isatty", None)
    return bool(isatty and isatty())


def is_terminal(console: Console) -> bool:
    """Whether a person looks at it now and the cursor can be moved; forced colour doesn't make a pipe one.

    Args:
        console: Any.
    """
    return seen(console) and console.is_interactive and not console.is_jupyter


class Screen:
    """Prints, and keeps the live lines below what is printed.

    Args:
        console: Where to.
        glyphs: The signs to use.
        lock: Held by whoever calls; drawing takes it too, since rich's own drawing thread may come between the
            rendering and the writing of what is printed, and then moves the cursor to the wrong line.
        views: Gives the runs in progress, outermost first.
        total: Gives the tokens used so far.
    """

    def __init__(
        self,
        console: Console,
        glyphs: Glyphs,
        lock: threading.RLock,
        views: Callable[[], Sequence[RunView]],
        total: Callable[[], Usage],
    ) -> None:
        self.console, self.glyphs, self._lock = console, glyphs, lock
        self._status = Status(views, total, lambda: self._last[1] != "rule", glyphs)
        self.can_live = is_terminal(console)
        self._live: Live | None = None
        self._over = threading.Event()
        self._last: tuple[RunView | None, Kind | None] = (None, None)

    @property
    def width(self) -> int:
        """Columns."""
        return self.console.width

    def start(self) -> None:
        """Begin to show what goes on now, where there is a terminal."""
        if not self.can_live or self._live is not None:
            return
        self._live, self._over = Live(**self._look()), threading.Event()
        atexit.register(self._live.stop)  # whoever forgets to close gets the cursor back all the same
        self._live.start()
        threading.Thread(target=self._draw, args=(self._live, self._over), name="core-plus-rich", daemon=True).start()

    def _look(self) -> dict[str, Any]:
        steady = {"auto_refresh": False, "transient": True, "vertical_overflow": "crop"}
        return {"console": self.console, "get_renderable": lambda: self._status, **steady}

    def _draw(self, live: Live, over: threading.Event) -> None:
        while not over.wait(1 / REFRESH):
            with self._lock:
                if not over.is_set():
                    live.refresh()

    def stop(self) -> None:
        """Take the live lines away; what was printed stays."""
        live, self._live = self._live, None
        if live is not None:
            self._over.set()
            live.stop()
            atexit.unregister(live.stop)

    def set_off(self) -> None:
        """Leave an empty line before what is printed next."""
        self._last = (None, "question")

    def put(self, view: RunView, kind: Kind, parts: Iterable[RenderableType]) -> None:
        """Print what belongs to a run, set off from what came before.

        Args:
            view: Whose.
            kind: What it is.
            parts: The pieces, each on its own lines.
        """
        shown = [*parts]
        if not shown:
            return
        owner, before = self._last
        if kind not in ("head", "rule") and owner not in (None, view) and (view.depth or not owner.depth):
            label = " · ".join(fact for fact in (words.one_line(view.name), view.place) if fact)
            shown.insert(0, Text(label, "cp.quiet"))
        apart = before and before != "rule" and kind != "total" and not (before == kind == "work")
        if apart and kind != "head":
            shown.insert(0, Text(""))
        margin = Text(f"{self.glyphs.bar} " * min(view.depth, max(self.width // 12, 1)), "cp.bar")
        shown = [part if isinstance(part, Beside) and not view.depth else Beside(part, margin) for part in shown]
        if apart and kind == "head":
            shown.insert(0, Text(""))
        self._last = (view, kind)
        self.console.print(Group(*shown))
