"""The host of one attempt: a process with secrets, which opens a session and runs the code as an agent would."""

from __future__ import annotations

import builtins
import functools
import inspect
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import evolve, frozen

from core_plus.errors import ExecutorError
from core_plus.executors import Answer, CodeRequest, Done, Executor, Limits, Paused, Setup, Turn
from core_plus.render import show
from core_plus_testkit.executor_kit.base import Loop
from core_plus_testkit.hostile.corpus import cells

HOST_SECRET = "set when the host starts"  # attempts look for this name among the globals of tools
CALLS: Final = 200
MOST: Final = 5 << 20
"""Characters that may reach the host at once: by a call, or by all that a snippet ends with."""

Tell = Callable[..., None]


@frozen(kw_only=True)
class Order:
    """What a host is to do.

    Args:
        code: The attempt, marks filled in.
        word: The trial's own word.
        tokens: Secrets by what holds them.
        limits: What the session is opened with.
        user: The user id to run as; None stays.
    """

    code: str
    word: str
    tokens: Mapping[str, str]
    limits: Limits
    user: int | None = None


def become(user: int) -> None:
    """Go on as an ordinary user, as if started by them.

    Args:
        user: The id, of the group too.
    """
    import ctypes

    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: a process that they had started would be
    os.environ["HOME"] = "/tmp"


def tools(tokens: Mapping[str, str]) -> dict[str, Callable[..., Any]]:
    """Functions that the code may call, with a secret wherever a function can hold one.

    Args:
        tokens: The secrets.
    """
    for space in (globals(), vars(sys.modules["__main__"])):
        space["HOST_SECRET"] = tokens["a tool's globals"]
    kept = tokens["a tool's closure"]

    def inner(a: Any, b: Any = 1, secret: str = tokens["a tool's defaults"]) -> Any:
        assert inspect.isbuiltin(len), kept + secret
        return a + b

    @functools.wraps(inner)
    def tool(a: Any, b: Any = 1) -> Any:
        return inner(a, b)

    def echo(value: Any) -> Any:
        return value

    return {"tool": tool, "echo": echo}


class Victim:
    """Drives the sessions of one attempt and remembers what came out.

    Args:
        order: What to do.
        executor: Where the code runs.
        tell: Says how much time the host itself has spent: no deadline of the code runs meanwhile.
    """

    def __init__(self, order: Order, executor: Executor, tell: Tell) -> None:
        self._order, self._executor, self._loop, self._tell = order, executor, Loop(), tell
        self._spent = self._told = 0.0
        self._tools = tools(order.tokens)
        self._data = {"rows": [1, 2, 3]}
        self.without: list[str] = []
        self.through: dict[str, str] = {}
        self.ended = "nothing ran"
        self.sessions = {"": self._opened()}

    def _opened(self) -> Any:
        """A session with all the limits that the executor can hold."""
        limits = self._order.limits
        setup = Setup(functions=tuple(self._tools), variables={"data": self._data}, limits=limits)
        problem: ExecutorError | None = None
        for without in ((), ("memory",), ("calls",), ("memory", "calls")):
            given = evolve(limits, **dict.fromkeys(without))
            try:
                session = self._loop.settle(self._executor.open(setup.__replace__(limits=given)))
                self.without = list(without)
                return session
            except ExecutorError as error:
                problem = problem or error
        raise problem or ExecutorError("no session")

    def attack(self) -> None:
        """Run all snippets of the attempt."""
        before = state(self._tools, self._data)
        for name, code in cells(self._order.code):
            if name not in self.sessions:
                self.sessions[name] = self._opened()
            self._run(self.sessions[name], code, foreign=bool(name))
        after = state(self._tools, self._data)
        changed = [name for name in before if before[name] != after[name]]
        if changed:
            self.through["host_state"] = ", ".join(changed)

    def _run(self, session: Any, code: str, *, foreign: bool = False) -> None:
        turn: Turn = self._loop.settle(session.start(code))
        calls = 0
        while isinstance(turn, Paused):
            calls += len(turn.requests)
            if calls > CALLS or any(request.name not in self._tools for request in turn.requests):
                self.through["calls"] = f"{calls} calls, the last of {[one.name for one in turn.requests][-1:]}"
            began = time.monotonic()
            answers = [self._answer(request) for request in turn.requests]
            self._spent += time.monotonic() - began
            if self._spent > self._told + 0.2:
                self._told = self._spent
                self._tell("answering", spent=self._spent)
            turn = self._loop.settle(session.resume(answers))
        self._read(turn, foreign)

    def _answer(self, request: CodeRequest) -> Answer:
        self._hear(show([*request.args, *request.kwargs.values()], sys.maxsize))
        if request.name not in self._tools:
            return Answer(request.id, error="there is no such function")
        try:
            return Answer(request.id, self._tools[request.name](*request.args, **request.kwargs))
        except Exception as error:
            return Answer(request.id, error=type(error).__name__)

    def _read(self, done: Done, foreign: bool) -> None:
        """Look through all that reached the host."""
        error = done.error
        self.ended = f"{error.kind}: {error.message}"[:200] if error else f"value {type(done.value).__name__}"
        texts = [show(done.value, sys.maxsize), done.stdout, done.stderr]
        texts += [error.kind, error.message, error.traceback, error.lost] if error else []
        self._hear("\n".join(texts), foreign)

    def _hear(self, text: str, foreign: bool = False) -> None:
        if len(text) > MOST:
            self.through["flood"] = f"{len(text) >> 20} MB at once"
        if f"reached-{self._order.word}" in text:
            self.through["reach"] = "so it says itself"
        held = [name for name, token in self._order.tokens.items() if token in text]
        if held:
            self.through["leak"] = ", ".join(held)
        if foreign and self._order.word in text:
            self.through["crosses"] = "a mark that the first session made"

    def leave(self) -> None:
        """Close the sessions, and see that a further one can be had."""
        for session in self.sessions.values():
            self._loop.settle(session.close())
        further = self._opened()
        done = self._loop.settle(further.start("6 * 7"))
        if getattr(done, "value", None) != 42:
            self.through["lasting"] = f"6 * 7 in a new session gave {done!r:.200}"
        self._loop.settle(further.close())
        self._loop.settle(self._executor.close())
        self._loop.close()


def state(functions: Mapping[str, Any], data: Any) -> dict[str, str]:
    """What an attempt could change in this process, as texts to compare.

    Args:
        functions: The tools.
        data: What the code was given.
    """
    found = {f"the tool {name}": _facts(function) for name, function in functions.items()}
    handlers = {number: str(signal.getsignal(number)) for number in signal.valid_signals()}
    settings = [
        Path("/proc/self/cwd").readlink(),
        os.getpriority(os.PRIO_PROCESS, 0),
        os.sched_getaffinity(0),
        signal.pthread_sigmask(0, []),
    ]
    return found | {
        "the data": repr(data),
        "the builtins": str(sorted((name, id(value)) for name, value in vars(builtins).items() if name != "_")),
        "the hooks of sys": str([sys.gettrace(), sys.getprofile(), id(sys.excepthook), id(sys.displayhook)]),
        "the streams": str([id(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)]),
        "the descriptors 0 to 2": str([(os.fstat(fd).st_dev, os.fstat(fd).st_ino) for fd in range(3)]),
        "the signal handlers": str(handlers),
        "the environment": str(sorted(os.environ.items())),
        "the process": str(settings),
        "its place among processes": str(
            [Path(f"/proc/self/{name}").read_text() for name in ("oom_score_adj", "comm")]
        ),
        "the limits": str([resource.getrlimit(kind) for kind in range(16)]),
    }


def _facts(function: Any) -> str:
    inner = function.__dict__.get("__wrapped__")
    own = [function.__defaults__, function.__kwdefaults__, id(function.__code__), sorted(function.__dict__)]
    return str(own) + (_facts(inner) if inner else "")


def live(order: Order, factory: Callable[[], Executor], tell: Tell, proceed: Callable[[], None]) -> None:
    """Be the host: open, run the attempt, wait to be looked at, close.

    Args:
        order: What to do.
        factory: Makes the executor.
        tell: Says how far things are, and what was found.
        proceed: Waits until the watcher has seen enough.
    """
    if order.user is not None:
        become(order.user)
    try:
        victim = Victim(order, factory(), tell)
    except ExecutorError as error:
        tell("refused", why=str(error))
        return
    tell("opened")
    proceed()
    try:
        victim.attack()
    except Exception as error:
        victim.through["host_dead"] = f"the session raised {type(error).__name__}: {error}"[:300]
    tell("returned", through=victim.through, ended=victim.ended, without=victim.without)
    proceed()
    try:
        victim.leave()
    except Exception as error:
        victim.through["lasting"] = f"closing and opening another session raised {type(error).__name__}: {error}"[:300]
    tell("closed", through=victim.through)
