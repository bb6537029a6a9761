"""What is paid before anything runs: imports, the command line, what is installed, what is to be read."""

from __future__ import annotations

import re
import shutil
import sys
import sysconfig
import tempfile
import time
from functools import cache
from pathlib import Path

from measure import TOP, Measure, Row, least, output

FLOOR = "import pluggy, attrs, msgspec, docstring_parser"
OURS = "import core_plus"
AGENTS = "from core_plus import CodeAgent, ToolCallingAgent, tool"
TIMED = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|\s*(\S+)$", re.MULTILINE)


def modules(code: str) -> dict[str, int]:
    """The microseconds of each module that some code imports, its own only, in a Python of its own."""
    told = output([sys.executable, "-X", "importtime", "-c", code], errors=True)
    return {name: int(own) for own, name in TIMED.findall(told)}


@cache
def at_start() -> frozenset[str]:
    """The modules that every Python here imports by itself."""
    return frozenset(modules("pass"))


def importing(code: str) -> Measure:
    """Measures the milliseconds that some imports take beside Python's own start."""
    return lambda: sum(took for name, took in modules(code).items() if name not in at_start()) / 1000


def imports(rounds: int) -> list[Row]:
    """Sums what `-X importtime` says of each module in a fresh Python, pages cached.

    The floor is the same for the first four of the kernel's dependencies. The modules are counted once: all that
    Python doesn't bring itself, those of plugins, and the heavy ones that the rules of the house know by name.
    """
    floor, bare, agents = least(rounds, importing(FLOOR), importing(OURS), importing(AGENTS))
    names = set(modules(AGENTS)) - at_start()
    plugins = {name for name in names if name.startswith("core_plus_")}
    heavy = names.intersection(heavy_names())
    met = f"plugins: {', '.join(sorted(plugins)) or 'none'}; heavy: {', '.join(sorted(heavy)) or 'none'}"
    return [
        Row(OURS, bare, "ms", floor, 2.1, "×", "floor: pluggy, attrs, msgspec, docstring_parser"),
        Row(AGENTS, agents, "ms", floor, note="the same floor"),
        Row("  modules of these beside Python's own", len(names), "", len(set(modules(FLOOR)) - at_start()), note=met),
    ]


def heavy_names() -> tuple[str, ...]:
    """The packages that no import of a plugin may bring."""
    from house_rules.at_import import HEAVY

    return HEAVY


def command_line(rounds: int) -> list[Row]:
    """Runs `core-plus --help` as a person does, with all plugins of this environment; the clock's time.

    The floor is the same Python with nothing to do.
    """
    program = shutil.which("core-plus", path=sysconfig.get_path("scripts"))
    if program is None:
        return [Row("core-plus --help", None, "ms", bar=250, note="no core-plus in this environment: run make bench")]

    def clock(*command: str) -> Measure:
        def taken() -> float:
            began = time.perf_counter()
            output(command)
            return (time.perf_counter() - began) * 1e3

        return taken

    nothing, shown = least(rounds, clock(sys.executable, "-c", "pass"), clock(program, "--help"))
    return [Row("core-plus --help", shown, "ms", nothing, 250, note="all plugins installed; floor: python -c pass")]


def kernel(rounds: int) -> list[Row]:
    """Counts the kernel's lines of code as tests/architecture does, and installs it alone in an empty folder.

    Nothing is measured in time, so once is enough, whatever `rounds` says.
    """
    from house_rules.budgets import KERNEL_CODE_LINES, code_lines
    from house_rules.tree import Tree

    lines = sum(len(code_lines(source)) for source in Tree(TOP).kernel.modules)
    return [Row("the kernel's lines of code", lines, "", bar=KERNEL_CODE_LINES), *installed()]


def installed() -> list[Row]:
    """What `pip install ./core` brings: distributions, and MB on disk with the compiled files."""
    what, with_mb = "pip install ./core: distributions", "pip install ./core: on disk"
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder)
        command = ["-m", "uv", "pip", "install", "--quiet", "--compile-bytecode", "--target", folder, "./core"]
        try:
            output([sys.executable, *command])
        except RuntimeError as error:
            return [Row(what, None, "", bar=8, note=str(error).strip().splitlines()[-1][:100])]
        names = list(target.glob("*.dist-info"))
        size = sum(each.stat().st_size for each in target.rglob("*") if each.is_file())
    return [Row(what, len(names), "", bar=8), Row(with_mb, size / 1e6, "MB", bar=5)]
