"""Repeating and forking kept runs, in a call."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from core_plus.errors import JournalError
from core_plus.host import default_host
from core_plus.result import RunResult
from core_plus.stream import EventStream
from core_plus_journal.exchange import load_lines
from core_plus_journal.journal import Journal
from core_plus_journal.memory import MemoryStore


def replay(agent: Any, run_id: str, *, journal: Any, **fresh: Any) -> EventStream[Any]:
    """Repeat a kept run offline: the same events, and no model, tool or code.

    Args:
        agent: Whose run it is.
        run_id: Which.
        journal: Where it is kept.
        **fresh: What a journal can't keep: deps, ui, observers, cancellation.

    Returns:
        An iterator of events; `finish()` gives the result.

    Raises:
        JournalError: There is no such run.
    """
    return EventStream(_journal(agent, journal, fresh).replay(agent, run_id, streaming=True, **fresh))


def fork(agent: Any, run_id: str, *, journal: Any, at_step: int, **options: Any) -> RunResult[Any]:
    """Go another way from a step of a kept run.

    Args:
        agent: Whose run it is.
        run_id: Which; it stays as it is.
        journal: Where it is kept, and the new run will be.
        at_step: The step, from 1, that is done anew.
        **options: task (what a person says before that step), answer (to the last question before it), prompt (other
            instructions), and what a journal can't keep: deps, ui, observers, cancellation.

    Raises:
        JournalError: There is no such run, or it never came to that step.
    """
    return EventStream[Any](_journal(agent, journal, options).fork(agent, run_id, at_step=at_step, **options)).finish()


def replayed(agent: Any, file: str | os.PathLike[str], **fresh: Any) -> RunResult[Any]:
    """Repeat a run out of a file, as a test does with a run from production.

    Args:
        agent: Whose run it is.
        file: What `core-plus runs export` wrote.
        **fresh: What a journal can't keep: deps, ui, observers, cancellation.

    Raises:
        JournalError: The file holds no run, or the agent goes another way than it.
    """
    store = MemoryStore()
    (run_id,) = load_lines(store, Path(file).read_bytes().splitlines(), str(file))
    result = EventStream[Any](Journal(store).replay(agent, run_id, **fresh)).finish()
    if isinstance(result.error, JournalError):
        raise result.error
    return result


def _journal(agent: Any, journal: Any, options: dict[str, Any]) -> Any:
    host = options.get("host") or agent.host or default_host()
    return host.journal(journal)
