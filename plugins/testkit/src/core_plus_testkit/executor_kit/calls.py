"""Functions of the host, called from code."""

from __future__ import annotations

import threading
import time
from typing import Any, Final

import pytest

from core_plus.executors import Answer, Done, Executor, Paused, Turn
from core_plus_testkit.executor_kit.base import PATIENCE, Base, Driven, Open, answered

ASYNCIO: Final = "import asyncio\n"
POOL: Final = "from concurrent.futures import ThreadPoolExecutor\n"

AWAITED: Final = {
    "at the top": "await f(1)",
    "in a function": "async def g(n): return await f(n)\nawait g(1)",
    "in a list": "[await f(n) for n in (1, 2)]",
    "gathered": "import asyncio\nawait asyncio.gather(f(1), f(2))",
    "gathered from a list": "import asyncio\nawait asyncio.gather(*[f(n) for n in (1, 2)])",
    "gathered from a name": "import asyncio\ntasks = [f(n) for n in (1, 2)]\nawait asyncio.gather(*tasks)",
    "gathered from a loop": f"{ASYNCIO}tasks = []\nfor n in (1, 2): tasks.append(f(n))\nawait asyncio.gather(*tasks)",
    "gathered by map": "import asyncio\nawait asyncio.gather(*map(f, (1, 2)))",
    "as a task": "import asyncio\ntask = asyncio.create_task(f(1))\nawait task",
    "kept for later": "later = f(1)\nawait later",
    "with a time limit": "import asyncio\nawait asyncio.wait_for(f(1), 20)",
    "as completed": "import asyncio\nsorted([await t for t in asyncio.as_completed([f(1), f(2)])])",
    "with asyncio.run": f"{ASYNCIO}async def main(): return await asyncio.gather(f(1), f(2))\nasyncio.run(main())",
    "run directly": "import asyncio\nasyncio.run(f(1))",
    "plainly beside awaiting": "async def g(): return 0\nawait g()\nf(1)",
    "plainly in an async function": "async def g(): return f(1) + 1\nawait g()",
    "plainly, its value used at once": "import asyncio\nawait asyncio.sleep(0)\nlen([f(1), f(2)])",
}

AT_ONCE: Final = {
    "gather": "import asyncio\nawait asyncio.gather(f(1), f(2), f(3))",
    "tasks of functions": "import asyncio\nasync def g(n): return await f(n)\nawait asyncio.gather(g(1), g(2), g(3))",
    "asyncio.run": f"{ASYNCIO}async def main(): return await asyncio.gather(f(1), f(2), f(3))\nasyncio.run(main())",
    "threads": f"{POOL}with ThreadPoolExecutor(3) as pool: r = list(pool.map(f, [1, 2, 3]))\nr",
}

FAILING: Final = {
    "by any exception": "try:\n    f()\nexcept Exception as error:\n    text = str(error)\ntext",
    "by ToolError": "try:\n    f()\nexcept ToolError as error:\n    text = str(error)\ntext",
    "by Python's own name": "try:\n    f()\nexcept ValueError as error:\n    text = str(error)\ntext",
    "when awaited": "try:\n    await f()\nexcept ToolError as error:\n    text = str(error)\ntext",
}

OBJECT: Final = {
    "plainly": ("db.query(1)", 10),
    "awaited": ("await db.query(1)", 10),
    "gathered": ("import asyncio\nawait asyncio.gather(db.query(1), db.query(2))", [10, 20]),
    "by a method's name that containers have": ("await db.pop(1)", 11),
    "handed on": ("def use(it, method): return it.query(1) + method(2)\nuse(db, db.query)", 30),
}


def fail() -> None:
    """Raise."""
    raise ValueError("no such city")


class Calls(Base):
    """Calls out of code."""

    def test_calls_come_in_order_with_their_arguments(self, opened: Open) -> None:
        session = opened({"f": lambda: None, "g": lambda: None})
        turn = session.start("a = f(1, 'x', [2], k=(3,))\nb = g(a)\n[a, b]")
        assert isinstance(turn, Paused)
        (first,) = turn.requests
        assert (first.id, first.name, first.args, dict(first.kwargs)) == (1, "f", (1, "x", [2]), {"k": (3,)})
        turn = session.resume(Answer(1, "one"))
        assert isinstance(turn, Paused)
        (second,) = turn.requests
        assert (second.id, second.name, second.args) == (2, "g", ("one",))
        done = session.resume(Answer(2, "two"))
        assert isinstance(done, Done)
        assert done.value == ["one", "two"]

    def test_calls_are_counted_anew_in_each_snippet(self, opened: Open) -> None:
        session = opened({"f": lambda: 1})
        for _ in range(2):
            turn = session.start("f()")
            assert isinstance(turn, Paused)
            assert [request.id for request in turn.requests] == [1]
            session.resume(Answer(1))

    def test_a_call_that_is_waited_for_stops_the_code(self, opened: Open) -> None:
        turn = opened({"f": lambda: 1}).start("f()")
        assert isinstance(turn, Paused)
        assert turn.running is False

    def test_calls_within_calls_and_many_of_them(self, opened: Open) -> None:
        session = opened({"add": lambda a, b: a + b})
        assert session.value("add(add(1, 2), add(3, add(4, 5)))") == 15
        assert session.value("n = 0\nfor i in range(500): n = add(n, i)\nn") == sum(range(500))

    def test_functions_can_be_handed_on(self, opened: Open) -> None:
        session = opened({"double": lambda n: 2 * n})
        assert session.value("def twice(f, n): return f(f(n))\nlist(map(double, [1, 2])) + [twice(double, 3)]") == [
            2,
            4,
            12,
        ]
        assert session.value("double.__name__, callable(double)") == ("double", True)

    @pytest.mark.parametrize("how", AWAITED)
    def test_a_function_can_be_awaited(self, opened: Open, how: str) -> None:
        values = {"in a list", "gathered", "with asyncio.run", "as completed"}
        many = how in values or how.startswith("gathered")
        done = opened({"f": lambda n: n * 10}).run(AWAITED[how])
        assert done.error is None, done.error
        expected = {"plainly in an async function": 11, "plainly, its value used at once": 2}.get(how, 10)
        assert done.value == ([10, 20] if many else expected)
        assert done.stderr == ""

    @pytest.mark.parametrize("how", AT_ONCE)
    @pytest.mark.parametrize("order", ["first to last", "last to first"])
    def test_several_calls_are_open_at_once_and_answered_in_any_order(self, opened: Open, how: str, order: str) -> None:
        session = opened({"f": lambda n: n})
        requests = session.until(3, session.start(AT_ONCE[how]))
        assert [request.id for request in requests] == [1, 2, 3]
        if order == "last to first":
            requests.reverse()
        turn: Turn = Paused()
        for request in requests:
            assert isinstance(turn, Paused)
            turn = session.resume(Answer(request.id, request.args[0] * 10))
        done = session.to_end(turn)
        assert (done.error, done.value) == (None, [10, 20, 30])

    @pytest.mark.parametrize("how", ["gather", "threads"])
    def test_it_is_said_when_only_an_answer_makes_the_code_go_on(self, opened: Open, how: str) -> None:
        session = opened({"f": lambda n: n})
        turn = session.start(AT_ONCE[how])
        requests = list(turn.requests) if isinstance(turn, Paused) else []
        deadline = time.monotonic() + PATIENCE
        while isinstance(turn, Paused) and (turn.running or len(requests) < 3):
            assert time.monotonic() < deadline
            turn = session.resume()
            requests += turn.requests if isinstance(turn, Paused) else []
        done = session.to_end(session.resume(*(Answer(request.id) for request in requests)))
        assert done.error is None

    @pytest.mark.parametrize("how", AT_ONCE)
    def test_it_isnt_said_while_more_calls_are_to_come(self, opened: Open, how: str) -> None:
        session = opened({"f": lambda n: n})
        for _ in range(5):
            turn, seen = session.start(AT_ONCE[how]), 0
            while seen < 3:
                assert isinstance(turn, Paused)
                seen += len(turn.requests)
                assert turn.running or seen == 3
                if seen < 3:
                    turn = session.resume()
            assert session.to_end(session.resume(*map(Answer, (1, 2, 3)))).error is None

    def test_other_tasks_go_on_while_a_call_is_open(self, opened: Open) -> None:
        code = "import asyncio\nasync def tick():\n    await asyncio.sleep(0.05)\n    return await f(2)\n"
        session = opened({"f": lambda n: n})
        first, second = session.until(2, session.start(code + "await asyncio.gather(f(1), tick())"))
        assert (first.args, second.args) == ((1,), (2,))
        done = session.to_end(session.resume(Answer(first.id, "a"), Answer(second.id, "b")))
        assert done.value == ["a", "b"]

    def test_code_may_stop_waiting_for_a_call(self, opened: Open) -> None:
        code = f"{ASYNCIO}try:\n    await asyncio.wait_for(f(), 0.05)\nexcept asyncio.TimeoutError:\n    r = 'late'\nr"
        session = opened({"f": lambda: 1})
        done = session.to_end(session.start(code))
        assert (done.error, done.value) == (None, "late")
        assert session.value("f()") == 1

    @pytest.mark.parametrize("how", FAILING)
    def test_a_call_that_fails_can_be_caught(self, opened: Open, how: str) -> None:
        assert opened({"f": fail}).value(FAILING[how]) == "no such city"

    def test_a_call_that_fails_and_isnt_caught_is_the_codes_error(self, opened: Open) -> None:
        session = opened({"f": fail})
        error = session.run("x = 1\nf()").error
        assert error is not None
        assert (error.kind, error.message, error.line) == ("ValueError", "no such city", 2)
        error = session.run("import asyncio\nawait asyncio.gather(f(), f())").error
        assert error is not None
        assert (error.kind, error.line) == ("ValueError", 2)

    def test_the_kind_of_an_error_is_its_name_in_the_code(self, opened: Open) -> None:
        session = opened({"f": lambda: None})
        code = "try:\n    f()\nexcept Exception as error:\n    kind = type(error)\n"
        session.start(f"{code}[kind.__name__, issubclass(kind, ToolError)]")
        done = session.resume(Answer(1, error="not now", kind="AgentDeniedError"))
        assert isinstance(done, Done)
        assert done.value == ["AgentDeniedError", True]

    def test_an_answer_nobody_waits_for_is_refused(self, opened: Open) -> None:
        from core_plus.errors import ExecutorError

        session = opened({"f": lambda: 1})
        with pytest.raises(ExecutorError):
            session.resume()
        session.start("f()")
        with pytest.raises(ExecutorError):
            session.resume(Answer(7))
        with pytest.raises(ExecutorError):
            session.start("1")
        assert session.to_end(session.resume(Answer(1))).error is None

    def test_a_second_thread_may_answer_while_a_first_one_waits(self, opened: Open) -> None:
        session = opened({"f": lambda n: n})
        if session.is_async:
            pytest.skip("its methods are coroutines: one loop drives them")
        requests = session.until(2, session.start("import asyncio\nawait asyncio.gather(f(1), f(2))"))
        found: list[Turn] = []
        thread = threading.Thread(target=lambda: found.append(session.resume()))
        thread.start()
        time.sleep(0.05)
        turn = session.resume(*(Answer(request.id, request.args[0]) for request in requests))
        thread.join(PATIENCE)
        assert [type(found[0]), len(found)] in ([Paused, 1], [Done, 1])
        if isinstance(found[0], Paused):
            assert found[0].requests == ()
            found.append(session.to_end(turn))
        ends = [end for end in [turn, *found] if isinstance(end, Done)]
        assert ends[0].value == [1, 2]

    def test_an_answer_that_crosses_the_end_is_told_the_end(self, opened: Open) -> None:
        code = "import asyncio\ntry:\n    await asyncio.wait_for(f(), 0.05)\nexcept asyncio.TimeoutError:\n    pass\n1"
        session = opened({"f": lambda: 1})
        end = session.to_end(session.start(code))
        assert session.resume(Answer(1, "late")) == end
        assert session.value("2") == 2

    def test_two_sessions_work_side_by_side(self, opened: Open) -> None:
        one, two = opened({"f": lambda n: n}), opened({"f": lambda n: n})
        turns: list[tuple[Driven, Turn]] = [(one, one.start("f(1)")), (two, two.start("f(2)"))]
        values: list[Any] = []
        for session, turn in reversed(turns):
            assert isinstance(turn, Paused)
            done = session.resume(*(answered(request, {"f": lambda n: n * 10}) for request in turn.requests))
            assert isinstance(done, Done)
            values.append(done.value)
        assert values == [20, 10]

    def test_a_function_that_wasnt_given_is_an_unknown_name(self, executor: Executor, opened: Open) -> None:
        error = opened({"f": lambda: 1}).run("g()").error
        assert error is not None
        assert error.kind == "NameError"

    @pytest.mark.parametrize("how", OBJECT)
    def test_an_object_of_the_host_has_the_methods_that_were_allowed(self, opened: Open, how: str) -> None:
        code, value = OBJECT[how]
        assert opened({"db.query": lambda n: n * 10, "db.pop": lambda n: n + 10}).value(code) == value

    def test_a_method_of_an_object_of_the_host_is_asked_for_by_its_full_name(self, opened: Open) -> None:
        turn = opened({"f": len, "db.query": len, "db.close": len}).start("db.query('x', limit=1)")
        assert isinstance(turn, Paused)
        (request,) = turn.requests
        assert (request.name, request.args, dict(request.kwargs)) == ("db.query", ("x",), {"limit": 1})

    def test_an_object_of_the_host_has_nothing_else(self, opened: Open) -> None:
        session = opened({"db.query": len, "db.close": len})
        assert session.value("repr(db)") == "<db: query, close>"
        for code in ("db.connection", "db.query = 1", "db.other = 1", "del db.close"):
            error = session.run(code).error
            assert error is not None
            assert error.kind == "AttributeError"
        error = session.run("db.connection").error
        assert error is not None
        assert "query, close" in error.message
