"""Stop sequences for models that take none."""

from __future__ import annotations


class Cut:
    """Lets text through up to the first stop sequence, however it is split.

    Args:
        stops: The stop sequences, none of them empty.
    """

    def __init__(self, stops: tuple[str, ...]) -> None:
        self.done = False
        self._stops = stops
        self._longest = max(map(len, stops), default=1)
        self._held = ""

    def passed(self, text: str) -> str:
        """The text that surely stands before every stop sequence; what may begin one is held back.

        Args:
            text: The next piece.
        """
        if self.done:
            return ""
        text = self._held + text
        found = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:  # the one complete first, as a server would have it
            self.done, self._held = True, ""
            return text[: min(found)[1]]
        keep = next((size for size in range(min(self._longest - 1, len(text)), 0, -1) if self._begins(text[-size:])), 0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def rest(self) -> str:
        """What was held back, at the reply's end."""
        held, self._held = self._held, ""
        return held

    def _begins(self, end: str) -> bool:
        return any(stop.startswith(end) for stop in self._stops)
