"""The demo's tools: they read the file of readings for code that can't."""

from __future__ import annotations

import csv
from importlib import resources
from typing import Any

from core_plus import tool
from core_plus_cli.demo.make_readings import STATIONS

MOST = 1000
"""Rows that one call gives."""


def _rows() -> list[dict[str, str]]:
    text = resources.files("core_plus_cli.demo").joinpath("readings.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@tool(effect="read")
def describe_file() -> dict[str, Any]:
    """What the file of readings holds.

    Returns:
        The number of rows, the names of the columns and the names of the stations.
    """
    rows = _rows()
    return {"rows": len(rows), "columns": [*rows[0]], "stations": [*dict.fromkeys(row["station"] for row in rows)]}


@tool(effect="read")
def read_rows(start: int, count: int) -> list[dict[str, str]]:
    """Rows of the file of readings, each a dict of texts by column.

    Args:
        start: The first row, from 0.
        count: How many rows, at most 1000.
    """
    if start < 0 or not 0 < count <= MOST:
        raise ValueError(f"start is a number from 0 and count one from 1 to {MOST}, not {start} and {count}")
    return _rows()[start : start + count]


@tool(effect="read")
def station_info(name: str) -> dict[str, Any]:
    """Where a station stands.

    Args:
        name: The station's name.

    Returns:
        Its name and its height in metres above the sea.
    """
    for station in STATIONS:
        if station.name == name:
            return {"name": station.name, "height_m": station.height}
    raise ValueError(f"there is no station {name!r}; there are {', '.join(station.name for station in STATIONS)}")
