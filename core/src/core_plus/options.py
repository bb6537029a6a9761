"""What a run may be told: the names, and numbers that make sense."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable
from typing import Any

from core_plus.errors import ConfigurationError
from core_plus.registry import settings_of
from core_plus.run import Run


def several(given: Any) -> Iterable[Any]:
    """What was given as a list; one attachment is a list of one.

    Args:
        given: One, several or None.
    """
    return given if isinstance(given, list | tuple) else [] if given is None else [given]


@functools.cache
def run_options() -> set[str]:
    """The names that `run(...)` takes."""
    return {*settings_of(inspect.signature(Run)), "images", "files", "journal"} - {"bound", "task", "parent"}


def check_numbers(max_steps: int | None, planning_interval: Any) -> None:
    """Refuse numbers of steps that make no sense.

    Args:
        max_steps: Steps that a run may take.
        planning_interval: Steps between two plans.

    Raises:
        ConfigurationError: One is too small.
    """
    if max_steps is not None and max_steps < 0:
        raise ConfigurationError(f"max_steps is a number from 0, not {max_steps!r}")
    if isinstance(planning_interval, int) and planning_interval < 1:
        raise ConfigurationError(f"planning_interval is a number from 1, not {planning_interval!r}")
