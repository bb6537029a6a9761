"""What a session is written down as."""

from __future__ import annotations

from importlib.metadata import version

import msgspec

from core_plus.errors import ExecutorError
from core_plus.executors import Limits

FORMAT = "core-plus-monty 1"
"""How such bytes begin; the number changes when what follows does."""


class Saved(msgspec.Struct, frozen=True, array_like=True):
    """A session between two snippets.

    Args:
        format: Which form this is.
        monty: The version of pydantic-monty that wrote it.
        state: What Monty gave.
        feeds: How many snippets it has run.
        seconds: The limits that are part of Monty's state: `Limits.seconds`,
        cpu_seconds: `Limits.cpu_seconds`
        memory: and `Limits.memory`.
    """

    format: str
    monty: str
    state: bytes
    feeds: int
    seconds: float | None
    cpu_seconds: float | None
    memory: int | None


def packed(state: bytes, feeds: int, limits: Limits) -> bytes:
    """A session as bytes.

    Args:
        state: What Monty gave.
        feeds: How many snippets it has run.
        limits: What it was opened with.
    """
    saved = Saved(FORMAT, version("pydantic-monty"), state, feeds, limits.seconds, limits.cpu_seconds, limits.memory)
    return msgspec.msgpack.encode(saved)


def unpacked(data: bytes, limits: Limits) -> Saved:
    """A session from bytes.

    Args:
        data: What `packed` gave.
        limits: What it is to be opened with.

    Raises:
        ExecutorError: It is something else, another version's, or holds other limits.
    """
    try:
        saved = msgspec.msgpack.decode(data, type=Saved)
    except msgspec.MsgspecError:
        saved = None
    if saved is None or saved.format != FORMAT:
        raise ExecutorError("these bytes are no snapshot of the executor 'monty'")
    here = version("pydantic-monty")
    if saved.monty != here:
        raise ExecutorError(f"this snapshot is of pydantic-monty {saved.monty}; here is {here}: run the code again")
    for name in ("seconds", "cpu_seconds", "memory"):
        held, asked = getattr(saved, name), getattr(limits, name)
        if held != asked:
            raise ExecutorError(
                f"the snapshot holds limits.{name}={held}, which can't be changed to {asked}: restore it with the same"
            )
    return saved
