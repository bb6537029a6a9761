"""`python -m core_plus_testkit.hostile EXECUTOR`: the table of what gets through, by category."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from queue import SimpleQueue
from typing import Any

from core_plus.errors import ExecutorError
from core_plus_testkit.hostile.corpus import CHECKS, Attempt, attempts, sample
from core_plus_testkit.hostile.trial import Trial, Verdict, named


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    found = argparse.ArgumentParser("python -m core_plus_testkit.hostile", description=__doc__)
    found.add_argument("executor", help="the name of an installed executor, such as sandbox")
    found.add_argument("--set", action="append", default=[], metavar="NAME=JSON", help="a setting of the executor")
    found.add_argument("--only", action="append", default=[], metavar="TEXT", help="attempts whose id holds this")
    found.add_argument("--sample", action="store_true", help="one attempt of each category")
    found.add_argument("--uid", type=int, help="run hosts as this user, where root runs the command")
    found.add_argument("--seconds", type=float, default=3.0, help="time limit of a snippet (3)")
    found.add_argument("--memory", type=int, default=384, help="memory limit in MB (384)")
    found.add_argument("--together", type=int, default=2, help="attempts at once (2)")
    found.add_argument("--json", action="store_true", help="one JSON object for each attempt")
    found.add_argument("--every", action="store_true", help="show the attempts that were held, too")
    return found


def verdicts(trials: Sequence[Trial], corpus: Sequence[Attempt]) -> Iterator[Verdict]:
    """Try attempts, as many at once as there are trials, and give the verdicts in the corpus's order.

    Args:
        trials: Where.
        corpus: What.
    """
    free: SimpleQueue[Trial] = SimpleQueue()
    for trial in trials:
        free.put(trial)

    def on_a_free_one(attempt: Attempt) -> Verdict:
        trial = free.get()
        try:
            return trial.run(attempt)
        finally:
            free.put(trial)

    with ThreadPoolExecutor(len(trials)) as threads:
        yield from threads.map(on_a_free_one, corpus)


def table(found: Sequence[Verdict]) -> str:
    """How many of each category got through, and what with.

    Args:
        found: The verdicts.
    """
    rows = []
    for category in dict.fromkeys(verdict.attempt.category for verdict in found):
        own = [verdict for verdict in found if verdict.attempt.category == category]
        kinds = [kind for kind in CHECKS for verdict in own if kind in verdict.through]
        counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
        rows.append((category, sum(not verdict.held for verdict in own), len(own), counts))
    rows.append(("all", sum(row[1] for row in rows), sum(row[2] for row in rows), ""))
    width = max(len(row[0]) for row in rows)
    lines = [
        f"{name:{width}}  {through:3} of {count:3} through  {counts}".rstrip() for name, through, count, counts in rows
    ]
    without = sorted({name for verdict in found for name in verdict.without})
    return "\n".join(lines + ([f"run without limits that it can't hold: {', '.join(without)}"] if without else []))


def as_json(verdict: Verdict) -> str:
    """A verdict as a line of JSON."""
    own: dict[str, Any] = {"id": verdict.attempt.id, "category": verdict.attempt.category}
    names = ("ended", "seconds", "peak", "without")
    own |= {"through": dict(verdict.through), **{name: getattr(verdict, name) for name in names}}
    return json.dumps(own)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: As on the command line; None takes them from there.

    Returns:
        1 if anything got through, 2 if the executor doesn't start, else 0.
    """
    given = parser().parse_args(arguments)
    try:
        found = tried(given)
    except ExecutorError as error:
        sys.stderr.write(f"{given.executor}: {error}\n")
        return 2
    if not given.json:
        sys.stdout.write(table(found) + "\n")
    return int(any(not verdict.held for verdict in found))


def tried(given: argparse.Namespace) -> list[Verdict]:
    """Try what the command line asks for, and show it as it comes.

    Args:
        given: As `parser` reads it.
    """
    settings = {name: json.loads(value) for name, _, value in (pair.partition("=") for pair in given.set)}
    corpus = [one for one in attempts() if not given.only or any(text in one.id for text in given.only)]
    if given.sample:
        corpus = sample(corpus)
    found = []
    with ExitStack() as stack:
        make = partial(
            Trial, partial(named, given.executor, **settings), seconds=given.seconds, memory=given.memory << 20
        )
        trials = [stack.enter_context(make(user=given.uid)) for _ in range(given.together)]
        for verdict in verdicts(trials, corpus):
            found.append(verdict)
            if given.json:
                sys.stdout.write(as_json(verdict) + "\n")
            elif given.every or not verdict.held:
                sys.stdout.write(f"{verdict}\n")
            sys.stdout.flush()
    return found


if __name__ == "__main__":
    sys.exit(main())
