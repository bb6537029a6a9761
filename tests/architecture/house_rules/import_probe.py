"""Imports each of some modules in a process of its own and prints, as JSON, what was wrong with it.

Run by file name, with JSON on standard input: `paths` go before sys.path, `modules` are imported one by one,
each in a fork of this bare process. `warnings`: a warning is an error. `heavy`: packages that must not come
along. `watch`: nothing may be opened, written or started; code may be read. What a module prints counts too.
"""

from __future__ import annotations

import _thread
import importlib
import importlib.abc
import json
import os
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Sequence
from types import FrameType, ModuleType
from typing import Any

CODE = (".py", ".pyc", ".so", ".pyd", ".zip")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
PROCESSES = ("subprocess.Popen", "os.system", "os.posix_spawn", "os.fork", "os.forkpty", "os.exec", "pty.spawn")
CHANGES = tuple(f"os.{name}" for name in ("chmod", "link", "mkdir", "remove", "rename", "rmdir", "symlink", "truncate"))


def house_line(paths: Sequence[str]) -> str:
    """The innermost line of the house that is being executed, as `file:line`."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(tuple(path + os.sep for path in paths)):
            return f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    return "before the first line"


class Heavy(importlib.abc.MetaPathFinder):
    """Sees which module of the house brings a heavy package in; finds nothing itself.

    Args:
        names: The heavy packages.
        paths: Where the house is.
    """

    def __init__(self, names: Sequence[str], paths: Sequence[str]) -> None:
        self.names, self.paths = set(names), paths

    def find_spec(self, fullname: str, path: object = None, target: ModuleType | None = None) -> None:
        """Report a heavy package, once."""
        if fullname in self.names:
            self.names.discard(fullname)
            print(f"{house_line(self.paths)}: {fullname} is imported; import it where it is used", flush=True)


def watch(paths: Sequence[str]) -> None:
    """Print what the process does beside reading code, from now on.

    Args:
        paths: Where the house is.
    """

    def tell(what: str) -> None:
        os.write(1, f"{house_line(paths)}: {what}\n".encode())

    def hook(event: str, values: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = values
            if flags & WRITING or set(str(mode)) & set("wax+"):
                tell(f"writes {path}")
            elif not str(path).endswith(CODE):
                tell(f"opens {path}")
        elif event in PROCESSES:
            tell("starts a process")
        elif event in CHANGES:
            tell("changes files")
        elif event.startswith("socket."):
            tell("uses a socket")

    def started(start: Callable[..., Any]) -> Callable[..., Any]:
        def told(*args: Any, **kwargs: Any) -> Any:
            tell("starts a thread")
            return start(*args, **kwargs)

        return told

    # Python 3.11 audits no thread, so the two ways to start one are watched themselves.
    _thread.start_new_thread = started(_thread.start_new_thread)
    threading.Thread.start = started(threading.Thread.start)  # type: ignore[method-assign]
    sys.addaudithook(hook)


def probe(module: str, request: dict[str, Any]) -> int:
    """Import one module in this process and give the exit status; what is wrong is printed."""
    try:
        if request.get("warnings"):
            warnings.simplefilter("error")
        if request.get("heavy"):
            sys.meta_path.insert(0, Heavy(request["heavy"], request["paths"]))
        if request.get("watch"):
            watch(request["paths"])
        importlib.import_module(module)
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        print(f"{last.filename}:{last.lineno}: raises {error!r}", flush=True)
        return 1
    return 0


def forked(module: str, request: dict[str, Any]) -> list[str]:
    """What a fork of this process prints while it imports the module."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        status = probe(module, request)
        sys.stdout.flush()
        os._exit(status)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8", errors="replace") as stream:
        lines = stream.read().splitlines()
    _, status = os.waitpid(child, 0)
    ended = os.waitstatus_to_exitcode(status)
    return lines or ([f"{module}: the process ended with status {ended}"] if ended else [])


def main() -> None:
    """Answer one request."""
    request = json.load(sys.stdin)
    sys.path[:0] = request["paths"]
    json.dump({module: forked(module, request) for module in request["modules"]}, sys.stdout)


if __name__ == "__main__":
    main()
