"""Finding plugins without importing them, and loading one without letting it harm the rest."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import Any, Literal

import attrs
import pluggy

from core_plus import hookspecs
from core_plus.errors import PluginError
from core_plus.naming import closest

GROUP = "core_plus"
KINDS = {
    "model": "register_models",
    "tool": "register_tools",
    "executor": "register_executors",
    "memory": "register_memories",
    "ui": "register_uis",
    "agent": "register_agents",
    "store": "register_stores",
    "observer": "register_observers",
    "codec": "register_codecs",
    "command": "register_commands",
}
"""What an entry point's name may begin with (or "hooks"), and the hook that declares it."""


@attrs.define(eq=False)
class Plugin:
    """An entry point, or a module given to the host, and what became of it.

    Args:
        source: The entry point, or the module that was given.
        distribution: Who ships it.
        version: The distribution's version.
        entry: The entry point's name, such as "model.openai"; "hooks.…" for a module that was given.
        target: What the entry point names, as "package.module" or "package.module:object"; "" if it is none.
        status: "found" (not needed yet), "loaded", "blocked" or "broken".
        why: Why it was blocked or is broken, and the way out.
        seconds: How long it took to load.
        hooks: The hooks that it implements, once loaded.
        offers: What it registered, as "kind.name", once loaded.
        module: What was imported, once loaded.
    """

    source: Any = attrs.field(repr=False)
    distribution: str
    version: str
    entry: str
    target: str
    status: Literal["found", "loaded", "blocked", "broken"] = "found"
    why: str = ""
    seconds: float = 0.0
    hooks: tuple[str, ...] = ()
    offers: list[str] = attrs.field(factory=list)
    module: Any = attrs.field(default=None, repr=False)

    @property
    def id(self) -> str:
        """`distribution:entry`."""
        return f"{self.distribution}:{self.entry}"

    @property
    def kind(self) -> str:
        """What the entry's name begins with."""
        return self.entry.partition(".")[0]

    @property
    def name(self) -> str:
        """What people write."""
        return self.entry.partition(".")[2]

    def matches(self, words: Iterable[str]) -> bool:
        """Whether one of the words names it: by distribution (in any spelling), entry or both.

        Args:
            words: As people write them.
        """
        for word in words:
            owner, _, entry = word.rpartition(":")
            if owner and spelled(owner) == spelled(self.distribution) and entry in (self.entry, self.name):
                return True
            if word in (self.entry, self.name) or spelled(word) == spelled(self.distribution):
                return True
        return False


def spelled(name: str) -> str:
    """A distribution's name in the one spelling that all others mean (PEP 503).

    Args:
        name: As somebody wrote it.
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def discover(only: Iterable[str] | None = None, block: Iterable[str] = ()) -> list[Plugin]:
    """All entry points of the group, in a stable order; none is imported.

    Args:
        only: Distributions or entries; others are blocked. None lets all in.
        block: Distributions or entries to leave out.
    """
    from importlib_metadata import distributions

    found: dict[tuple[str, str], Plugin] = {}
    for distribution in distributions():
        for plugin in _offered(distribution):
            if plugin.matches(block):
                plugin.status, plugin.why = "blocked", "blocked by the host's settings or CORE_PLUS_BLOCK"
            elif only is not None and not plugin.matches(only):
                plugin.status, plugin.why = "blocked", "not among what the host's settings or CORE_PLUS_PLUGINS allow"
            found.setdefault((spelled(plugin.distribution), plugin.entry), plugin)
    return sorted(found.values(), key=lambda plugin: plugin.id)


def _offered(distribution: Any) -> list[Plugin]:
    """A distribution's plugins; a broken one, where its metadata can't be read."""
    try:
        if f"[{GROUP}]" not in (distribution.read_text("entry_points.txt") or ""):
            return []
        name, version = distribution.metadata["Name"], distribution.version
        entries = [entry for entry in distribution.entry_points if entry.group == GROUP]
        return [Plugin(entry, name, version, entry.name, entry.value) for entry in entries]
    except Exception as error:
        where = str(getattr(distribution, "_path", "")) or "a distribution"
        why = f"its metadata can't be read ({type(error).__name__}: {error}); reinstall it, or remove {where}"
        return [Plugin(None, where.rpartition("/")[2], "?", "?", "", "broken", why)]


def given(module: Any) -> Plugin:
    """A module or object that the caller hands over as a plugin.

    Args:
        module: What holds the hook implementations.
    """
    name = getattr(module, "__name__", type(module).__name__)
    return Plugin(module, name, str(getattr(module, "__version__", "given")), f"hooks.{name}", "")


def load(plugin: Plugin, manager: pluggy.PluginManager) -> bool:
    """Import a plugin and register its hooks; a failure is written down, not raised.

    Args:
        plugin: What to load; its status, reason, module, hooks and time are set.
        manager: Where its hooks are registered.

    Returns:
        Whether that worked.
    """
    began = time.perf_counter()
    try:
        plugin.module = plugin.source.load() if plugin.target else plugin.source
        plugin.hooks = _checked(plugin.module)
        if not manager.is_registered(plugin.module):
            manager.register(plugin.module, None if manager.has_plugin(plugin.id) else plugin.id)
        plugin.status = "loaded"
    except (Exception, SystemExit) as error:
        plugin.status, plugin.why = "broken", reason(plugin, error)
    plugin.seconds = time.perf_counter() - began
    return plugin.status == "loaded"


def _checked(module: Any) -> tuple[str, ...]:
    """The hooks a module implements, after a look at what pluggy would pass over in silence."""
    wanted = getattr(module, "core_plus_api", hookspecs.API_VERSION)
    if wanted != hookspecs.API_VERSION:
        raise PluginError(f"it asks for API version {wanted}, this kernel has {hookspecs.API_VERSION}")
    found = [name for name in dir(module) if hasattr(getattr(module, name, None), f"{GROUP}_impl")]
    for name in found:
        if name not in hookspecs.hook_names():
            raise PluginError(f"there is no hook {name!r}; {closest(name, hookspecs.hook_names())}")
    return tuple(found)


def reason(plugin: Plugin, error: BaseException) -> str:
    """Why a plugin is broken, and the way out.

    Args:
        plugin: Which.
        error: What it raised.
    """
    text = f"{type(error).__name__}: {error}".replace("\n", " / ")
    missing = getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None
    if missing and not plugin.target.startswith(missing.partition(".")[0]):
        out = f"install what {missing!r} belongs to, or reinstall {plugin.distribution}"
    elif isinstance(error, PluginError):
        out = f"update {plugin.distribution} and core-plus-kernel to versions that fit"
    else:
        out = f"reinstall or report {plugin.distribution}"
    return f"{text}; {out}, or leave it out with CORE_PLUS_BLOCK={plugin.distribution}"
