"""Observations cut in the middle, and pictures left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2s
from typing import Any

import attrs
import msgspec

from core_plus.effects import Effects
from core_plus.errors import ConfigurationError
from core_plus.messages import AnyPart, Image, Message, Text, ToolResult
from core_plus.run import Run
from core_plus_memory.pieces import Piece
from core_plus_memory.stage import Stage
from core_plus_memory.window import is_positive

NO_PICTURE = "[A picture stood here; it is left out.]"


def _from_zero(_: object, attribute: Any, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigurationError(f"{attribute.name} is a whole number from 0, not {value!r:.80}")


def key_of(text: str) -> str:
    """What an observation that was cut is called: the same for the same text.

    Args:
        text: The whole.
    """
    return blake2s(text.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()


@attrs.frozen(kw_only=True, eq=False)
class TruncateObservations(Stage):
    """Long observations keep their head and tail; the middle is replaced by a line that says how much is missing.

    Where the agent has the tool `read_observation`, the line says how to get the whole. What an agent observes was cut
    once before, at its `max_observation` characters: set that high, and this decides what is shown.

    Args:
        most: Characters that are shown of an observation.
        whole: How many of the newest steps are shown whole.

    Raises:
        ConfigurationError: A number makes no sense.
    """

    most: int = attrs.field(default=4_000, validator=is_positive)
    whole: int = attrs.field(default=0, validator=_from_zero)

    def shape(self, run: Run, pieces: Iterable[Piece]) -> Effects:
        yield from ()
        return self._shaped(pieces, "read_observation" in run.tools)

    def _shaped(self, pieces: Iterable[Piece], readable: bool) -> Iterator[Piece]:
        steps = 0
        for piece in pieces:
            steps += piece.kind == "action"
            if piece.kind in ("action", "given") and not (piece.kind == "action" and steps <= self.whole):
                observed = ("tool", "user") if piece.kind == "action" else ("tool",)
                cut = [self._cut(said, readable) if said.role in observed else said for said in piece.messages]
                piece = msgspec.structs.replace(piece, messages=tuple(cut))
            yield piece

    def _cut(self, said: Message, readable: bool) -> Message:
        """A message with its texts cut, made once and kept with it, so that codecs encode it once."""
        return _made(said, ("core_plus_memory", self.most, readable), lambda part: self._shortened(part, readable))

    def _shortened(self, part: AnyPart, readable: bool) -> AnyPart:
        if type(part) is not Text or len(part.text) <= self.most:
            return part
        missing, head = len(part.text) - self.most, self.most // 2
        way = f'; read_observation("{key_of(part.text)}") gives the whole' if readable else ""
        line = f"\n[… {missing} characters left out{way} …]\n"
        return Text(part.text[:head] + line + part.text[len(part.text) - (self.most - head) :])


@attrs.frozen(kw_only=True, eq=False)
class DropImages(Stage):
    """The newest pictures stay, older ones are replaced by a line; those of the task stay.

    Args:
        keep: How many.

    Raises:
        ConfigurationError: The number makes no sense.
    """

    keep: int = attrs.field(default=2, validator=_from_zero)

    def shape(self, run: Run, pieces: Iterable[Piece]) -> Effects:
        yield from ()
        return self._shaped(pieces)

    def _shaped(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        left = self.keep
        for piece in pieces:
            if piece.pinned or not any(_pictures(said.parts) for said in piece.messages):
                yield piece
                continue
            shown: list[Message] = []
            for said in reversed(piece.messages):
                count = _pictures(said.parts)
                shown.append(said if count <= left else _without(said, count - left))
                left = max(0, left - count)
            yield msgspec.structs.replace(piece, messages=tuple(reversed(shown)))


def _pictures(parts: Sequence[AnyPart]) -> int:
    return sum(_pictures(part.parts) if type(part) is ToolResult else type(part) is Image for part in parts)


def _without(said: Message, count: int) -> Message:
    """A message without its first pictures."""
    seen = iter(range(count))

    def change(part: AnyPart) -> AnyPart:
        return Text(NO_PICTURE) if type(part) is Image and next(seen, None) is not None else part

    return _made(said, ("core_plus_memory", "pictures", count), change)


def _made(said: Message, key: object, change: Callable[[AnyPart], AnyPart]) -> Message:
    """A message with other parts, made once and kept with it; itself, where nothing changes."""
    kept: dict[Any, Message] = said.__dict__
    if key not in kept:
        parts = tuple(
            msgspec.structs.replace(part, parts=tuple(map(change, part.parts)))
            if type(part) is ToolResult
            else change(part)
            for part in said.parts
        )
        kept[key] = said if parts == said.parts else Message(said.role, parts, said.data)
    return kept[key]
