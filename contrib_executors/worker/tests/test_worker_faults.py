"""A worker that dies, lies or says too much: the session is lost, the host is not."""

import os
import signal
import time
from typing import Any

import pytest

from core_plus.errors import ExecutorError
from core_plus.executors import Answer, CodeRequest, Done, Limits, Output, Paused, Setup
from core_plus_worker import WorkerSession
from core_plus_worker.inside.frames import BLOB, LENGTH
from core_plus_worker.link import OUT_OF_MEMORY


def never() -> Any:
    raise AssertionError("no other worker should be started")


def session_on(process: Any, **setup: Any) -> WorkerSession:
    setup.setdefault("limits", Limits(result=1000))
    return WorkerSession(process, Setup(functions=("f",), **setup), restart=never)


HELLO = b'["hello",1,[3,11,7],5,[]]'
DONE = b'["done",5,true,false,null,[0,0],false]'

LIES: dict[str, Any] = {
    "no JSON": b"\x00\x01",
    "half a message": b'["call",1',
    "an unknown word": b'["exec","rm"]',
    "a call of something else": b'["call",1,"open",[],{},false]',
    "a call out of order": b'["call",2,"f",[],{},false]',
    "a call with a negative number": b'["call",-1,"f",[],{},false]',
    "a call whose arguments are no list": b'["call",1,"f",{"a":1},{},false]',
    "a call whose names are no texts": b'["call",1,"f",[],{"$":["dict",[1],[2]]},false]',
    "a call with a forged value": b'["call",1,"f",[{"$":["int",[]]}],{},false]',
    "a value that is forged": b'["done",{"$":["bytes",3]},true,false,null,[0,0],false]',
    "a greeting in the middle": HELLO,
    "a print of another stream": b'["print",7,"x"]',
}


@pytest.mark.parametrize("what", LIES)
def test_a_worker_that_says_what_no_worker_says_is_lost(what, scripted):
    process = scripted(scripted.HELLO, scripted.READY)
    session = session_on(process)
    process.say(LIES[what])
    done = session.start("code")
    assert isinstance(done, Done)
    assert done.error is not None
    assert (done.error.kind, done.error.lost) == ("Lost", "all variables")
    assert done.error.message.startswith("the interpreter was lost: ")
    assert process.kills == 1
    session.close()
    assert process.closed


CUTS = {
    "at once": (b"", "it ended: killed by SIGKILL"),
    "in a length": (b"\x05\x00", "it ended in the middle of a message: killed by SIGKILL"),
    "in a message": (LENGTH.pack(100) + b'["done"', "it ended in the middle of a message"),
    "in a blob": (LENGTH.pack(200 | BLOB) + b"x", "it ended in the middle of a message"),
    "in a large blob": (LENGTH.pack(100_000 | BLOB) + b"x", "it ended in the middle of a message"),
    "after a blob": (LENGTH.pack(1 | BLOB) + b"x", "it ended in the middle of a message"),
    "with a message too long": (LENGTH.pack(BLOB - 1), "it sent too much: a message of 2,147,483,647 bytes or more"),
    "with blobs too long": (LENGTH.pack((2 << 20) | BLOB), "it sent too much"),
    "in another language": (b"HTTP/1.1 200 OK\r\n", "it sent too much"),
}


def test_a_worker_that_ended_for_want_of_memory_says_so(scripted, monkeypatch):
    process = scripted(scripted.HELLO, scripted.READY)
    monkeypatch.setattr(process, "ending", lambda: f"{OUT_OF_MEMORY}: the kernel killed it")
    session = session_on(process, limits=Limits(memory=64 << 20))
    process._theirs.shutdown(1)
    done = session.start("code")
    assert isinstance(done, Done)
    assert done.error is not None
    assert (done.error.kind, done.error.lost) == ("MemoryLimit", "all variables")
    assert "more memory than they may have" in done.error.message
    session.close()


@pytest.mark.parametrize("where", CUTS)
def test_a_stream_that_ends_or_runs_over_is_told_as_it_is(where, scripted):
    data, text = CUTS[where]
    process = scripted(scripted.HELLO, scripted.READY)
    session = session_on(process, limits=Limits(result=1_000_000))
    process._theirs.sendall(data)
    process._theirs.shutdown(1)
    done = session.start("code")
    assert isinstance(done, Done)
    assert done.error is not None
    assert text in done.error.message
    session.close()


def test_a_call_over_the_limit_that_no_honest_worker_makes_is_a_lie(scripted):
    process = scripted(scripted.HELLO, scripted.READY)
    session = session_on(process, limits=Limits(calls=1))
    process.say(b'["call",1,"f",[],{},true]')
    process.say(b'["call",2,"f",[],{},true]')
    done = session.start("code")
    assert isinstance(done, Done)
    assert done.error is not None
    assert "at most 1" in done.error.message
    session.close()


def test_everything_that_has_come_is_told_in_one_pause(scripted):
    process = scripted(scripted.HELLO, scripted.READY)
    session = session_on(process, stream=True)
    process.say(b'["print",1,"a"]')
    process.say((b'["call",1,"f",[{"$":["bytes",1]},{"$":["bytes",0]}],{"k":1},true]', [b"first", b"second"]))
    process.say(b'["call",2,"f",[],{},true]')
    process.say(b'["waits"]')
    assert session.start("code") == Paused(
        (CodeRequest(1, "f", (b"second", b"first"), {"k": 1}), CodeRequest(2, "f")), (Output("a"),), False
    )
    process.say(DONE)
    assert session.resume([Answer(2)]) == Done(5, stdout="a", has_value=True)
    session.close()


def test_code_that_ends_just_in_time_has_ended_well(scripted, monkeypatch):
    process = scripted(scripted.HELLO, scripted.READY)
    session = session_on(process, limits=Limits(seconds=0.05))
    monkeypatch.setattr(process, "nudge", lambda: process.say(DONE))
    assert session.start("code") == Done(5, has_value=True)
    assert process.kills == 0
    assert b'["stop",1]' in process.heard()
    session.close()


def test_a_worker_that_doesnt_stop_is_killed_in_time(scripted):
    process = scripted(scripted.HELLO, scripted.READY)
    session = session_on(process, limits=Limits(seconds=0.05))
    done = session.start("code")
    assert isinstance(done, Done)
    assert done.error is not None
    assert (done.error.kind, done.error.lost, process.kills) == ("TimeLimit", "all variables", 1)
    assert 1 <= process.nudges <= 4
    session.close()


STARTS: dict[str, Any] = {
    "it says nothing and ends": ([], "killed by SIGKILL"),
    "it speaks another version": ([b'["hello",2,[3,11,7],5,[]]'], "version 2 of the protocol, this side 1"),
    "it refuses": ([HELLO, b'["refused","limits.memory=1 can\'t be set"]'], "limits.memory=1 can't be set"),
    "it says something else": ([HELLO, DONE], "it said Done"),
    "it says garbage": ([b"garbage"], "can't be read"),
}


@pytest.mark.parametrize("what", STARTS)
def test_a_worker_that_doesnt_start_is_an_error_that_says_why(what, scripted):
    said, text = STARTS[what]
    process = scripted(*said, ends=True)
    with pytest.raises(ExecutorError, match="the worker didn't start: ") as caught:
        session_on(process)
    assert text in str(caught.value)
    assert process.closed


def test_a_worker_that_was_lost_between_two_snippets_is_replaced_and_the_loss_told(opened, finished):
    session = opened(variables={"given": 1})
    finished(session, "own = 2")
    os.kill(session.process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while session.process.is_alive:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    done = finished(session, "given, 'own' in globals()")
    assert done.value == (1, False)
    assert "lost before this code ran" in done.stderr
    assert "SIGKILL" in done.stderr


def test_a_worker_that_is_killed_in_the_middle_of_a_call_is_lost(opened):
    session = opened(functions=("f",))
    assert isinstance(session.start("print('x')\nf()"), Paused)
    os.kill(session._process.pid, signal.SIGKILL)
    done = session.resume([Answer(1)])
    assert isinstance(done, Done)
    assert done.error is not None
    assert done.error.kind == "Lost"
    assert "SIGKILL; the system may have been short of memory" in done.error.message
    assert done.stdout == "x\n"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("import os\nos._exit(3)", "exit status 3"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("import os\nos.abort()", "SIGABRT"),
        ("import os\nos.closerange(3, 4096)", "exit status"),
        ("import ctypes\nctypes.string_at(0)", "SIGSEGV"),
    ],
)
def test_the_way_it_ended_is_told(opened, code, text, finished):
    done = finished(opened(), code)
    assert done.error is not None
    assert done.error.kind == "Lost"
    assert text in done.error.message


def test_a_worker_that_writes_garbage_on_the_stream_is_lost(opened, finished):
    code = "import os\nfor fd in range(3, 4096):\n    try: os.write(fd, b'garbage garbage')\n    except OSError: pass"
    done = finished(opened(), code)
    assert done.error is not None
    assert done.error.kind == "Lost"


def test_a_session_that_is_closed_says_so(opened):
    session = opened()
    session.close()
    with pytest.raises(ExecutorError, match="closed"):
        session.start("1")
    with pytest.raises(ExecutorError, match="closed"):
        session.resume([])


@pytest.mark.parametrize("raised", ["SystemExit", "KeyboardInterrupt", "RecursionError", "ValueError"])
def test_an_object_that_raises_when_it_is_looked_at_is_not_the_end_of_the_worker(opened, finished, raised):
    session = opened(functions=("f",))
    finished(session, f"class Odd(Exception):\n    def __repr__(self): raise {raised}\n    __str__ = __repr__")
    seen = finished(session, "[Odd]\nodd = Odd.__new__(Odd)\nobject.__repr__(odd) and {'a': lambda: odd, 'b': odd}")
    assert seen.error is None or seen.error.lost == ""
    error = finished(session, "raise Odd()").error
    assert error is not None
    assert (error.kind, error.lost) == ("Odd", "")
    assert raised in error.message
    assert finished(session, "class Plain:\n    __repr__ = Odd.__repr__\nPlain()").error is None
    final = finished(session, "final_answer(Plain())")
    assert final.error is None or final.error.kind == "ValueError"
    assert finished(session, "1 + 1").value == 2
