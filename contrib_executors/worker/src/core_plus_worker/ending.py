"""What ends a worker that only a slow call can end, such as an engine's command or a service's request."""

from __future__ import annotations

import threading
from collections.abc import Callable

from core_plus.errors import ExecutorError

PATIENCE = 30.0
"""How long `close` waits for such a call, in seconds."""


def nothing() -> None:
    """Where there is nothing to do."""


class Killer:
    """Makes one call, once, in a thread of its own, so that whoever ends a worker needn't wait for it.

    Args:
        call: Ends the worker and all that it started.
    """

    def __init__(self, call: Callable[[], object]) -> None:
        self._call, self._lock = call, threading.Lock()
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None

    def start(self) -> None:
        """Make the call, if it wasn't made before."""
        if self._call is nothing:
            return
        with self._lock:
            if self._thread is not None:
                return
            self._thread = threading.Thread(target=self._run, name="core-plus-worker-kill", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # at the end of the process, Python 3.12 and later begin no more threads
                self._thread = threading.current_thread()
                self._run()

    def finish(self) -> None:
        """Make the call, if it wasn't made before, and wait for it.

        Raises:
            ExecutorError: It failed, so that the worker may live on.
        """
        self.start()
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        thread.join(PATIENCE)
        if thread.is_alive():
            raise ExecutorError(f"the worker may still run: ending it took more than {PATIENCE:g} s")
        if self._failure is not None:
            failure, self._failure = self._failure, None
            text = f"{type(failure).__name__}: {failure}"
            raise ExecutorError(f"the worker may still run: it couldn't be ended: {text}") from failure

    def _run(self) -> None:
        try:
            self._call()
        except Exception as error:  # whatever another's command or client raises is told by `finish`
            self._failure = error
