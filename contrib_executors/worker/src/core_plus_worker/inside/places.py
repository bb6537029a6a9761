"""Where in a snippet its code is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

AGENT = "<code "
"""How the file names of snippets begin."""


def line_of() -> int:
    """The line of the snippet that this thread is running; 0 where it runs none."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 (what inspect.currentframe is, without its imports)
    while frame is not None and not frame.f_code.co_filename.startswith(AGENT):
        frame = frame.f_back
    return frame.f_lineno if frame is not None else 0
