"""The first thing that runs: takes the other modules off the stream, so that nothing need be installed there.

This file's text is sent with `python -c`; it must stay short, and a module of its own.
"""

import os
import sys


def take(fd: int, count: int) -> bytes:
    """Read exactly so many bytes.

    Args:
        fd: Where.
        count: How many.
    """
    data = b""
    while len(data) < count:
        more = os.read(fd, count - len(data))
        if not more:
            os._exit(0)
        data += more
    return data


def boot(reader: int, writer: int, life: int) -> None:
    """Make the modules and serve.

    Args:
        reader: Descriptor of the stream, to read.
        writer: The same, to write.
        life: As for `main`.
    """
    if sys.path[:1] == [""]:  # a file json.py in the working directory must not stand in for Python's
        del sys.path[0]
    payload = take(reader, int.from_bytes(take(reader, 4), "little"))
    if payload[:1] == b"m":
        modules = __import__("marshal").loads(payload[1:])
    else:
        modules = __import__("json").loads(payload[1:].decode())
    for name, code in modules:
        module = sys.modules[name] = type(sys)(name)
        if code is None:
            module.__path__ = []
        else:
            exec(code, module.__dict__)
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)
    sys.modules["core_plus_worker.inside.main"].main(reader, writer, life)
