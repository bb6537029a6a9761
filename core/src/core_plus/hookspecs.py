"""The whole contract with plugins.

A plugin is a module (or object) with functions marked `@core_plus.hookimpl` and named as here. It is found
through an entry point in the group "core_plus" whose name states kind and name ("model.openai",
"command.run", "hooks.approval"); only "hooks.*" load with the host, all others when first needed.
Hooks declare and decide, at once and without waiting; the objects that they register do the work.

`register(name, factory, *, summary, config=None)`: name is what people write; factory isn't called before
the name is used; summary is one line; config is an attrs class of settings, given to the factory as
`config=`.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

if TYPE_CHECKING:
    from core_plus.effects import CallModel, Decision, Effect, Outcome, Retry
    from core_plus.errors import ModelError
    from core_plus.host import Host
    from core_plus.journal import Journal
    from core_plus.run import Run

API_VERSION = 1
"""What a plugin may ask for with `core_plus_api = 1`; it changes when a hook's meaning does."""

hookspec = pluggy.HookspecMarker("core_plus")
hookimpl = pluggy.HookimplMarker("core_plus")


class Register(Protocol):
    """What a plugin declares with."""

    def __call__(self, name: str, factory: Any, *, summary: str, config: type | None = None) -> None:
        """See the module's text."""


@hookspec
def register_models(register: Register, host: Host) -> None:
    """Declare models with `register`. `factory(model_id, **settings)` gives a `Model`; `host` asks."""


@hookspec
def register_tools(register: Register, host: Host) -> None:
    """Declare tools with `register`. `factory(**settings)` gives a `Tool` or a list of them; `host` asks."""


@hookspec
def register_executors(register: Register, host: Host) -> None:
    """Declare executors with `register`. `factory(**settings)` gives an `Executor`; `host` asks."""


@hookspec
def register_memories(register: Register, host: Host) -> None:
    """Declare memories with `register`. `factory(**settings)` gives a `Memory`; `host` asks."""


@hookspec
def register_uis(register: Register, host: Host) -> None:
    """Declare UIs with `register`. `factory(**settings)` gives a `UI`; `host` asks."""


@hookspec
def register_agents(register: Register, host: Host) -> None:
    """Declare agents, loops and planners with `register`. The factory makes one; `host` asks."""


@hookspec
def register_stores(register: Register, host: Host) -> None:
    """Declare journal stores with `register`. `factory(address, **settings)` gives a store; `host` asks."""


@hookspec
def register_observers(register: Register, host: Host) -> None:
    """Declare observers with `register`. `factory(**settings)` gives an `Observer`; `host` asks.

    Those of "hooks.*" plugins see every run of the host; others only where a caller names them.
    """


@hookspec
def register_codecs(register: Register, host: Host) -> None:
    """Declare with `register` how values of a type cross a process; `host` asks."""


@hookspec
def register_commands(register: Register, host: Host) -> None:
    """Declare commands with `register`. `factory(arguments, host)` runs one, gives its exit status; `host` asks."""


@hookspec(firstresult=True)
def resolve_model(ref: str, host: Host) -> Any:
    """Give a `Model` for a name that nobody can enumerate, or None.

    `ref` is what the caller wrote; `host` is where it was looked up in vain.
    """


@hookspec(firstresult=True)
def resolve_tools(source: Any, host: Host) -> Any:
    """Give a list of `Tool`s for something that stands for tools, or None.

    `source` is what the caller gave (a name such as "mcp:files", a module, a foreign tool); `host` asks.
    """


@hookspec(firstresult=True)
def open_journal(ref: Any, host: Host) -> Journal | None:
    """Give the `Journal` for what a caller gave as `journal=`, or None.

    `ref` is an address such as "runs.sqlite", or a store; `host` asks, and closes what is open with itself.
    """


@hookspec(firstresult=True)
def answer_effect(run: Run, effect: Effect) -> Outcome | None:
    """Give the `Outcome` of an effect without performing it (a cache, a replay), or None.

    `run` wants `effect` performed; reviews have allowed it before.
    """


@hookspec(firstresult=True)
def retry_effect(run: Run, effect: CallModel, error: ModelError, attempt: int) -> Retry | None:
    """Give a `Retry` for a model call that failed, or None, which lets it fail.

    `run` wanted `effect`; `error` is how attempt number `attempt` (from 1) ended. Nobody is asked about a call
    that was cancelled or whose output was passed on in part.
    """


@hookspec
def review_effect(run: Run, effect: Effect) -> Decision | None:
    """Say Allow, Ask or Deny before `run` performs `effect`, or nothing.

    All plugins are heard: deny beats ask beats allow, in whatever order they load. One that raises denies.
    """


@hookspec
def lifespan(host: Host) -> AbstractContextManager[object] | None:
    """Give a context manager, entered when `host` is first used and left when it is closed."""


def hook_names() -> Iterable[str]:
    """The names of all hooks."""
    return [name for name, value in globals().items() if hasattr(value, "core_plus_spec")]
