"""Calls and their results, paired as every provider wants them, whatever became of a conversation on its way.

The rule of all APIs: each result answers a call of the turn right before it, and each call of a turn is answered
there. A memory that left out old messages, a run that ended in the middle, or a conversation begun elsewhere breaks
it. `settled` mends that. Where there is nothing to mend, it costs one look at each message, whose facts are kept with
it; what it makes is kept with the messages too, so that their wire bytes are made once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from core_plus.messages import AnyPart, Message, Text, ToolCall, ToolResult

Ids: TypeAlias = tuple[str, ...]
Facts: TypeAlias = tuple[Ids, Ids]
"""The ids of a message's calls, and those of its results."""

FACTS: Final = "http.turns"
RENAMED: Final = "http.turns.renamed"
ANSWERS: Final = "http.turns.answers"
REST: Final = "http.turns.rest"
NEVER: Final[Ids] = ("", "", "never")
"""Stands for the results of a message that isn't well by itself: no turn asks for just these."""
END: Final = Message("user")
LOST: Final = "no result was kept"
FORM: Final = re.compile(r"[a-zA-Z0-9_-]+")
LONGEST: Final = 64


def settled(messages: Sequence[Message]) -> Sequence[Message]:
    """A conversation in which every call is answered in the next message, and every result answers a call.

    A result without its call becomes words of the user; a call without a result gets an error that says so; results
    come right after their calls, and calls of one turn that share an id get ids of their own.

    Args:
        messages: The conversation.

    Returns:
        The same object where nothing had to be mended.
    """
    return messages if _sound(messages) else _mended(messages)


def leading(messages: Sequence[Message]) -> int:
    """How many messages at the beginning are the system's; later ones stand in the conversation.

    Args:
        messages: The conversation.
    """
    return next((count for count, message in enumerate(messages) if message.role != "system"), len(messages))


def call_id(given: str, most: int = LONGEST) -> str:
    """A call's id in the form that the strictest APIs take: letters, digits, "_" and "-".

    Args:
        given: The id in the conversation, perhaps another provider's.
        most: Characters that it may have.
    """
    if len(given) <= most and FORM.fullmatch(given):
        return given
    return hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()[:most]


def call_name(given: str) -> str:
    """A called tool's name in the form that the strictest APIs take; a model may have made it up.

    Args:
        given: The name in the conversation.
    """
    if len(given) <= LONGEST and FORM.fullmatch(given):
        return given
    return re.sub(r"[^a-zA-Z0-9_-]", "_", given)[:LONGEST] or "_"


def called_names(messages: Sequence[Message]) -> list[str]:
    """The names of the tools that were called, each once, in order.

    Args:
        messages: The conversation.
    """
    return [*dict.fromkeys(call.name for message in messages for call in message.tool_calls)]


def _sound(messages: Sequence[Message]) -> bool:
    owed: Ids = ()
    for message in messages:
        asks, answers = message.__dict__.get(FACTS) or _facts(message)
        if answers == owed:
            owed = asks
        elif not owed or not answers or (left := _left(owed, answers)) is None:
            return False
        elif left and len(answers) < len(message.parts):
            return False  # something stands between the results of one turn
        else:
            owed = left
    return not owed


def _facts(message: Message) -> Facts:
    """What `_sound` asks of a message, found out once."""
    facts: Facts = ((), ())
    if message.role == "assistant":
        asks = tuple(part.id for part in message.parts if isinstance(part, ToolCall))
        facts = (asks, () if len({*asks}) == len(asks) else NEVER)
    elif answers := tuple(part.id for part in message.parts if isinstance(part, ToolResult)):
        facts = ((), answers if message.role == "tool" else NEVER)
    message.__dict__[FACTS] = facts
    return facts


def _left(owed: Ids, answers: Ids) -> Ids | None:
    """The calls that are still unanswered; None where a result answers none."""
    left = [*owed]
    for answered in answers:
        if answered not in left:
            return None
        left.remove(answered)
    return tuple(left)


class _Turn:
    """A message with calls, and the results that were found for them."""

    def __init__(self, message: Message) -> None:
        self.message = _renamed(message)
        self.answers: dict[str, ToolResult] = {}

    def messages(self) -> Iterator[Message]:
        yield self.message
        parts = tuple(
            self.answers.get(call.id) or ToolResult(call.id, call.name, (Text(LOST),), is_error=True)
            for call in self.message.tool_calls
        )
        yield _kept(self.message, ANSWERS, Message("tool", parts))


def _mended(messages: Sequence[Message]) -> list[Message]:
    out: list[Message | _Turn] = []
    open_calls: dict[str, list[tuple[_Turn, str]]] = {}
    after, answered = (*messages[1:], END), END
    for message, following in zip(messages, after, strict=True):
        asks, answers = message.__dict__.get(FACTS) or _facts(message)
        for asked in asks:
            open_calls.pop(asked, None)  # an id that is used again closes the older call
        if asks and not answers and (following.__dict__.get(FACTS) or _facts(following)) == ((), asks):
            answered = following  # a sound turn, as most are
            out += [message, following]
        elif asks:
            out.append(_opened(message, open_calls))
        elif not answers:
            out.append(message)
        elif message is not answered and (rest := _rest(message, open_calls)):
            role = "user" if message.role == "tool" else message.role
            out.append(_kept(message, REST, Message(role, tuple(rest), message.data)))
    return [each for item in out for each in (item.messages() if isinstance(item, _Turn) else (item,))]


def _opened(message: Message, open_calls: dict[str, list[tuple[_Turn, str]]]) -> _Turn:
    turn = _Turn(message)
    for call, own in zip(message.tool_calls, turn.message.tool_calls, strict=True):
        open_calls.setdefault(call.id, []).append((turn, own.id))
    return turn


def _rest(message: Message, open_calls: dict[str, list[tuple[_Turn, str]]]) -> list[AnyPart]:
    """Give a message's results to their calls; the rest is what it says besides."""
    rest: list[AnyPart] = []
    for part in message.parts:
        if not isinstance(part, ToolResult):
            rest.append(part)
        elif waiting := open_calls.get(part.id):
            turn, own = waiting.pop(0)
            turn.answers[own] = part if part.id == own else msgspec.structs.replace(part, id=own)
        else:
            did = "failed with" if part.is_error else "gave"
            rest += [Text(f"An earlier call of {part.name} {did}:\n"), *part.parts]
    return rest


def _renamed(message: Message) -> Message:
    """The message, calls that share an id told apart."""
    taken: set[str] = set()
    parts: list[AnyPart] = []
    for part in message.parts:
        if isinstance(part, ToolCall):
            own = next(name for name in _names(part.id) if name not in taken)
            taken.add(own)
            parts.append(part if own == part.id else msgspec.structs.replace(part, id=own))
        else:
            parts.append(part)
    if len(taken) == len({call.id for call in message.tool_calls}):
        return message
    return _kept(message, RENAMED, Message(message.role, tuple(parts), message.data))


def _names(given: str) -> Iterator[str]:
    yield given
    number = 2
    while True:
        yield f"{given}_{number}"
        number += 1


def _kept(home: Message, key: str, made: Message) -> Message:
    """A message that was made of another: the one made last time, where it says the same, for its wire bytes."""
    kept: dict[Any, Any] = home.__dict__
    found: Message | None = kept.get(key)
    if found is None or found != made:
        found = kept[key] = made
    return found
