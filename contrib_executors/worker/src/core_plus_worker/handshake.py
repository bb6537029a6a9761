"""How a session and a fresh worker get to know each other."""

from __future__ import annotations

import time
from typing import Any, TypeVar

from core_plus.errors import ExecutorError
from core_plus.executors import Setup
from core_plus_worker import messages
from core_plus_worker.inside.codec import Codec
from core_plus_worker.inside.records import CodecError
from core_plus_worker.link import Link, LinkError, Process, Waker, ignore

VERSION = 1
"""Of the protocol that this side speaks."""

START_SECONDS = 20.0
"""How long a worker may take to say hello."""

OVERHEAD = 1 << 20
"""Bytes that a message may have beside its value."""

NO_LIMIT = 1 << 40

Kind = TypeVar("Kind", messages.Hello, messages.Ready)


def connect(process: Process, waker: Waker, setup: Setup, codec: Codec) -> Link:
    """Wait for a worker's hello, and give it what the session starts with.

    Args:
        process: The worker.
        waker: Ends waits from outside.
        setup: What the session starts with.
        codec: How values cross.

    Raises:
        ExecutorError: It doesn't start or refuses; the text says what it printed. The process is closed then.
    """
    limit = setup.limits.result
    said: list[str] = []
    link = Link(process, waker, NO_LIMIT if limit is None else limit + OVERHEAD)
    link.on_print = lambda stream, text: said.append(text)
    try:
        hello = expect(link, messages.Hello)
        if hello.version != VERSION:
            raise LinkError(f"it speaks version {hello.version} of the protocol, this side {VERSION}")
        tree, blobs = encode_variables(setup, codec)
        link.send(messages.encoded(["setup", options(setup, process), tree]), blobs)
        expect(link, messages.Ready)
    except LinkError as error:
        process.kill()
        link.drain_prints()
        printed = "".join(said).strip()[-2000:]
        raise ExecutorError(
            f"the worker didn't start: {error}" + (f"; it printed: {printed}" if printed else "")
        ) from None
    link.on_print = ignore
    return link


def options(setup: Setup, process: Process) -> dict[str, Any]:
    """What the worker must know of a set-up, as JSON.

    Args:
        setup: The set-up.
        process: The worker. Where it has a `footprint`, bytes of address space that it had before any code ran (large
            libraries that were imported ahead), memory for code is counted from there.
    """
    limits = setup.limits
    memory = None if limits.memory is None else limits.memory + getattr(process, "footprint", 0)
    return {
        "functions": setup.functions,
        "final": setup.final,
        "imports": setup.imports,
        "calls": limits.calls,
        "result": limits.result,
        "output": limits.output,
        "memory": memory,
        "cpu_seconds": limits.cpu_seconds,
        "msgpack": True,
        "seed": setup.seed,
        "clock": setup.clock,
    }


def expect(link: Link, kind: type[Kind]) -> Kind:
    """The worker's next message, which must be of that kind.

    Args:
        link: The worker.
        kind: The kind.

    Raises:
        LinkError: It is of another kind, or doesn't come.
    """
    deadline = time.monotonic() + START_SECONDS
    while True:
        item = link.take()
        if item is not None:
            if isinstance(item[0], kind):
                return item[0]
            raise LinkError(getattr(item[0], "text", f"it said {type(item[0]).__name__}"))
        left = deadline - time.monotonic()
        if left <= 0:
            raise LinkError(f"it said nothing for {START_SECONDS:g} s")
        link.wait(left)


def encode_variables(setup: Setup, codec: Codec) -> tuple[Any, list[Any]]:
    """The variables as a tree.

    Args:
        setup: Where they are.
        codec: How values cross.

    Raises:
        ExecutorError: One can't cross; the text names it.
    """
    variables = dict(setup.variables)
    try:
        return codec.encode(variables)
    except CodecError as problem:
        for name, value in variables.items():
            try:
                codec.encode([value])
            except CodecError as error:
                raise ExecutorError(f"the variable {name!r} can't be given to the code: {error}") from None
        raise ExecutorError(f"the variables can't be given to the code: {problem}") from None
