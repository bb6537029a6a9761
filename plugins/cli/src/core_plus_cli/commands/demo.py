"""`core-plus demo`: watch an agent work, without a key and without the network."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import hookimpl
from core_plus_cli.command import command, say

if TYPE_CHECKING:
    from argparse import Namespace
    from contextlib import ExitStack

    from core_plus.hookspecs import Register
    from core_plus.host import Host
    from core_plus_cli.parsing import Parser

EXAMPLES = """
  core-plus demo                       the model's turns are scripted, all else is real
  core-plus demo --no-pause            as fast as it goes
  core-plus demo -m openai:gpt-5       the same task for a real model
"""
TASK = (
    "readings.csv holds two years of daily readings from four weather stations. Which station is the warmest on "
    "average, what was the hottest day at any of them, and which month was the wettest? Some rows are faulty: say "
    "how many you left out, and how many you converted."
)
SCRIPTED = "The model's turns are scripted and the readings synthetic; all else really runs."
NEXT = 'Now with a model of your own: core-plus run -m provider:id "TASK"'
PAUSE = 0.03
"""Seconds before each word of a scripted turn."""


@hookimpl
def register_commands(register: Register) -> None:
    """Declare `demo`."""
    register("demo", main, summary="watch an agent work, without a key and without the network")


@command
def main(arguments: list[str], host: Host) -> int:
    """Run an agent over a file of weather readings.

    Args:
        arguments: What stands after `demo`.
        host: Where plugins come from.

    Returns:
        The exit status.
    """
    options = _parser().parse_args(arguments)

    from contextlib import ExitStack, closing

    from core_plus import CodeAgent
    from core_plus_cli import places, screen
    from core_plus_cli.demo.tools import describe_file, read_rows, station_info
    from core_plus_cli.talking import Talk

    ref = options.model or os.environ.get("CORE_PLUS_MODEL")
    with ExitStack() as stack:
        executor = places.chosen(options, host, stack)
        model = _model(ref, options.base_url, host, stack) if ref else _script(options, host, stack)
        agent: CodeAgent[Any, Any] = CodeAgent(
            name="demo",
            host=host,
            model=model,
            tools=[describe_file, read_rows, station_info],
            executor=executor,
            max_steps=10,
            planning_interval=10,
        )
        ui = stack.enter_context(closing(screen.new_screen(host, options.level)))
        talk = stack.enter_context(closing(Talk(agent, ui, pieces=options.stream, keep=False)))
        result = talk.do(TASK)
        talk.explain(result, "demo")
    if ref is None and result.answered and not talk.unread and options.level != "quiet":
        say(NEXT)
    return talk.status(result)


def _parser() -> Parser:
    from core_plus_cli import parsing

    parser = parsing.Parser("demo", "Watch an agent work on a file of weather readings.", EXAMPLES)
    parser.add_argument("-m", "--model", metavar="MODEL", help="provider:id of a real model (else CORE_PLUS_MODEL)")
    parser.add_argument("--base-url", metavar="URL", help="where the provider's server is")
    parser.add_argument("--no-pause", action="store_true", help="don't write the scripted turns word by word")
    parsing.add_place_options(parser)
    parser.set_defaults(settings=[])
    parsing.add_screen_options(parser)
    return parser


def _model(ref: str, base_url: str | None, host: Host, stack: ExitStack) -> Any:
    from core_plus_cli import choosing, credentials

    for problem in stack.enter_context(credentials.in_environment()):
        say(f"core-plus demo: {problem}")
    return choosing.model(ref, base_url, host, stack)


def _script(options: Namespace, host: Host, stack: ExitStack) -> Any:
    """The model that follows the script, which the person is told of."""
    from importlib import resources

    turns = stack.enter_context(resources.as_file(resources.files("core_plus_cli.demo") / "turns.md"))
    quiet = options.level == "quiet"
    print(SCRIPTED, file=sys.stderr if quiet else sys.stdout, flush=True)
    watched = sys.stdout.isatty() and "CI" not in os.environ and not quiet
    pause = PAUSE if watched and not options.no_pause else 0.0
    return host.find("model", "scripted").factory(str(turns), name="the demo's turns", delay=pause)
