"""What is run in the kernel: the first cell brings the worker's modules and ours, under a name of their own there."""

from __future__ import annotations

import functools
import hashlib
import json
from importlib import resources

from core_plus_worker import payload

PACKAGE = "core_plus_in_kernel"
"""What both packages are called in the kernel: the real ones may be imported there for other reasons."""

INSTEAD = {"channel": ("around", "channel"), "loops": ("loops",), "main": ("main", "kernel")}
"""Where the worker has the first, the kernel gets the second: our modules, with the worker's own `main`."""

CELL = """\
def _core_plus_boot(modules, digest):
    import json, sys
    if getattr(sys.modules.get("{package}"), "digest", None) == digest:
        return
    for name, text in json.loads(modules):
        module = sys.modules[name] = type(sys)(name)
        if text:
            exec(compile(text, "<" + name + ">", "exec", dont_inherit=True), module.__dict__)
        else:
            module.__path__ = []
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)
    sys.modules["{package}"].digest = digest
    sys.modules["{package}"].sessions = {{}}
_core_plus_boot({modules!r}, {digest!r})
del _core_plus_boot
"""


@functools.cache
def first_cell() -> str:
    """Code that defines the modules, unless the kernel has them already."""
    inside = resources.files("core_plus_jupyter.inside")
    names: dict[str, str] = {}
    for name, text in json.loads(payload(compiled=False)[5:]):  # without its length and its kind
        head, _, last = name.rpartition(".")
        for instead in INSTEAD.get(last, (last,)):
            ours = inside.joinpath(f"{instead}.py")
            is_ours = last in INSTEAD and instead != "main"
            names[f"{head}.{instead}"[not head :]] = ours.read_text("utf-8") if is_ours else text
    modules = json.dumps(list(names.items()))
    for package in ("core_plus_worker", "core_plus_jupyter"):
        modules = modules.replace(package, PACKAGE)
    return CELL.format(package=PACKAGE, modules=modules, digest=hashlib.sha256(modules.encode()).hexdigest())


def call(function: str, *arguments: str) -> str:
    """Code that calls a function of `inside.kernel`.

    Args:
        function: Its name.
        arguments: What it is given.
    """
    given = ", ".join(["there.sessions", *map(repr, arguments)])
    return f"(lambda there: there.inside.kernel.{function}({given}))(__import__('sys').modules['{PACKAGE}'])"
