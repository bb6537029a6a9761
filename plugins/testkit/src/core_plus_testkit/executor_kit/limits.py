"""Limits, interrupts, and what happens when an interpreter is lost."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import ClassVar, Final

import pytest

from core_plus.errors import ExecutorError
from core_plus.executors import Answer, CodeError, Done, Limits, Paused, Turn
from core_plus_testkit.executor_kit.base import PATIENCE, Base, Driven, Open

ENDLESS: Final = {
    "a loop": "while True: pass",
    "a loop that catches all": "while True:\n    try:\n        while True: pass\n    except:\n        pass",
    "sleep": "import time\ntime.sleep(60)",
    "a C function": "sum(range(10 ** 11))",
    "a lock": "import threading\nl = threading.Lock()\nl.acquire()\nl.acquire()",
    "a queue": "import queue\nqueue.Queue().get()",
    "an event loop": "import asyncio\nawait asyncio.sleep(60)",
    "an event loop of its own": "import asyncio\nasync def f(): await asyncio.sleep(60)\nasyncio.run(f())",
    "a task that never waits": "import asyncio\nasync def f():\n    while True: await asyncio.sleep(0)\nawait f()",
    "a thread": "import threading\ndef f():\n    while True: pass\nt = threading.Thread(target=f)\nt.start()\nt.join()",
    "another process": "import subprocess\nsubprocess.run(['sleep', '60'])",
    "printing": "while True: print('x' * 100)",
}

ALLOWED: Final = 0.5


class LimitsHold(Base):
    """What bounds code."""

    within: ClassVar[float] = 0.1
    """Seconds after a deadline or an interrupt in which the code must have ended."""

    def soon(self, end: Callable[[], tuple[Turn, float]]) -> CodeError:
        """The error that a snippet ends with; on a machine that is busy one of eight tries must be in time."""
        late: list[float] = []
        for _ in range(8):
            turn, since = end()
            late.append(time.monotonic() - since)
            assert isinstance(turn, Done)
            assert turn.error is not None
            if late[-1] <= self.within:
                return turn.error
        pytest.fail(f"the code ended {min(late):.3f} s late")

    @pytest.mark.parametrize("what", ENDLESS)
    def test_code_ends_when_its_time_is_up_wherever_it_is(self, opened: Open, what: str) -> None:
        session = opened(limits=Limits(seconds=ALLOWED, output=1000))

        def end() -> tuple[Turn, float]:
            session.run("kept = 1")
            due = time.monotonic() + ALLOWED
            return session.run(ENDLESS[what]), due

        error = self.soon(end)
        assert error.kind == "TimeLimit"
        assert f"{ALLOWED:g}" in error.message
        kept = session.run("kept").error is None
        assert kept is (error.lost == "")

    def test_what_was_printed_before_the_time_was_up_is_kept(self, opened: Open) -> None:
        for code in ("import time\ntime.sleep(60)", ENDLESS["a C function"]):
            done = opened(limits=Limits(seconds=ALLOWED)).run(f"print('one')\nprint('two')\n{code}")
            assert done.stdout == "one\ntwo\n"

    def test_a_loop_that_was_stopped_leaves_its_variables(self, opened: Open) -> None:
        session = opened(limits=Limits(seconds=ALLOWED))
        error = session.run("n = 0\nwhile True: n += 1").error
        assert error is not None
        assert (error.kind, error.line, error.lost) == ("TimeLimit", 2, "")
        assert session.value("n") > 0

    def test_the_clock_stands_still_while_the_host_answers(self, opened: Open) -> None:
        session = opened({"slow": lambda: time.sleep(ALLOWED * 1.5)}, limits=Limits(seconds=ALLOWED))
        assert session.value("slow()\nslow()\n1") == 1
        assert session.value("await slow()\n2") == 2

    def test_the_clock_goes_on_after_an_answer(self, opened: Open) -> None:
        session = opened({"f": lambda: None}, limits=Limits(seconds=ALLOWED))
        error = session.run("import time\nfor i in range(100):\n    f()\n    time.sleep(0.1)").error
        assert error is not None
        assert error.kind == "TimeLimit"

    def test_printed_text_is_cut_in_the_middle(self, opened: Open) -> None:
        session = opened(limits=Limits(output=1000, seconds=PATIENCE))
        done = session.run("print('first')\nfor i in range(100_000): print('x' * 20)\nprint('last')")
        assert done.error is None
        assert done.stdout.startswith("first\n")
        assert done.stdout.endswith("last\n")
        assert 1000 <= len(done.stdout) <= 1200
        assert str(100_000 * 21 + 11 - 1000) in done.stdout.replace(",", "")
        assert session.run("print('x' * 900)").stdout == "x" * 900 + "\n"

    def test_one_call_more_than_allowed_ends_the_code(self, opened: Open) -> None:
        session = opened({"f": lambda: None}, limits=Limits(calls=3, seconds=PATIENCE))
        assert session.run("for i in range(3): f()").error is None
        done = session.run("for i in range(4):\n    try:\n        f()\n    except Exception:\n        pass")
        assert done.error is not None
        assert (done.error.kind, "3" in done.error.message) == ("CallLimit", True)
        assert session.value("f()\n1") == 1

    def test_memory_is_limited(self, opened: Open) -> None:
        session = opened(limits=Limits(memory=512 << 20, seconds=PATIENCE))
        assert session.value("len(bytearray(50 << 20))") == 50 << 20
        error = session.run("x = bytearray(1 << 30)").error
        assert error is not None
        assert error.kind == "MemoryLimit"
        assert session.value("1 + 1") == 2

    def test_cpu_time_is_limited_and_sleep_costs_none(self, opened: Open) -> None:
        session = opened(limits=Limits(cpu_seconds=0.3, seconds=PATIENCE))
        assert session.value("import time\ntime.sleep(0.5)\n1") == 1
        error = session.run("while True: pass").error
        assert error is not None
        assert error.kind == "TimeLimit"
        assert "CPU" in error.message
        assert session.value("2") == 2

    def interrupted(self, session: Driven, code: str) -> tuple[Turn, float]:
        """Run code and interrupt it from another thread, again if it hadn't begun the first time."""
        at, has_ended = [0.0], threading.Event()

        def interrupt() -> None:
            while not has_ended.wait(0.2):
                at[0] = at[0] or time.monotonic()
                session.session.interrupt()

        thread = threading.Thread(target=interrupt)
        thread.start()
        turn: Turn = session.to_end(session.start(code))
        has_ended.set()
        thread.join()
        return turn, at[0]

    @pytest.mark.parametrize("what", ["a loop", "sleep", "a C function", "an event loop"])
    def test_another_thread_may_interrupt(self, opened: Open, what: str) -> None:
        session = opened({"f": lambda: 1})
        assert self.soon(lambda: self.interrupted(session, ENDLESS[what])).kind == "Interrupted"
        assert session.value("f()") == 1

    @pytest.mark.parametrize("code", ["f()", "await f()", "import asyncio\nawait asyncio.gather(f(), f())"])
    def test_code_that_waits_for_an_answer_may_be_interrupted(self, opened: Open, code: str) -> None:
        session = opened({"f": lambda: 1})
        assert self.soon(lambda: self.interrupted(session, code)).kind == "Interrupted"
        turn = session.start(code)
        session.session.interrupt()
        done = session.to_end(turn)
        assert done.error is not None
        assert (done.error.kind, done.error.lost) == ("Interrupted", "")
        assert session.value("f()") == 1

    def test_after_an_interrupt_not_one_line_more_runs(self, opened: Open) -> None:
        session = opened({"f": lambda: 1})
        session.start("f()\nprint('more')")
        session.session.interrupt()
        turn = session.resume(Answer(1))
        assert isinstance(turn, Done)
        assert turn.error is not None
        assert (turn.error.kind, turn.stdout) == ("Interrupted", "")

    def test_an_interrupt_when_nothing_runs_does_nothing(self, opened: Open) -> None:
        session = opened()
        session.session.interrupt()
        assert session.value("1") == 1

    def test_a_lost_interpreter_is_told_and_replaced(self, opened: Open) -> None:
        session = opened({"f": lambda: 7}, variables={"given": 5})
        session.run("own = 1")
        error = session.run("print('x')\nimport os\nos._exit(3)").error
        assert error is not None
        assert error.kind == "Lost"
        assert error.lost
        assert session.value("given + f()") == 12
        missing = session.run("own").error
        assert missing is not None
        assert missing.kind == "NameError"

    def test_closing_ends_code_that_runs(self, opened: Open) -> None:
        session = opened()
        if session.is_async:
            pytest.skip("its methods are coroutines: one loop drives them")
        found: list[Turn] = []

        def wait() -> None:
            with contextlib.suppress(ExecutorError):  # it hadn't begun when the session was closed
                found.append(session.to_end(session.start("while True: pass")))

        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.2)
        session.close()
        thread.join(PATIENCE)
        assert not thread.is_alive()
        assert all(isinstance(end, Done) and end.error is not None for end in found)

    def test_closing_ends_code_that_waits_for_an_answer(self, opened: Open) -> None:
        session = opened({"f": lambda: 1})
        assert isinstance(session.start("f()"), Paused)
        session.close()

    def test_an_answer_may_be_as_long_in_coming_as_it_likes(self, opened: Open) -> None:
        session = opened({"f": lambda: 1}, limits=Limits(seconds=ALLOWED))
        turn = session.start("f()")
        assert isinstance(turn, Paused)
        time.sleep(ALLOWED * 1.5)
        assert session.to_end(session.resume(Answer(1, 2))).value == 2
