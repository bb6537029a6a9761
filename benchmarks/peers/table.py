"""Turns results.json into Markdown tables: `python table.py results.json`.

Every figure is the median over rounds, with the least and the most after it.
"Over floor" is the run less the same HTTP calls through bare httpx, in the same dialect.
"""

import json
import pathlib
import statistics
import sys

FLOOR = "httpx"
DIALECTS = ("anthropic", "google", "responses")
STEPS, LONG, TOKENS = 10, 200, 2000
CALLS = STEPS + 1


def floor_of(name):
    """Bare httpx saying the same: an adapter's name ends with its dialect, unless that is chat completions."""
    dialect = name.rpartition("_")[2]
    return f"{FLOOR}_{dialect}" if dialect in DIALECTS else FLOOR


class Results:
    def __init__(self, results):
        self.results = results

    def rounds(self, name, task):
        return [each for each in self.results.get(name, {}).get(task, []) if "error" not in each]

    def values(self, name, task, get):
        """What an adapter's rounds say; nothing where it lacks that part."""
        found = []
        for each in self.rounds(name, task):
            try:
                found.append(get(each))
            except KeyError:
                return []
        return found

    def median(self, name, task, get):
        values = self.values(name, task, get)
        return statistics.median(values) if values else None

    def cell(self, name, task, get, digits=0):
        values = self.values(name, task, get)
        if not values:
            failed = self.results.get(name, {}).get(task, [{}])[:1]
            return "failed" if failed and "error" in failed[0] else "–"
        middle = f"{statistics.median(values):,.{digits}f}"
        return middle if len(values) == 1 else f"{middle} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"

    def over(self, name, task, get):
        """Microseconds for each model call of ten steps, less the floor's median."""
        floor = self.median(floor_of(name), task, get)
        return "–" if floor is None else self.cell(name, task, lambda r: (get(r) - floor) / CALLS * 1e6)

    def ratio(self, name, task, get):
        mine, base = self.median(name, task, get), self.median(floor_of(name), task, get)
        return f"{mine / base:,.1f}×" if mine is not None and base else "–"

    def n(self, name, task):
        return str(len(self.rounds(name, task)))


def rows(title, heads, lines):
    out = [f"### {title}", "", "| " + " | ".join(["", *heads]) + " |", "|" + "---|" * (len(heads) + 1)]
    return "\n".join(out + ["| " + " | ".join(line) + " |" for line in lines]) + "\n"


def mean(values):
    return sum(values) / len(values)


def wall(part):
    return lambda x: x[part][0]


def cpu(part):
    return lambda x: x[part][1]


def sizes(r, name):
    return {
        "distributions": r.cell(name, "size", lambda x: x["distributions"]),
        "MB on disk": r.cell(name, "size", lambda x: x["bytes"] / 1e6, 1),
        "import ms (least of 10)": r.cell(name, "import", lambda x: x["wall"] * 1e3),
        "import CPU ms": r.cell(name, "import", lambda x: x["cpu"] * 1e3),
        "RSS MB": r.cell(name, "import", lambda x: x["rss"] / 1e6, 1),
        "modules": r.cell(name, "import", lambda x: x["modules"]),
    }


def steps(r, name):
    return {
        "S1 run ms": r.cell(name, "times", lambda x: x["one"][0] * 1e3, 2),
        "S2 run ms": r.cell(name, "times", lambda x: x["tools"][0] * 1e3, 2),
        "S2 CPU a call": r.cell(name, "times", lambda x: x["tools"][1] / CALLS * 1e6),
        "S2 CPU ×floor": r.ratio(name, "times", cpu("tools")),
        "S2 over floor": r.over(name, "times", wall("tools")),
        "S2 CPU over floor": r.over(name, "times", cpu("tools")),
        "S2 async CPU over floor": r.over(name, "times", cpu("tools_async")),
        "S3 over floor": r.over(name, "times", wall("code")),
        "S3 CPU over floor": r.over(name, "times", cpu("code")),
        "n": r.n(name, "times"),
    }


def streaming(r, name):
    return {
        "first ms": r.cell(name, "times", lambda x: x["stream"][0] * 1e3, 2),
        "µs a delta": r.cell(name, "times", lambda x: x["stream"][1] / TOKENS * 1e6, 1),
        "CPU µs a delta": r.cell(name, "times", lambda x: x["stream"][2] / TOKENS * 1e6, 1),
        "×floor": r.ratio(name, "times", lambda x: x["stream"][1]),
        "pieces seen": r.cell(name, "times", lambda x: x["stream"][3]),
        "n": r.n(name, "times"),
    }


def flat(r, name):
    def each(part):
        return lambda x: x[part][2] / (TOKENS if part == "usual" else x["count"]) * 1e6

    return {
        f"CPU µs a delta, {TOKENS:,} tokens": r.cell(name, "flat", each("usual"), 1),
        "8,000 tokens": r.cell(name, "flat", each("longer"), 1),
        "longer/usual": r.cell(name, "flat", lambda x: each("longer")(x) / each("usual")(x), 2),
        "n": r.n(name, "flat"),
    }


def long_run(r, name):
    return {
        "run s": r.cell(name, "long", lambda x: x["took"][0], 2),
        "×floor": r.ratio(name, "long", wall("took")),
        "CPU s": r.cell(name, "long", lambda x: x["took"][1], 2),
        "CPU µs a step, steps 2–10": r.cell(name, "long", lambda x: mean(x["cpu"][:9]) * 1e6),
        "steps 95–105": r.cell(name, "long", lambda x: mean(x["cpu"][94:105]) * 1e6),
        "steps 190–200": r.cell(name, "long", lambda x: mean(x["cpu"][-10:]) * 1e6),
        "last/first": r.cell(name, "long", lambda x: mean(x["cpu"][-10:]) / mean(x["cpu"][:9]), 1),
        "held MB": r.cell(name, "long", lambda x: x["held"] / 1e6, 1),
        "n": r.n(name, "long"),
    }


def agents(r, name):
    return {
        "µs an agent": r.cell(name, "agents", lambda x: x["seconds"] * 1e6),
        "KB an agent": r.cell(name, "agents", lambda x: x["bytes"] / 1e3, 1),
        "agents timed": r.cell(name, "agents", lambda x: x["built"]),
        "agents weighed": r.cell(name, "agents", lambda x: x["measured"]),
    }


def crowd(task, count):
    def cells(r, name):
        by = {"async" if x["async"] else "threads" for x in r.rounds(name, task)}
        return {
            "by": "/".join(sorted(by)) or "–",
            "runs/s": r.cell(name, task, lambda x: count / x["seconds"]),
            "×floor time": r.ratio(name, task, lambda x: x["seconds"]),
            "CPU ms a run": r.cell(name, task, lambda x: x["cpu"] / count * 1e3, 2),
            "peak RSS MB": r.cell(name, task, lambda x: x["peak"] / 1e6),
            "KB a run": r.cell(name, task, lambda x: (x["peak"] - x["before"]) / count / 1e3),
            "n": r.n(name, task),
        }

    return cells


TABLES = {
    "Install and import": ("import", sizes),
    "Steps: S1 one answer, S2 ten tool calls, S3 ten code blobs (µs for each model call)": ("times", steps),
    f"S4: {TOKENS} streamed tokens": ("times", streaming),
    "S4 again: does a delta cost more in a longer stream": ("flat", flat),
    f"S6: one run of {LONG} tool calls": ("long", long_run),
    "Agents built": ("agents", agents),
    "S5: 100 runs at once, of 10 tool calls each": ("crowd100", crowd("crowd100", 100)),
    "S5: 1000 runs at once, of 3 tool calls each": ("crowd1000", crowd("crowd1000", 1000)),
}


def table(results):
    """All tables whose task was measured, as Markdown."""
    r, parts = Results(results), []
    for title, (task, cells) in TABLES.items():
        lines = {name: cells(r, name) for name in results if task in results[name]}
        if lines:
            heads = list(next(iter(lines.values())))
            parts.append(rows(title, heads, [[name, *line.values()] for name, line in lines.items()]))
    return "\n".join(parts)


if __name__ == "__main__":
    print(table(json.loads(pathlib.Path(sys.argv[1]).read_text())))
