"""Kills a run at some instant, goes on with it in a fresh process, and counts what it did to the world.

    python lab.py FOLDER SEED KILLS      one JSON line for each run, then a summary

Each attempt is a fork of this process, which has everything imported and no thread. The world is a file: each effect
appends a line to it, so an effect that happened twice stands there twice. Whoever looks there is the person who is
asked about effects whose outcome nobody knows.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import attrs

from core_plus import CodeAgent, Host, RunContext, ToolCall, ToolCallingAgent, message, tool
from core_plus_scripted import ScriptedModel

WORLD = Path()
PLAN: Plan


@attrs.frozen
class Plan:
    """When an attempt is killed.

    Args:
        how: "append" (before the journal's nth write), "appended" (after it), "insert" (in the middle of it), "before"
            or "after" (the nth effect), "sleep" (after `n` milliseconds), "" (never).
        n: Which.
    """

    how: str = ""
    n: int = 0


ONLY = ("core-plus-journal", "core-plus-sqlite", "core-plus-scripted", "core-plus-sandbox")
"""What the run needs; what else is installed has no part in it."""

seen: Counter[str] = Counter()


def passed(how: str) -> None:
    """A point where this process may be killed."""
    seen[how] += 1
    if PLAN.how == how and seen[how] == PLAN.n:
        os.kill(os.getpid(), signal.SIGKILL)


def happen(name: str, key: str) -> None:
    """Change the world."""
    passed("before")
    with WORLD.open("a") as file:
        file.write(f"{name} {key}\n")
    passed("after")


def happened(name: str, key: str) -> bool:
    """Whether the world has changed that way."""
    return WORLD.exists() and f"{name} {key}" in WORLD.read_text().splitlines()


@tool
def pay(context: RunContext, amount: int) -> str:
    """Pay an amount; paying twice is twice.

    Args:
        amount: How much.
    """
    happen("pay", f"{context.idempotency_key} {amount}")
    return f"paid {amount}"


@tool
async def send(context: RunContext, letter: str) -> str:
    """Send a letter; sending twice is twice.

    Args:
        letter: Which.
    """
    await asyncio.sleep(0.001 * len(letter))
    happen("send", f"{context.idempotency_key} {letter}")
    return f"sent {letter}"


@tool(effect="idempotent")
def book(context: RunContext, seat: int) -> str:
    """Book a seat; the service knows the key.

    Args:
        seat: Which.
    """
    passed("before")
    if not happened("book", f"{context.idempotency_key} {seat}"):
        happen("book", f"{context.idempotency_key} {seat}")
    return f"seat {seat}"


@tool(effect="read")
def look(at: str) -> str:
    """Look something up.

    Args:
        at: What.
    """
    return at.upper()


OUTER = """\
I pay, then send and look together, and have the clerk do the rest.
<code>
import random
first = pay(1)
drawn = random.random()
import asyncio
async def late(name, wait):
    await asyncio.sleep(wait)
    return await send(name)
some = await asyncio.gather(late("a", 0.004), late("bbb", 0), look("x"), pay(2))
print(first, some, drawn)
</code>
---
<code>
told = clerk(task="Book and pay.")
print(told)
third = book(3) + pay(4)
</code>
---
<code>
final_answer([first, sorted(map(str, some)), told, third, pay(5)])
</code>
"""


def outer() -> CodeAgent:
    """An agent that does something of everything: one after another, together, nested, in code."""
    calls = [
        ToolCall("c1", "book", {"seat": 1}),
        ToolCall("c2", "pay", {"amount": 6}),
        ToolCall("c3", "pay", {"amount": 7}),
    ]
    steps = [message("assistant", calls), message("assistant", [ToolCall("c4", "send", {"letter": "z"})]), "All done."]
    clerk = ToolCallingAgent(
        name="clerk", description="Does office work.", model=ScriptedModel(steps, mode="turn"), tools=[book, pay, send]
    )
    return CodeAgent(
        model=ScriptedModel([turn.strip() + "\n" for turn in OUTER.split("---\n")], mode="turn"),
        tools=[pay, send, look, book],
        managed_agents=[clerk],
        executor="sandbox",
    )


def attempt(folder: Path, run_id: str, plan: Plan) -> None:
    """One life of the run: begun or gone on with, until it ends or is killed."""
    global PLAN
    PLAN = plan
    from core_plus_sqlite import store

    insert, append = store._insert, store.SQLiteStore.append

    def inserting(*args: object) -> None:
        insert(*args)  # type: ignore[arg-type]
        passed("insert")

    def appending(self: object, *args: object) -> None:
        passed("append")
        append(self, *args)  # type: ignore[arg-type]
        passed("appended")

    store._insert, store.SQLiteStore.append = inserting, appending  # type: ignore[assignment]
    journal = str(folder / "runs.sqlite")
    asked: list[str] = []

    def look_up(effect: object) -> object:
        call = effect.call  # type: ignore[attr-defined]
        context = effect.arguments["context"]  # type: ignore[attr-defined]
        (given,) = call.arguments.values()
        known = happened(call.name, f"{context.idempotency_key} {given}")
        asked.append(call.name)
        return {"it happened": f"{'paid' if call.name == 'pay' else 'sent'} {given}"} if known else "it didn't happen"

    with Host(only=ONLY) as host:
        agent = attrs.evolve(outer(), host=host)
        known = any(info.id == run_id for info in host.journal(journal).runs())
        result = (
            agent.resume(run_id, journal=journal, unknown=look_up)
            if known
            else agent.run("Go", journal=journal, run_id=run_id)
        )
    said = {
        "state": result.state,
        "answer": result.answer,
        "error": repr(result.error),
        "asked": asked,
        "seen": dict(seen),
    }
    (folder / f"{run_id}.json").write_text(json.dumps(said))


def live(folder: Path, run_id: str, plan: Plan) -> bool:
    """Fork a life and wait for its end; whether it was killed."""
    pid = os.fork()
    if pid == 0:
        try:
            attempt(folder, run_id, plan)
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
    if plan.how == "sleep":
        time.sleep(plan.n / 1000)
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit(f"run {run_id}: an attempt ended with {os.WEXITSTATUS(status)} ({plan})")
    return os.WIFSIGNALED(status)


def deeds(world: Path) -> Counter[str]:
    """What was done, however often: names and arguments."""
    return Counter(f"{line.split()[0]} {line.split()[-1]}" for line in world.read_text().splitlines())


def plans(dice: random.Random, whole: dict[str, int], milliseconds: float) -> list[Plan]:
    """When a run's lives are to end: once to three times, at boundaries or at any moment."""
    made = []
    for _ in range(dice.choice((1, 1, 2, 3))):
        how = dice.choice(("append", "appended", "insert", "before", "after", "sleep"))
        most = int(milliseconds) if how == "sleep" else whole[how]
        made.append(Plan(how, dice.randint(1, max(1, most))))
    return made


def main() -> None:
    """Kill, go on, count."""
    global WORLD
    folder, seed, kills = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    dice = random.Random(seed)
    WORLD = folder / "whole"
    began = time.monotonic()
    live(folder, "whole", Plan())
    milliseconds = (time.monotonic() - began) * 1000
    whole = json.loads((folder / "whole.json").read_text())
    effects = deeds(WORLD)
    if whole["state"] != "success":
        raise SystemExit(f"the run without a kill ended with {whole}")
    done = number = unknown = 0
    while done < kills:
        number += 1
        run_id = f"run{number}"
        WORLD = folder / run_id
        lives = plans(dice, whole["seen"], milliseconds)
        for plan in lives:
            if not live(folder, run_id, plan):
                break
            done += 1
        else:
            live(folder, run_id, Plan())
        ended = json.loads((folder / f"{run_id}.json").read_text())
        lines = WORLD.read_text().splitlines()
        twice = [line for line, times in Counter(lines).items() if times > 1]
        found = deeds(WORLD)
        problems = []
        if twice:
            problems.append(f"twice: {twice}")
        if found != effects:
            problems.append(
                f"lost: {sorted((effects - found).elements())}, more: {sorted((found - effects).elements())}"
            )
        if ended["state"] != "success" or ended["answer"] != whole["answer"]:
            problems.append(f"ended {ended['state']} {ended['error']} with {ended['answer']}, not {whole['answer']}")
        unknown += len(ended["asked"])
        if problems:
            print(json.dumps({"run": run_id, "lives": [attrs.astuple(plan) for plan in lives], "problems": problems}))
    print(
        json.dumps({"kills": done, "runs": number, "unknown": unknown, "effects": effects.total(), "ms": milliseconds})
    )


if __name__ == "__main__":
    main()
