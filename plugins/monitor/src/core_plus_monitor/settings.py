"""What a person may choose: how many runs are kept apart, and whether each run's end prints a table."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, Final

from core_plus.errors import ConfigurationError

TABLE: Final = "CORE_PLUS_MONITOR_TABLE"
"""The variable that asks for a table on standard error at the end of each run: any text but "0" and "false"."""


def settings_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """A monitor's arguments by a host's configuration under "hooks.monitor", or else by the environment.

    Args:
        given: `keep`, a number of runs, and `table`, whether each run's end writes one to standard error.

    Raises:
        ConfigurationError: A setting that doesn't exist or makes no sense.
    """
    for name in given:
        if name not in ("keep", "table"):
            raise ConfigurationError(f"monitor has no setting {name!r}; there are keep, table")
    table = given.get("table", os.environ.get(TABLE, "").strip().lower() not in ("", "0", "false"))
    if not isinstance(table, bool):
        raise ConfigurationError(f"monitor: table is True or False, not {table!r}")
    found: dict[str, Any] = {"keep": given["keep"]} if "keep" in given else {}
    if type(found.get("keep", 0)) is not int or found.get("keep", 0) < 0:
        raise ConfigurationError(f"monitor: keep is a number of runs, not {found['keep']!r}")
    return {**found, "report": _to_stderr} if table else found


def _to_stderr(text: str) -> None:
    sys.stderr.write(f"{text}\n")
