"""One JSON object a line, for logs that programs read."""

from __future__ import annotations

import json
import logging
import math
import time
from typing import Any

_OWN = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}
"""What every record has; anything else came in through `extra=`."""


class JSONFormatter(logging.Formatter):
    """Formats a record as a JSON object on one line, in ASCII.

    It has "time" (UTC, ISO 8601 with milliseconds), "level", "logger", "message", then whatever the record
    carries as `extra`, and "exception" where there is one. A value that JSON has no form for becomes its
    `repr`, cut.

    Args:
        longest: Characters of a text that are kept.
    """

    def __init__(self, longest: int = 10_000) -> None:
        super().__init__()
        self._longest = longest

    def format(self, record: logging.LogRecord) -> str:
        """A record as a line, without its newline.

        Args:
            record: Anything that was logged.
        """
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        shown: dict[str, Any] = {
            "time": f"{when}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": self._fit(record.getMessage()),
        }
        shown |= {name: self._plain(value) for name, value in vars(record).items() if name not in _OWN}
        if record.exc_info:
            shown["exception"] = self._fit(self.formatException(record.exc_info))
        if record.stack_info:
            shown["stack"] = self._fit(self.formatStack(record.stack_info))
        return json.dumps(shown)

    def _fit(self, text: str) -> str:
        left = len(text) - self._longest
        return text if left <= 0 else f"{text[: self._longest]}… ({left} more characters)"

    def _plain(self, value: Any) -> Any:
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else repr(value)
        if isinstance(value, str):
            return self._fit(value)
        if isinstance(value, list | tuple):
            return [self._plain(item) for item in value]
        if isinstance(value, dict):
            return {str(key): self._plain(item) for key, item in value.items()}
        return self._fit(repr(value))
