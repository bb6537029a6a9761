"""What differs from model to model and from server to server, as data."""

from __future__ import annotations

import re
from typing import Final

import attrs

WITHOUT_STOP: Final = re.compile(r"(?:^|/)(?:o[1-9]|gpt-[5-9]|gpt-[1-9]\d|grok-4|grok-3-mini)")
"""Models that refuse `stop`: those that reason. A model's name may follow a vendor's and a slash."""
OPENAI_HOSTS: Final = ("openai.com", "openai.azure.com")


@attrs.frozen
class Quirks:
    """How a model or server wants its requests; the default is what most servers take.

    Args:
        stop: Whether it takes stop sequences; where not, the reply is cut here.
        max_tokens: The name of the field that limits the reply's tokens.
        stream_usage: Whether to ask for the tokens of a streamed reply.
        thinking: The field in which an assistant message carries its own reasoning back, such as
            "reasoning_content"; None sends none.
        bad_arguments: Whether a tool call goes back with arguments that are no JSON; where not, they are
            wrapped, since chat templates of open models fail on them.
        stops: How many stop sequences it takes.
        schema: Whether it takes a JSON Schema for its answer; where not, it is asked for any JSON object, and
            what the prompt says of the form must do.
        call_ids: How many letters and digits the id of a tool call must have (Mistral: 9); others' ids are
            written as such. None takes any id.
        strict: Whether it refuses ids of calls over 40 characters, and names of other characters than letters,
            digits, "_" and "-", as OpenAI's own servers do.
    """

    stop: bool = True
    max_tokens: str = "max_tokens"
    stream_usage: bool = True
    thinking: str | None = None
    bad_arguments: bool = False
    stops: int = 4
    schema: bool = True
    call_ids: int | None = None
    strict: bool = False


def quirks_of(model_id: str, host: str) -> Quirks:
    """What is known of a model at a server.

    Args:
        model_id: The model's name there.
        host: The server's host name.
    """
    official = is_openai(host)
    return Quirks(
        stop=not WITHOUT_STOP.search(model_id),
        max_tokens="max_completion_tokens" if official else "max_tokens",
        bad_arguments=official,
        strict=official,
    )


def is_openai(host: str) -> bool:
    """Whether a server is OpenAI's own, or its twin at Azure.

    Args:
        host: The server's host name.
    """
    return any(host == name or host.endswith(f".{name}") for name in OPENAI_HOSTS)
