"""Event loops that ask the host while they wait, so that answers reach tasks and timers fire meanwhile."""

from __future__ import annotations

import selectors
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core_plus_jupyter.inside.channel import Channel


def watch_loops(channel: Channel) -> None:
    """Have every event loop that is made from now on use a selector that asks the host while calls are open.

    Args:
        channel: Where calls go.
    """
    base: Any = selectors.DefaultSelector
    base = getattr(base, "kernels_own", base)

    class AskingSelector(base):  # type: ignore[misc]  # the platform's best one is known when it runs
        """The platform's selector."""

        kernels_own = base

        def select(self, timeout: float | None = None) -> Any:
            """Wait for events, and for answers."""
            return channel.select(super().select, timeout, len(self.get_map()) - 1)

    selectors.DefaultSelector = AskingSelector  # type: ignore[misc]
