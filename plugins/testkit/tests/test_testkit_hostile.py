"""The runner sees what gets through; the corpus is whole; the kit fails where it should."""

import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import pytest
from hostile_doubles import Bare, Closed, Forging, Raising, WithoutMemory

from core_plus.errors import ExecutorError
from core_plus_testkit.hostile import Attempt, Trial, attempts, named
from core_plus_testkit.hostile.__main__ import main
from core_plus_testkit.hostile.corpus import CHECKS, cells, sample, written

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="hostile code is tried on Linux only")
pytest_plugins = ["pytester"]

GETS_THROUGH = {
    "leak": "open('@FILE@').read()",
    "file": "open('@WFILE@', 'w').close()",
    "net": "import socket\nsocket.create_connection(('127.0.0.1', @PORT@)).send(b'@ID@')",
    "host_state": "import os\nos.environ['MORE'] = '1'",
    "host_dead": "import os\nos._exit(3)",
    "hang": "while True: pass",
    "mem": "x = bytearray(900 << 20)\nx[::4096] = b'a' * len(x[::4096])",
    "disk": "import os, tempfile\nf = tempfile.TemporaryFile()\nos.posix_fallocate(f.fileno(), 0, 800 << 20)\n"
    "import time\ntime.sleep(0.2)",
    "procs": "import os, time\nfor _ in range(25):\n    if not os.fork():\n"
    "        time.sleep(0.5)\n        os._exit(0)\ntime.sleep(0.3)",
    "flood": "'x' * (6 << 20)",
    "reach": "print('reached-' + '@ID@')",
    "crosses": "import json\njson.MARK = '@ID@'\n# %% other\nimport json\njson.MARK",
    "lasting": "import os, time\nif not os.fork():\n    os.setsid()\n    time.sleep(60)\n    os._exit(0)",
}


@pytest.fixture(scope="module")
def trial():
    with Trial(Bare, seconds=2) as trial:
        yield trial


def attempt(code, check="leak"):
    return Attempt(id="own-1", check=check, code=code)


@pytest.mark.parametrize(
    "check", [pytest.param(check, marks=[pytest.mark.slow] * (check in ("hang", "mem"))) for check in GETS_THROUGH]
)
def test_what_gets_through_is_seen(trial, check):
    verdict = trial.run(attempt(GETS_THROUGH[check], check))
    assert check in verdict.through, verdict
    assert not verdict.held
    assert "THROUGH" in str(verdict)


def test_every_check_but_that_of_calls_is_shown_to_see_something():
    assert {*GETS_THROUGH, "calls"} == set(CHECKS)


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos.environ['CANARY_ENV']",
        "import __main__\n__main__.HOST_SECRET",
        "open('/proc/@HOSTPID@/environ').read()",
        "import os\nos.readlink('@DIR@/pointer')",
        "raise ValueError(open('@FILE@').read())",
        "print(open('@FILE@').read())",
        "import os\nos.write(1, open('@FILE@', 'rb').read())",
    ],
)
def test_a_secret_is_seen_wherever_it_stands_and_comes_out(trial, code):
    assert list(trial.run(attempt(code)).through) == ["leak"]


BURNS = "import threading\ndef burn():\n    while True: pass\nthreading.Thread(target=burn, daemon=True).start()"


@pytest.mark.slow
@pytest.mark.parametrize("others", [0, 6])
def test_what_burns_on_after_the_end_is_seen_however_busy_the_machine_is(trial, others):
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(others * (os.cpu_count() or 1))]
    try:
        assert "after the end" in trial.run(attempt(BURNS)).through["hang"]
        assert trial.run(attempt("1 + 1")).held
    finally:
        for each in busy:
            each.kill()
            each.wait()


AWAY = """
import os, time
if not os.fork():
    os.setsid()
    if os.fork():
        os._exit(0)
    {}
os.wait()
time.sleep(1.5)
"""


@pytest.mark.parametrize(
    ("code", "check"),
    [
        ("while True: pass", "hang"),
        ("x = bytearray(b'x') * (900 << 20); time.sleep(60)", "mem"),
        ("any(not os.fork() for _ in range(30)); time.sleep(60)", "procs"),
    ],
)
@pytest.mark.slow
def test_processes_that_left_the_hosts_family_are_seen_too(trial, code, check):
    assert check in trial.run(attempt(AWAY.format(code))).through


@pytest.mark.parametrize("code", ["1 + 1", "print('x')\ndata['rows'][0]", "1 / 0", "import math\n# %%\nmath.pi"])
def test_code_that_does_no_harm_is_held(trial, code):
    verdict = trial.run(attempt(code))
    assert verdict.held, verdict
    assert verdict.seconds >= 0


def test_a_call_that_wasnt_offered_is_seen():
    with Trial(Forging) as trial:
        assert list(trial.run(attempt("1")).through) == ["calls"]


def test_a_session_that_raises_is_a_host_that_dies():
    with Trial(Raising) as trial:
        assert "ZeroDivisionError" in trial.run(attempt("1")).through["host_dead"]


def test_whoever_watches_may_die_and_the_next_attempt_is_run():
    with Trial(Bare) as trial:
        verdict = trial.run(attempt("import os\nos.kill(os.getppid(), 9)\nos._exit(1)"))
        assert "what watched it" in verdict.through["host_dead"]
        assert trial.run(attempt("1")).held


def test_an_executor_that_doesnt_start_is_no_verdict():
    with Trial(Closed) as trial, pytest.raises(ExecutorError, match="the kernel is too old"):
        trial.run(attempt("1"))


def test_limits_that_cant_be_held_are_named():
    with Trial(WithoutMemory) as trial:
        assert trial.run(attempt("1")).without == ("memory",)


def test_a_factory_that_has_no_name_is_refused():
    with pytest.raises(ExecutorError, match=r"can't be named in another process.*functools.partial"):
        Trial(lambda: None)


def test_nothing_is_left_behind(monkeypatch):
    with tempfile.TemporaryDirectory() as place:
        monkeypatch.setenv("TMPDIR", place)
        deep = "import os\nos.chdir(os.environ['TMPDIR'])\nfor _ in range(1100):\n    os.mkdir('d')\n    os.chdir('d')"
        with Trial(Bare) as own:
            own.run(attempt(f"{deep}\nos.chmod('.', 0)"))
            own.run(attempt("import os\nos._exit(3)"))
        assert list(Path(place).iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run hosts as another user")
def test_a_host_can_be_that_of_an_ordinary_user():
    with Trial(Bare, user=65534) as trial:
        for code in ("import os\nopen('@WFILE@', 'w').write(str(os.getuid()))", "import os\nopen('@FILE@').read()"):
            assert trial.run(attempt(code)).through
        assert trial.run(attempt("import os\nassert os.getresuid() == (65534,) * 3\nos.setuid(0)")).ended.startswith(
            "Perm"
        )


def test_the_corpus_is_whole():
    corpus = attempts()
    assert len(corpus) >= 170
    assert len({one.id for one in corpus}) == len(corpus)
    assert {one.check for one in corpus} <= set(CHECKS)
    assert [one.category for one in sample(corpus)] == list(dict.fromkeys(one.category for one in corpus))
    assert len(attempts(["frames"])) == 4
    with pytest.raises(ValueError, match="no attempt is of the category 'none'"):
        attempts(["none"])


def test_every_attempt_can_be_read_once_its_marks_are_filled_in():
    import ast

    marks = dict.fromkeys(["FILE", "WFILE", "DIR", "ID"], "/x") | {"PORT": "1", "HOSTPID": "2"}
    for one in attempts():
        for _, code in cells(one.filled(marks)):
            compile(code, one.id, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_a_check_that_doesnt_exist_is_refused():
    with pytest.raises(ValueError, match=r"own:a: there is no check 'luck'; there are leak"):
        written("own", {"attempt": [{"id": "a", "check": "luck", "code": "1"}]})


def test_code_is_parted_into_snippets_of_sessions():
    assert cells("a\n# %%\nb\n# %% other\nc\n# %%\n\n") == [("", "a"), ("", "b"), ("other", "c")]


def test_a_plain_subprocess_is_shown_to_be_no_sandbox(capsys):
    pytest.importorskip("core_plus_subprocess", reason="the executor 'subprocess' isn't installed")
    assert (
        main(["subprocess", "--only", "filesystem-090", "--only", "network-104", "--only", "process-107", "--json"])
        == 1
    )
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(found) == 3
    assert all(one["through"] for one in found)


def test_the_command_prints_a_table_by_category_and_says_what_doesnt_start(capsys):
    pytest.importorskip("core_plus_subprocess", reason="the executor 'subprocess' isn't installed")
    assert main(["subprocess", "--only", "frames-03", "--every"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == ["frames    0 of   2 through", "all       0 of   2 through"]
    assert main(["subprocess", "--only", "frames-036", "--set", 'python="/none"']) == 2
    assert "subprocess: /none can't be started" in capsys.readouterr().err


def test_a_name_stands_for_an_executor_in_another_process():
    pytest.importorskip("core_plus_subprocess", reason="the executor 'subprocess' isn't installed")
    with Trial(partial(named, "subprocess", spare=0)) as trial:
        assert trial.run(attempt("6 * 7")).ended == "value int"


KIT = """
import pytest
from hostile_doubles import Bare
from core_plus_testkit.hostile import HostileKit

class TestBare(HostileKit):
    seconds = 0.5
    deviations = {"frames": "it hides nothing", "builtins-080": "as above"}

    @pytest.fixture
    def executor_factory(self):
        return Bare
"""


def test_the_kit_fails_an_executor_without_walls_and_skips_what_is_declared(pytester):
    pytester.makepyfile(test_bare=KIT)
    done = pytester.runpytest_inprocess("-m", "not slow", "-k", "builtins-069 or frames-036 or of_the_corpus", "-rs")
    done.assert_outcomes(failed=1, passed=1, skipped=1)
    done.stdout.fnmatch_lines(["*builtins-069: THROUGH: leak (a file)*", "*deviates: it hides nothing*"])
