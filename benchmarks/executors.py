"""What running code in each executor costs, beside `exec` in this process: one table, in one run.

    python benchmarks/executors.py                       every executor that is installed and can run here
    python benchmarks/executors.py sandbox monty         these
    python benchmarks/executors.py --smolagents PYTHON   and smolagents' own, in a Python that has it

Each figure stands beside its bar, which is meant for `sandbox`; what is above it is marked `!` and fails nothing:
machines differ, and this one may be busy.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack

import executors_measures as measures
from executors_measures import Figure
from executors_runners import InExecutor, Native, Runner, Smolagents
from measure import number

from core_plus import Host

PARTS = {
    "computing": measures.computing,
    "snippets": measures.snippets,
    "opening": measures.opening,
    "memory": measures.memory,
    "stopping": measures.stopping,
}
DISTANT = ("e2b", "modal")
"""Executors that cost money: only by name."""


def here(names: list[str], host: Host) -> list[InExecutor]:
    """The executors that can run here: each has run a snippet. Of those that can't it is said.

    Args:
        names: Asked for; none means all.
        host: Who knows them.
    """
    found = []
    for name in names or [name for name in host.names("executor") if name not in DISTANT]:
        runner = None
        try:
            lacks = getattr(host.find("executor", name).factory, "missing", str)()
            if not lacks:
                runner = InExecutor(name, host)
                runner.time("1 + 1")
        except Exception as error:  # whatever a plugin raises is why it is left out
            lacks = str(error) or type(error).__name__
        if runner is not None and not lacks:
            found.append(runner)
            continue
        print(f"without {name}: {lacks}", file=sys.stderr)
        if runner is not None:
            runner.close()
    return found


def measured(runners: list[Runner], parts: list[str], rounds: int, host: Host) -> list[Figure]:
    """All figures that were asked for.

    Args:
        runners: Native first.
        parts: Of `PARTS`.
        rounds: How often what is quick is measured.
        host: Makes executors of other settings.
    """
    figures = []
    for part in parts:
        print(f"measuring {part} …", file=sys.stderr)
        figures += PARTS[part](runners, rounds)
        if part == "opening" and "sandbox" in [runner.name for runner in runners]:
            figures.append(
                measures.preloaded(lambda: InExecutor("sandbox", host, preload=("numpy", "pandas")), "sandbox", rounds)
            )
    return figures


def table(figures: list[Figure], names: list[str]) -> str:
    """The lines with their columns aligned.

    Args:
        figures: The rows.
        names: The columns.
    """
    lines = [["", "bar", *names]]
    for figure in figures:
        bar = "" if figure.bar is None else f"{number(figure.bar)} {figure.unit}"
        lines.append([figure.what, bar, *(cell(figure, name) for name in names)])
    notes = [
        f"{figure.what.strip()}, {name}: {value}"
        for figure in figures
        for name, value in figure.values.items()
        if isinstance(value, str)
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = [
        "  ".join([first.ljust(widths[0]), *(text.rjust(width) for text, width in zip(rest, widths[1:], strict=True))])
        for first, *rest in lines
    ]
    return "\n".join([*(row.rstrip() for row in rows), *([""] if notes else []), *notes])


def cell(figure: Figure, name: str) -> str:
    """A figure of one runner, marked where it is above the bar."""
    value = figure.values.get(name)
    if not isinstance(value, float):
        return "" if value is None else "-"
    above = figure.bar is not None and value > figure.bar and name not in ("exec", "smolagents")
    return f"{number(value)} {figure.unit}{' !' if above else ''}"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description="What running code in each executor costs, beside exec in this process."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="an executor (default: all that can run here)")
    parser.add_argument("--smolagents", metavar="PYTHON", help="a Python that has smolagents, to stand beside")
    parser.add_argument("--rounds", type=int, default=10, help="how often what is quick is measured (default: 10)")
    parser.add_argument("--only", choices=PARTS, action="append", metavar="PART", help=f"one of {', '.join(PARTS)}")
    options, began = parser.parse_args(), time.perf_counter()
    with Host() as host, ExitStack() as stack:
        runners: list[Runner] = [Native(), *here(options.names, host)]
        runners += [Smolagents(options.smolagents)] if options.smolagents else []
        for runner in runners:
            stack.callback(runner.close)
        figures = measured(runners, options.only or [*PARTS], options.rounds, host)
        print(table(figures, [runner.name for runner in runners]))
    print(f"\n×: times exec; {options.rounds} rounds, in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
