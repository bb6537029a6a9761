"""Where code runs: what an executor and its sessions must do."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias

import msgspec
from attrs import frozen


@frozen(kw_only=True)
class Limits:
    """What code may use. None is no limit; what an executor can't hold, it says when it is opened.

    Args:
        seconds: Wall time of a snippet; the clock stands still while the host answers a request.
        cpu_seconds: CPU time of a snippet.
        memory: Bytes.
        processes: Processes and threads at once.
        output: Characters of printed output kept, cut in the middle.
        result: Bytes of a value on its way out.
        calls: Tool calls of a snippet.
    """

    seconds: float | None = 30.0
    cpu_seconds: float | None = None
    memory: int | None = None
    processes: int | None = None
    output: int | None = 50_000
    result: int | None = 32 << 20
    calls: int | None = None


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What a session starts with.

    Args:
        functions: Names that the code may call; each call becomes a `CodeRequest`.
        final: Names whose call ends the code with its value as the final answer: what the host answers, where
            it is one of the functions, else what the code gives.
        variables: Names and values that the code finds.
        imports: Modules that the code may import ("*" is all, "pkg.*" a package with its submodules);
            None leaves it to the executor.
        limits: What the code may use.
        stream: Whether printed output is wanted as it comes.
        seed: What the random numbers of each snippet begin with, where they shall be the same again, and calls tell
            their lines; None: neither.
        clock: The moment that it always is for the code, in seconds since 1970, UTC, where the executor can do that;
            None: the time goes on.
    """

    functions: tuple[str, ...] = ()
    final: tuple[str, ...] = ("final_answer",)
    variables: Mapping[str, Any] = {}
    imports: tuple[str, ...] | None = None
    limits: Limits = Limits()
    stream: bool = False
    seed: int | None = None
    clock: float | None = None


class CodeRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Running code calls a function of the host.

    Args:
        id: The request's number within the snippet, from 1, in order of creation.
        name: The function.
        args: Its positional arguments.
        kwargs: Its named arguments.
        line: Where in the snippet the call stands, where `Setup.seed` asked for repeatable code.
    """

    id: int
    name: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = {}
    line: int | None = None


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The host's answer to a request.

    Args:
        id: The request's number.
        value: What the call returns.
        error: What the call raises instead, as a text; None if it returns.
        kind: The class name of the error that the code sees.
    """

    id: int
    value: Any = None
    error: str | None = None
    kind: str = "ToolError"


class Output(msgspec.Struct, frozen=True):
    """Printed text.

    Args:
        text: What was printed.
        stream: Where to.
    """

    text: str
    stream: Literal["stdout", "stderr"] = "stdout"


class CodeError(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why code didn't end well.

    Args:
        kind: The exception's class name, or "TimeLimit", "MemoryLimit", "CallLimit", "Interrupted", "Lost".
        message: Its text.
        traceback: The lines of the agent's own code, innermost last.
        line: The line in the snippet, from 1, where it is known.
        lost: What the next snippet won't find any more ("" if the variables are still there).
    """

    kind: str
    message: str = ""
    traceback: str = ""
    line: int | None = None
    lost: str = ""


class Paused(msgspec.Struct, frozen=True, omit_defaults=True):
    """The code isn't done.

    Args:
        requests: Calls newly opened; earlier ones may still be open.
        output: Printed since the last look, where `Setup.stream` asked for it.
        running: Whether the code can go on by itself (timers, other tasks) while requests are open.
            If it is false, only an answer can make it go on.
    """

    requests: tuple[CodeRequest, ...] = ()
    output: tuple[Output, ...] = ()
    running: bool = False


class Done(msgspec.Struct, frozen=True, omit_defaults=True):
    """The code ended.

    Args:
        value: The last expression's value, or the final answer.
        is_final: Whether `final_answer` was called.
        stdout: All that was printed, cut in the middle.
        stderr: The same of standard error.
        error: Why it didn't end well; None if it did.
        has_value: Whether the code ended in an expression, so that a None counts.
        output: Printed since the last look, where `Setup.stream` asked for it.
    """

    value: Any = None
    is_final: bool = False
    stdout: str = ""
    stderr: str = ""
    error: CodeError | None = None
    has_value: bool = False
    output: tuple[Output, ...] = ()


Turn: TypeAlias = Paused | Done


class Session(Protocol):
    """One interpreter with its variables. Its methods may be sync or async.

    `start` and `resume` return when there is something for the host to do: calls newly opened, output
    to show, or the end. `resume` may be called with no answers, to wait on, and from a second thread
    while a first one waits in it: the first then returns an empty `Paused`.
    """

    def start(self, code: str) -> Turn | Awaitable[Turn]:
        """Run a snippet.

        Args:
            code: Python source.
        """

    def resume(self, answers: Sequence[Answer]) -> Turn | Awaitable[Turn]:
        """Answer open requests and let the code go on.

        Args:
            answers: Any of the open ones, in any order; () to wait. With others still open it returns at
                once; after the end it gives the same `Done` again.
        """

    def assign(self, variables: Mapping[str, Any]) -> Awaitable[None] | None:
        """Give the code more variables, between two snippets.

        Args:
            variables: By name.
        """

    def interrupt(self) -> None:
        """Stop the code at once, from any thread: the waiting `start` or `resume` returns Done."""

    def close(self) -> Awaitable[None] | None:
        """End the session and leave nothing behind; a second call does nothing."""


class Executor(Protocol):
    """Opens sessions. `name` is shown; `is_sandbox` says whether hostile code stays inside.

    `imports` are the modules that code may import without asking (None: any). `is_repeatable`, where it is there
    and true, says that code changes nothing but its own variables and scratch, so that running it again with the
    same answers does no harm.
    """

    name: str
    is_sandbox: bool

    def open(self, setup: Setup) -> Session | Awaitable[Session]:
        """A fresh session.

        Args:
            setup: What it starts with.

        Raises:
            ExecutorError: It can't start; the text says what is missing and what to do.
        """

    def close(self) -> Awaitable[None] | None:
        """End what the executor itself keeps (a pool, a container)."""
