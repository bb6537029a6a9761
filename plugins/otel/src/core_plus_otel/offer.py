"""Declares what begins traces; OpenTelemetry itself is imported when the first run is traced."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl
from core_plus_otel.settings import settings_of

if TYPE_CHECKING:
    from core_plus.host import Host
    from core_plus_otel.telemetry import Telemetry


@hookimpl
def register_observers(register: Register, host: Host) -> None:
    """Declare the one object of a host that begins traces."""
    # The host holds the factory, and a reference back would keep it from being collected; its settings do not.
    register("otel", functools.partial(_made, host.config), summary="traces runs; installed, it sees every run")


def _made(config: Mapping[str, Mapping[str, Any]]) -> Telemetry:
    from core_plus_otel.telemetry import Telemetry

    return Telemetry(settings_of(config))
