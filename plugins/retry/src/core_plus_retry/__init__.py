"""Makes failed model calls again: install it, and every run of the host is patient.

The models try once; this is the only place that tries again. `core_plus_retry.fallback` goes on with another model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core_plus.hookspecs import hookimpl
from core_plus_retry.policy import Policy, Retrying, policy_of

if TYPE_CHECKING:
    from core_plus.effects import CallModel, Retry
    from core_plus.errors import ModelError
    from core_plus.host import Host
    from core_plus.run import Run

__all__ = ["Policy", "Retrying"]


@hookimpl
def lifespan(host: Host) -> None:
    """Refuse settings that make no sense before anything runs."""
    policy_of(host)


@hookimpl
def retry_effect(run: Run, effect: CallModel, error: ModelError, attempt: int) -> Retry | None:
    """Wait and try again, as the host's settings say."""
    return Retrying(policy_of(run.host)).retry_effect(run, effect, error, attempt)
