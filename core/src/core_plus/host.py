"""`Host`: what plugins offer, as models, tools and executors; what they say to effects; what they keep open."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Any

from core_plus.discovery import spelled
from core_plus.effects import Allow, Ask, Decision, Deny, Effect, Outcome, Retry
from core_plus.errors import LimitReached, ModelError, PluginError
from core_plus.naming import closest
from core_plus.registry import Registry


class Host(Registry):
    """A set of plugins and what they keep open. A value, not a global: as many as you like.

    Args:
        discover: Whether to look for entry points; False is the embedded form.
        plugins: Modules or objects to load as plugins at once.
        only: Distributions or entries; nothing else is loaded. Default: CORE_PLUS_PLUGINS.
        block: Distributions or entries to leave out, beside CORE_PLUS_BLOCK.
        require: Distributions or entries without which nothing runs.
        config: Settings by "kind.name", such as `{"model.openai": {"base_url": …}}`.

    Nothing is looked up before the first use. A context manager; it also closes itself when collected.
    """

    def model(self, ref: Any) -> Any:
        """The model that a reference stands for.

        Args:
            ref: "provider:id", or a model object, which is given back.

        Raises:
            PluginError: No plugin knows it.
        """
        if not isinstance(ref, str):
            return ref
        name, _, rest = ref.partition(":")
        known = {one.name for one in self.plugins if one.kind == "model"}.union(self.names("model"))
        if name not in known and (found := self._first("resolve_model", ref=ref, host=self)) is not None:
            return found
        if name not in known and any(spelled(one.distribution) == spelled(name) for one in self.plugins):
            owner, (name, _, rest) = name, rest.partition(":")
            name = f"{owner}:{name}"
        if ":" not in ref and name not in known:
            near = closest(name, self.names("model"), "no provider is installed")
            raise PluginError(f"model {ref!r}: write provider:id; {near}")
        return self.shared("model", name, rest)

    def executor(self, ref: Any) -> Any:
        """The executor that a name stands for; "auto" is the most preferred that can run here.

        Args:
            ref: A name, "auto", or an executor object, which is given back.

        An executor's factory may carry `preference` (a number, 0 by default; below 0 it must be named)
        and `missing()` (what this machine lacks for it, "" if nothing).
        """
        if not isinstance(ref, str) or ref != "auto":
            return self.shared("executor", ref) if isinstance(ref, str) else ref
        offers, lacks = [], []
        for name in self.names("executor"):
            try:
                offers.append(self.find("executor", name))
            except PluginError as error:
                lacks.append(str(error))
        for offer in sorted(offers, key=lambda offer: -getattr(offer.factory, "preference", 0)):
            lack = getattr(offer.factory, "missing", str)()
            if not lack and getattr(offer.factory, "preference", 0) >= 0:
                return self.shared("executor", offer.name)
            lacks.append(f"{offer.name}: {lack or 'must be asked for by name'}")
        raise PluginError(
            "no executor can run code here: " + ("; ".join(lacks) or "install core-plus-sandbox or core-plus-monty")
        )

    def tools(self, source: Any) -> list[Any]:
        """The tools that something stands for.

        Args:
            source: A `Tool`, a name, or anything that a plugin's `resolve_tools` knows.

        Raises:
            PluginError: Nobody knows it.
        """
        from core_plus.tools import Tool, tool

        if isinstance(source, Tool):
            return [source]
        known = isinstance(source, str) and source.rpartition(":")[2] in self.names("tool")
        found = None if known else self._first("resolve_tools", source=source, host=self)
        if found is None and isinstance(source, str):
            found = self.make("tool", source)
        elif found is None and callable(source):
            found = tool(source)
        if found is None:
            raise PluginError(
                f"{type(source).__name__} {source!r:.80} stands for no tools: give a Tool, a function or a name"
            )
        return [found] if isinstance(found, Tool) else list(found)

    def journal(self, ref: Any) -> Any:
        """The journal that a reference stands for.

        Args:
            ref: An address such as "runs.sqlite", or a `Journal`, which is given back.

        Raises:
            PluginError: No plugin keeps journals there.
        """
        if hasattr(ref, "begin"):
            return ref
        found = self._first("open_journal", ref=ref, host=self)
        if found is None:
            raise PluginError(f"no plugin keeps a journal in {ref!r:.80}: install core-plus-journal")
        return found

    # ---- effects ---------------------------------------------------------

    def reviews(self, run: Any, effect: Effect) -> Decision | None:
        """What all plugins together say to an effect: deny beats ask beats allow; a review that raises denies.

        Args:
            run: Whose effect.
            effect: What is to be performed.
        """
        said = self._heard("review_effect", run=run, effect=effect)
        return strictest(Deny(f"the review of {who} failed: {word}") if failed else word for who, word, failed in said)

    def answer(self, run: Any, effect: Effect) -> Outcome | None:
        """An outcome that a plugin has for an effect without performing it.

        Args:
            run: Whose effect.
            effect: What would be performed.
        """
        found: Outcome | None = self._first("answer_effect", run=run, effect=effect)
        return found

    def retry(self, run: Any, effect: Effect, error: ModelError, attempt: int) -> Retry | None:
        """Whether, and how, a plugin wants a failed model call made again.

        Args:
            run: Whose effect.
            effect: The call.
            error: How it failed.
            attempt: The number of the attempt that failed, from 1.
        """
        found = self._first("retry_effect", run=run, effect=effect, error=error, attempt=attempt)
        if found is None or isinstance(found, Retry):
            return found
        self.report(f"retry_effect gave {found!r:.80}, which is no Retry")
        return None

    def _heard(self, hook: str, **values: Any) -> Iterator[tuple[str, Any, bool]]:
        """What each agent's own policy says, then each plugin, the latest first: its name, word or error, if it failed.

        A policy's hook that is marked `trylast` is heard after the plugins'.
        """
        impls = reversed(getattr(self._manager.hook, hook).get_hookimpls())
        asked = [(one.plugin_name, one.function, one.argnames) for one in impls]
        own = [*_policies(hook, values)]
        last = [one for one in own if getattr(one[1], "core_plus_impl", {}).get("trylast")]
        for who, function, names in [*(one for one in own if one not in last), *asked, *last]:
            try:
                yield who, function(*(values[name] for name in names)), False
            except LimitReached:  # a budget's word isn't for the model: it ends the run
                raise
            except Exception as error:
                yield who, f"{type(error).__name__}: {error}", True

    def _first(self, hook: str, **values: Any) -> Any:
        """The first answer that isn't None; a plugin that fails is reported and passed over."""
        _ = self.plugins  # found and loaded before anyone is heard
        for who, word, failed in self._heard(hook, **values):
            if failed:
                self.report(f"{hook} of {who} failed: {word}")
            elif word is not None:
                return word
        return None

    @property
    def observers(self) -> list[Any]:
        """The observers that see every run of this host: those of its "hooks.*" plugins."""
        with self._lock:
            hooked = {one.id for one in self.plugins if one.kind == "hooks"}
            seeing = [
                name
                for (kind, name), offers in self._offers.items()
                if kind == "observer" and offers[:1] and offers[0].plugin.id in hooked
            ]
            return [made for name in seeing if (made := self._observer(name)) is not None]

    def _observer(self, name: str) -> Any:
        try:
            return self.shared("observer", name)
        except Exception as error:
            self.report(f"the observer {name!r} can't be made: {type(error).__name__}: {error}")
            return None

    # ---- life ------------------------------------------------------------

    def close(self) -> None:
        """Leave every lifespan, close what was made, end the threads. A second call does nothing."""
        self._finalizer()

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Host, {'not started' if self._plugins is None else f'{len(self._plugins)} plugins'}>"


def _policies(hook: str, values: dict[str, Any]) -> Iterator[tuple[str, Any, Iterable[str]]]:
    """The hook of each policy of the run's agent and of those around it, each policy once."""
    run, seen = values.get("run"), list[Any]()
    while run is not None:
        for one in run.bound.agent.policies:
            if hasattr(one, hook) and not any(one is other for other in seen):
                seen.append(one)
                yield type(one).__name__, getattr(one, hook), values
        run = run.parent


def strictest(words: Iterable[Any]) -> Decision | None:
    """The one that holds of several decisions.

    Args:
        words: Allow, Ask, Deny or None; anything else counts as Deny.
    """
    heard = [word for word in words if word is not None]
    known = [word if isinstance(word, Allow | Ask | Deny) else Deny(f"a review said {word!r:.80}") for word in heard]
    caps = [word.max_tokens for word in known if isinstance(word, Allow) and word.max_tokens is not None]
    word = max(known, key=lambda word: (Allow, Ask, Deny).index(type(word)), default=None)
    return Allow(word.reason, min(caps, default=None)) if isinstance(word, Allow) else word


_default: list[Host] = []
_default_lock = threading.Lock()


def default_host() -> Host:
    """The process's own host, made when first asked for: the only global there is."""
    with _default_lock:
        if not _default:
            _default.append(Host())
        return _default[0]
