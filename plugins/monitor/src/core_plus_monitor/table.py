"""The numbers as a table of plain text."""

from __future__ import annotations

from collections.abc import Sequence

from core_plus_monitor.numbers import ModelTally, Numbers, Tally

HEAD = ("", "count", "errors", "seconds", "mean", "longest", "tokens in", "out", "USD")


def table_of(numbers: Numbers) -> str:
    """A line for each model and tool, and for what they add up to.

    Args:
        numbers: What was counted.
    """
    states = ", ".join(f"{count} {state}" for state, count in sorted(numbers.runs.items()))
    rows: list[Sequence[str]] = [HEAD]
    rows += [_row(f"model {name}", one) for name, one in sorted(numbers.models.items())]
    rows += [_row(f"tool {name}", one) for name, one in sorted(numbers.tools.items())]
    rows.append(_row("steps", numbers.steps))
    usage, cost = numbers.usage, numbers.cost
    known = sum(one.cost for one in numbers.models.values())
    money = f"{cost:.4f}" if cost is not None else f"{known:.4f}+?"
    rows.append((*_row(f"runs ({states})" if states else "runs", numbers.run_seconds)[:6],
                 str(usage.input_tokens), str(usage.output_tokens), money))  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return "\n".join(_line(row, widths) for row in rows)


def _row(name: str, tally: Tally) -> tuple[str, ...]:
    errors = f"{tally.errors} ({tally.error_rate:.0%})" if tally.errors else "0"
    times = (f"{tally.seconds:.2f}", f"{tally.mean:.2f}", f"{tally.longest:.2f}")
    tokens = ("", "", "")
    if isinstance(tally, ModelTally):
        money = f"{tally.cost:.4f}" + ("+?" if tally.unpriced else "")
        tokens = (str(tally.usage.input_tokens), str(tally.usage.output_tokens), money)
    return (name, str(tally.count), errors, *times, *tokens)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.ljust(width) if not column else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join((first, *rest)).rstrip()
