"""How many tokens messages have: by the model's own counter, else by tiktoken, else by an estimate."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from core_plus.effects import Consult, Effects
from core_plus.errors import ConfigurationError, JournalError, LimitReached
from core_plus.events import Warned
from core_plus.messages import Media, Message, Text, Thinking, ToolCall, ToolResult
from core_plus.models import ModelRequest
from core_plus.run import Run

By: TypeAlias = Literal["auto", "model", "tiktoken", "estimate"]
NAMES = ("auto", "model", "tiktoken", "estimate")
BYTES = 3
"""Bytes of a token in an estimate: about 4 in English, 3 in code, 2 to 3 in scripts of several bytes a letter."""
EACH = 8
"""Tokens of the marks around a message."""
MEDIA = 1_500
"""Tokens of a picture or another medium, a guess: providers count by size, pages or seconds."""
ENCODING = "o200k_base"
"""The encoding of tiktoken for models that it doesn't know."""


class Ruler:
    """How a run's messages are counted.

    Attributes:
        by: "model", "tiktoken" or "estimate".
        is_estimate: Whether the counts are only roughly right.
        scale: What the local count is multiplied by, learned from the model's own counts.
        checked: Whether `scale` was learned.
    """

    def __init__(self, by: str, encoding: str = "") -> None:
        self.by, self.is_estimate, self.scale, self.checked = by, by == "estimate", 1.0, False
        self._count: Callable[[str], int] = _tiktoken(encoding) if by == "tiktoken" else _bytes
        self._key = ("core_plus_memory", by, encoding)

    def of(self, messages: Sequence[Message]) -> float:
        """Tokens of messages, without asking anybody.

        Args:
            messages: Any; each keeps what it measured.
        """
        total = 0
        for said in messages:
            kept: dict[Any, int] = said.__dict__
            if self._key not in kept:
                kept[self._key] = EACH + _size(said.parts, self._count)
            total += kept[self._key]
        return total * self.scale

    def is_sure(self, total: float, most: float) -> bool:
        """Whether a count is below a limit for sure, so that the model's own counter needn't be asked.

        Args:
            total: What `of` gave.
            most: The limit.
        """
        # A token stands for one byte at least. Once the scale is known, a tenth is room enough for what differs.
        return self.by != "model" or total * (1.1 if self.checked else BYTES) <= most

    def ask(self, run: Run, messages: Sequence[Message]) -> Effects:
        """Tokens of messages by the model's own counter, kept in the run's journal; the ruler learns from it.

        Args:
            run: In progress.
            messages: A conversation.

        Returns:
            The count; an estimate where the counter fails, from then on.
        """
        model = run.bound.model
        count = getattr(model, "acount_tokens", None) or model.count_tokens
        request = ModelRequest(tuple(messages), cancellation=run.cancellation)
        try:
            found = yield Consult(function=functools.partial(count, request), name="count_tokens")
        except (LimitReached, JournalError):
            raise
        except Exception as error:
            run.emit(Warned(text=f"{model} can't count tokens ({error}); the memory estimates them from now on"))
            self.by, self.is_estimate = "estimate", True
            return self.of(messages)
        local = self.of(messages) / self.scale
        self.scale, self.checked = max(found / local, 0.01) if local else 1.0, True
        return float(found)


def ruler(run: Run, by: str = "auto") -> Effects:
    """The ruler of a run, chosen once and kept with it; the choice stands in the run's journal.

    Args:
        run: In progress.
        by: Who counts; "auto" takes the model's own counter, else tiktoken where it is installed, else an estimate.

    Returns:
        A `Ruler`.
    """
    key = ("core_plus_memory", by)
    if key not in run.notes:
        chosen: Sequence[str] = (by, "")
        if by != "estimate":
            chosen = yield Consult(function=functools.partial(_chosen, run.bound.model, by), name="token counter")
        run.notes[key] = Ruler(*chosen)
    return run.notes[key]


def _chosen(model: Any, by: str) -> list[str]:
    """Who counts, and with which of tiktoken's encodings."""
    if by in ("auto", "model") and (hasattr(model, "acount_tokens") or hasattr(model, "count_tokens")):
        return ["model", ""]
    if by == "model":
        raise ConfigurationError(f"{model} counts no tokens: let the memory count by 'tiktoken' or 'estimate'")
    if found := _encoding(str(getattr(model, "model_id", None) or model).rpartition(":")[2]):
        return ["tiktoken", found]
    if by == "tiktoken":
        raise ConfigurationError(
            "tiktoken isn't installed, or can't fetch its tables: pip install tiktoken, or count by 'estimate'"
        )
    return ["estimate", ""]


@functools.cache
def _encoding(model_id: str) -> str:
    """The name of tiktoken's encoding for a model; "" where it isn't installed or can't be loaded, looked up once."""
    if importlib.util.find_spec("tiktoken") is None:
        return ""
    tiktoken = importlib.import_module("tiktoken")
    try:
        name = str(tiktoken.encoding_name_for_model(model_id))
    except KeyError:
        name = ENCODING
    try:
        tiktoken.get_encoding(name)  # fetches its tables when it is first used
    except OSError:  # no network and no cache; what requests raises is one
        return ""
    return name


def _tiktoken(encoding: str) -> Callable[[str], int]:
    encoder = importlib.import_module("tiktoken").get_encoding(encoding)
    return lambda text: len(encoder.encode_ordinary(text))


def _bytes(text: str) -> int:
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES)


def _size(parts: Sequence[Any], count: Callable[[str], int]) -> int:
    return sum(_size_of(part, count) for part in parts)


def _size_of(part: Any, count: Callable[[str], int]) -> int:
    if isinstance(part, Text):
        return count(part.text)
    if isinstance(part, Thinking):
        return count(f"{part.text}{part.signature or ''}{_json(part.data)}")
    if isinstance(part, ToolCall):
        return count(f"{part.id} {part.name} {_json(part.arguments)}{_json(part.data)}")
    if isinstance(part, ToolResult):
        return count(f"{part.id} {part.name}") + _size(part.parts, count)
    return MEDIA if isinstance(part, Media) else 0


def _json(data: Any) -> str:
    if data is None:
        return ""
    try:
        return msgspec.json.encode(data, enc_hook=repr).decode()
    except (TypeError, ValueError):
        return repr(data)
