"""Counts what runs do: install it, and every run of the host is counted; or give a `Monitor` to one run."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus.effects import Effect
    from core_plus.host import Host
    from core_plus.run import Run
    from core_plus_monitor.monitor import Monitor
    from core_plus_monitor.numbers import Numbers, Tally

__all__ = ["Monitor", "Numbers", "Tally", "monitor_of"]

CONFIG: Final = "hooks.monitor"
NOTE: Final = "core_plus_monitor"
"""Where a run keeps that its monitors know it to be live."""
_HOME = {"Monitor": "monitor", "Numbers": "numbers", "Tally": "numbers"}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for."""
    if name not in _HOME:
        raise AttributeError(f"module 'core_plus_monitor' has no attribute {name!r}")
    return getattr(import_module(f"core_plus_monitor.{_HOME[name]}"), name)


def monitor_of(host: Host) -> Monitor:
    """The monitor that sees every run of a host.

    Args:
        host: Whose runs.
    """
    found: Monitor = host.shared("observer", "monitor")
    return found


@hookimpl
def register_observers(register: Register, host: Host) -> None:
    """Declare the observer "monitor", which sees every run; settings that make no sense are refused."""
    from core_plus_monitor.settings import settings_of

    settings_of(host.config.get(CONFIG, {}))
    # The host holds the factory, and a reference back would keep it from being collected; its settings do not.
    register("monitor", functools.partial(_made, host.config), summary="counts calls, errors, seconds, tokens, cost")


@hookimpl(tryfirst=True)
def answer_effect(run: Run, effect: Effect) -> None:
    """Tell the monitors that a run does something new: what came before was a journal's repetition."""
    root = run.root
    if NOTE not in root.notes:
        from core_plus_monitor.monitor import Monitor

        root.notes[NOTE] = True
        for observer in root.observers:
            if isinstance(observer, Monitor):
                observer.goes_live(root.id)


def _made(config: Mapping[str, Mapping[str, Any]]) -> Monitor:
    from core_plus_monitor.monitor import Monitor
    from core_plus_monitor.settings import settings_of

    return Monitor(**settings_of(config.get(CONFIG, {})))
