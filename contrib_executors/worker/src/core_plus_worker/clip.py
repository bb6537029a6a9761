"""Printed text, cut in the middle."""

from __future__ import annotations

from collections import deque


class Clip:
    """Keeps the first and the last half of what fits.

    Args:
        limit: Characters kept; None keeps all.
    """

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._head: list[str] = []
        self._tail: deque[str] = deque()
        self._room = limit - limit // 2 if limit is not None else 0
        self._tail_size = self._dropped = self._fed = 0

    def feed(self, text: str) -> str:
        """Add text.

        Args:
            text: What was printed.

        Returns:
            The part of it that lies within the limit, to be shown as it comes.
        """
        shown = text if self._limit is None else text[: max(0, self._limit - self._fed)]
        self._fed += len(text)
        if self._limit is None:
            self._head.append(text)
            return shown
        if self._room:
            self._head.append(text[: self._room])
            text, self._room = text[self._room :], max(0, self._room - len(text))
        if text:
            self._tail.append(text)
            self._tail_size += len(text)
            self._shorten(self._limit // 2)
        return shown

    def text(self, dropped: int = 0) -> str:
        """All that is kept, with a note where something was cut.

        Args:
            dropped: Characters that were left out before they came here.
        """
        cut = self._dropped + dropped
        note = f"\n... {cut:,} characters cut ...\n" if cut else ""
        return "".join([*self._head, note, *self._tail])

    def _shorten(self, most: int) -> None:
        while self._tail_size > most:
            surplus, first = self._tail_size - most, self._tail.popleft()
            self._dropped += min(surplus, len(first))
            self._tail_size -= min(surplus, len(first))
            if len(first) > surplus:
                self._tail.appendleft(first[surplus:])
