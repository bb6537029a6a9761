"""A server's question to the person (elicitation), as questions of the run: one for each field of its form."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, Final

from core_plus import Question
from core_plus.effects import AskHuman

DECLINED: Final = ("decline", "no", "n", "reject")
CANCELLED: Final = ("cancel", "abort")
TRIES: Final = 3
"""How often a field is asked for whose answer doesn't fit."""


class Left(Exception):
    """The person doesn't want to answer.

    Args:
        action: "decline" or "cancel".
    """

    def __init__(self, action: str) -> None:
        super().__init__(action)
        self.action = action


def asked(server: str, params: Mapping[str, Any]) -> Generator[Any, Any, dict[str, Any]]:
    """Ask the person what a server wants to know.

    Args:
        server: The server's name, which the person sees.
        params: Of an elicitation, of a form or a URL, as the protocol has it.

    Returns:
        The answer, as the protocol has it.
    """
    head = f"MCP server {server!r} asks: {params['message']}"
    try:
        if params.get("mode") == "url":
            yield from _one(f"{head}\nOpen {params['url']}, then go on.", ("done",), {})
            return {"action": "accept"}
        return {"action": "accept", "content": (yield from _form(head, params["requestedSchema"]))}
    except Left as left:
        return {"action": left.action}


def _form(message: str, schema: Mapping[str, Any]) -> Generator[Any, Any, dict[str, Any]]:
    fields: Mapping[str, Any] = schema.get("properties") or {}
    required = schema.get("required") or ()
    if not fields:
        yield from _one(message, ("accept",), {"schema": schema})
    content: dict[str, Any] = {}
    for number, (name, field) in enumerate(fields.items()):
        head = message if number == 0 else f"(as before) {message.partition(chr(10))[0]}"
        found = yield from _field(head, name, field, name in required, schema)
        if isinstance(found, Mapping):  # a UI that shows forms answers all of it at once
            return dict(found)
        if found is not None:
            content[name] = found
    return content


def _field(message: str, name: str, field: Mapping[str, Any], needed: bool, schema: Any) -> Generator[Any, Any, Any]:
    title, words = field.get("title") or name, field.get("description") or ""
    text = f"{message}\n{title}{f': {words}' if words and words != title else ''}{'' if needed else ' (may be empty)'}"
    choices, details = tuple(choices_of(field)), {"field": name, "schema": dict(schema)}
    for _ in range(TRIES):
        answer = yield from _one(text, choices, details, field.get("default"))
        if isinstance(answer, Mapping):
            return answer
        if answer == "" and not needed:
            return None
        try:
            return fitted(answer, field)
        except ValueError as error:
            text = f"{text.partition(' [')[0]} [{error}]"
    raise Left("cancel")


def _one(text: str, choices: tuple[str, ...], details: dict[str, Any], default: Any = None) -> Generator[Any, Any, Any]:
    ways = (*choices, "decline") if choices else ()
    answer = yield AskHuman(question=Question(text=text, choices=ways, details=details, default=default))
    word = answer.strip() if isinstance(answer, str) else answer
    if isinstance(word, str) and word not in choices:
        if word.lower() in DECLINED:
            raise Left("decline")
        if word.lower() in CANCELLED:
            raise Left("cancel")
    return word


def choices_of(field: Mapping[str, Any]) -> list[str]:
    """What may be answered to a field, where that is limited to one of several.

    Args:
        field: Its schema: `enum`, or `oneOf` with `const`, or a boolean.
    """
    if field.get("type") == "boolean":
        return ["true", "false"]
    if field.get("type") == "array":
        return []
    return [str(one) for one in field.get("enum") or [each.get("const") for each in field.get("oneOf") or ()]]


def fitted(answer: Any, field: Mapping[str, Any]) -> Any:
    """An answer as a field's type wants it.

    Args:
        answer: What the person said.
        field: Its schema: string, number, integer, boolean, or an array of choices.

    Raises:
        ValueError: It doesn't fit; the text says what would.
    """
    kind = field.get("type")
    if kind == "boolean":
        words = {"true": True, "yes": True, "y": True, "false": False, "no": False, "n": False}
        found = answer if isinstance(answer, bool) else words.get(str(answer).lower())
        if found is None:
            raise ValueError("answer true or false")
        return found
    if kind in ("integer", "number"):
        try:
            number = float(answer)
        except (TypeError, ValueError):
            raise ValueError("answer a number") from None
        whole = number.is_integer()
        if kind == "integer" and not whole:
            raise ValueError("answer a whole number")
        low, high = field.get("minimum", number), field.get("maximum", number)
        if not low <= number <= high:
            raise ValueError(f"answer a number from {low:g} to {high:g}")
        return int(number) if whole else number
    if kind == "array":
        return list(answer) if isinstance(answer, list | tuple) else [word.strip() for word in str(answer).split(",")]
    choices = choices_of(field)
    if choices and str(answer) not in choices:
        raise ValueError(f"answer one of {', '.join(choices)}")
    return str(answer)
