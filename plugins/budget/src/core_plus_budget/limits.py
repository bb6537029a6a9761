"""What may be used, and where settings for it come from."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, cast

import attrs

from core_plus.errors import ConfigurationError
from core_plus.naming import closest

VARIABLE = "CORE_PLUS_BUDGET_"


def _whole(least: int) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
            raise ConfigurationError(f"budget: {attribute.name} is a whole number from {least}, not {value!r}")

    return check


def _seconds(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0):
        raise ConfigurationError(f"budget: {attribute.name} is a number of seconds from 0, not {value!r}")


def _money(given: Any) -> Decimal | None:
    if given is None:
        return None
    try:
        found = Decimal(str(given))
    except InvalidOperation:
        found = Decimal("NaN")
    if isinstance(given, bool) or not found.is_finite() or found < 0:
        raise ConfigurationError(f"budget: money is a number of US dollars from 0, not {given!r}")
    return found


@attrs.frozen(kw_only=True)
class Limits:
    """What a run may use, its inner runs included. None is no limit.

    Args:
        tokens: Tokens, read and written.
        money: US dollars, by the list prices of its models.
        model_calls: Model calls; each attempt counts.
        tool_calls: Tool calls, those from code and the final answer too.
        seconds: Wall time; what is in progress when it is over isn't stopped.
        depth: Levels of agents, the run itself included: 1 gives no task to another.

    Raises:
        ConfigurationError: A number that makes no sense.
    """

    tokens: int | None = attrs.field(default=None, validator=_whole(0))
    money: Decimal | None = attrs.field(default=None, converter=_money)
    model_calls: int | None = attrs.field(default=None, validator=_whole(0))
    tool_calls: int | None = attrs.field(default=None, validator=_whole(0))
    seconds: float | None = attrs.field(default=None, validator=_seconds)
    depth: int | None = attrs.field(default=None, validator=_whole(1))


NAMES = tuple(field.name for field in attrs.fields(cast("Any", Limits)))
MORE = ("reply", "agents", "prices", "count")


def limits_of(given: Any, who: str) -> Limits:
    """Limits from a table of a configuration.

    Args:
        given: `Limits`, which are given back, or a dict of them.
        who: Whose, for errors.

    Raises:
        ConfigurationError: There is no such limit, or it makes no sense.
    """
    if isinstance(given, Limits):
        return given
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"budget: the limits of {who} are a table of {', '.join(NAMES)}, not {given!r:.100}")
    for name in given:
        if name not in NAMES:
            raise ConfigurationError(f"budget: {who} has no limit {name!r}; {closest(name, NAMES)}")
    return Limits(**given)


def check_reply(reply: Any) -> None:
    """Refuse a size of replies that makes no sense.

    Args:
        reply: Tokens.

    Raises:
        ConfigurationError: It is no whole number from 1.
    """
    if isinstance(reply, bool) or not isinstance(reply, int) or reply < 1:
        raise ConfigurationError(f"budget: reply is a whole number of tokens from 1, not {reply!r}")


def settings_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a `Budget` is made with: the settings that were given, and else the environment's.

    Args:
        given: From the host's configuration.

    Raises:
        ConfigurationError: A setting that doesn't exist, or a variable that is no number.
    """
    found: dict[str, Any] = {}
    for name in (*NAMES, "reply"):
        variable = f"{VARIABLE}{name.upper()}"
        if text := os.environ.get(variable, "").strip():
            try:
                found[name] = Decimal(text) if name == "money" else float(text) if name == "seconds" else int(text)
            except (ValueError, InvalidOperation):
                raise ConfigurationError(f"{variable}={text!r} is no number") from None
    for name in given:
        if name not in (known := (*NAMES, *MORE)):
            raise ConfigurationError(f"budget has no setting {name!r}; {closest(name, known)}")
    return {**found, **given}
