"""Keeps runs in a SQLite file: `agent.run(task, journal="runs.sqlite")`."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from core_plus.errors import ConfigurationError
from core_plus.hookspecs import Register, hookimpl


def _known(_: object, attribute: Any, value: object) -> None:
    if value not in ("process", "power"):
        raise ConfigurationError(f"sqlite: {attribute.name} is 'process' or 'power', not {value!r:.80}")


@attrs.frozen
class Settings:
    """How runs are kept in SQLite.

    Args:
        durability: What a record survives once it is written: "process", the death of the process at any instant;
            "power", also that of the machine, at some milliseconds a record.
        patience: Seconds to wait for another process that is writing.

    Raises:
        ConfigurationError: There is no such durability.
    """

    durability: Literal["process", "power"] = attrs.field(default="process", validator=_known)
    patience: float = 30.0


@hookimpl
def register_stores(register: Register) -> None:
    """Declare the store; its module is imported when it is used."""

    def factory(address: str, *, config: Settings) -> Any:
        from core_plus_sqlite.store import SQLiteStore

        return SQLiteStore(address, durability=config.durability, patience=config.patience)

    register("sqlite", factory, summary="runs kept in a SQLite file", config=Settings)
