"""What plugins there are and what they offer: each loaded when it is needed, looked up by name."""

from __future__ import annotations

import inspect
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any

import attrs
import pluggy

from core_plus import discovery, hookspecs
from core_plus.discovery import KINDS, Plugin, spelled
from core_plus.errors import ConfigurationError, PluginError
from core_plus.naming import closest
from core_plus.workers import Workers


@attrs.frozen
class Offer:
    """Something a plugin registered.

    Args:
        kind: "model", "tool", ….
        name: What people write.
        factory: Makes one.
        summary: One line.
        config: The attrs class of its settings, if it has one.
        plugin: Who offers it.
    """

    kind: str
    name: str
    factory: Any
    summary: str
    config: type | None
    plugin: Plugin


class Registry:
    """The plugins of a host. Nothing is looked for before the first use.

    Args:
        discover: Whether to look for entry points.
        plugins: Modules or objects to load as plugins at once.
        only: Distributions or entries; nothing else is loaded.
        block: Distributions or entries to leave out.
        require: Distributions or entries without which nothing runs.
        config: Settings by "kind.name"; what is configured is required.
    """

    def __init__(
        self,
        *,
        discover: bool = True,
        plugins: Iterable[Any] = (),
        only: Iterable[str] | None = None,
        block: Iterable[str] = (),
        require: Iterable[str] = (),
        config: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self._settings = discover, tuple(plugins), only, tuple(block)
        self._require = tuple(require)
        self.config: dict[str, Mapping[str, Any]] = dict(config or {})
        self.problems: list[str] = []
        self._plugins: list[Plugin] | None = None
        self._offers: dict[tuple[str, str], list[Offer]] = {}
        self._made: dict[tuple[str, str], Any] = {}
        self._lock = threading.RLock()
        self._manager = pluggy.PluginManager("core_plus")
        self._manager.add_hookspecs(hookspecs)
        self.workers = Workers()
        self._exit = ExitStack()
        self._exit.callback(self.workers.close)
        self._finalizer = weakref.finalize(self, self._exit.close)

    # ---- plugins ---------------------------------------------------------

    @property
    def plugins(self) -> list[Plugin]:
        """Every plugin found or given, and what became of it."""
        with self._lock:
            if self._plugins is None:
                self._start()
            return list(self._plugins or ())

    def _start(self) -> None:
        find, modules, only, block = self._settings
        only = _words("CORE_PLUS_PLUGINS") if only is None else only
        self._plugins = found = [discovery.given(module) for module in modules]
        if find:
            found += discovery.discover(only, (*block, *(_words("CORE_PLUS_BLOCK") or ())))
        words = (*self._require, *self.config)
        for plugin in found:
            if plugin.kind == "hooks" or plugin.matches(words):
                self._load(plugin)
            elif plugin.status == "broken":
                self.report(f"{plugin.distribution}: {plugin.why}")
        for word in words:
            self._check_required(word, found)

    def _check_required(self, word: str, found: list[Plugin]) -> None:
        """Nothing starts without a plugin that was asked for or configured; what was entered is left again."""
        matching = [plugin for plugin in found if plugin.matches([word])]
        kind, _, name = word.partition(".")
        if any(plugin.status == "loaded" for plugin in matching) or self._offers.get((kind, name)):
            return
        why = "; ".join(f"{one.id} {one.version}: {one.why}" for one in matching)
        names = {name for one in found for name in (one.distribution, one.entry)}
        self._plugins = None
        self._offers.clear()
        for module in self._manager.get_plugins():
            self._manager.unregister(module)
        self._exit.pop_all().close()
        self._exit.callback(self.workers.close)
        raise PluginError(f"the required plugin {word!r} isn't there: {why or closest(word, names)}")

    def _load(self, plugin: Plugin) -> None:
        if plugin.status != "found":
            return
        seen = [other.module for other in self._plugins or () if other is not plugin]
        if discovery.load(plugin, self._manager):
            others = [other for other in self._manager.get_plugins() if other is not plugin.module]
            declare = self._manager.subset_hook_caller
            try:
                for kind, hook in KINDS.items():
                    if hook in plugin.hooks:
                        declare(hook, others)(register=self._registrar(kind, plugin), host=self)
                for manager in () if plugin.module in seen else declare("lifespan", others)(host=self):
                    manager.__enter__()
                    self._exit.callback(_guarded, manager.__exit__, (None, None, None), plugin.id, self.problems)
            except Exception as error:
                plugin.status, plugin.why = "broken", discovery.reason(plugin, error)
                self._manager.unregister(plugin.module)
                for offers in self._offers.values():
                    offers[:] = [offer for offer in offers if offer.plugin is not plugin]
        if plugin.status == "broken":
            self.report(f"plugin {plugin.id} {plugin.version} was not loaded: {plugin.why}")

    def _registrar(self, kind: str, plugin: Plugin) -> hookspecs.Register:
        def register(name: str, factory: Any, *, summary: str, config: type | None = None) -> None:
            offers = self._offers.setdefault((kind, name), [])
            plugin.offers.append(f"{kind}.{name}")
            # Several entry points may name one module, which then declares all that it has for each.
            if not any(offer.factory is factory or offer.plugin.module is plugin.module for offer in offers):
                offers.append(Offer(kind, name, factory, summary, config, plugin))

        return register

    def report(self, text: str) -> None:
        """Tell once, through the standard library's logging, what a person should know of a plugin.

        Args:
            text: Who, what and the way out.
        """
        _report(self.problems, text)

    # ---- looking up ------------------------------------------------------

    def names(self, kind: str) -> list[str]:
        """The names of a kind, without importing anything.

        Args:
            kind: "model", "tool", "executor", ….
        """
        entries = {
            plugin.name for plugin in self.plugins if plugin.kind == kind and plugin.status in ("found", "loaded")
        }
        return sorted(entries | {name for (of, name), offers in self._offers.items() if of == kind and offers})

    def find(self, kind: str, name: str) -> Offer:
        """Who offers a name; loads that plugin.

        Args:
            kind: "model", "tool", "executor", ….
            name: The name, or `distribution:name` where two offer the same.

        Raises:
            PluginError: Nobody offers it, or several do, or the one that does is broken.
        """
        owner, _, bare = name.rpartition(":")
        with self._lock:
            fits = [one for one in self.plugins if not owner or spelled(one.distribution) == spelled(owner)]
            named = [one for one in fits if (one.kind, one.name) == (kind, bare)]
            for plugin in named:
                self._load(plugin)
            offers = [offer for offer in self._offers.get((kind, bare), ()) if offer.plugin in fits]
        if len(offers) == 1:
            return offers[0]
        if offers:
            ways = " or ".join(f"{offer.plugin.distribution}:{bare}" for offer in offers)
            raise PluginError(f"{len(offers)} plugins offer {kind} {bare!r}: write {ways}")
        for plugin in named:
            why = f"which isn't loaded: {plugin.why}" if plugin.why else f"which registered {plugin.offers} instead"
            raise PluginError(f"{kind} {name!r} is offered by {plugin.id} {plugin.version}, {why}")
        none = f"no {kind} is installed"
        raise PluginError(f"no plugin offers {kind} {name!r}: {closest(bare, self.names(kind), none)}")

    def make(self, kind: str, name: str, /, *args: Any, **settings: Any) -> Any:
        """A new object of what a name stands for.

        Args:
            kind: "model", "tool", "executor", ….
            name: As for `find`.
            *args: Handed to the factory.
            **settings: Handed to the factory, over those of the host's config.
        """
        return self._make(self.find(kind, name), *args, **settings)

    def _make(self, offer: Offer, /, *args: Any, **settings: Any) -> Any:
        values = {**self.config.get(f"{offer.kind}.{offer.name}", {}), **settings}
        fields: set[str] = set()
        if offer.config is not None:
            fields = {field.name for field in attrs.fields(offer.config)}
            own = {key: values.pop(key) for key in [*values] if key in fields}
            values["config"] = offer.config(**own)
        try:
            takes: inspect.Signature | None = inspect.signature(offer.factory)
        except ValueError:
            takes = None  # some of C's have none
        try:
            if takes is not None:
                takes.bind(*args, **values)
        except TypeError as error:
            names = {*settings_of(takes), *fields} - {"config"}
            odd = next((key for key in values if key not in names), "")
            raise ConfigurationError(
                f"the settings of {offer.kind} {offer.name!r} don't fit: {error}; {closest(odd, names)}"
            ) from error
        return offer.factory(*args, **values)

    def shared(self, kind: str, name: str, *args: Any) -> Any:
        """The host's own object of what a name stands for: made once, closed with the host.

        Args:
            kind: "model", "executor", ….
            name: As for `find`.
            *args: Handed to the factory; they tell one object from another.
        """
        key = kind, ":".join([name, *args])
        with self._lock:
            if key not in self._made:
                self._made[key] = made = self.make(kind, name, *args)
                self._exit.callback(_guarded, close, (made, self.workers), f"{kind} {name}", self.problems)
            return self._made[key]

    def close_one(self, thing: Any) -> None:
        """Close something at once, whether its `close` is sync or async.

        Args:
            thing: Has `close()`.
        """
        close(thing, self.workers)


def settings_of(signature: Any) -> list[str]:
    """The names that a factory may be given.

    Args:
        signature: The factory's.
    """
    return [
        name for name, one in signature.parameters.items() if one.kind in (one.KEYWORD_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]


def close(made: Any, workers: Workers) -> None:
    """Close something, whether its `close` is sync or async, if it has one.

    Args:
        made: Anything.
        workers: Whose event loop an async one runs on.
    """
    found = made.close() if hasattr(made, "close") else made.aclose() if hasattr(made, "aclose") else None
    if inspect.isawaitable(found):
        workers.submit_async(found).result()


def _guarded(function: Callable[..., Any], args: tuple[Any, ...], who: str, problems: list[str]) -> None:
    """One careless clean-up neither skips another's nor hides the user's own error."""
    try:
        function(*args)
    except Exception as error:
        _report(problems, f"{who} failed when it was closed: {type(error).__name__}: {error}")


def _report(problems: list[str], text: str) -> None:
    if text not in problems:
        import logging

        problems.append(text)
        logging.getLogger("core_plus.plugins").warning("%s", text)


def _words(variable: str) -> list[str] | None:
    text = os.environ.get(variable)
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]
