"""`core-plus run`: do a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core_plus.hookspecs import hookimpl
from core_plus_cli.command import as_json, command

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from core_plus.hookspecs import Register
    from core_plus.host import Host
    from core_plus.run import Run
    from core_plus_cli.parsing import Parser

EXAMPLES = """
  core-plus run "What is the 100th prime?" -m openai:gpt-5
  core-plus run "Sum up this report" --file report.pdf
  git diff | core-plus run "Review this change"
  core-plus run "Which city is warmer?" -t weather.py -t web_search
  core-plus run -m openai:qwen3 --base-url http://127.0.0.1:11434/v1 "Say hello"
  core-plus run -c "And the 101st?"

exit status: 0 answered, 1 failed, 2 wrong usage, 3 waits for an answer, 130 interrupted
"""


@hookimpl
def register_commands(register: Register) -> None:
    """Declare `run`."""
    register("run", main, summary="do a task")


@command
def main(arguments: list[str], host: Host) -> int:
    """Do a task, show it, and keep it for `-c`.

    Args:
        arguments: What stands after `run`.
        host: Where plugins come from.

    Returns:
        The exit status.
    """
    options = _parser().parse_args(arguments)

    from contextlib import ExitStack, closing

    from core_plus_cli import building, inputs, journals, screen
    from core_plus_cli.talking import Talk

    task, attachments = inputs.task_and_attachment(options.task)
    with ExitStack() as stack:
        agent = building.agent(options, host, stack, "run", options.task)
        ui = None if options.json else stack.enter_context(closing(screen.new_screen(host, options.level)))
        talk = stack.enter_context(closing(Talk(agent, ui, pieces=options.stream, go_on=options.go_on)))
        given = {"images": options.images, "files": options.files, "attachments": attachments}
        if (journal := journals.keeping(options.journal, arguments, host)) is not None:
            given["journal"] = journal
        result = talk.do(task, variables=dict(options.variables), **given)
    if options.json:
        print(as_json(result.as_dict()))
    else:
        talk.explain(result, "run")
    return talk.status(result)


def go_on(arguments: list[str], wishes: Namespace, host: Host, begin: Callable[..., Run]) -> int:
    """Go on with a kept run, shown as `run` shows it.

    Args:
        arguments: The command line that it was begun with.
        wishes: Of the screen: `level` and `json`.
        host: Where plugins come from.
        begin: Gives the run; see `Talk.go_on`.

    Returns:
        The exit status.
    """
    options = _parser().parse_args(arguments)

    from contextlib import ExitStack, closing

    from core_plus_cli import building, screen
    from core_plus_cli.talking import Talk

    with ExitStack() as stack:
        agent = building.agent(options, host, stack, "run", options.task)
        ui = None if wishes.json else stack.enter_context(closing(screen.new_screen(host, wishes.level)))
        talk = stack.enter_context(closing(Talk(agent, ui, pieces=options.stream)))
        result = talk.go_on(begin)
    if wishes.json:
        print(as_json(result.as_dict()))
    else:
        talk.explain(result, "run")
    return talk.status(result)


def _parser() -> Parser:
    from core_plus_cli import parsing

    parser = parsing.Parser("run", "Do a task. What standard input holds goes with it.", EXAMPLES)
    parser.add_argument("task", nargs="?", metavar="TASK", help="what to do, in words; - reads it from standard input")
    parsing.add_agent_options(parser)
    parsing.add_task_options(parser)
    parser.add_argument("--journal", metavar="FILE", help="where the run is kept; none keeps it nowhere")
    parsing.add_screen_options(parser, json_too=True)
    return parser
