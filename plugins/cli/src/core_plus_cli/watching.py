"""A run and the person before it: Ctrl-C stops the run, not the program, and a reader who left ends it."""

from __future__ import annotations

import os
import queue
import signal
import threading
from types import FrameType
from typing import Any

import msgspec

from core_plus.cancellation import Cancellation, Interrupted
from core_plus.effects import Question
from core_plus.events import Event, RunStarted
from core_plus.ui import UI
from core_plus_cli.command import INTERRUPTED


class CtrlC:
    """While it is entered, Ctrl-C stops a run; a second one ends the command, a third one the process.

    Attributes:
        cancellation: The run's stop signal.
        asking: Whether the person is being asked something: then Ctrl-C is the answer.
    """

    def __init__(self) -> None:
        self.cancellation, self.asking = Cancellation(), False
        # Cancelling takes locks that the interrupted thread may hold, so another thread does it; putting into
        # a SimpleQueue is what a signal handler may safely do.
        self._orders: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._in_main = threading.current_thread() is threading.main_thread()
        self._presses = 0

    def __enter__(self) -> CtrlC:
        if self._in_main:
            self._before = signal.signal(signal.SIGINT, self._pressed)
            threading.Thread(target=self._obey, name="core-plus-ctrl-c", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._in_main:
            signal.signal(signal.SIGINT, self._before)
            self._orders.put(False)

    def _obey(self) -> None:
        if self._orders.get():
            self.cancellation.cancel("interrupted")

    def _pressed(self, number: int, frame: FrameType | None) -> None:
        self._presses += 1
        if self._presses > 2:
            os._exit(INTERRUPTED)
        if self._presses == 2 or self.asking:
            raise KeyboardInterrupt
        self._orders.put(True)


class Watched:
    """The UI of one run. A closed output ends the run instead of being an error of the UI.

    Args:
        ui: What shows the run.
        ctrl_c: What stops it.
        pieces: Whether replies may be asked for piece by piece.
        place: Where code runs, in words; "" leaves it at the executor's name.

    Attributes:
        unread: Whether the reader of the output has left.
    """

    def __init__(self, ui: UI, ctrl_c: CtrlC, *, pieces: bool, place: str = "") -> None:
        self._ui, self._ctrl_c, self._place, self.unread = ui, ctrl_c, place, False
        self.wants_deltas = pieces and getattr(ui, "wants_deltas", False)

    def observe(self, event: Event) -> None:
        if self.unread:
            return
        if self._place and isinstance(event, RunStarted) and not event.path:
            event = msgspec.structs.replace(event, executor=self._place)
        try:
            self._ui.observe(event)
        except (BrokenPipeError, SystemExit):  # rich makes an exit of it
            self.unread = True
            self._ctrl_c.cancellation.cancel("nobody reads the output any more")

    def ask(self, question: Question) -> Any:
        self._ctrl_c.asking = True
        try:
            return self._ui.ask(question)
        except KeyboardInterrupt:
            self._ctrl_c.cancellation.cancel("interrupted")
            raise Interrupted("interrupted") from None
        finally:
            self._ctrl_c.asking = False

    def close(self) -> None:
        self._ui.close()
