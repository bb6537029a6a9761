"""One measurement, in one process, of one adapter: prints one JSON object.

    python worker.py ADAPTER URL TASK [COUNT] [--cpu N]

TASK is one of
  times     wall seconds of each scenario, and the marks of a long run
  agents    seconds and bytes for each of COUNT agents built
  long      one run of COUNT steps, step by step, and the memory it leaves held
  crowd     seconds and memory of COUNT runs of ten steps at once
  bigcrowd  the same, of three steps
  flat      the same stream of COUNT tokens, to see whether a delta costs more late than early
"""

import argparse
import asyncio
import gc
import importlib
import itertools
import json
import logging
import os
import pathlib
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import tools

STEPS = 10
LONG = 200
TOKENS = 2000


def resident():
    """Bytes this process holds; 0 where the system has no /proc to tell."""
    statm = pathlib.Path("/proc/self/statm")
    if not statm.exists():
        return 0
    pages = int(statm.read_text().split()[1])
    return pages * resource.getpagesize()


class Bench:
    def __init__(self, name, url):
        self.adapter = importlib.import_module(f"adapters.{name}")
        self.url = url
        self.kind = getattr(self.adapter, "SCRIPT", "tools")
        self.text = getattr(self.adapter, "TEXT", "text")
        self.models = {}

    def __contains__(self, part):
        return hasattr(self.adapter, part)

    def model(self, script, is_async=False):
        key = script, is_async
        if key not in self.models:
            self.models[key] = self.adapter.model(self.url, script, is_async)
        return self.models[key]

    def agent(self, script, steps, build="agent", is_async=False):
        add = tools.add_async if is_async else tools.add
        return getattr(self.adapter, build)(self.model(script, is_async), add, steps)

    def run(self, script, steps, build="agent"):
        agent = self.agent(script, steps, build)
        tools.MARKS.clear()
        wall, cpu = time.perf_counter(), time.process_time()
        answer = self.adapter.run(agent, "Go.")
        took = time.perf_counter() - wall, time.process_time() - cpu
        check(answer, steps if build == "agent" else None)
        return took

    async def arun(self, script, steps):
        agent = self.agent(script, steps, is_async=True)
        tools.MARKS.clear()
        wall, cpu = time.perf_counter(), time.process_time()
        answer = await self.adapter.arun(agent, "Go.")
        took = time.perf_counter() - wall, time.process_time() - cpu
        check(answer, steps)
        return took

    def stream(self, tokens=TOKENS):
        """Seconds to the first text and to the end, of the clock and of CPU, and the pieces seen."""
        is_async = "astream" in self
        build = "stream_agent" if "stream_agent" in self else "agent"
        marks = []

        async def collect():
            agent = self.agent(f"{self.text}-{tokens}", 1, build, True)
            start = time.perf_counter(), time.process_time()
            async for _ in self.adapter.astream(agent, "Go."):
                marks.append(time.perf_counter())  # noqa: PERF401  # the moment matters, not the list
            return start

        if is_async:
            self.models.pop((f"{self.text}-{tokens}", True), None)
            start = asyncio.run(collect())
        else:
            agent = self.agent(f"{self.text}-{tokens}", 1, build)
            start = time.perf_counter(), time.process_time()
            for _ in self.adapter.stream(agent, "Go."):
                marks.append(time.perf_counter())  # noqa: PERF401  # the moment matters, not the list
        end = time.perf_counter(), time.process_time()
        return marks[0] - start[0], end[0] - start[0], end[1] - start[1], len(marks)


def check(answer, steps):
    if "done" not in str(answer) or (steps is not None and len(tools.MARKS) != steps):
        raise SystemExit(f"wrong run: {answer!r:.300} after {len(tools.MARKS)} calls, not {steps}")


def repeat(call, times):
    """The least of each part of what a call returns: what else the machine does only adds."""
    call()
    return [min(part) for part in zip(*(call() for _ in range(times)), strict=True)]


def times(bench, _):
    kind, out = bench.kind, {}
    if "run" in bench:
        out["one"] = repeat(lambda: bench.run(f"{kind}-0", 0), 8)
        out["tools"] = repeat(lambda: bench.run(f"{kind}-{STEPS}", STEPS), 3)
    if "code_agent" in bench:
        out["code"] = repeat(lambda: bench.run(f"code-{STEPS}", STEPS, "code_agent"), 3)
    if "arun" in bench:

        async def collect():
            took = [await bench.arun(f"{kind}-{STEPS}", STEPS) for _ in range(4)]
            return [min(part) for part in zip(*took, strict=True)]

        out["tools_async"] = asyncio.run(collect())
    if "stream" in bench or "astream" in bench:
        out["stream"] = repeat(bench.stream, 3)
    return out


def agents(bench, count):
    """Builds up to COUNT agents, or as many as four seconds take, then again counting bytes."""
    import tracemalloc

    model = bench.model(f"{bench.kind}-1")

    def build(seconds):
        kept, start = [], time.perf_counter()
        while len(kept) < count and time.perf_counter() - start < seconds:
            kept.append(bench.adapter.agent(model, tools.add, 1))
        return kept, (time.perf_counter() - start) / len(kept)

    kept, _ = build(0.5)
    kept, seconds = build(4)
    count = built = len(kept)
    del kept
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept, _ = build(6)
    gc.collect()
    size = (tracemalloc.get_traced_memory()[0] - before) / len(kept)
    return {"seconds": seconds, "bytes": size, "built": built, "measured": len(kept)}


def long(bench, count):
    """One long run: its time, the time of each step, and the memory its agent and result hold."""
    bench.run(f"{bench.kind}-{STEPS}", STEPS)
    gc.collect()
    before, script = resident(), f"{bench.kind}-{count}"
    agent = bench.agent(script, count)
    tools.MARKS.clear()
    cpu, wall = time.process_time(), time.perf_counter()
    answer = bench.adapter.run(agent, "Go.")
    took = time.perf_counter() - wall, time.process_time() - cpu
    marks = list(tools.MARKS)
    check(answer, count)
    gc.collect()
    cpus = list(tools.CPU)[-count:]
    return {
        "took": took,
        "held": resident() - before,
        "wall": [b - a for a, b in itertools.pairwise(marks)],
        "cpu": [b - a for a, b in itertools.pairwise(cpus)],
    }


def crowd(bench, count, steps=STEPS):
    """COUNT runs at once: tasks where the adapter is async, else as many threads."""
    script, adapter = f"{bench.kind}-{steps}", bench.adapter
    is_async = "arun" in bench
    agent = bench.agent(script, steps, is_async=is_async) if adapter.SHARED else None

    def fresh():
        return agent or bench.agent(script, steps, is_async=is_async)

    async def gather(number):
        return await asyncio.gather(*(adapter.arun(fresh(), "Go.") for _ in range(number)))

    async def both():
        await gather(2)
        return await measured(gather(count))

    async def measured(work):
        begin()
        answers = await work
        return answers, end()

    state = {}

    def begin():
        gc.collect()
        tools.MARKS.clear()
        state.update(rss=resident(), start=time.perf_counter(), cpu=time.process_time())

    def end():
        return time.perf_counter() - state["start"], time.process_time() - state["cpu"]

    if is_async:
        answers, took = asyncio.run(both())
    else:
        with ThreadPoolExecutor(count) as pool:
            adapter.run(fresh(), "Go.")
            begin()
            answers = list(pool.map(lambda _: adapter.run(fresh(), "Go."), range(count)))
            took = end()
    for answer in answers:
        check(answer, None)
    if len(tools.MARKS) != count * steps:
        raise SystemExit(f"{len(tools.MARKS)} calls, not {count * steps}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": took[0], "cpu": took[1], "before": state["rss"], "peak": peak, "async": is_async}


def bigcrowd(bench, count):
    """The same with three steps, so that a thousand runs do not take the day."""
    return crowd(bench, count, 3)


def flat(bench, count):
    """Streams of the usual length and of COUNT tokens, by turns."""
    if not ("stream" in bench or "astream" in bench):
        return {}
    bench.stream()
    usual, longer = zip(*((bench.stream(), bench.stream(count)) for _ in range(2)), strict=True)
    return {"usual": [min(part) for part in zip(*usual, strict=True)], "count": count} | {
        "longer": [min(part) for part in zip(*longer, strict=True)]
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("adapter")
    parser.add_argument("url")
    parser.add_argument("task", choices=["times", "agents", "long", "crowd", "bigcrowd", "flat"])
    parser.add_argument("count", type=int, nargs="?", default=0)
    parser.add_argument("--cpu", type=int)
    options = parser.parse_args()
    if options.cpu is not None:
        os.sched_setaffinity(0, {options.cpu})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    bench = Bench(options.adapter, options.url)
    logging.disable(logging.ERROR)
    # Some adapters print, and not whole lines.
    print("\n" + json.dumps(globals()[options.task](bench, options.count)))


if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    main()
