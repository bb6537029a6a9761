"""What a fork of the parent does: raise the walls around itself, and serve as a worker."""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from core_plus_sandbox.inside.walls import Walls

BROKEN = 71
"""Exit status of a sandbox whose walls don't stand: EX_OSERR."""


def be_sandbox(walls: Walls, number: int, order: dict[str, Any], fds: list[int]) -> NoReturn:
    """Raise the walls around this process, a fresh fork, and serve as a worker.

    Args:
        walls: The walls.
        number: Which sandbox it is.
        order: What the host asked for.
        fds: As `Walls.wire` takes them.
    """
    try:
        walls.wire(fds)
        freshen()
        walls.enter(number, order, len(fds) + 1)
    except BaseException as error:  # the fork must not go on as if it were the parent
        os.write(2, f"the walls can't be raised: {type(error).__name__}: {error}\n".encode())
        os._exit(BROKEN)
    try:
        if not order.get("trial"):
            work(order)
    except BaseException:  # as above
        os.write(2, traceback.format_exc().encode())
        os._exit(1)
    os._exit(0)


def work(order: dict[str, Any]) -> None:
    """Serve as a worker until the host is gone.

    Args:
        order: What the host asked for.
    """
    if order["hosts"]:
        from core_plus_sandbox.inside import network

        network.open_to_hosts(4, order["hosts"])
    from core_plus_worker.inside.main import main

    main(3, 3, -1)


def freshen() -> None:
    """What must not be the same in two forks."""
    numbers: Any = sys.modules.get("numpy.random")
    if numbers is not None:
        numbers.seed()
    files: Any = sys.modules.get("tempfile")
    if files is not None:
        files.tempdir = None


def trial(walls: Walls) -> str:
    """Raise the walls around one process that does nothing.

    Args:
        walls: The walls.

    Returns:
        What went wrong; "" if they stand.
    """
    order = {"memory": 1 << 40, "processes": 64, "trial": True}
    try:
        walls.make_room(0, order)
    except OSError as error:
        return str(error)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        nothing = os.open(os.devnull, os.O_RDWR)
        be_sandbox(walls, 0, order, [nothing, os.dup(nothing), writer])
    os.close(writer)
    with os.fdopen(reader) as said:
        text = said.read().strip()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    walls.clear(0)
    return text or (f"a trial ended with status {status}" if status else "")
