"""`core-plus chat`: talk with an agent, task by task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core_plus.hookspecs import hookimpl
from core_plus_cli.command import command

if TYPE_CHECKING:
    from core_plus.hookspecs import Register
    from core_plus.host import Host
    from core_plus_cli.parsing import Parser

EXAMPLES = """
  core-plus chat -m openai:gpt-5
  core-plus chat -t web_search --agent tool_calling
  core-plus chat -c                   go on with the last conversation

in the chat: /help /tools /usage /reset /exit; Ctrl-C stops what the agent does, Ctrl-D leaves
"""


@hookimpl
def register_commands(register: Register) -> None:
    """Declare `chat`."""
    register("chat", main, summary="talk with an agent, task by task")


@command
def main(arguments: list[str], host: Host) -> int:
    """Talk until the person leaves.

    Args:
        arguments: What stands after `chat`.
        host: Where plugins come from.

    Returns:
        The exit status: that of the last task, or 0.
    """
    options = _parser().parse_args(arguments)

    from contextlib import ExitStack, closing

    from core_plus_cli import building, screen
    from core_plus_cli.chatting import Chat
    from core_plus_cli.talking import Talk

    with ExitStack() as stack:
        agent = building.agent(options, host, stack, "chat")
        ui = stack.enter_context(closing(screen.new_screen(host, options.level)))
        talk = stack.enter_context(closing(Talk(agent, ui, pieces=options.stream, go_on=options.go_on)))
        chat = Chat(agent, talk, images=options.images, files=options.files, variables=dict(options.variables))
        return chat.go()


def _parser() -> Parser:
    from core_plus_cli import parsing

    parser = parsing.Parser("chat", "Talk with an agent: each task goes on from those before.", EXAMPLES)
    parsing.add_agent_options(parser)
    parsing.add_task_options(parser)
    parsing.add_screen_options(parser)
    return parser
