"""`python -m core_plus_testkit.ordinary EXECUTOR`: how much ordinary code it runs as Python does, room by room."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from core_plus.errors import ExecutorError
from core_plus.executors import Done, Executor, Setup
from core_plus_testkit.executor_kit.base import Driven, Loop
from core_plus_testkit.hostile.trial import named
from core_plus_testkit.ordinary.corpus import Snippet, language_features, snippets
from core_plus_testkit.ordinary.kit import differences, installed
from core_plus_testkit.ordinary.native import natively


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    found = argparse.ArgumentParser("python -m core_plus_testkit.ordinary", description=__doc__)
    found.add_argument("executor", help="the name of an installed executor, such as sandbox")
    found.add_argument("--set", action="append", default=[], metavar="NAME=JSON", help="a setting of the executor")
    found.add_argument("--only", action="append", default=[], metavar="TEXT", help="snippets whose id holds this")
    return found


def ran(executor: Executor, cells: Sequence[str]) -> list[Done]:
    """Run cells in a session of their own.

    Args:
        executor: Where.
        cells: Python.
    """
    loop = Loop()
    session = Driven(loop.settle(executor.open(Setup(imports=("*",)))), loop, {})
    try:
        return [session.run(cell) for cell in cells]
    finally:
        session.close()
        loop.close()


def compared(executor: Executor, corpus: Sequence[Snippet]) -> Mapping[str, list[str]]:
    """What an executor does otherwise than Python, by the id of the snippet; an empty list is the same.

    Args:
        executor: Which.
        corpus: What to run.
    """
    needs = sorted({name for one in corpus for name in one.needs})
    native = natively([one.cells for one in corpus], needs)
    return {one.id: differences(own, ran(executor, one.cells)) for one, own in zip(corpus, native, strict=True)}


def features(executor: Executor) -> Mapping[str, list[str]]:
    """The same for the features of the language: what each raised.

    Args:
        executor: Which.
    """
    errors = {name: ran(executor, [code])[0].error for name, code in language_features().items()}
    return {
        f"the language's features:{name}": [f"{error.kind}: {error.message:.100}"] if error else []
        for name, error in errors.items()
    }


def table(found: Mapping[str, list[str]]) -> str:
    """How many of each room agree.

    Args:
        found: What differs, by id.
    """
    rooms = dict.fromkeys(name.partition(":")[0] for name in found)
    rows = [(room, [not what for name, what in found.items() if name.startswith(f"{room}:")]) for room in rooms]
    width = max(map(len, rooms))
    return "\n".join(f"{room:{width}}  {sum(good):3} of {len(good):3} as in Python" for room, good in rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: As on the command line; None takes them from there.

    Returns:
        1 if anything differs, 2 if the executor doesn't start, else 0.
    """
    given = parser().parse_args(arguments)
    settings: dict[str, Any] = {name: json.loads(text) for name, _, text in (pair.partition("=") for pair in given.set)}
    corpus = [
        one for one in snippets() if installed(one) and (not given.only or any(text in one.id for text in given.only))
    ]
    try:
        executor = named(given.executor, **settings)
        found = {**compared(executor, corpus), **({} if given.only else features(executor))}
        Loop().settle(executor.close())
    except ExecutorError as error:
        sys.stderr.write(f"{given.executor}: {error}\n")
        return 2
    for name, what in found.items():
        if what:
            sys.stdout.write(f"{name}: {'; '.join(what):.300}\n")
    sys.stdout.write(f"{table(found)}\n")
    return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main())
