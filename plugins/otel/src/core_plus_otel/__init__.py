"""Tells OpenTelemetry what runs do: install it beside an SDK, and every run is a trace.

Where no SDK is set up it does nothing: nothing of OpenTelemetry is imported, no event is made, no run is watched.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final

from core_plus.hookspecs import hookimpl
from core_plus_otel.settings import CONFIG, Settings, settings_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core_plus.effects import Effect
    from core_plus.host import Host
    from core_plus.run import Run
    from core_plus_otel.trace import Trace

__all__ = ["Settings"]

NOTE: Final = "core_plus_otel"
"""Where a run keeps its trace; None where nobody wants one."""
_SIGNALS: Final = {"TRACER": "trace", "METER": "metrics", "LOGGER": "_logs"}


@hookimpl
def lifespan(host: Host) -> None:
    """Refuse settings that make no sense before anything runs."""
    settings_of(host.config)


@hookimpl(tryfirst=True)
def answer_effect(run: Run, effect: Effect) -> None:
    """See an effect that is about to be performed; the answer is left to others."""
    notes = run.root.notes
    if NOTE not in notes:
        notes[NOTE] = _begun(run)
    trace: Trace | None = notes[NOTE]
    if trace is not None:
        trace.expect(run, effect)


def _begun(run: Run) -> Trace | None:
    """The trace of a run, if anybody wants it: that is decided once for each run."""
    if not _is_wanted(run.host.config.get(CONFIG, {})):
        return None
    trace: Trace = run.host.shared("observer", "otel").begin(run.root)
    return trace


def _is_wanted(config: Mapping[str, Any]) -> bool:
    """Whether a provider was given, or set up for the process: by code, which imports the API, or by a variable."""
    if any(config.get(f"{signal.lower()}_provider") is not None for signal in _SIGNALS):
        return True
    for signal, name in _SIGNALS.items():
        module: Any = sys.modules.get(f"opentelemetry.{name}")
        if module is None:
            if os.environ.get(f"OTEL_PYTHON_{signal}_PROVIDER"):
                return True
            continue
        provider = getattr(module, f"get_{signal.lower()}_provider")()
        if not type(provider).__module__.startswith(f"opentelemetry.{name}"):
            return True  # not the API's own, which does nothing
    return False
