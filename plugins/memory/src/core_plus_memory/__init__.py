"""What the model sees of a long run: windows, summaries, cut observations, fewer pictures, pinned facts."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import attrs

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus_memory.facts import PinnedFacts
    from core_plus_memory.pieces import Piece, sound, story
    from core_plus_memory.stage import Stack, Stage
    from core_plus_memory.summary import Summary
    from core_plus_memory.tools import pin_fact, read_observation
    from core_plus_memory.trimming import DropImages, TruncateObservations
    from core_plus_memory.window import SlidingWindow

__all__ = [
    "DropImages",
    "Piece",
    "PinnedFacts",
    "SlidingWindow",
    "Stack",
    "Stage",
    "Summary",
    "TruncateObservations",
    "pin_fact",
    "read_observation",
    "sound",
    "story",
]
_HOMES = {
    "facts": "PinnedFacts",
    "pieces": "Piece sound story",
    "stage": "Stack Stage",
    "summary": "Summary",
    "tools": "pin_fact read_observation",
    "trimming": "DropImages TruncateObservations",
    "window": "SlidingWindow",
}
_HOME = {name: room for room, names in _HOMES.items() for name in names.split()}


@attrs.frozen
class Compact:
    """The memory "compact": facts, fewer pictures, cut observations, and a summary, one behind the other.

    Args:
        tokens: The most tokens of the messages.
        observation: Characters that are shown of an observation.
        images: How many pictures stay.
        model: Who sums up; None is the run's own model.
    """

    tokens: int = 32_000
    observation: int = 8_000
    images: int = 2
    model: Any = None


@hookimpl
def register_memories(register: Register) -> None:
    """Declare the memories; each is made with the settings of its class."""
    for name, kind, summary in (
        ("window", "SlidingWindow", "the task, the plan and the newest steps"),
        ("summary", "Summary", "older steps summed up by a model when the limit nears"),
        ("truncate", "TruncateObservations", "long observations keep their head and tail"),
        ("drop_images", "DropImages", "older pictures are left out"),
        ("facts", "PinnedFacts", "facts that stay in sight"),
    ):
        register(name, _Maker(kind), summary=summary)
    register("compact", _compact, summary="all of these together", config=Compact)


@hookimpl
def register_tools(register: Register) -> None:
    """Declare the tools that go with them."""
    register("pin_fact", _Giver("pin_fact"), summary="keeps a fact in sight for the rest of the work")
    register("read_observation", _Giver("read_observation"), summary="the whole of an observation that was cut")


def _compact(config: Compact) -> Stage:
    facts, fewer, cut, summed = map(_found, ("PinnedFacts", "DropImages", "TruncateObservations", "Summary"))
    summary = summed(tokens=config.tokens, model=config.model)
    made: Stage = facts() | fewer(keep=config.images) | cut(most=config.observation) | summary
    return made


class _Maker:
    """Makes a memory when it is asked for, with a setting for each of its arguments."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def __call__(self, **settings: Any) -> Any:
        return _found(self._kind)(**settings)


class _Giver(_Maker):
    """Gives a tool when it is asked for."""

    def __call__(self, **settings: Any) -> Any:
        return _found(self._kind)


def _found(name: str) -> Any:
    return getattr(import_module(f"core_plus_memory.{_HOME[name]}"), name)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return _found(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
