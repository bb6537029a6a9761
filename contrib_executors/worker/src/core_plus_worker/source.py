"""What is sent to make a worker: the modules of `inside`, as one payload that `inside/boot.py` takes apart."""

from __future__ import annotations

import functools
import json
import marshal
import struct
from collections.abc import Sequence
from importlib import resources

FLAGS = ("-s", "-X", "utf8")
"""Of the interpreter: no packages of the user's home; text is UTF-8 whatever the locale."""

PACKAGES = ("core_plus_worker", "core_plus_worker.inside")
MODULES = (
    "records",
    "stops",
    "places",
    "pack",
    "unpack",
    "foreign",
    "codec",
    "frames",
    "heads",
    "eager",
    "waiting",
    "channel",
    "rewrite",
    "loops",
    "clock",
    "seeds",
    "output",
    "runner",
    "functions",
    "imports",
    "main",
)
"""In the order in which they import each other."""


def text_of(module: str) -> str:
    """The source of a module of `inside`.

    Args:
        module: Its name.
    """
    return resources.files("core_plus_worker.inside").joinpath(f"{module}.py").read_text("utf-8")


@functools.cache
def boot() -> str:
    """What `python -c` is given, with three numbers after it: the descriptors to read, to write, and of the life pipe.

    It reads the payload from the first, so that a worker needs nothing installed where it runs.
    """
    return text_of("boot") + "\n\nboot(*map(int, sys.argv[1:4]))\n"


def worker_command(python: Sequence[str] = ("python3",)) -> list[str]:
    """The command of a worker whose byte stream is its standard input and output.

    Args:
        python: The interpreter where it is to live, Python 3.8 or newer, and whatever must stand before it.
    """
    return [*python, *FLAGS, "-c", boot(), "0", "1", "-1"]


@functools.cache
def payload(*, compiled: bool) -> bytes:
    """What the worker reads first.

    Args:
        compiled: Whether it is this very interpreter that will run it: code objects start 20 ms sooner than text.

    Returns:
        A length of 4 bytes (little-endian), one that says what follows, and the modules.
    """
    texts = {f"core_plus_worker.inside.{name}": text_of(name) for name in MODULES}
    if compiled:
        compiler = functools.partial(compile, dont_inherit=True, optimize=2)
        code = [(name, compiler(text, f"<{name}>", "exec")) for name, text in texts.items()]
        data = b"m" + marshal.dumps([*((name, None) for name in PACKAGES), *code])
    else:
        data = b"s" + json.dumps([*((name, "") for name in PACKAGES), *texts.items()]).encode("ascii")
    return struct.pack("<I", len(data)) + data
