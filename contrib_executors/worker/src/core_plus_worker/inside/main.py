"""The worker's life: say hello, take the set-up, run snippets until the host is gone."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` wraps each number in an enum: 5 µs a snippet
import builtins
import contextlib
import math
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from core_plus_worker.inside.channel import Channel
from core_plus_worker.inside.clock import freeze
from core_plus_worker.inside.codec import Codec
from core_plus_worker.inside.functions import HostFunction, named
from core_plus_worker.inside.imports import Imports
from core_plus_worker.inside.output import NoInput, Output, no_breakpoint
from core_plus_worker.inside.pack import describe
from core_plus_worker.inside.records import CodecError, Opaque
from core_plus_worker.inside.runner import Outcome, Runner
from core_plus_worker.inside.seeds import Sower
from core_plus_worker.inside.stops import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VERSION = 1
"""Of the protocol; it changes when a message's meaning does."""

SIGINT = int(signal.SIGINT)

ROOM = 4 << 20
"""Bytes that must be left to code under a memory limit."""


class Worker:
    """Everything together.

    Args:
        reader: Descriptor to read messages from.
        writer: Descriptor to write them to.
        prints: Whether printed text goes out as messages; else to descriptors 1 and 2, which the host reads.
    """

    def __init__(self, reader: int, writer: int, prints: bool) -> None:
        self._codec = Codec(views=True)
        self._channel = Channel(reader, writer, self._codec)
        self._runner = Runner(self._channel)
        self._cpu: float | None = None
        self._sower: Any = None
        self._outputs = [Output(fd, self._sink(fd, prints)) for fd in (1, 2)]
        sys.stdin, sys.breakpointhook = NoInput(), no_breakpoint
        sys.__stdout__, sys.__stderr__ = self._outputs  # type: ignore[misc, assignment]  # theirs would keep text back
        builtins.ToolError = ToolError  # type: ignore[attr-defined]
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._in_child)

    def serve(self) -> None:
        """Do what the host orders; it ends with the process."""
        self._channel.send(["hello", VERSION, list(sys.version_info[:3]), os.getpid(), []])
        while True:
            order, blobs = self._channel.next_order()
            if order[0] == "setup":
                self._set_up(order[1], self._codec.decode(order[2], blobs))
            elif order[0] == "set":
                self._runner.names.update(self._codec.decode(order[1], blobs))
            elif order[0] == "run":
                # As environment variables, in OpenTelemetry's own form: TRACEPARENT and its like.
                os.environ.update({name.upper(): text for name, text in order[3].items()})
                self._run(order[1], order[2])

    def _sink(self, fd: int, prints: bool) -> Callable[[str], None]:
        if prints:
            return lambda text: self._channel.send(["print", fd, text])
        return lambda text: write_text(fd, text)

    def _in_child(self) -> None:
        """A process that the code forked prints to the descriptors and calls nobody."""
        self._channel.is_child = True
        for fd, output in enumerate(self._outputs, 1):
            output.sink = self._sink(fd, False)

    # -- set-up

    def _set_up(self, options: Mapping[str, Any], variables: Mapping[str, Any]) -> None:
        runner, channel = self._runner, self._channel
        channel.call_limit, channel.value_limit = options["calls"] or 0, options["result"] or 0
        channel.takes_msgpack = options.get("msgpack", False)
        for output in self._outputs:
            output.limit = options["output"] or 0
        made = {
            name: HostFunction(name, channel, runner.finish if name in options["final"] else None)
            for name in options["functions"]
        }
        runner.names.update(named(made))
        for name in options["final"]:
            runner.always[name] = made.get(name, runner.final)
        runner.names.update(variables)
        if options["imports"] is not None and "*" not in options["imports"]:
            builtins.__import__ = Imports(options["imports"], runner.names)
        if options.get("clock") is not None:
            freeze(options["clock"], runner.names)
        if options.get("seed") is not None:
            self._sower, channel.tells_lines = Sower(options["seed"]), True
        self._cpu = options["cpu_seconds"]
        if self._cpu is not None:
            signal.signal(signal.SIGPROF, runner.on_signal)
        try:
            set_limit("RLIMIT_AS", options["memory"])
            bytes(ROOM)
            channel.send(["ready"])
        except (OSError, ValueError) as error:
            channel.send(["refused", f"limits.memory={options['memory']} can't be set: {error}"])
        except MemoryError:
            channel.send(["refused", f"limits.memory={options['memory']} is less than the interpreter itself needs"])

    # -- snippets

    def _run(self, number: int, source: str) -> None:
        self._channel.begin(number)
        sys.stdout, sys.stderr = self._outputs  # whatever the code before has put there
        _signal.signal(SIGINT, self._runner.on_signal)
        if self._sower is not None:
            self._sower.sow(number)
        if self._cpu is not None:
            signal.setitimer(signal.ITIMER_PROF, self._cpu, 0.01)
            # The timer ends what can be ended softly; a second later the kernel ends what can't.
            set_limit("RLIMIT_CPU", math.ceil(time.process_time() + self._cpu) + 1, soft=True)
        outcome = self._runner.run(source)
        if self._cpu is not None:
            signal.setitimer(signal.ITIMER_PROF, 0)
        if self._channel.is_child:
            os._exit(0)
        self._report(outcome)

    def _report(self, outcome: Outcome) -> None:
        text, blobs = self._sendable(outcome)
        busy = self._channel.others_busy()
        self._channel.end()
        dropped = [output.finish() for output in self._outputs]
        rest = [outcome.has_value, outcome.is_final, outcome.error, dropped, busy]
        self._channel.send_done(text, rest, blobs)

    def _sendable(self, outcome: Outcome) -> tuple[str | bytes, list[Any]]:
        """The value as it is sent. What can't be sent becomes what it looks like, but a final answer an error."""
        try:
            return self._channel.encode(outcome.value)
        except CodecError as error:
            problem = str(error)
        except BaseException as error:  # the agent's own __repr__: whatever it raises, it isn't the end of the worker
            problem = f"its repr raised {type(error).__name__}"
        if outcome.is_final:
            outcome.error = ["ValueError", f"the final answer can't be sent: {problem}", "", None]
            outcome.is_final = outcome.has_value = False
            return "null", []
        try:
            return self._channel.encode(describe(outcome.value))
        except BaseException:  # as above
            return self._channel.encode(Opaque(type(outcome.value).__name__, f"<{problem}>"))


def write_text(fd: int, text: str) -> None:
    """Write text to a descriptor, all of it.

    Args:
        fd: The descriptor.
        text: The text; lone surrogates are shown as escapes.
    """
    data = memoryview(text.encode("utf-8", "backslashreplace"))
    while data:
        data = data[os.write(fd, data) :]


def set_limit(name: str, value: int | None, soft: bool = False) -> None:
    """Set a limit of this process.

    Args:
        name: The resource module's name for it.
        value: The limit; None leaves it.
        soft: Whether it can be raised again.
    """
    if value is not None:
        import resource

        kind = getattr(resource, name)
        resource.setrlimit(kind, (value, resource.getrlimit(kind)[1] if soft else value))


def watch(life: int) -> None:
    """Have the kernel end this process and its children when the other end of a pipe is closed.

    Args:
        life: The pipe.
    """
    import fcntl

    with contextlib.suppress(OSError):  # where pipes can't signal (macOS), the end of the stream must do
        fcntl.fcntl(life, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)


def main(reader: int, writer: int, life: int) -> None:
    """Serve a host.

    Args:
        reader: Descriptor to read messages from. 0 means that standard input and output are the stream.
        writer: Descriptor to write them to.
        life: A pipe that the host holds open: its end ends this process and its children even in the middle of
            a C function. -1 if there is none.
    """
    prints = reader == 0
    if prints:  # what the code starts must neither read nor write the stream
        reader, writer = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
    for fd in {reader, writer, life} - {-1}:
        os.set_inheritable(fd, False)
    if life >= 0:
        watch(life)
    sys.path.append("")
    sys.argv[:] = [""]
    Worker(reader, writer, prints).serve()
