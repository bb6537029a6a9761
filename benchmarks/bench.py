"""What core-plus itself costs: one table, each figure beside this machine's own floor and the bar it should keep.

    make bench                     all of it
    make bench ARGS="--rounds 5"   quicker and rougher

A figure above its bar is marked and no failure: machines differ, and this one may be busy.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from measure import TOP, Row

HEADS = ("", "figure", "floor", "by floor", "bar", "", "how")


def figures() -> tuple[Callable[[int], list[Row]], ...]:
    """What is measured, in the order of the table."""
    # How lines are counted, and which packages are heavy, is a rule of the house and stands with its tests.
    sys.path.append(str(TOP / "tests" / "architecture"))
    import driving
    import starting
    import wire

    return (
        starting.imports,
        starting.command_line,
        driving.building,
        driving.tool_steps,
        driving.code_steps,
        wire.over_http,
        starting.kernel,
    )


def table(rows: list[Row]) -> str:
    """The lines with their columns aligned: texts to the left, figures to the right."""
    lines = [HEADS, *(row.cells for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = (0, len(HEADS) - 2, len(HEADS) - 1)
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place in text else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def main() -> None:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(description="What core-plus itself costs, beside this machine's own floors.")
    parser.add_argument("--rounds", type=int, default=15, help="how often each is measured (default: 15)")
    rounds, began = parser.parse_args().rounds, time.perf_counter()
    rows = [row for figure in figures() for row in figure(rounds)]
    print(table(rows))
    print(f"\nthe least of {rounds} rounds, in {time.perf_counter() - began:.0f} s; CPU: of the process, not the clock")


if __name__ == "__main__":
    main()
