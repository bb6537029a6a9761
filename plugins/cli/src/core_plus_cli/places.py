"""Where code runs: the executor that the command line asks for, and what a person is told of it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

import msgspec

from core_plus.errors import ConfigurationError, CorePlusError, PluginError
from core_plus.executors import Executor
from core_plus.host import Host

UNSAFE = "subprocess"
"""The executor that `--unsafe` alone stands for."""


class ExecutorFacts(msgspec.Struct):
    """An executor, as this machine has it.

    Args:
        name: What people write.
        is_sandbox: Whether hostile code stays inside; None if it couldn't be made.
        lacks: What this machine hasn't got for it, "" if nothing.
        walls: What keeps code inside here.
        by_name: Whether it is taken only where it is named.
    """

    name: str
    is_sandbox: bool | None = None
    lacks: str = ""
    walls: tuple[str, ...] = ()
    by_name: bool = False

    @property
    def can_run(self) -> bool:
        """Whether code can run in it here."""
        return not self.lacks


def chosen(options: Namespace, host: Host, stack: ExitStack) -> Executor:
    """The executor that the options ask for.

    Args:
        options: Of `parsing.add_code_options`.
        host: Who knows the executors.
        stack: Closes what is made for this command alone.

    Raises:
        ConfigurationError: There is no such executor, or no sandbox here, or it is none and `--unsafe` wasn't said.
    """
    name = options.executor or (UNSAFE if options.unsafe else "auto")
    settings = dict(options.settings)
    if name == "auto":
        if settings:
            raise ConfigurationError("--set is about an executor that is named: add --executor NAME")
        return best(host)
    executor: Executor = _made(name, settings, host, stack) if settings else host.executor(name)
    if not executor.is_sandbox and not options.unsafe:
        raise ConfigurationError(
            f"the executor {name!r} is no sandbox: code would have your rights, on your files and your network. "
            "Leave --executor out to have the best sandbox of this machine, or add --unsafe for code that you "
            "would run yourself"
        )
    return executor


def _made(name: str, settings: dict[str, Any], host: Host, stack: ExitStack) -> Executor:
    try:
        executor: Executor = host.make("executor", name, **settings)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"--set: the executor {name!r} doesn't take that: {error}") from error
    stack.callback(host.close_one, executor)
    return executor


def best(host: Host) -> Executor:
    """The executor that "auto" stands for on the command line: a sandbox, or nothing.

    Args:
        host: Who knows the executors.

    Raises:
        PluginError: None can run here; the text says of each why, and what to do.
    """
    try:
        found: Executor = host.executor("auto")
    except PluginError as error:
        raise PluginError(nowhere(host)) from error
    if not found.is_sandbox:
        raise PluginError(nowhere(host))
    return found


def nowhere(host: Host) -> str:
    """Why there is no sandbox on this machine, executor by executor, and the ways out.

    Args:
        host: Who knows the executors.
    """
    lines = ["there is no sandbox here for code to run in:"]
    lines += [f"  {name}: {_why_not(facts(name, host))}" for name in host.names("executor")]
    lines += ["  no executor is installed"] if len(lines) == 1 else []
    lines.append("Install core-plus-sandbox (Linux) or core-plus-monty (any system).")
    return "\n".join(lines)


def facts(name: str, host: Host) -> ExecutorFacts:
    """What this machine makes of an executor; it is made, and nothing is opened.

    Args:
        name: What people write.
        host: Who knows the executors.
    """
    try:
        factory = host.find("executor", name).factory
        by_name = getattr(factory, "preference", 0) < 0
        if lacks := getattr(factory, "missing", str)():
            return ExecutorFacts(name, lacks=lacks, by_name=by_name)
        executor = host.executor(name)
        return ExecutorFacts(name, executor.is_sandbox, walls=walls(executor), by_name=by_name)
    except CorePlusError as error:
        return ExecutorFacts(name, lacks=str(error))
    except Exception as error:  # whatever a plugin's factory raises is what the person wants to know
        return ExecutorFacts(name, lacks=f"{type(error).__name__}: {error}")


def _why_not(one: ExecutorFacts) -> str:
    if one.lacks:
        return one.lacks
    if not one.is_sandbox:
        return "is no sandbox; --unsafe takes it, for code that you would run yourself"
    return f"must be asked for: --executor {one.name}"


def walls(executor: Any) -> tuple[str, ...]:
    """What keeps code inside an executor, such as ("landlock", "seccomp"); () where it doesn't say.

    Args:
        executor: May have `walls`: names, or a function that gives them.
    """
    found: Any = getattr(executor, "walls", ())
    names: Iterable[Any] = found() if callable(found) else found
    return tuple(map(str, names))


def in_words(executor: Executor) -> str:
    """An executor as a person is told of it: "sandbox (landlock, seccomp)", "subprocess (NO sandbox)".

    Args:
        executor: Any.
    """
    told = ", ".join(walls(executor)) if executor.is_sandbox else "NO sandbox"
    return f"{executor.name} ({told})" if told else executor.name
