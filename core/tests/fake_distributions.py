"""Distributions with plugins, written into a folder as an installer would, and plugins made in place."""

from __future__ import annotations

import sys
import textwrap
import types
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from importlib_metadata import entry_points

from core_plus import Host, hookimpl
from core_plus.discovery import Plugin

HEAD = "from core_plus import hookimpl\n"


def offering(kind: str, name: str, factory: str = "lambda *args, **settings: args") -> str:
    """The source of a plugin that registers one thing."""
    declare = f"register({name!r}, {factory}, summary='For a test')"
    return f"{HEAD}@hookimpl\ndef register_{kind}s(register):\n    {declare}\n"


def plugin(name: str, **hooks: Callable[..., Any]) -> types.ModuleType:
    """A module as `Host(plugins=[…])` takes it, with these hooks."""
    module = types.ModuleType(name)
    for hook, function in hooks.items():
        setattr(module, hook, hookimpl(function))
    return module


class Distributions:
    """Installs distributions that hold plugins; hosts made here see these alone."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.exit = folder, ExitStack()
        self.others = [entry.dist.name for entry in entry_points(group="core_plus") if entry.dist]

    def add(self, name: str, entries: Mapping[str, str], version: str = "1.0") -> None:
        """Install one: its entry points' names with the source of the module that each stands for."""
        lines = []
        for entry, source in entries.items():
            lines.append(f"{entry} = {self.module(name, entry)}")
            (self.folder / f"{self.module(name, entry)}.py").write_text(textwrap.dedent(source))
        self.write(name, "[core_plus]\n" + "\n".join(lines), version)

    def write(self, name: str, entry_points: str, version: str = "1.0", metadata: str | None = None) -> None:
        """Install the metadata alone."""
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" if metadata is None else metadata
        if text:
            (info / "METADATA").write_text(text)
        (info / "entry_points.txt").write_text(entry_points + "\n")

    def module(self, name: str, entry: str) -> str:
        """The module that an entry point stands for."""
        return f"faked_{name}_{entry}".replace("-", "_").replace(".", "_")

    def imported(self) -> set[str]:
        """The modules of these distributions that were imported."""
        return {name for name in sys.modules if name.startswith("faked_")}

    def host(self, block: Iterable[str] = (), **settings: Any) -> Host:
        """A host that finds these distributions and no others that happen to be installed."""
        return self.exit.enter_context(Host(block=[*self.others, *block], **settings))

    def of(self, host: Host) -> dict[str, Plugin]:
        """The host's plugins that come from here, by `distribution:entry`."""
        return {plugin.id: plugin for plugin in host.plugins if plugin.distribution not in self.others}

    def close(self) -> None:
        """Close the hosts, and forget what was imported."""
        self.exit.close()
        for name in self.imported():
            del sys.modules[name]
