"""What shows a run to a person and asks them."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol

from core_plus.effects import Question
from core_plus.events import Event


class Observer(Protocol):
    """Sees events; changes nothing. One that raises is reported once, and after three times detached.

    An observer with `wants_deltas = True` also gets a `ModelDelta` for each piece of a reply.
    """

    def observe(self, event: Event) -> None:
        """See an event.

        Args:
            event: What happened; kinds it doesn't know are passed over.
        """


class UI(Observer, Protocol):
    """An observer that can ask as well."""

    def ask(self, question: Question) -> Any | Awaitable[Any]:
        """Ask the person.

        Args:
            question: What to ask.

        Returns:
            The answer; None if nobody is there, which suspends the run.
        """

    def close(self) -> None:
        """Give the screen back; a second call does nothing."""
