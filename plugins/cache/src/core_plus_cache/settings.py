"""Where answers are kept, how many and how long."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import attrs

from core_plus.errors import ConfigurationError

VARIABLE = "CORE_PLUS_CACHE_"
NUMBERS = ("megabytes", "days")


def _default_file() -> Path:
    import platformdirs

    return platformdirs.user_cache_path("core-plus", appauthor=False) / "answers.sqlite"


def _above_zero(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not value > 0):
        raise ConfigurationError(f"cache: {attribute.name} is a number above 0, not {value!r}")


@attrs.frozen(kw_only=True)
class Settings:
    """Where answers are kept, how many and how long.

    Args:
        file: An SQLite database, made where there is none; readable to its owner alone.
        megabytes: About how large it may get (10^6 bytes); then the answers go that were longest not asked for.
        days: How long an answer holds; None is for ever.

    Raises:
        ConfigurationError: A number that makes no sense.
    """

    file: Path = attrs.field(factory=_default_file, converter=Path)
    megabytes: float = attrs.field(default=1000.0, validator=_above_zero)
    days: float | None = attrs.field(default=None, validator=_above_zero)


def settings_of(**given: Any) -> Settings:
    """What the caller says, or else the environment (CORE_PLUS_CACHE_FILE, …_MEGABYTES, …_DAYS).

    Args:
        **given: Fields of `Settings`; None leaves one to the environment.

    Raises:
        ConfigurationError: A number that is none, or makes no sense.
    """
    found: dict[str, Any] = {}
    for name in ("file", *NUMBERS):
        variable = f"{VARIABLE}{name.upper()}"
        if text := os.environ.get(variable, "").strip():
            try:
                found[name] = float(text) if name in NUMBERS else text
            except ValueError:
                raise ConfigurationError(f"{variable}={text!r} is no number") from None
    return Settings(**{**found, **{name: value for name, value in given.items() if value is not None}})
