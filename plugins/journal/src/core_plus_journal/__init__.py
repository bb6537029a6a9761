"""Runs that survive: kept effect by effect, gone on with after a kill, repeated offline, forked at any step.

`agent.run(task, journal="runs.sqlite")` keeps a run; `agent.resume(run_id, journal="runs.sqlite")` goes on with it in
another process. An effect is never silently repeated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import hookimpl

if TYPE_CHECKING:
    from core_plus.host import Host
    from core_plus_journal.journal import Journal

__all__ = ["Journal", "fork", "open_journal", "replay", "replayed"]

_HOME = {"Journal": "journal", "fork": "going_on", "replay": "going_on", "replayed": "going_on"}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: most runs are kept nowhere."""
    from importlib import import_module

    if name not in _HOME:
        raise AttributeError(f"module 'core_plus_journal' has no attribute {name!r}")
    return getattr(import_module(f"core_plus_journal.{_HOME[name]}"), name)


@hookimpl
def open_journal(ref: Any, host: Host) -> Any:
    """Keep runs in the store that an address names, or in the one that was given."""
    from core_plus_journal.addresses import settings_of, store_of
    from core_plus_journal.journal import Journal

    store = store_of(ref, host)
    return None if store is None else Journal(store, frozen_clock=settings_of(host).frozen_clock)
