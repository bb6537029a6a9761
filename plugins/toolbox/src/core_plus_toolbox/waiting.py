"""What may be async, waited for in the thread of a tool."""

from __future__ import annotations

import inspect
from typing import Any

from core_plus import Host


def settled(host: Host, value: Any) -> Any:
    """A value, or what something awaitable comes to: on the host's own event loop.

    Args:
        host: Whose loop.
        value: Anything.
    """
    return host.workers.submit_async(value).result() if inspect.isawaitable(value) else value
