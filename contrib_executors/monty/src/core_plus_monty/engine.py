"""A worker process of Monty's pool, and one turn of its work at a time."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core_plus_monty.snippet import Go

if TYPE_CHECKING:
    from pydantic_monty import MontySession as Checkout
    from pydantic_monty import SyncSnapshot


class Engine:
    """One worker, checked out.

    `working` says whether a turn is under way; `feeds` how many snippets it has run, those that failed among them.

    Args:
        checkout: Monty's session, not yet entered.
        news: Set when a turn that was given to a thread has ended.
    """

    def __init__(self, checkout: Checkout, news: threading.Event) -> None:
        self._news, self._mutex = news, threading.Lock()
        self._thread: threading.Thread | None = None
        self._result: SyncSnapshot | Exception | None = None
        self._stopping = self.working = False
        self.feeds = 0
        self.worker = checkout.__enter__()
        self._pid = self.worker.worker_pid or 0

    def turn(self, go: Go, apart: bool) -> None:
        """Let Monty work until it stops.

        Args:
            go: What it does.
            apart: Whether another thread waits for it, so that this one can watch.
        """
        with self._mutex:
            if self._stopping:
                self._result = RuntimeError("the worker was stopped")
                return
            self.working, self._result = True, None
        if apart:
            self._thread = threading.Thread(target=self._work, args=(go,), name="core-plus-monty", daemon=True)
            self._thread.start()
        else:
            self._work(go)

    def _work(self, go: Go) -> None:
        result: SyncSnapshot | Exception | None = None
        try:
            result = go()
        except Exception as error:  # all that Monty says: the session tells what it means
            result = error
        finally:
            with self._mutex:
                self._result, self.working = result, False
            self._news.set()

    def result(self) -> SyncSnapshot | Exception | None:
        """What the turn that has ended gave, once."""
        found, self._result = self._result, None
        return found

    def run(self, code: str, variables: Mapping[str, Any]) -> None:
        """Run code of our own.

        Args:
            code: Source.
            variables: Bound before it runs.
        """
        self.feeds += 1
        self.worker.feed_run(code, inputs=dict(variables), print_callback=lambda stream, text: None)

    def stop(self) -> None:
        """End the process if it is at work, and let it begin nothing more; from any thread."""
        with self._mutex:
            self._stopping = True
            if self.working and self._pid:
                with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                    os.kill(self._pid, getattr(signal, "SIGKILL", signal.SIGTERM))

    def close(self) -> None:
        """Give the worker back to its pool, which ends it if it is in the middle of something."""
        if self.working:
            self.stop()
        if self._thread is not None:
            self._thread.join()
        self.worker.__exit__(None, None, None)
