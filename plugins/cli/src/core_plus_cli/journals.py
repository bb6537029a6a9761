"""Where the command line keeps runs, and how it goes on with them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core_plus.errors import ConfigurationError, CorePlusError, JournalError
from core_plus.host import Host
from core_plus_cli import storage
from core_plus_cli.command import say

VARIABLE = "CORE_PLUS_JOURNAL"
"""Another address for the journal; "none" keeps no runs."""

NONE = "none"


def address(given: str | None) -> str:
    """The journal's address.

    Args:
        given: By an option; None takes the variable, else a file in the user's folder of states.
    """
    return given or os.environ.get(VARIABLE) or str(storage.state_folder() / "runs.sqlite")


def journal(given: str | None, host: Host) -> Any:
    """The journal, which must be there.

    Args:
        given: By an option.
        host: Who knows the plugins that keep one.

    Raises:
        ConfigurationError: There is none.
    """
    where = address(given)
    if where == NONE:
        raise ConfigurationError(f"no runs are kept, for the journal is {NONE!r}: give --journal FILE")
    _folder(where)
    return host.journal(where)


def keeping(given: str | None, arguments: Sequence[str], host: Host) -> Any:
    """The journal to keep a new run in, with the command line beside it; None where none is kept.

    Args:
        given: By an option: what is asked for by name must be there, else a run isn't kept from being done.
        arguments: The command line, to build the same agent from again.
        host: Who knows the plugins that keep one.

    Raises:
        CorePlusError: One was asked for, and can't be had.
    """
    where = address(given)
    if where == NONE:
        return None
    try:
        _folder(where)
        kept = host.journal(where)
    except CorePlusError as error:
        if given or os.environ.get(VARIABLE):
            raise
        if host.names("store"):
            say(f"core-plus run: this run isn't kept: {error}")
        return None
    kept.meta = {"arguments": list(arguments), "folder": str(Path.cwd())}
    return kept


def command_line(journal: Any, run_id: str) -> list[str]:
    """The command line that a kept run was begun with.

    Args:
        journal: Where it is kept.
        run_id: Which.

    Raises:
        JournalError: There is no such run, or a program began it.
    """
    for summary in journal.runs():
        if summary.id == run_id:
            if "arguments" not in summary.meta:
                raise JournalError(
                    f"the run {run_id} was begun by a program, which alone has its agent: go on with it there, by "
                    f"agent.resume({run_id!r}, journal=…)"
                )
            if (folder := summary.meta.get("folder")) and Path(folder) != Path.cwd():
                os.chdir(folder)
            return list(summary.meta["arguments"])
    raise JournalError(f"no run {run_id} is kept here; `core-plus runs` lists those that are")


def found(journal: Any, start: str) -> str:
    """The run whose id begins so; "last" is the newest.

    Args:
        journal: Where it is kept.
        start: The beginning of an id.

    Raises:
        JournalError: None does, or several do.
    """
    ids = [summary.id for summary in journal.runs()]
    fits: list[str] = ids[:1] if start == "last" else [one for one in ids if one.startswith(start)]
    if start in fits:
        return start
    if len(fits) == 1:
        return fits[0]
    which = f"{len(fits)} runs begin with {start!r}: {', '.join(fits[:5])}" if fits else f"no run begins with {start!r}"
    raise JournalError(f"{which}; `core-plus runs` lists those that are kept")


def _folder(where: str) -> None:
    if ":" in where:
        return
    try:
        Path(where).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigurationError(f"runs can't be kept in {where}: {error.strerror}") from error
