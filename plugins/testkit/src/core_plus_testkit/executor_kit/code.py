"""What code may be, what it prints, and how it ends."""

from __future__ import annotations

from typing import Final

import pytest

from core_plus.executors import Answer, Executor, Limits, Output, Paused, Setup
from core_plus_testkit.executor_kit.base import Base, Open

LAST: Final = {
    "1 + 1": (2, True),
    "x = 1": (None, False),
    "None": (None, True),
    "x = 1\nx": (1, True),
    "x = 1\nx;": (1, True),
    "for i in range(3): i": (None, False),
    "print(1)": (None, True),
    "": (None, False),
    "   \n\n": (None, False),
    "# only a comment": (None, False),
    "'''text'''": ("text", True),
    "def f(): return 1": (None, False),
    "(y := 5) + y": (10, True),
}

FINAL: Final = {
    "plainly": "final_answer(42)\nprint('no')",
    "by name": "final_answer(answer=42)",
    "in a function": "def f(): final_answer(42)\nf()\nprint('no')",
    "in except Exception": "try:\n    final_answer(42)\nexcept Exception:\n    print('no')",
    "in a bare except": "try:\n    final_answer(42)\nexcept:\n    print('no')",
    "in except BaseException": "try:\n    final_answer(42)\nexcept BaseException as error:\n    print('no')",
    "in a loop that tries again": "while True:\n    try:\n        final_answer(42)\n    except:\n        pass",
    "in a handler": "try:\n    1 / 0\nexcept ZeroDivisionError:\n    final_answer(42)",
    "with a finally": "try:\n    final_answer(42)\nfinally:\n    x = 1",
    "with a finally that returns": "def f():\n    try:\n        final_answer(42)\n    finally:\n        return 1\nf()",
    "with a manager that swallows": "import contextlib\nwith contextlib.suppress(BaseException):\n    final_answer(42)",
    "twice": "try:\n    final_answer(42)\nfinally:\n    final_answer(43)",
    "before an error": "import contextlib\nwith contextlib.suppress(BaseException):\n    final_answer(42)\n1 / 0",
}

ERRORS: Final = {
    "1 / 0": ("ZeroDivisionError", "division by zero", 1),
    "\n\nunknown": ("NameError", "unknown", 3),
    "x = [\n  1,\n": ("SyntaxError", "", 1),
    "if True:\nx = 1": ("IndentationError", "", 2),
    "class Mine(Exception): pass\nraise Mine('text')": ("Mine", "text", 2),
    "raise ValueError('a\\nb')": ("ValueError", "a\nb", 1),
    "assert 1 == 2, 'wrong'": ("AssertionError", "wrong", 1),
    "import no_such_module": ("ModuleNotFoundError", "no_such_module", 1),
    "raise SystemExit(3)": ("SystemExit", "3", 1),
    "exit()": ("SystemExit", "", 1),
    "import sys\nsys.exit('bye')": ("SystemExit", "bye", 2),
    "raise KeyboardInterrupt": ("KeyboardInterrupt", "", 1),
    "def f(): f()\nf()": ("RecursionError", "recursion", 1),
    "class B(Exception):\n    def __str__(self): 1 / 0\nraise B": ("B", "", 3),
    "input()": ("EOFError", "", 1),
}

KEPT: Final = {
    "variables": ("x = 1", "x", 1),
    "functions": ("def f(n): return n + 1", "f(1)", 2),
    "classes": ("class A:\n    n = 3", "A().n", 3),
    "imports": ("import math", "math.floor(2.5)", 2),
    "what was set before an error": ("x = 4\n1 / 0", "x", 4),
    "what was set before the final answer": ("x = 5\nfinal_answer(0)", "x", 5),
    "functions that use later variables": ("def f(): return later", "later = 6\nf()", 6),
}


class Code(Base):
    """Code, its output and its end."""

    def test_it_says_its_name_and_whether_it_is_a_sandbox(self, executor: Executor) -> None:
        assert executor.name
        assert isinstance(executor.is_sandbox, bool)

    @pytest.mark.parametrize("code", LAST)
    def test_the_last_expression_is_the_value(self, opened: Open, code: str) -> None:
        done = opened().run(code)
        assert done.error is None
        assert (done.value, done.has_value, done.is_final) == (*LAST[code], False)

    @pytest.mark.parametrize("what", KEPT)
    def test_a_session_keeps(self, opened: Open, what: str) -> None:
        first, second, value = KEPT[what]
        session = opened()
        session.run(first)
        assert session.value(second) == value

    def test_a_fresh_session_knows_nothing_of_another(self, opened: Open) -> None:
        first, second = opened(), opened()
        first.run("import math\nmath.tau = x = 1\nprint('mine')")
        done = second.run("import math\nprint('x' in globals(), math.tau > 6)")
        assert (done.stdout, done.stderr) == ("False True\n", "")
        assert first.value("x") == 1

    def test_the_two_outputs_are_kept_apart_and_as_they_were_printed(self, opened: Open) -> None:
        done = opened().run("import sys\nprint('a', 1)\nprint('ü🦊', end='')\nprint('e', file=sys.stderr)")
        assert (done.stdout, done.stderr) == ("a 1\nü🦊", "e\n")

    def test_output_is_that_of_one_snippet(self, opened: Open) -> None:
        session = opened()
        assert session.run("print(1)").stdout == "1\n"
        assert session.run("print(2)").stdout == "2\n"
        assert session.run("x = 3").stdout == ""

    def test_an_error_is_kept_apart_from_what_was_printed(self, opened: Open) -> None:
        done = opened().run("print('before')\nraise ValueError('wrong')\nprint('after')")
        assert (done.stdout, done.stderr, done.has_value, done.is_final) == ("before\n", "", False, False)
        assert done.error is not None
        assert done.error.kind == "ValueError"

    def test_output_is_shown_while_the_code_runs(self, opened: Open) -> None:
        session = opened({"wait": lambda: None}, stream=True)
        turn = session.start("print('one')\nwait()\nimport sys\nprint('two', file=sys.stderr)\nwait()\nprint('three')")
        shown: list[Output] = []
        while isinstance(turn, Paused):
            shown += turn.output
            calls = [request.id for request in turn.requests]
            if calls:
                assert len(shown) >= calls[0]
            turn = session.resume(*map(Answer, calls))
        assert [*shown, *turn.output] == [Output("one\n"), Output("two\n", "stderr"), Output("three\n")]
        assert (turn.stdout, turn.stderr) == ("one\nthree\n", "two\n")

    def test_nothing_is_shown_where_nobody_asked(self, opened: Open) -> None:
        session = opened({"wait": lambda: None})
        turn = session.start("print('one')\nwait()")
        assert isinstance(turn, Paused)
        assert turn.output == ()
        done = session.to_end(session.resume(Answer(1)))
        assert (done.stdout, done.output) == ("one\n", ())

    @pytest.mark.parametrize("how", FINAL)
    def test_the_final_answer_ends_the_code(self, opened: Open, how: str) -> None:
        done = opened(limits=Limits(seconds=5)).run(FINAL[how])
        assert (done.value, done.is_final, done.has_value, done.error, done.stdout) == (42, True, True, None, "")

    def test_the_final_answer_lets_finally_do_its_work(self, opened: Open) -> None:
        assert opened().run("try:\n    final_answer(42)\nfinally:\n    print('cleaned')").stdout == "cleaned\n"

    def test_other_names_can_be_final(self, opened: Open) -> None:
        session = opened(final=("submit",))
        assert session.run("submit('done')").is_final
        error = session.run("final_answer(1)").error
        assert error is not None
        assert error.kind == "NameError"

    def test_a_final_function_of_the_host_is_called_and_its_value_is_the_answer(self, opened: Open) -> None:
        done = opened({"final_answer": lambda n: n * 2}).run("try:\n    final_answer(21)\nexcept:\n    print('no')")
        assert (done.value, done.is_final, done.stdout) == (42, True, "")

    def test_a_final_function_that_fails_is_an_error_like_others(self, opened: Open) -> None:
        done = opened({"final_answer": lambda n: 1 // n}).run("final_answer(0)")
        assert done.error is not None
        assert (done.is_final, done.error.kind) == (False, "ZeroDivisionError")

    def test_a_variable_of_that_name_is_no_final_answer_and_does_no_harm(self, opened: Open) -> None:
        session = opened()
        assert session.run("final_answer = 1").is_final is False
        assert session.run("final_answer(42)").value == 42

    @pytest.mark.parametrize("code", ERRORS)
    def test_an_error_says_what_and_where(self, opened: Open, code: str) -> None:
        session = opened()
        error = session.run(code).error
        assert error is not None
        kind, text, line = ERRORS[code]
        assert (error.kind, error.line, error.lost) == (kind, line, "")
        assert text in error.message
        assert kind in error.traceback
        assert session.value("1 + 1") == 2

    def test_a_traceback_shows_the_agents_own_lines_only(self, opened: Open) -> None:
        session = opened()
        session.run("def inner(n):\n    import json\n    return json.loads(n)")
        error = session.run("value = 1\ninner('{')").error
        assert error is not None
        assert error.line == 2
        assert "return json.loads(n)" in error.traceback
        assert "inner('{')" in error.traceback
        assert "decoder.py" not in error.traceback

    def test_an_error_that_another_one_caused_shows_both(self, opened: Open) -> None:
        code = "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise ValueError('next') from error"
        error = opened().run(code).error
        assert error is not None
        assert error.traceback.index("ZeroDivisionError") < error.traceback.index("ValueError: next")

    def test_awaiting_needs_no_function_around_it(self, opened: Open) -> None:
        session = opened()
        code = (
            "import asyncio\nasync def f(n):\n    await asyncio.sleep(0)\n    return n\nx = await f(1)\nx + await f(2)"
        )
        assert session.value(code) == 3
        assert session.value("await asyncio.gather(f(x), f(3))") == [1, 3]

    def test_threads_and_event_loops_are_the_codes_own_business(self, opened: Open) -> None:
        threads = (
            "from concurrent.futures import ThreadPoolExecutor as P\nwith P(2) as p: r = list(p.map(abs, [-1, -2]))\nr"
        )
        loops = "import asyncio\nasync def f():\n    await asyncio.sleep(0.01)\n    return 3\nasyncio.run(f())"
        session = opened()
        assert session.value(threads) == [1, 2]
        assert session.value(loops) == 3

    def test_names_of_its_own_are_found_by_classes_and_dataclasses(self, opened: Open) -> None:
        code = "import dataclasses, typing\n@dataclasses.dataclass\nclass P:\n    n: 'int' = 1\n"
        assert opened().value(f"{code}typing.get_type_hints(P)['n']() + P().n") == 1
        assert opened().value("__name__") == "__main__"

    def test_only_the_modules_that_were_named_may_be_imported(self, opened: Open) -> None:
        session = opened(imports=("math", "json.*", "collections"))
        assert session.value("import math, json, json.decoder\nfrom json import decoder\nimport collections\n1") == 1
        for code in ("import subprocess", "from os import path", "import collections.abc", "import math, ctypes"):
            error = session.run(code).error
            assert error is not None
            assert error.kind in ("ImportError", "ModuleNotFoundError")
            assert "json.*" in error.message

    def test_libraries_import_what_they_need_in_spite_of_the_list(self, opened: Open) -> None:
        assert opened(imports=("fractions",)).value("from fractions import Fraction\nFraction('1/2').numerator") == 1

    def test_a_star_allows_every_import(self, opened: Open) -> None:
        assert opened(imports=("*",)).value("import json, collections.abc\n1") == 1

    def test_closing_twice_does_nothing(self, executor: Executor, opened: Open) -> None:
        session = opened()
        session.run("x = 1")
        session.close()
        session.close()

    def test_a_setup_of_nothing_is_enough(self, opened: Open) -> None:
        assert Setup().functions == ()
        assert opened().value("1") == 1
