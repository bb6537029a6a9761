"""What it costs to keep a run: `python benchmarks/keeping.py`, about a minute.

An effect's cost is the time of a run that is kept, less that of the same run that isn't, divided by its effects. Its
floor is the same bytes written to such a file by bare sqlite3, one commit for each write that the journal makes. A
figure and its floor take turns, and each is the least of its rounds: what disturbs a measurement only ever adds to it.
Where nothing waits for the disk, CPU time is taken, so that a busy machine disturbs less.
"""

from __future__ import annotations

import contextlib
import gc
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core_plus import Host, ModelRequest, ModelResponse, RunContext, Tool, ToolCallingAgent, Usage, message, tool
from core_plus.effects import CallModel, CallTool, Effects
from core_plus.messages import ToolCall
from core_plus_journal.journal import Journal
from core_plus_journal.memory import MemoryStore
from core_plus_sqlite.store import SQLiteStore

ROUNDS, EFFECTS = 25, 100


@tool(effect="read", thread="caller")
def look(at: int) -> str:
    """Look.

    Args:
        at: Where.
    """
    return f"seen {at}"


@tool(effect="write", thread="caller")
def pay(amount: int) -> str:
    """Pay.

    Args:
        amount: How much.
    """
    return f"paid {amount}"


def effect(kind: str, number: int) -> Any:
    """An effect of a kind."""
    if kind == "model":
        return CallModel(request=ModelRequest((message("user", f"What is {number}?"),)), purpose="benchmark")
    called, name = (look, "at") if kind == "read" else (pay, "amount")
    given = {name: number}
    return CallTool(call=ToolCall(f"c{number}", called.name, given), tool=called, arguments=given)


def working(kind: str, effects: int) -> Tool:
    """A tool that has so many effects, one after another."""

    @tool
    def work(context: RunContext) -> Effects:
        """Work."""
        for number in range(effects):
            yield effect(kind, number)
        return "worked"

    return work


class Model:
    """A model that has the work done, and says that it is done."""

    def __str__(self) -> str:
        return "bench:model"

    def forward(self, request: ModelRequest) -> ModelResponse:
        """The reply."""
        last = request.messages[-1]
        if last.text.startswith("What is"):
            return ModelResponse(message("assistant", "It is a number, as far as I can see."), Usage(20, 9))
        done = any(said.role == "assistant" for said in request.messages)
        return ModelResponse(message("assistant", "done" if done else ToolCall("w", "work", {})), Usage(100, 5))


def agent(host: Host, kind: str, effects: int) -> ToolCallingAgent[Any, Any]:
    """An agent whose run has so many effects."""
    return ToolCallingAgent(model=Model(), tools=[working(kind, effects), look, pay], host=host)


Clock = Callable[[], float]


def timed(work: Callable[[], object], clock: Clock = time.perf_counter) -> float:
    """Seconds that something takes."""
    gc.collect()
    began = clock()
    work()
    return clock() - began


class Batches(MemoryStore):
    """Notes what is written at once."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[Sequence[bytes]] = []

    def append(self, run_id: str, epoch: int, records: Sequence[bytes]) -> None:
        """Note it."""
        self.batches.append([*records])
        super().append(run_id, epoch, records)


def bare(path: Path, batches: Sequence[Sequence[bytes]], synchronous: str, clock: Clock) -> float:
    """Seconds for the same writes by sqlite3 alone."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as base:
        base.execute("PRAGMA journal_mode = WAL")
        base.execute(f"PRAGMA synchronous = {synchronous}")
        base.execute("CREATE TABLE lines (place INTEGER PRIMARY KEY, line BLOB)")

        def write() -> None:
            for batch in batches:
                base.execute("INSERT INTO lines (line) VALUES (?)", (b"\n".join(batch),))

        return timed(write, clock)


def kept(host: Host, folder: Path, kind: str, durability: str) -> tuple[float, float]:
    """Milliseconds for an effect, and for its floor."""
    made, noted = agent(host, kind, EFFECTS), Batches()
    made.run("Go", journal=Journal(noted))
    times: list[tuple[float, float, float]] = []
    power = durability == "power"
    rounds, clock = (3, time.perf_counter) if power else (ROUNDS, time.process_time)
    for number in range(rounds):
        alone = timed(lambda: made.run("Go"), clock)
        name = f"{kind}-{durability}-{number}"
        with contextlib.closing(SQLiteStore(folder / f"{name}.sqlite", durability=durability)) as store:
            journal = Journal(store)
            whole = timed(lambda journal=journal: made.run("Go", journal=journal), clock)  # type: ignore[misc]
        floor = bare(folder / f"{name}.floor", noted.batches, "FULL" if power else "NORMAL", clock)
        times.append((alone, whole, floor))
    alone, whole, floor = (min(column) for column in zip(*times, strict=True))
    return (whole - alone) / EFFECTS * 1000, floor / EFFECTS * 1000


def resumed(host: Host, folder: Path, kind: str, effects: int) -> float:
    """Seconds to go on with a run that was cut when it had so many effects."""
    noted = Batches()
    made = agent(host, kind, effects)
    made.run("Go", journal=Journal(noted), run_id="r")
    header, *lines = noted.read("r")
    with contextlib.closing(SQLiteStore(folder / f"resume-{kind}-{effects}.sqlite")) as store:
        epoch = store.create("r", header)
        store.append("r", epoch, lines[:-4])
        store.release("r", epoch)
        return timed(lambda: made.resume("r", journal=Journal(store)).output)


def length(host: Host, kind: str, effects: int) -> float:
    """Bytes for an effect."""
    noted = MemoryStore()
    agent(host, kind, effects).run("Go", journal=Journal(noted), run_id="r")
    return sum(map(len, noted.read("r"))) / effects


def importing() -> float:
    """Milliseconds that the plugin adds to a host that is imported already."""
    source = (
        "import time, core_plus.host, core_plus.hookspecs; began = time.perf_counter(); import core_plus_journal; "
        "print((time.perf_counter() - began) * 1000)"
    )
    found = [subprocess.run([sys.executable, "-c", source], capture_output=True, check=True).stdout for _ in range(7)]
    return min(map(float, found))


def main() -> None:
    """Print the table."""
    with Host(only=["core-plus-journal"]) as host, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{'what':<44}{'figure':>12}{'floor':>12}{'ratio':>8}   bar")
        for durability in ("process", "power"):
            for kind in ("read", "write", "model"):
                cost, floor = kept(host, folder, kind, durability)
                bar = "0.2 ms" if durability == "process" else ""
                what = f"{kind} effect, durability {durability!r}"
                print(f"{what:<44}{cost:>9.3f} ms{floor:>9.3f} ms{cost / floor:>7.1f}x   {bar}")
        for kind in ("read", "model"):
            what = f"10,000 {kind} effects gone on with"
            print(f"{what:<44}{resumed(host, folder, kind, 10_000):>10.2f} s{'':>20}   3 s")
        for kind in ("write", "model"):
            for effects in (100, 1000, 10_000):
                what = f"bytes of a {kind} effect in a run of {effects:,}"
                print(f"{what:<44}{length(host, kind, effects):>10.0f} B")
        print(f"{'importing hooks.journal':<44}{importing():>9.2f} ms{'':>20}   2 ms")


if __name__ == "__main__":
    main()
