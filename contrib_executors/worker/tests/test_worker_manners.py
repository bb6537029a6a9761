"""What code does that was written for a terminal, or for a process of its own."""

import textwrap

import pytest


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        ("import sys\nsys.exit(3)", "SystemExit", "exit(3) was called; code ends after its last line by itself"),
        ("exit()", "SystemExit", "exit(None) was called"),
        ("quit('bye')", "SystemExit", "exit('bye') was called"),
        ("raise SystemExit", "SystemExit", "exit(None) was called"),
        ("input('name? ')", "EOFError", "nobody can type here"),
        ("import sys\nsys.stdin.read()", "EOFError", "nobody can type here"),
        ("breakpoint()", "RuntimeError", "breakpoint() needs somebody who types"),
        ("import pdb\npdb.set_trace()", "BdbQuit", ""),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", ""),
        ("raise GeneratorExit", "GeneratorExit", ""),
        ("def g(n): return g(n + 1)\ng(0)", "RecursionError", "maximum recursion depth exceeded"),
    ],
)
def test_what_would_end_a_process_is_an_error_and_the_session_goes_on(opened, finished, code, kind, text):
    session = opened()
    finished(session, "x = 1")
    error = finished(session, code).error
    assert error is not None
    assert (error.kind, error.lost) == (kind, "")
    assert text in error.message
    assert finished(session, "print(x)").stdout == "1\n"


def test_a_traceback_of_a_recursion_is_short(opened, finished):
    error = finished(opened(), "def g(n): return g(n + 1)\ng(0)").error
    assert error is not None
    assert error.line == 1
    assert "more times]" in error.traceback
    assert len(error.traceback) < 1000


@pytest.mark.parametrize(
    ("code", "out", "err"),
    [
        ("print('a', end='', flush=True)", "a", ""),
        ("import sys\nsys.__stdout__.write('u')", "u", ""),
        ("import sys\nsys.stdout.close()\nprint(5)", "5\n", ""),
        ("import sys\nsys.stdout.buffer.write(b'raw\\xff')", "raw\\xff", ""),
        ("import logging\nlogging.warning('careful')", "", "WARNING:root:careful\n"),
        ("import warnings\nwarnings.warn('old')", "", "<code 1>:2: UserWarning: old\n  warnings.warn('old')\n"),
        ("help(len)", "Help on built-in function len", ""),
    ],
)
def test_output_of_every_kind_arrives(opened, finished, code, out, err):
    session = opened()
    done = finished(session, code)
    assert done.error is None
    assert done.stdout.startswith(out)
    assert done.stderr == err
    assert finished(session, "print(1)").stdout == "1\n"


def test_threads_may_print_at_once(opened, finished):
    code = """
        import threading
        def work(n):
            for i in range(200): print(n, i)
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
    """
    done = finished(opened(), textwrap.dedent(code))
    lines = [line for line in done.stdout.split("\n") if line]
    assert sorted(lines) == sorted(f"{n} {i}" for n in range(4) for i in range(200))


def test_a_thread_that_fails_says_so_and_harms_nothing(opened, finished):
    session = opened()
    done = finished(session, "import threading\nt = threading.Thread(target=lambda: 1 / 0)\nt.start()\nt.join()")
    assert done.error is None
    assert "ZeroDivisionError" in done.stderr


def test_processes_that_code_forks_work_and_end(opened, finished):
    pool = (
        "import multiprocessing\nwith multiprocessing.get_context('fork').Pool(2) as pool: r = pool.map(abs, [-1, 2])"
    )
    assert finished(opened(), f"{pool}\nr").value == [1, 2]
    both = finished(opened(), "import os\npid = os.fork()\nif pid: os.waitpid(pid, 0)\nprint(bool(pid))")
    assert sorted(both.stdout.split()) == ["False", "True"]
