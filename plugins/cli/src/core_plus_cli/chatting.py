"""The terminal side of a chat: reading what is typed, and the commands that begin with a slash."""

from __future__ import annotations

import contextlib
import difflib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from typing import Any

from core_plus.agents import MultiStepAgent
from core_plus.messages import Usage
from core_plus_cli import storage
from core_plus_cli.command import ANSWERED, say
from core_plus_cli.talking import Talk

PROMPT, MORE = "\n> ", ". "
HISTORY = 1000
"""Lines of history that are kept."""
MORE_HELP = """\
  /exit    leave (or Ctrl-D)
  Ctrl-C   stop what the agent does
  \\        at the end of a line: the task goes on in the next"""
LEAVING = ("/exit", "/quit")


class Chat:
    """A chat in the terminal, or with lines that are piped in.

    Args:
        agent: Who talks.
        talk: The conversation.
        **first: What goes with the first task, as for an agent's `run`.
    """

    def __init__(self, agent: MultiStepAgent[Any, Any], talk: Talk, **first: Any) -> None:
        self._agent, self._talk, self._first = agent, talk, first
        self._usage, self._tasks = Usage(), 0
        self._commands: dict[str, tuple[Callable[[], None], str]] = {
            "/help": (self._help, "show this list"),
            "/tools": (self._tools, "show the tools that the agent has"),
            "/usage": (self._show_usage, "show the tokens used so far"),
            "/reset": (self._reset, "begin a new conversation"),
        }

    def go(self) -> int:
        """Talk until the person leaves.

        Returns:
            The exit status: that of the last task where the tasks were piped in, else 0.
        """
        status, at_terminal = ANSWERED, sys.stdin.isatty()
        if at_terminal:
            say("Type a task and press Enter; /help shows what else there is, Ctrl-D leaves.")
        with _history(at_terminal):
            for task in _typed(at_terminal):
                if task in LEAVING:
                    break
                if task.startswith("/"):
                    self._obey(task)
                    continue
                status = self._do(task)
                if self._talk.unread:
                    return status
        return ANSWERED if at_terminal else status

    def _do(self, task: str) -> int:
        result = self._talk.do(task, **self._first)
        self._first = {}
        self._usage += result.usage
        self._tasks += 1
        self._talk.explain(result, "chat")
        return self._talk.status(result)

    def _obey(self, word: str) -> None:
        if word in self._commands:
            self._commands[word][0]()
            return
        near = difflib.get_close_matches(word, [*self._commands, *LEAVING], 1)
        say(f"There is no {word}; {f'did you mean {near[0]}?' if near else '/help shows what there is.'}")

    def _help(self) -> None:
        for name, (_, what) in self._commands.items():
            print(f"  {name:<8} {what}")
        print(MORE_HELP)

    def _tools(self) -> None:
        for tool in self._agent.bind().tools.values():
            print(f"  {tool.to_tool_calling_prompt()}")

    def _show_usage(self) -> None:
        used, estimated = self._usage, " (estimated in part)" if self._usage.unknown_calls else ""
        tasks, calls = ("" if count == 1 else "s" for count in (self._tasks, used.calls))
        print(f"  {self._tasks} task{tasks}, {used.calls} model call{calls}")
        print(f"  {used.input_tokens:,} tokens read, {used.output_tokens:,} written{estimated}")

    def _reset(self) -> None:
        self._talk.forget()
        say("A new conversation: the agent remembers nothing of the old one.")


def _typed(at_terminal: bool) -> Iterator[str]:
    """What is typed, task by task, up to the end of the input."""
    lines = list[str]()
    while True:
        try:
            line = input((MORE if lines else PROMPT) if at_terminal else "")
        except EOFError:
            if at_terminal:
                print()
            if task := "\n".join(lines).strip():
                yield task
            return
        except KeyboardInterrupt:
            lines.clear()  # what was typed is given up, as in a shell
            say("\n(Ctrl-D leaves)")
            continue
        lines.append(line.removesuffix("\\"))
        if not line.endswith("\\"):
            if task := "\n".join(lines).strip():
                yield task
            lines.clear()


@contextlib.contextmanager
def _history(at_terminal: bool) -> Iterator[None]:
    """Keep what is typed, for the arrow keys, from chat to chat."""
    if not at_terminal or importlib.util.find_spec("readline") is None:  # Windows has none
        yield
        return
    import readline

    path = storage.state_folder() / "chat-history"
    with contextlib.suppress(OSError):  # none yet, or of another make of readline
        readline.read_history_file(path)
    try:
        yield
    finally:
        readline.set_history_length(HISTORY)
        storage.write(path, b"")  # private from the start; readline keeps the mode
        with contextlib.suppress(OSError):
            readline.write_history_file(path)
