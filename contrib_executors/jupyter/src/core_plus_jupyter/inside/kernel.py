"""A session's half in the kernel: takes the host's orders, a cell at a time, and runs snippets among its variables."""

from __future__ import annotations

import ast
import builtins
import contextlib
import json
import os
import re
import signal
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any

from core_plus_jupyter.inside.channel import Channel
from core_plus_worker.inside.codec import Codec
from core_plus_worker.inside.functions import HostFunction, named
from core_plus_worker.inside.imports import Imports
from core_plus_worker.inside.main import VERSION
from core_plus_worker.inside.output import NoInput, Output, no_breakpoint
from core_plus_worker.inside.pack import describe
from core_plus_worker.inside.records import CodecError, Opaque
from core_plus_worker.inside.runner import Outcome, Runner
from core_plus_worker.inside.stops import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MAGIC = re.compile(r"^\s*[%!?]|=\s*[%!]|\?\s*$", re.MULTILINE)
"""Code that may be IPython's and not Python's."""

PICTURES = ["image/png", "image/jpeg"]
"""What is made of an object that can't cross, where it knows how."""


class Kernel:
    """Everything together.

    Its variables are the kernel's own, so that magics and other clients of the kernel find them.
    """

    def __init__(self) -> None:
        self._codec = Codec(inline=True)
        self._channel = Channel(self._codec)
        main = sys.modules["__main__"]
        self._runner = Runner(self._channel)  # type: ignore[arg-type]  # it has what a worker's channel has there
        sys.modules["__main__"] = main
        self._runner.names = vars(main)
        self._dumps = json.JSONEncoder(separators=(",", ":")).encode
        self._outputs = [Output(fd, self._sink(fd)) for fd in (1, 2)]
        self._importer: Any = builtins.__import__
        self._given: dict[str, Any] = {}
        builtins.ToolError = ToolError  # type: ignore[attr-defined]
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._in_child)

    def hello(self) -> None:
        """The first cell: say hello, and do what the host orders then."""
        self._connect()
        self._channel.send(["hello", VERSION, list(sys.version_info[:3]), os.getpid(), []])
        if not self._channel.orders:
            self._channel.fetch()
        self._obey()

    def serve(self, orders: str) -> None:
        """A later cell.

        Args:
            orders: A JSON array of messages, each of text and blobs; "" where they are too long and must be fetched.
        """
        self._connect()
        if orders:
            self._channel.orders.extend((json.loads(text), blobs) for text, *blobs in json.loads(orders))
        else:
            self._channel.fetch()
        self._obey()

    def leave(self) -> None:
        """The last cell: take the functions away from a kernel that lives on."""
        for name, value in self._given.items():
            if self._runner.names.get(name) is value:
                del self._runner.names[name]

    def _connect(self) -> None:
        self._channel.connect(builtins.input, [sys.stdout, sys.stderr])

    def _obey(self) -> None:
        while self._channel.orders:
            order, blobs = self._channel.orders.popleft()
            if order[0] == "setup":
                self._set_up(order[1], self._codec.decode(order[2], blobs))
            elif order[0] == "set":
                self._runner.names.update(self._codec.decode(order[1], blobs))
            elif order[0] == "run":
                self._run(order[1], order[2])

    def _sink(self, fd: int) -> Callable[[str], None]:
        return lambda text: self._channel.print(fd, text)

    def _in_child(self) -> None:
        """A process that the code forked calls nobody."""
        self._channel.is_child = True

    # -- set-up

    def _set_up(self, options: Mapping[str, Any], variables: Mapping[str, Any]) -> None:
        runner, channel = self._runner, self._channel
        channel.call_limit, channel.value_limit = options["calls"] or 0, options["result"] or 0
        for output in self._outputs:
            output.limit = options["output"] or 0
        made: dict[str, Any] = {}
        for name in options["functions"]:
            finish = runner.finish if name in options["final"] else None
            made[name] = HostFunction(name, channel, finish)  # type: ignore[arg-type]  # as above
        for name in options["final"]:
            runner.always[name] = made.get(name, runner.final)
        self._given = {**named(made), **runner.always}
        runner.names.update(named(made))
        runner.names.update(variables)
        if options["imports"] is not None and "*" not in options["imports"]:
            self._importer = Imports(options["imports"], runner.names)
        channel.send(["ready"])

    # -- snippets

    def _run(self, number: int, source: str) -> None:
        self._channel.begin(number)
        try:
            with self._stage():
                signal.signal(signal.SIGINT, self._runner.on_signal)
                outcome = self._runner.run(as_python(source))
                if self._channel.is_child:
                    os._exit(0)
                self._report(outcome)
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a late nudge; the kernel sets its own for the next cell

    @contextlib.contextmanager
    def _stage(self) -> Iterator[None]:
        """What code finds around it, in place of the kernel's own, which comes back after it."""
        names, kept = self._runner.names, {}
        for name in ("exit", "quit"):  # IPython's would end the kernel
            if name in names:
                kept[name], names[name] = names[name], leave_code
        streams, importer, ask = (sys.stdin, sys.stdout, sys.stderr), builtins.__import__, builtins.input
        breaks, sys.breakpointhook = sys.breakpointhook, no_breakpoint
        sys.stdin, (sys.stdout, sys.stderr) = NoInput(), self._outputs
        builtins.__import__, builtins.input = self._importer, no_input
        try:
            with no_loop_around():
                yield
        finally:
            sys.stdin, sys.stdout, sys.stderr = streams
            sys.breakpointhook = breaks
            builtins.__import__, builtins.input = importer, ask
            for name, value in kept.items():
                if names.get(name) is leave_code:
                    names[name] = value

    def _report(self, outcome: Outcome) -> None:
        text = self._sendable(outcome)
        busy = self._channel.others_busy()
        self._channel.end()
        dropped = [output.finish() for output in self._outputs]
        rest = self._dumps([outcome.has_value, outcome.is_final, outcome.error, dropped, busy])
        self._channel.send_text(f'["done",{text},{rest[1:]}')

    def _sendable(self, outcome: Outcome) -> str:
        """The value's JSON. What can't be sent becomes what it looks like, but a final answer an error."""
        try:
            text = self._channel.encode(outcome.value)[0]
            if text.startswith('{"$":["opaque"'):
                show(outcome.value)
            return text
        except CodecError as error:
            problem = str(error)
        except BaseException as error:  # the agent's own __repr__: whatever it raises, it isn't the end of the kernel
            problem = f"its repr raised {type(error).__name__}"
        if outcome.is_final:
            outcome.error = ["ValueError", f"the final answer can't be sent: {problem}", "", None]
            outcome.is_final = outcome.has_value = False
            return "null"
        try:
            return self._channel.encode(describe(outcome.value))[0]
        except BaseException:  # as above
            return self._channel.encode(Opaque(type(outcome.value).__name__, f"<{problem}>"))[0]


def no_input(prompt: object = "") -> str:
    """Stands in for `input`.

    Raises:
        EOFError: Always.
    """
    raise EOFError("nobody can type here: there is no standard input")


def leave_code(code: object = None) -> None:
    """Stands in for `exit` and `quit`.

    Args:
        code: What to say.

    Raises:
        SystemExit: Always.
    """
    raise SystemExit(code)


@contextlib.contextmanager
def no_loop_around() -> Iterator[None]:
    """Code as if no event loop ran around it: a kernel runs its cells in one, which would refuse another."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or asyncio._get_running_loop() is None:  # noqa: SLF001  # these are for whoever makes loops
        yield
        return
    loop, put = asyncio._get_running_loop(), asyncio._set_running_loop  # noqa: SLF001  # as above
    swap = getattr(asyncio.tasks, "_swap_current_task", None)  # from Python 3.12 on
    task = swap(loop, None) if swap else None
    put(None)
    try:
        yield
    finally:
        asyncio.set_event_loop(loop)
        put(loop)
        if swap:
            swap(loop, task)


def as_python(source: str) -> str:
    """Code with IPython's magics and shell commands as calls, where it isn't Python as it stands.

    Args:
        source: The code.
    """
    shell = vars(sys.modules["__main__"]).get("get_ipython")
    if shell is None or not MAGIC.search(source) or is_python(source):
        return source
    changed = str(shell().transform_cell(source))
    return changed if is_python(changed) else source


def is_python(source: str) -> bool:
    """Whether it can be compiled.

    Args:
        source: Code.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(source, "<code>", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


def show(value: Any) -> None:
    """Display an object that can't cross as a picture, where the kernel knows how to make one.

    Args:
        value: The object.
    """
    find = vars(sys.modules["__main__"]).get("get_ipython")
    shell = find() if find else None
    formatter = getattr(shell, "display_formatter", None)
    if shell is not None and formatter is not None:
        data, metadata = formatter.format(value, include=PICTURES)
        if data:
            shell.display_pub.publish(data, metadata)


def begin(sessions: dict[str, Kernel], session: str) -> None:
    """The first cell of a session.

    Args:
        sessions: Those of this kernel, by key; several may share one that was there before them.
        session: The key of this one.

    Raises:
        RuntimeError: The kernel runs cells in a thread of their own, where nothing can stop them.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("cells must run in the kernel's main thread")
    sessions[session] = Kernel()
    sessions[session].hello()


def serve(sessions: dict[str, Kernel], session: str, orders: str) -> None:
    """A later cell.

    Args:
        sessions: As for `begin`.
        session: The same.
        orders: As for `Kernel.serve`.
    """
    sessions[session].serve(orders)


def leave(sessions: dict[str, Kernel], session: str) -> None:
    """The last cell.

    Args:
        sessions: As for `begin`.
        session: The same.
    """
    sessions.pop(session).leave()
