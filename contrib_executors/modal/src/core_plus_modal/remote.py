"""A worker in a sandbox of Modal's, as the `Process` of a session."""

from __future__ import annotations

import functools
import threading
import weakref
from typing import TYPE_CHECKING

from core_plus_worker.remote import EVERY, RemoteProcess, Stdin, begin, relay_command, tell_end

if TYPE_CHECKING:
    from modal.container_process import ContainerProcess
    from modal.sandbox import Sandbox


def command(python: str) -> list[str]:
    """The command of a relay with its worker.

    Args:
        python: The sandbox's interpreter.
    """
    return relay_command(python)


def attach(sandbox: Sandbox, relay: ContainerProcess[bytes]) -> RemoteProcess:
    """The process of a worker that was started.

    Args:
        sandbox: Where; it is ended with the worker.
        relay: The relay's command.
    """

    def send(data: bytes) -> None:
        relay.stdin.write(data)
        relay.stdin.drain()

    stdin, over = Stdin(send), threading.Event()

    def kill() -> None:
        over.set()
        end(sandbox)

    process = RemoteProcess(stdin.write, kill=kill, nudge=stdin.nudge)
    mine = weakref.ref(process)
    stdin.lost = functools.partial(tell_end, mine)
    begin("core-plus-modal-output", follow, mine, relay, stdin.has_ended)
    begin("core-plus-modal-errors", follow_errors, mine, relay, stdin)
    begin("core-plus-modal-beat", keep, mine, stdin, over)
    return process


def end(sandbox: Sandbox) -> None:
    """End a sandbox, and the connection to it.

    Args:
        sandbox: The sandbox.
    """
    try:
        sandbox.terminate()
    finally:
        sandbox.detach()


def follow(process: weakref.ref[RemoteProcess], relay: ContainerProcess[bytes], has_ended: threading.Event) -> None:
    """Pass on what the worker says, until it ends or nobody wants it.

    Args:
        process: Whose worker it is.
        relay: The relay's command.
        has_ended: Set once it is told how it ended.
    """
    reason = "its stream ended"
    try:
        for data in relay.stdout:
            found = process()
            if found is not None:
                found.feed(data)
            del found
        status = relay.wait()
        reason = f"killed by signal {status - 128}" if status > 128 else f"exit status {status}"
    except Exception as error:  # whatever the SDK raises when the sandbox is gone
        reason = f"its stream broke off: {type(error).__name__}: {error}"[:500]
    finally:
        tell_end(process, reason)
        has_ended.set()


def follow_errors(process: weakref.ref[RemoteProcess], relay: ContainerProcess[bytes], stdin: Stdin) -> None:
    """Pass on what is printed past the worker's stream.

    Args:
        process: Whose worker it is.
        relay: The relay's command.
        stdin: Of the relay.
    """
    try:
        for data in relay.stderr:
            found = process()
            if found is not None:
                found.feed_print(2, data)
            del found
    except Exception as error:  # whatever the SDK raises when the sandbox is gone
        stdin.lose(error)


def keep(process: weakref.ref[RemoteProcess], stdin: Stdin, over: threading.Event) -> None:
    """Tell the relay now and then that the session lives.

    Args:
        process: Whose worker it is.
        stdin: Of its relay.
        over: Set when it is killed.
    """
    while not over.wait(EVERY) and process() is not None:
        try:
            stdin.beat()
        except Exception as error:  # whatever the SDK raises when the sandbox is gone, or the network
            stdin.lose(error)
            return
