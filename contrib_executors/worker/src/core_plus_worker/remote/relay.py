"""Runs in the sandbox, between the service and the worker; any Python from 3.8 on.

A service ends no command whose host has died. So what comes in has lengths (32 bits, big-endian), which leaves room for
two words to the relay itself: a beat, and a nudge. Where the service hands on what is printed as text, the worker's
bytes go out as lines of base64.
"""

from __future__ import annotations

import base64
import os
import select
import signal
import subprocess
import sys
import threading

BEAT, NUDGE = 0, 0xFFFFFFFF
"""In the place of a length: the host lives; the worker shall look up from its code (SIGINT)."""

QUIET = 150.0
"""Seconds without a word from the host after which it must be gone."""

CHUNK = 49152
"""Bytes that are read at once, of which a line is made: a multiple of 3."""


def take(count: int) -> bytes:
    """Read exactly so many bytes from the host; fewer, if it is gone.

    Args:
        count: How many.
    """
    data = b""
    while len(data) < count:
        ready, _, _ = select.select([0], [], [], QUIET)
        more = os.read(0, min(count - len(data), 1 << 20)) if ready else b""
        if not more:
            return b""
        data += more
    return data


def put(fd: int, data: bytes) -> None:
    """Write all of it.

    Args:
        fd: Where to.
        data: What.
    """
    while data:
        data = data[os.write(fd, data) :]


def outwards(worker: subprocess.Popen[bytes], as_lines: bool) -> None:
    """Hand on what the worker says, and end as it ends.

    Args:
        worker: The worker.
        as_lines: Whether as lines of base64.
    """
    assert worker.stdout is not None
    while True:
        data = os.read(worker.stdout.fileno(), CHUNK)
        if not data:
            break
        put(1, base64.b64encode(data) + b"\n" if as_lines else data)
    status = worker.wait()
    os._exit(status if status >= 0 else 128 - status)


def inwards(worker: subprocess.Popen[bytes]) -> None:
    """Hand on what the host says, until it is gone; then the worker ends too, with all that it started.

    Args:
        worker: The worker.
    """
    assert worker.stdin is not None
    while True:
        head = take(4)
        if not head:
            break
        length = int.from_bytes(head, "big")
        if length == NUDGE:
            worker.send_signal(signal.SIGINT)
        elif length != BEAT:
            put(worker.stdin.fileno(), take(length))
    os.killpg(worker.pid, signal.SIGKILL)


if __name__ == "__main__":
    process = subprocess.Popen(
        sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=True
    )
    threading.Thread(target=outwards, args=(process, sys.argv[1] == "lines"), daemon=True).start()
    try:
        inwards(process)
    except BrokenPipeError:  # the worker has ended; the other thread says how
        process.wait()
        threading.Event().wait(5)
