"""Make the demo's readings anew: `python -m core_plus_cli.demo.make_readings > readings.csv`.

The numbers are synthetic: a yearly wave, each station's own height and wetness, and weather that lingers from
day to day. The same seed gives the same file.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Iterator
from datetime import date, timedelta

import attrs

SEED = 20240101
BEGIN, DAYS = date(2024, 1, 1), 731
HEADER = "date,station,temp,unit,rain_mm,wind_ms"
GAP = 0.012
"""How many of the readings have no temperature, as a fraction."""


@attrs.frozen
class Station:
    """A station that doesn't exist.

    Args:
        name: Its name.
        height: Metres above the sea.
        mean: Degrees Celsius, over a year.
        swing: Degrees Celsius between the mean and the middle of summer.
        wet: The chance of rain on a day.
        wind: Metres a second, on a usual day.
        fahrenheit: Its days, counted from the first, on which the sensor told Fahrenheit.
    """

    name: str
    height: int
    mean: float
    swing: float
    wet: float
    wind: float
    fahrenheit: range = range(0)


STATIONS = (
    Station("Harbour", 4, 9.4, 7.5, 0.46, 7.5),
    Station("Orchard", 120, 10.1, 9.5, 0.34, 3.5),
    Station("Ridge", 1460, 2.3, 9.0, 0.52, 11.0, range(410, 431)),
    Station("Old Mill", 310, 8.2, 10.0, 0.40, 4.0),
)


def lines() -> Iterator[str]:
    """The file's lines, day by day, without line breaks."""
    chance = random.Random(SEED)
    lingering = dict.fromkeys((station.name for station in STATIONS), 0.0)
    yield HEADER
    for day in range(DAYS):
        for station in STATIONS:
            lingering[station.name] = 0.75 * lingering[station.name] + chance.gauss(0, 2.1)
            yield _reading(station, day, lingering[station.name], chance)


def _reading(station: Station, day: int, lingering: float, chance: random.Random) -> str:
    season = -math.cos(2 * math.pi * (day - 18) / 365.25)
    celsius = station.mean + station.swing * season + 0.6 * (day >= 366) + lingering
    rain = chance.expovariate(1 / (5 + 2 * season)) if chance.random() < station.wet else 0.0
    wind = max(0.0, chance.gauss(station.wind, station.wind / 3))
    unit = "F" if day in station.fahrenheit else "C"
    temp = "" if chance.random() < GAP else f"{celsius * 9 / 5 + 32 if unit == 'F' else celsius:.1f}"
    return f"{BEGIN + timedelta(days=day)},{station.name},{temp},{unit},{rain:.1f},{wind:.1f}"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in lines())
