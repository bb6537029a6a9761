"""What a run began with, so that whoever goes on with it can tell whether that has changed."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
from pathlib import Path

from core_plus.host import Host
from core_plus.run import Run
from core_plus_journal.records import Header, PluginMark


def plugins_of(host: Host) -> list[PluginMark]:
    """The plugins that are loaded now, each distribution once; stores don't count, for a run may be moved.

    Args:
        host: Whose plugins.
    """
    loaded = [one for one in host.plugins if one.status == "loaded" and one.kind != "store"]
    marks = {one.distribution: PluginMark(one.distribution, one.version, _hash(_package(one.target))) for one in loaded}
    return [marks[name] for name in sorted(marks)]


def _package(target: str) -> str:
    return target.partition(":")[0].partition(".")[0]


@functools.cache
def _hash(package: str) -> str:
    """SHA-256 over the names and texts of a package's Python files, "" where there are none to read."""
    try:
        spec = importlib.util.find_spec(package) if package else None
    except ValueError:  # a module that was made by hand has none
        spec = None
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        return ""
    origin = Path(spec.origin)
    files = sorted(origin.parent.rglob("*.py")) if origin.name == "__init__.py" else [origin]
    digest = hashlib.sha256()
    for file in files:
        text = file.read_bytes()
        digest.update(f"{file.relative_to(origin.parent).as_posix()} {len(text)}\n".encode() + text)
    return digest.hexdigest()


def tools_of(run: Run) -> dict[str, str]:
    """The signature of each tool of a run, by name: what the model is told, and what repeating a call would do.

    Args:
        run: Whose tools.
    """
    return {name: f"{tool.effect} {_digest(tool.spec.parameters)}" for name, tool in run.bound.tools.items()}


def _digest(schema: object) -> str:
    text = json.dumps(schema, sort_keys=True, separators=(",", ":"), default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def changes(header: Header, run: Run) -> list[str]:
    """What isn't as it was when the run began, in words.

    Args:
        header: Of the run.
        run: As it would go on now.
    """
    found = []
    now = {one.distribution: one for one in run.host.plugins if one.status in ("found", "loaded")}
    for mark in header.plugins:
        version = now[mark.name].version if mark.name in now else None
        if version != mark.version:
            found.append(f"{mark.name} was {mark.version}, is {version or 'not here'}")
    tools = tools_of(run)
    for name, form in header.tools.items():
        if name not in tools:
            found.append(f"the tool {name} is gone")
        elif tools[name] != form:
            found.append(f"the tool {name} has another signature")
    found += [f"the tool {name} is new" for name in tools if name not in header.tools]
    kind = type(run.bound.agent).__name__
    if kind != header.agent["class"]:
        found.append(f"the agent was a {header.agent['class']}, is a {kind}")
    return found
