"""One policy for every call of a run, wherever it comes from: allow, ask a person, or deny.

Installed, it does nothing until a policy is set: in the host's settings ("hooks.approval"), in the environment
(CORE_PLUS_APPROVAL), or for one agent (`policies=[Approval(careful)]`).
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus.effects import Decision, Effect
    from core_plus.host import Host
    from core_plus.run import Run
    from core_plus_approval.approval import Approval
    from core_plus_approval.deeds import Deed
    from core_plus_approval.policy import Policy, careful, load_policy, read_only, trust
    from core_plus_approval.rules import Rule

__all__ = ["Approval", "Deed", "Policy", "Rule", "careful", "load_policy", "read_only", "trust"]

NAME = "hooks.approval"
VARIABLE = "CORE_PLUS_APPROVAL"
_HOME = {"Approval": "approval", "Deed": "deeds", "Rule": "rules"}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: the plugin is loaded with every host, and mostly has no policy."""
    if name not in __all__:
        raise AttributeError(f"module 'core_plus_approval' has no attribute {name!r}")
    return getattr(import_module(f"core_plus_approval.{_HOME.get(name, 'policy')}"), name)


@hookimpl
def register_observers(register: Register, host: Host) -> None:
    """Declare the one object of a host that judges and sees the answers; settings that make no sense are refused."""
    if NAME in host.config:
        _made(host.config)
    # The host holds the factory, and a reference back would keep it from being collected; its settings do not.
    register("approval", functools.partial(_made, host.config), summary="judges effects by a policy")


@hookimpl
def review_effect(run: Run, effect: Effect) -> Decision | None:
    """Judge by the host's policy, where one is set."""
    approval: Approval | None = run.host.shared("observer", "approval")
    return None if approval is None else approval.review_effect(run, effect)


def _made(config: Mapping[str, Mapping[str, Any]]) -> Approval | None:
    if not config.get(NAME) and not os.environ.get(VARIABLE):
        return None
    from core_plus_approval.policy import policy_of

    policy = policy_of(config.get(NAME, {}))
    if policy is None:
        return None
    from core_plus_approval.approval import Approval

    return Approval(policy)
