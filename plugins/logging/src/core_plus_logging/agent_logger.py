"""`AgentLogger`: a log of one's own for some runs, apart from the application's."""

from __future__ import annotations

import enum
import logging
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, TextIO

from core_plus.errors import ConfigurationError
from core_plus.messages import Message
from core_plus_logging.formatter import JSONFormatter
from core_plus_logging.observer import LoggingObserver

FORM: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"


class LogLevel(enum.IntEnum):
    """How much is logged; names and numbers are those of smolagents.

    `ERROR` holds what went wrong: failed runs, steps that didn't work out, failed calls, warnings. `INFO` adds how
    runs and steps begin and end, `DEBUG` what was said, written and called.
    """

    OFF = -1
    ERROR = 0
    INFO = 1
    DEBUG = 2


_LEVELS: Final = {
    LogLevel.OFF: logging.CRITICAL + 1,
    LogLevel.ERROR: logging.WARNING,
    LogLevel.INFO: logging.INFO,
    LogLevel.DEBUG: logging.DEBUG,
}
"""The quietest of logging's levels that is written. What didn't work out is a warning to logging."""


class AgentLogger(LoggingObserver):
    """Writes what runs do; give it as `run(..., observers=[logger])`. The records are `LoggingObserver`'s.

    Args:
        level: A `LogLevel`, or its name or number.
        to: A text stream, or the path of a file that is added to; None is standard error.
        json: Whether each record is a JSON object on a line (see `JSONFormatter`), or a line for people.
        contents: Characters kept of a task, reply, argument or result.
        errors: Characters kept of an error.

    Raises:
        ConfigurationError: There is no such level, or the file can't be written.
    """

    def __init__(
        self,
        level: LogLevel | int | str = LogLevel.INFO,
        *,
        to: TextIO | str | Path | None = None,
        json: bool = False,
        contents: int = 500,
        errors: int = 1_000,
    ) -> None:
        # A tree of loggers of its own: nobody else's settings and handlers touch it, and it touches nobody's.
        loggers = logging.Manager(logging.RootLogger(logging.WARNING))
        self._base = loggers.getLogger("core_plus")
        self._handler = _handler(to)
        self._handler.setFormatter(JSONFormatter() if json else logging.Formatter(FORM))
        self._base.addHandler(self._handler)
        super().__init__(contents=contents, errors=errors, loggers=loggers.getLogger)
        self._words = loggers.getLogger("core_plus.log")
        self.level = _level(level)

    @property
    def level(self) -> LogLevel:
        """How much is logged; may be set while runs are in progress."""
        return self._level

    @level.setter
    def level(self, level: LogLevel | int | str) -> None:
        self._level = _level(level)
        self._base.setLevel(_LEVELS[self._level])

    def close(self) -> None:
        """Close the file, if it is one; a second call does nothing."""
        self._base.removeHandler(self._handler)
        self._handler.close()

    def __enter__(self) -> AgentLogger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<AgentLogger {self._level.name}>"

    # ---- words of one's own ------------------------------------------------------

    def log(self, *words: Any, level: LogLevel | int | str = LogLevel.INFO, **facts: Any) -> None:
        """Write a record.

        Args:
            *words: Joined with spaces.
            level: The least level at which it is written.
            **facts: What the record carries besides, such as `run_id`.
        """
        wanted = _level(level)
        if wanted is LogLevel.OFF:
            return
        own = logging.ERROR if wanted is LogLevel.ERROR else _LEVELS[wanted]
        if self._words.isEnabledFor(own):
            self._words.log(own, "%s", " ".join(map(str, words)), extra=facts)

    def log_error(self, text: str, **facts: Any) -> None:
        """Write that something went wrong.

        Args:
            text: What.
            **facts: What the record carries besides.
        """
        self.log(text, level=LogLevel.ERROR, **facts)

    def log_task(self, content: str, subtitle: str = "", level: LogLevel | int | str = LogLevel.INFO) -> None:
        """Write a task.

        Args:
            content: The task.
            subtitle: What stands beside it, such as the model.
            level: The least level at which it is written.
        """
        self.log(f"task: {self._line(content, self._contents)}", f"({subtitle})" if subtitle else "", level=level)

    def log_code(self, title: str, content: str, level: LogLevel | int | str = LogLevel.INFO) -> None:
        """Write code.

        Args:
            title: What it is.
            content: The code.
            level: The least level at which it is written.
        """
        self.log(f"{title}: {self._line(content, self._contents)}", level=level)

    def log_messages(self, messages: Iterable[Message], level: LogLevel | int | str = LogLevel.DEBUG) -> None:
        """Write messages, a record each.

        Args:
            messages: What was said.
            level: The least level at which they are written.
        """
        for message in messages:
            self.log(f"{message.role}: {self._line(message.text, self._contents)}", level=level, role=message.role)


def _level(given: LogLevel | int | str) -> LogLevel:
    try:
        return LogLevel[given.strip().upper()] if isinstance(given, str) else LogLevel(given)
    except (KeyError, ValueError):
        names = ", ".join(f"{level.name} ({level.value})" for level in LogLevel)
        raise ConfigurationError(f"a log level is one of {names}, not {given!r}") from None


def _handler(to: TextIO | str | Path | None) -> logging.Handler:
    if not isinstance(to, str | Path):
        return logging.StreamHandler(sys.stderr if to is None else to)
    try:
        return logging.FileHandler(to, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise ConfigurationError(f"the log {str(to)!r} can't be written: {error.strerror}") from error
