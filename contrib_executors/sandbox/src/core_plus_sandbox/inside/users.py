"""Users that nobody has: as root, each sandbox gets one of its own."""

from __future__ import annotations

import os

FAR = 1_879_048_192
"""From here on no system hands out numbers of users (0x70000000), where all numbers can be had."""

MANY = 1 << 28
FEW = 20_000
"""How many of the highest are taken where a container has only so many."""


class Users:
    """Numbers of users for the sandboxes of one parent."""

    def __init__(self) -> None:
        first, count = usable()
        self._first, self._count = first, count
        self._start = int.from_bytes(os.urandom(4), "little") % count  # another parent begins elsewhere

    def of(self, number: int) -> int:
        """The user of a sandbox.

        Args:
            number: Which one.
        """
        return self._first + (self._start + number) % self._count


def usable() -> tuple[int, int]:
    """The first number that may be used here, and how many."""
    with open("/proc/self/uid_map") as file:
        rows = [tuple(map(int, line.split())) for line in file]
    first, length = max((inside, count) for inside, _, count in rows)
    if first + length >= FAR + MANY:
        return FAR, MANY
    count = max(1, min(FEW, length // 2))
    return first + length - count, count
