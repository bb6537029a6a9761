"""Asking a person at the terminal."""

from __future__ import annotations

import select
import sys
from collections.abc import Callable, Sequence
from typing import TextIO

from rich.console import RenderableType
from rich.text import Text

from core_plus.effects import Question
from core_plus.messages import ToolCall
from core_plus_rich import text as words
from core_plus_rich.blocks import blocks_of
from core_plus_rich.render import PROSE, Beside, Glyphs, block, code

YES_NO = ("yes", "no")


def choices_of(question: Question) -> tuple[str, ...]:
    """What may be answered; () is anything.

    Args:
        question: What is asked; an approval without choices is yes or no.
    """
    return question.choices or (YES_NO if question.kind == "approval" else ())


def show(question: Question, glyphs: Glyphs, code_is_shown: bool) -> list[RenderableType]:
    """The question and what belongs to it.

    Args:
        question: What is asked.
        glyphs: The signs to use.
        code_is_shown: Whether the person has the code before them already.
    """
    sign, indent = Text(f"{glyphs.ask} ", "cp.question"), Text("  ")
    shown: list[RenderableType] = [Beside(Text(words.clean(question.text), "bold"), sign, indent, PROSE)]
    for name, fact in question.details.items():
        if name == "code" and isinstance(fact, str):
            shown += [] if code_is_shown else code(fact)
        elif name == "plan" and isinstance(fact, str):
            shown += [Beside(part, indent) for item in blocks_of(fact) for part in block(item)]
        elif name == "tool" and "arguments" in question.details:
            # Whole, not shortened: what is hidden can't be approved.
            called, arguments = words.call(ToolCall("", str(fact), question.details["arguments"]), 100_000)
            shown.append(Beside(Text.assemble((called, "cp.tool"), f"({arguments})"), indent, Text("    ")))
        elif name not in ("arguments", "what"):
            said = words.clean(fact) if isinstance(fact, str) else words.describe(fact, 100_000)
            shown.append(Beside(Text(f"{words.one_line(name)}: {said}"), indent, Text("    ")))
    return shown


def hint(question: Question) -> str:
    """What may be typed: `yes / no / always, or why not [no]`.

    Args:
        question: What is asked.
    """
    default = words.describe(question.default) if question.default is not None else ""
    facts = " / ".join(words.one_line(choice) for choice in choices_of(question))
    if question.kind == "approval":
        facts += ", or why not"
    return f"{facts} [{default}]".strip() if default else facts


def answer(question: Question, read: Callable[[], str], complain: Callable[[str], None]) -> object:
    """Read until there is an answer.

    Args:
        question: What is asked.
        read: Reads a line; EOFError says that nobody is there.
        complain: Is told why a line is no answer.

    Returns:
        One of the choices, the question's default for an empty line, or what was typed; None at the end of
        the input.
    """
    choices = choices_of(question)
    while True:
        try:
            typed = read().strip()
        except EOFError:
            return None
        if not typed and question.default is not None:
            default: object = question.default
            return default
        if not choices:
            return typed
        found = match(typed, choices)
        if found is not None:
            return found
        if question.kind == "approval" and len(typed.split()) > 1:
            return typed
        complain(f"please answer one of: {', '.join(map(words.one_line, choices))}")


def forget_typed(stdin: TextIO) -> None:
    """Throw away what was typed before the question stood there: it is no answer to it.

    Args:
        stdin: A terminal.
    """
    if sys.platform != "win32":
        import termios

        termios.tcflush(stdin.fileno(), termios.TCIFLUSH)


def read_line(stdin: TextIO, given_up: Callable[[], bool]) -> str:
    """A line from a terminal.

    Args:
        stdin: The terminal.
        given_up: Says whether the answer isn't wanted any more; looked at five times a second, where the
            system can wait for a terminal (not on Windows).

    Raises:
        EOFError: The input ended, or the answer isn't wanted any more.
    """
    if sys.platform != "win32":
        while not select.select([stdin], [], [], 0.2)[0]:
            if given_up():
                raise EOFError
    line = stdin.readline()
    if not line:
        raise EOFError
    return line


def match(typed: str, choices: Sequence[str]) -> str | None:
    """The choice that was meant: its name, its number from 1, or a beginning that only it has.

    Args:
        typed: What was typed.
        choices: What there is.
    """
    wanted = typed.casefold()
    exact = [choice for choice in choices if choice.casefold() == wanted]
    if exact:
        return exact[0]
    if wanted.isdecimal() and 1 <= int(wanted) <= len(choices):
        return choices[int(wanted) - 1]
    begun = [choice for choice in choices if wanted and choice.casefold().startswith(wanted)]
    return begun[0] if len(begun) == 1 else None
