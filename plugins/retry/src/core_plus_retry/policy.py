"""When to make a model call again: a decision, without any waiting.

The libraries for this (tenacity, stamina) bring a loop that calls and sleeps. Here the kernel does both, sync and
async, stoppable and counted; what is left to decide is one number, which tenacity gives only to a call of its own
and from the process's random numbers.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from typing import Any

import attrs

from core_plus.effects import CallModel, Retry
from core_plus.errors import ConfigurationError, ModelError
from core_plus.hookspecs import hookimpl
from core_plus.host import Host
from core_plus.naming import closest
from core_plus.run import Run

VARIABLE = "CORE_PLUS_RETRY_"
NOTE = "core_plus_retry"


def _not_negative(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise ConfigurationError(f"retry: {attribute.name} is a number of seconds from 0, not {value!r}")


def _from_one(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigurationError(f"retry: {attribute.name} is a whole number from 1 (which never retries): {value!r}")


@attrs.frozen(kw_only=True)
class Policy:
    """How patient to be with one model call. Times are in seconds.

    Args:
        attempts: How often to try in all; 1 never tries again.
        first: The longest wait after the first failure; it doubles with each further one.
        most: The longest wait after any failure, unless the provider asks for more.
        budget: From the first failure to the beginning of the last attempt. Where the provider asks to wait
            beyond that, the call fails at once.

    Raises:
        ConfigurationError: A number that makes no sense.
    """

    attempts: int = attrs.field(default=4, validator=_from_one)
    first: float = attrs.field(default=0.5, validator=_not_negative)
    most: float = attrs.field(default=60.0, validator=_not_negative)
    budget: float = attrs.field(default=300.0, validator=_not_negative)

    def wait(self, error: ModelError, attempt: int, spent: float, chance: float) -> float | None:
        """Seconds to wait before the next attempt, None for no more attempts.

        Exponential back-off with full jitter: any time from 0 to the bound is as likely, so that many who failed
        together don't come back together (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
        It is counted from when the provider asks to be tried again, where it does.

        Args:
            error: How the attempt failed.
            attempt: Its number, from 1.
            spent: Seconds since the call's first failure.
            chance: A random number from 0 to 1.
        """
        if attempt >= self.attempts or not error.retryable:
            return None
        bound = min(self.most, self.first * 2.0 ** min(attempt - 1, 64))
        wait = max(error.retry_after or 0.0, 0.0) + bound * chance
        return wait if spent + wait <= self.budget else None


class Retrying:
    """The hook, with a policy of its own: `Host(plugins=[Retrying(Policy(attempts=2))], block=["core-plus-retry"])`.

    Args:
        policy: How patient to be.
        clock: Gives seconds that never go back.
        chance: Gives random numbers from 0 to 1.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.policy, self._clock, self._chance = policy, clock, chance

    @hookimpl
    def retry_effect(self, run: Run, effect: CallModel, error: ModelError, attempt: int) -> Retry | None:
        now = self._clock()
        began: float = run.notes.setdefault((NOTE, effect.id), now)
        wait = self.policy.wait(error, attempt, now - began, self._chance())
        return None if wait is None else Retry(wait, reason=f"attempt {attempt} of {self.policy.attempts}")


def policy_of(host: Host) -> Policy:
    """What a host's configuration says under "hooks.retry", or else the environment (CORE_PLUS_RETRY_ATTEMPTS, …).

    Args:
        host: Whose configuration.

    Raises:
        ConfigurationError: A setting that doesn't exist or makes no sense.
    """
    fields = attrs.fields(Policy)
    found: dict[str, Any] = {}
    for field in fields:
        variable = f"{VARIABLE}{field.name.upper()}"
        if text := os.environ.get(variable, "").strip():
            try:
                found[field.name] = int(text) if field.name == "attempts" else float(text)
            except ValueError:
                raise ConfigurationError(f"{variable}={text!r} is no number") from None
    given = host.config.get("hooks.retry", {})
    for name in given:
        if name not in (names := [field.name for field in fields]):
            raise ConfigurationError(f"retry has no setting {name!r}; {closest(name, names)}")
    return Policy(**{**found, **given})
