"""Tells Python's logging what happens: install it, and every run of the host is logged."""

from __future__ import annotations

from core_plus.hookspecs import Register, hookimpl
from core_plus_logging.agent_logger import AgentLogger, LogLevel
from core_plus_logging.formatter import JSONFormatter
from core_plus_logging.observer import LoggingObserver

__all__ = ["AgentLogger", "JSONFormatter", "LogLevel", "LoggingObserver"]


@hookimpl
def register_observers(register: Register) -> None:
    """Declare the observer "logging", which sees every run."""
    register("logging", LoggingObserver, summary="tells Python's logging what happens (loggers core_plus.*)")
