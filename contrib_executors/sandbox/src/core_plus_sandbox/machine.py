"""What this machine lacks, asked before anything is started: for `executor="auto"` and for `doctor`."""

from __future__ import annotations

import functools
import sys

from core_plus.errors import ExecutorError


@functools.cache
def lacking(allow_missing: tuple[str, ...]) -> str:
    """What is missing for a sandbox, and what to do; "" if nothing.

    It is tried, not guessed: what a kernel says of itself isn't what a container lets through.

    Args:
        allow_missing: Walls that may be missing.
    """
    if sys.platform != "linux":
        return "it needs Linux"
    from core_plus_sandbox.executor import SandboxExecutor

    executor = SandboxExecutor(allow_missing=allow_missing)
    try:
        executor.start()
    except ExecutorError as error:
        return str(error)
    else:
        return ""
    finally:
        executor.close()
