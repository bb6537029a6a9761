"""Kills a run at some instant, goes on with it in a fresh process, and counts what it did to the world.

    python lab.py FOLDER SEED KILLS      a JSON line for each run that isn't as it should be, then a summary

Each attempt is a fork of this process, which has everything imported and no thread. The world is a file: each effect
appends a line to it, so an effect that happened twice stands there twice. Whoever looks there is the person who is
asked about effects whose outcome nobody knows. In the middle of its code the run asks a question while nobody is there:
its process ends, and another one brings the answer.
"""

from __future__ import annotations

import asyncio
import faulthandler
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from core_plus import (
    CodeAgent,
    Host,
    ModelRequest,
    ModelResponse,
    Question,
    RunContext,
    ToolCall,
    ToolCallingAgent,
    message,
    tool,
)
from core_plus.effects import AskHuman
from core_plus_scripted import ScriptedModel


@attrs.frozen
class Plan:
    """When an attempt is killed.

    Args:
        how: "append" (before the journal's nth write), "appended" (after it), "insert" (in the middle of it), "before"
            or "after" (the nth effect), "model" (within the nth model call), "sleep" (after `n` milliseconds),
            "" (never).
        n: Which.
    """

    how: str = ""
    n: int = 0


HOWS = ("append", "appended", "insert", "before", "after", "model", "sleep")

ONLY = ("core-plus-journal", "core-plus-sqlite", "core-plus-scripted", "core-plus-sandbox")
"""What the run needs; what else is installed has no part in it."""


class Stage:
    """Where this process is.

    Attributes:
        world: The file of effects.
        plan: When this life ends.
        seen: How often it passed each point.
    """

    world = Path()
    plan = Plan()
    seen: Counter[str] = Counter()


def passed(how: str) -> None:
    """A point where this process may be killed."""
    Stage.seen[how] += 1
    if Stage.plan.how == how and Stage.seen[how] == Stage.plan.n:
        os.kill(os.getpid(), signal.SIGKILL)


def happen(name: str, key: str) -> None:
    """Change the world."""
    passed("before")
    with Stage.world.open("a") as file:
        file.write(f"{name} {key}\n")
    passed("after")


def happened(name: str, key: str) -> bool:
    """Whether the world has changed that way."""
    return f"{name} {key}" in lines_of(Stage.world)


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


@tool
def user_input(question: str):  # type: ignore[no-untyped-def]
    """Ask the person.

    Args:
        question: What.
    """
    answer = yield AskHuman(question=Question(text=question))
    return f"they said {answer}"


class Slow(ScriptedModel):
    """A model that takes its time, in which it may be killed."""

    def forward(self, request: ModelRequest) -> ModelResponse:
        passed("model")
        return super().forward(request)

    async def aforward(self, request: ModelRequest) -> ModelResponse:
        passed("model")
        return await super().aforward(request)


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
before = pay(8)
colour = user_input(question="Which colour?")
print(told, colour)
third = book(3) + pay(4)
</code>
---
<code>
final_answer([first, sorted(map(str, some)), told, colour, third, pay(5)])
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
        name="clerk",
        description="Does office work.",
        model=Slow(steps, mode="turn", delay=0.002),
        tools=[book, pay, send],
    )
    return CodeAgent(
        model=Slow([turn.strip() + "\n" for turn in OUTER.split("---\n")], mode="turn", delay=0.002),
        tools=[pay, send, look, book, user_input],
        managed_agents=[clerk],
        executor="sandbox",
    )


def watched() -> None:
    """Let the journal's own writes be points where this process may be killed."""
    from core_plus_sqlite import store

    insert, append = store._insert, store.SQLiteStore.append

    def inserting(*args: object) -> object:
        done = insert(*args)  # type: ignore[arg-type]
        passed("insert")
        return done

    def appending(self: object, *args: object) -> None:
        passed("append")
        append(self, *args)  # type: ignore[arg-type]
        passed("appended")

    store._insert, store.SQLiteStore.append = inserting, appending  # type: ignore[assignment]


def look_up(effect: object) -> object:
    """The person who is asked what became of an effect."""
    call = effect.call  # type: ignore[attr-defined]
    context = effect.arguments["context"]  # type: ignore[attr-defined]
    (given,) = call.arguments.values()
    known = happened(call.name, f"{context.idempotency_key} {given}")
    Stage.seen["unknown"] += 1
    return {"it happened": f"{'paid' if call.name == 'pay' else 'sent'} {given}"} if known else "it didn't happen"


def attempt(folder: Path, run_id: str, plan: Plan, on_loop: bool) -> None:
    """One life of the run: begun or gone on with, until it ends, waits or is killed."""
    Stage.plan = plan
    faulthandler.dump_traceback_later(90, exit=True)
    watched()
    journal = str(folder / "runs.sqlite")
    with Host(only=ONLY) as host:
        agent = attrs.evolve(outer(), host=host)
        states = {one.id: one.state for one in host.journal(journal).runs()}
        if run_id not in states:
            begin, args, options = (agent.arun if on_loop else agent.run), ("Go",), {"run_id": run_id}
        else:
            begin, args, options = (agent.aresume if on_loop else agent.resume), (run_id,), {"unknown": look_up}
            options |= {"answer": "red"} if states[run_id] == "suspended" else {}
        begun = begin(*args, journal=journal, **options)  # type: ignore[operator]
        result = asyncio.run(begun) if on_loop else begun
    said = {"state": result.state, "answer": result.answer, "error": repr(result.error), "seen": dict(Stage.seen)}
    (folder / f"{run_id}.json").write_text(json.dumps(said))


def live(folder: Path, run_id: str, plan: Plan, on_loop: bool = False) -> bool:
    """Fork a life and wait for its end; whether it was killed."""
    pid = os.fork()
    if pid == 0:
        try:
            attempt(folder, run_id, plan, on_loop)
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


def ended(folder: Path, run_id: str) -> dict[str, Any]:
    """What the last life that came to its end said."""
    file = folder / f"{run_id}.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"state": "suspended", "seen": {}}
    return found


def deeds(world: Path) -> Counter[str]:
    """What was done, however often: names and arguments."""
    return Counter(f"{line.split()[0]} {line.split()[-1]}" for line in lines_of(world))


def lines_of(world: Path) -> list[str]:
    """What was done, line by line; nothing yet, where the file isn't there."""
    return world.read_text().splitlines() if world.exists() else []


def plans(dice: random.Random, whole: Mapping[str, int], milliseconds: float) -> list[Plan]:
    """When a run's lives are to end: once to three times, at boundaries or at any moment."""
    made = []
    for _ in range(dice.choice((1, 1, 2, 3))):
        how = dice.choice(HOWS)
        most = int(milliseconds) if how == "sleep" else whole[how]
        made.append(Plan(how, dice.randint(1, max(1, most))))
    return made


@attrs.frozen
class Whole:
    """The run as nothing cut it short.

    Args:
        answer: Its answer.
        effects: What it did.
        seen: How often it passed each point.
        milliseconds: How long it took.
    """

    answer: Any
    effects: Counter[str]
    seen: Counter[str]
    milliseconds: float


def uncut(folder: Path) -> Whole:
    """The run in two lives, for it waits for an answer; nothing is killed."""
    Stage.world = folder / "whole"
    counted: Counter[str] = Counter()
    began = time.monotonic()
    for state in ("suspended", "success"):
        live(folder, "whole", Plan())
        said = ended(folder, "whole")
        counted.update(said["seen"])
        if said["state"] != state:
            raise SystemExit(f"the run without a kill ended with {said}")
    return Whole(said["answer"], deeds(Stage.world), counted, (time.monotonic() - began) * 1000)


def killed(folder: Path, run_id: str, dice: random.Random, whole: Whole) -> tuple[int, int, list[str]]:
    """One run that is killed again and again, and gone on with to its end: kills, unknown effects, what is wrong."""
    Stage.world = folder / run_id
    kills = unknown = 0
    lives = plans(dice, whole.seen, whole.milliseconds)
    for plan in [*lives, *[Plan()] * 4]:
        (folder / f"{run_id}.json").unlink(missing_ok=True)
        kills += live(folder, run_id, plan, dice.random() < 0.5)
        said = ended(folder, run_id)
        unknown += said["seen"].get("unknown", 0)
        if said["state"] != "suspended":
            break
    found, wrong = deeds(Stage.world), [f"lives: {[attrs.astuple(plan) for plan in lives]}"]
    wrong += [f"twice: {line}" for line, times in Counter(lines_of(Stage.world)).items() if times > 1]
    wrong += [f"lost: {one}" for one in (whole.effects - found).elements()]
    wrong += [f"more: {one}" for one in (found - whole.effects).elements()]
    if (said["state"], said.get("answer")) != ("success", whole.answer):
        wrong.append(f"ended {said}, not with {whole.answer}")
    return kills, unknown, wrong if len(wrong) > 1 else []


def prepare() -> None:
    """Import what every life needs, so that none has to."""
    import core_plus_sandbox.executor
    import core_plus_sqlite.store
    from core_plus_journal.journal import Journal, plugins_of
    from core_plus_journal.memory import MemoryStore

    with Host(only=ONLY) as host:
        plugins_of(host)
    Journal(MemoryStore()).close()
    assert core_plus_sandbox.executor
    assert core_plus_sqlite.store


def main() -> None:
    """Kill, go on, count."""
    prepare()
    folder, seed, wanted = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    dice, whole = random.Random(seed), uncut(folder)
    kills = unknown = runs = wrong = 0
    while kills < wanted:
        runs += 1
        more, asked, problems = killed(folder, f"run{runs}", dice, whole)
        kills, unknown, wrong = kills + more, unknown + asked, wrong + bool(problems)
        if problems:
            print(json.dumps({"run": runs, "problems": problems}))
    told = {"kills": kills, "runs": runs, "wrong": wrong, "unknown": unknown, "effects": whole.effects.total()}
    print(json.dumps({**told, "ms": round(whole.milliseconds)}))


if __name__ == "__main__":
    main()
