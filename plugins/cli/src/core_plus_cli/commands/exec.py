"""`core-plus exec`: run code in an executor, to try it out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import hookimpl
from core_plus_cli.command import (
    ANSWERED,
    FAILED,
    INTERRUPTED,
    PIPE_CLOSED,
    SUSPENDED,
    WRONG_USAGE,
    as_json,
    command,
    say,
)

if TYPE_CHECKING:
    from argparse import Namespace

    from core_plus.hookspecs import Register
    from core_plus.host import Host
    from core_plus.result import RunResult
    from core_plus_cli.cells import Cell
    from core_plus_cli.parsing import Parser
    from core_plus_cli.printing import Kept

EXAMPLES = """
  echo "sum(range(10))" | core-plus exec -
  core-plus exec cells.py --timeout 2 --memory 256M --keep-going
  core-plus exec cells.py -t weather.py --var 'city="Oslo"' --json
  core-plus exec cells.py --executor sandbox --set 'files={"/data": "ro"}'
  core-plus exec --unsafe cells.py

A line "# %%" in the file begins a new cell: cells run one after another in one session, variables stay. What code
prints to standard output, and the value of a cell's last line, go to standard output; all else to standard error.

exit status: 0 all is well, 1 the code failed or was stopped, 2 wrong usage or no executor, 3 waits for an
answer, 130 interrupted
"""


@hookimpl
def register_commands(register: Register) -> None:
    """Declare `exec`."""
    register("exec", main, summary="run code in an executor, to try it out")


@command
def main(arguments: list[str], host: Host) -> int:
    """Run the cells of a file in one session.

    Args:
        arguments: What stands after `exec`.
        host: Where plugins come from.

    Returns:
        The exit status.
    """
    options = _parser().parse_args(arguments)

    from contextlib import ExitStack, closing

    from core_plus.executors import Limits
    from core_plus_cli import cells, inputs, places, toolbox
    from core_plus_cli.printing import Kept, Shown
    from core_plus_cli.watching import CtrlC, Watched

    snippets = cells.split(inputs.code(options.file))
    if not snippets:
        _parser().error(f"there is no code in {'standard input' if options.file == '-' else options.file}")
    with ExitStack() as stack:
        executor = places.chosen(options, host, stack)
        agent = cells.Cells(
            host=host,
            cells=snippets,
            keep_going=options.keep_going,
            executor=executor,
            tools=stack.enter_context(toolbox.loaded(options.tools, host)),
            code_limits=Limits(seconds=options.timeout, memory=options.memory),
            additional_authorized_imports=options.imports,
        )
        stack.callback(agent.close)
        ctrl_c, kept = stack.enter_context(CtrlC()), Kept()
        screen = stack.enter_context(closing(Shown(snippets, host)))
        ui = None if options.json else Watched(screen, ctrl_c, pieces=False, place=places.in_words(executor))
        given: dict[str, Any] = {"ui": ui, "observers": [kept], "cancellation": ctrl_c.cancellation}
        result = agent.run(options.file, variables=dict(options.variables), **given)
    if options.json:
        facts = {"name": executor.name, "is_sandbox": executor.is_sandbox, "walls": places.walls(executor)}
        print(as_json({"executor": facts, **_outcome(result, kept, snippets)}))
    if ui is not None and ui.unread:
        return PIPE_CLOSED
    _explain(result, kept, snippets, options)
    return _status(result, kept)


def _parser() -> Parser:
    from core_plus_cli import parsing

    parser = parsing.Parser("exec", "Run code in an executor and show all that comes of it.", EXAMPLES)
    parser.add_argument("file", metavar="FILE", help="Python source; - reads it from standard input")
    parsing.add_tool_option(parser.add_argument)
    add = parsing.add_code_options(parser)
    parsing.add_variable_option(add)
    add("--timeout", type=parsing.seconds, default=30.0, metavar="S", help="seconds a cell may take (default: 30)")
    add("--memory", type=parsing.size, metavar="SIZE", help="memory the code may use, such as 256M or 1G")
    parser.add_argument("-k", "--keep-going", action="store_true", help="run the cells after one that failed, too")
    parser.add_argument("--json", action="store_true", help="only what came of it, as one JSON object")
    return parser


def _outcome(result: RunResult[Any], kept: Kept, cells: list[Cell]) -> dict[str, Any]:
    ended = any(cell["error"] for cell in kept.cells)
    return {
        "state": "failed" if ended and result.state == "success" else result.state,
        "error": str(result.error) if result.error else None,
        "questions": [question.text for question in result.questions],
        "cells": kept.cells,
        "not_run": len(cells) - len(kept.cells),
    }


def _explain(result: RunResult[Any], kept: Kept, cells: list[Cell], options: Namespace) -> None:
    """Tell the person what isn't to be seen from the cells themselves."""
    if result.state == "interrupted":
        say("core-plus exec: interrupted")
    elif result.state == "suspended":
        for question in result.questions:
            say(f"core-plus exec: nobody could be asked: {question.text}")
    elif result.error is not None:
        say(f"core-plus exec: {result.error}")
    left = len(cells) - len(kept.cells)
    if result.state == "success" and left and not options.json:
        say(f"{left} more {'cell was' if left == 1 else 'cells were'} not run (--keep-going runs them all)")


def _status(result: RunResult[Any], kept: Kept) -> int:
    from core_plus.errors import ConfigurationError, ExecutorError

    if result.state in ("interrupted", "suspended"):
        return INTERRUPTED if result.state == "interrupted" else SUSPENDED
    if isinstance(result.error, ExecutorError | ConfigurationError) and not kept.cells:
        return WRONG_USAGE
    return FAILED if result.error or any(cell["error"] for cell in kept.cells) else ANSWERED
