"""Runs as JSON Lines: out of a store and into one, whole or with values struck out."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from core_plus.errors import JournalError
from core_plus.journal import Store
from core_plus_journal.records import header_of, record_of
from core_plus_journal.values import dumps, loads

STRUCK = "***"


def lines_of(store: Store, run_id: str, strike: Iterable[str] = ()) -> Iterator[bytes]:
    """A run as lines of JSON.

    Args:
        store: Where it is kept.
        run_id: Which.
        strike: Regular expressions; what they match in any text is struck out. Such a run may not be repeatable.

    Raises:
        JournalError: There is no such run, or an expression is none.
    """
    try:
        patterns = [re.compile(one) for one in strike]
    except re.error as error:
        raise JournalError(f"this is no regular expression: {error}") from None
    for line in store.read(run_id):
        yield dumps(_struck(loads(line), patterns)) if patterns else line


def _struck(data: Any, patterns: list[re.Pattern[str]]) -> Any:
    if isinstance(data, str):
        for pattern in patterns:
            data = pattern.sub(STRUCK, data)
        return data
    if isinstance(data, list):
        return [_struck(one, patterns) for one in data]
    if not isinstance(data, dict):
        return data
    names = _own_names()
    return {key if key in names else _struck(key, patterns): _struck(one, patterns) for key, one in data.items()}


@functools.cache
def _own_names() -> frozenset[str]:
    """The names of fields, which hold no secret and must stay for a record to be one."""
    found, kinds = {"is", "type", "$"}, [msgspec.Struct]
    while kinds:
        kind = kinds.pop()
        found.update(getattr(kind, "__struct_encode_fields__", ()))
        kinds += kind.__subclasses__()
    return frozenset(found)


def load_lines(store: Store, lines: Iterable[bytes], source: str) -> list[str]:
    """Put runs into a store.

    Args:
        store: Where to.
        lines: What `lines_of` gave, of one run or several after each other.
        source: Where they come from, for errors.

    Returns:
        The ids of the runs.

    Raises:
        JournalError: A line is no record, or a run is there already.
    """
    runs: dict[str, list[bytes]] = {}
    run_id = ""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{source}, line {number}"
        if not run_id or b'"is":"run"' in line[:200]:
            run_id = header_of(line, place).id
            runs[run_id] = []
        else:
            record_of(line, place)
        runs[run_id].append(line)
    if not runs:
        raise JournalError(f"{source} holds no run")
    for name, (header, *rest) in runs.items():
        epoch = store.create(name, header)
        store.append(name, epoch, rest)
        store.release(name, epoch)
    return [*runs]
