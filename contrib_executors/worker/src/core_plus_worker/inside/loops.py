"""Event loops that say when they wait, so that the host knows whether the code can go on without it."""

from __future__ import annotations

import selectors
from typing import TYPE_CHECKING, Any

from core_plus_worker.inside.channel import LOOK

if TYPE_CHECKING:
    from core_plus_worker.inside.channel import Channel


def watch_loops(channel: Channel) -> None:
    """Have every event loop that is made from now on use a selector that tells the channel when it waits.

    Args:
        channel: Whom to tell.
    """
    base: Any = selectors.DefaultSelector
    if hasattr(base, "tells"):
        return

    class TellingSelector(base):  # type: ignore[misc]  # the platform's best one is known when it runs
        """The platform's selector, with a word before and after each wait."""

        tells = True

        def select(self, timeout: float | None = None) -> Any:
            """Wait for events."""
            watched = self.get_map()
            others = len(watched) - 1 - (channel.reader in watched)
            try:
                while channel.loop_waits(timeout, others):
                    events = super().select(LOOK / 1000)
                    if events:
                        return events
                return super().select(timeout)
            finally:
                channel.loop_goes_on()

    selectors.DefaultSelector = TellingSelector  # type: ignore[misc]
