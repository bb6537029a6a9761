"""The tool python_interpreter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core_plus import Host, Limits, RunContext, Tool, default_host
from core_plus.executors import Done, Paused, Setup
from core_plus.render import as_parts
from core_plus_toolbox.failures import ToolboxError
from core_plus_toolbox.waiting import settled


class PythonInterpreterTool(Tool):
    """Runs Python where code of agents runs, for agents that call tools. Each call has variables of its own.

    Args:
        executor: Where: a name, "auto" (the best that this machine has), or an `Executor`.
        authorized_imports: Modules that code may import; None leaves it to the executor.
        timeout_seconds: Seconds that a snippet may take.
        limits: More that code may use; its seconds count then.
        host: Where the executor's name is looked up; None is the process's default host.
    """

    name = "python_interpreter"
    description = "Run Python code. It gives what was printed and the value of the last line; nothing stays for later."
    output_type = "any"

    def __init__(
        self,
        executor: Any = "auto",
        *,
        authorized_imports: Sequence[str] | None = None,
        timeout_seconds: float = 30.0,
        limits: Limits | None = None,
        host: Host | None = None,
    ) -> None:
        self._executor, self._host = executor, host
        self._setup = Setup(
            final=(),
            imports=None if authorized_imports is None else tuple(authorized_imports),
            limits=limits or Limits(seconds=timeout_seconds),
        )

    def forward(self, code: str, *, context: RunContext[Any]) -> Any:
        """Run code.

        Args:
            code: Python source.
            context: The run.

        Returns:
            What was printed, and the value of the last line.
        """
        host = self._host or default_host()
        done = run_once(host, host.executor(self._executor), self._setup, code, context)
        if done.error is not None:
            where = f"\n{done.error.traceback.rstrip()}" if done.error.traceback else ""
            printed = f"\nPrinted before:\n{done.stdout.rstrip()}" if done.stdout.strip() else ""
            raise ToolboxError(f"{done.error.kind}: {done.error.message}{where}{printed}")
        return _told(done)


def run_once(host: Host, executor: Any, setup: Setup, code: str, context: RunContext[Any] | None) -> Done:
    """Run a snippet in a session of its own.

    Args:
        host: Whose event loop an async executor runs on.
        executor: Where.
        setup: What the session starts with.
        code: Python source.
        context: The run, which can be interrupted; None outside one.

    Raises:
        ExecutorError: The executor can't start.
    """
    session = settled(host, executor.open(setup))
    forget = None if context is None else context.cancellation.on_cancel(session.interrupt)
    try:
        turn = settled(host, session.start(code))
        while isinstance(turn, Paused):
            turn = settled(host, session.resume(()))
        done: Done = turn
        return done
    finally:
        if forget:
            forget()
        settled(host, session.close())


def _told(done: Done) -> Any:
    """What a model reads of it; pictures stay pictures."""
    texts = [f"Printed:\n{done.stdout.rstrip()}"] if done.stdout.strip() else []
    texts += [f"Printed to stderr:\n{done.stderr.rstrip()}"] if done.stderr.strip() else []
    if not done.has_value or done.value is None:
        return "\n".join(texts) or "The code ran and printed nothing."
    shown = as_parts(done.value, 10**9)
    words = "".join(part.text for part in shown if hasattr(part, "text"))
    texts += [f"Value of the last line:\n{words}"] if words else []
    pictures = [part for part in shown if not hasattr(part, "text")]
    return ["\n".join(texts), *pictures] if pictures else "\n".join(texts)
