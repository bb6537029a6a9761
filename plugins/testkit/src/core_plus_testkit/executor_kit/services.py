"""What an executor keeps that runs the worker in the sandboxes of a service, as tests to inherit.

They run on a double of the service, whose "sandboxes" are directories with processes of this machine.
"""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar

import pytest

from core_plus.errors import ExecutorError
from core_plus.executors import Done, Limits, Paused, Setup
from core_plus_testkit.executor_kit.containers import finished, soon


def descendants(pid: int) -> list[int]:
    """The processes that one started, and those that they started (Linux).

    Args:
        pid: The one.
    """
    found: list[int] = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread has just ended
            for child in file.read_text("ascii").split():
                found += [int(child), *descendants(int(child))]
    return found


def end_machine(popens: Iterable[subprocess.Popen[bytes]], home: str) -> None:
    """End all processes of a sandbox, those too that left their groups, as the end of a machine would.

    Args:
        popens: What was started in it.
        home: Its directory.
    """
    for popen in popens:
        for pid in [*descendants(popen.pid), popen.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        popen.wait()
        if popen.stdin is not None:
            popen.stdin.close()
    shutil.rmtree(home, ignore_errors=True)


class ServiceKit:
    """Inherit it in a test class and give the fixtures `executor` (to be closed after the test) and `service`.

    `service` is the double's class of sandboxes: `made` are those of the test, each with `is_over`, `popens` and
    `end()`, which ends it as the service would by itself.
    """

    name: ClassVar[str]
    """As in `executor="…"`."""

    def ours(self) -> set[str]:
        """Threads of the executor."""
        prefix = f"core-plus-{self.name}"
        return {thread.name for thread in threading.enumerate() if thread.name.startswith(prefix)}

    def test_it_says_that_it_is_a_sandbox(self, executor: Any) -> None:
        assert (executor.name, executor.is_sandbox, executor.imports) == (self.name, True, None)

    def test_closing_ends_the_sandbox_and_leaves_no_thread(self, executor: Any, service: Any) -> None:
        executor.open(Setup()).close()
        (sandbox,) = service.made
        assert sandbox.is_over
        assert soon(lambda: not self.ours())

    def test_a_session_that_nobody_closes_takes_its_sandbox_with_it(self, executor: Any, service: Any) -> None:
        session = executor.open(Setup())
        (sandbox,) = service.made
        del session
        gc.collect()
        assert soon(lambda: sandbox.is_over and not self.ours())

    def test_a_lost_worker_takes_its_sandbox_with_it_and_the_next_snippet_gets_another(
        self, executor: Any, service: Any
    ) -> None:
        session = executor.open(Setup())
        error = finished(session, "import os\nos._exit(3)").error
        assert error is not None
        assert (error.kind, "exit status 3" in error.message) == ("Lost", True)
        assert finished(session, "1 + 1").value == 2
        first, second = service.made
        assert soon(lambda: first.is_over)
        assert not second.is_over
        session.close()

    def test_a_sandbox_that_ends_by_itself_is_told(self, executor: Any, service: Any) -> None:
        session = executor.open(Setup(functions=("f",)))
        assert isinstance(session.start("f()"), Paused)
        service.made[0].end()
        done = session.resume([])
        assert isinstance(done, Done)
        assert done.error is not None
        assert done.error.kind == "Lost"
        session.close()

    def test_a_worker_ends_when_the_relay_hears_nothing_more(self, executor: Any, service: Any) -> None:
        """As when the host was killed: its end of the stream is closed, or says nothing for long."""
        session = executor.open(Setup())
        (popen,) = service.made[0].popens
        popen.stdin.close()
        assert popen.wait(30) in (0, 137)
        session.close()

    def test_what_cant_be_held_is_refused(self, executor: Any) -> None:
        with pytest.raises(ExecutorError, match=r"can't hold limits\.processes=5"):
            executor.open(Setup(limits=Limits(processes=5)))

    def test_a_time_limit_is_told_in_its_words(self, executor: Any, service: Any) -> None:
        session = executor.open(Setup(limits=Limits(seconds=0.3)))
        error = finished(session, "while True: pass").error
        assert error is not None
        assert "0.3 s" in error.message
        session.close()

    def test_a_closed_executor_opens_nothing(self, executor: Any) -> None:
        executor.close()
        with pytest.raises(ExecutorError, match="closed"):
            executor.open(Setup())

    def test_the_plugin_declares_the_executor_and_makes_it(self, executor: Any) -> None:
        declared: dict[str, Any] = {}

        def register(name: str, factory: Any, *, summary: str, config: Any = None) -> None:
            declared[name] = factory

        plugin = import_module(f"core_plus_{self.name}")
        plugin.register_executors(register)
        assert type(declared[self.name]()) is type(executor)
        with pytest.raises(AttributeError, match="no attribute 'Other'"):
            _ = plugin.Other

    def test_the_entry_point_names_kind_and_name(self) -> None:
        found = [point for point in entry_points(group="core_plus") if point.name == f"executor.{self.name}"]
        assert [point.value for point in found] == [f"core_plus_{self.name}"]
