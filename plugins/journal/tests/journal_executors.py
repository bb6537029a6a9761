"""Where the code of the journal's tests runs: in the real worker, or in a thread where a fresh one costs nothing."""

from __future__ import annotations

import ast
import functools
import io
import os
import queue
import random
import sys
import tempfile
import threading
from typing import Any

from core_plus.executors import Answer, CodeError, CodeRequest, Done, Paused, Setup
from core_plus_worker import LocalProcess, WorkerSession


class WorkerExecutor:
    """Runs code in the worker, in plain processes; says that code may run again, which holds for what tests run.

    Args:
        repeatable: What it says.
    """

    name, is_sandbox, imports = "worker", False, None

    def __init__(self, repeatable: bool = True) -> None:
        self.is_repeatable, self.opened = repeatable, 0
        self._folder = tempfile.TemporaryDirectory(prefix="journal-")
        self._env = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0", "LANG": "C.UTF-8"}

    def open(self, setup: Setup) -> WorkerSession:
        self.opened += 1
        return WorkerSession(self._start(), setup, restart=self._start)

    def _start(self) -> LocalProcess:
        return LocalProcess([sys.executable, "-S"], env=self._env, cwd=self._folder.name)

    def close(self) -> None:
        self._folder.cleanup()


class ThreadExecutor:
    """Runs code in a thread of this process, one call of a tool at a time.

    Args:
        repeatable: Whether it says that code may run again.
    """

    name, is_sandbox, imports = "thread", False, None

    def __init__(self, repeatable: bool = True) -> None:
        self.is_repeatable, self.opened, self.started = repeatable, 0, list[str]()

    def open(self, setup: Setup) -> ThreadSession:
        self.opened += 1
        return ThreadSession(setup, self.started)

    def close(self) -> None:
        """Sessions are closed by their runs."""


class _Final(BaseException):
    pass


class _Gone(BaseException):
    pass


class ThreadSession:
    """One namespace. A function of the host blocks its thread until it is answered."""

    def __init__(self, setup: Setup, started: list[str]) -> None:
        self._setup, self._started, self._count = setup, started, 0
        self._names: dict[str, Any] = dict(setup.variables)
        self._names.update({name: functools.partial(self._called, name) for name in setup.functions})
        self._names.setdefault("final_answer", self._final)
        self._names["random"] = random.Random(setup.seed)
        self._turns: queue.SimpleQueue[Paused | Done] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Answer | None] = queue.SimpleQueue()

    def _final(self, value: Any) -> None:
        raise _Final(value)

    def _called(self, name: str, *args: Any, **kwargs: Any) -> Any:
        self._count += 1
        self._turns.put(Paused((CodeRequest(self._count, name, args, kwargs),)))
        answer = self._answers.get()
        if answer is None:
            raise _Gone
        if answer.error is not None:
            raise RuntimeError(f"{answer.kind}: {answer.error}")
        if name in self._setup.final:
            raise _Final(answer.value)
        return answer.value

    def start(self, code: str) -> Paused | Done:
        self._started.append(code)
        self._count = 0
        threading.Thread(target=self._work, args=(code,), daemon=True).start()
        return self._turns.get()

    def resume(self, answers: tuple[Answer, ...]) -> Paused | Done:
        for answer in answers:
            self._answers.put(answer)
        return self._turns.get()

    def _work(self, code: str) -> None:
        out = io.StringIO()
        self._names["print"] = functools.partial(print, file=out)
        value, error, has_value, is_final = None, None, False, False
        try:
            tree = ast.parse(code)
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, "<cell>", "exec"), self._names)
            if isinstance(last, ast.Expr):
                value, has_value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), self._names), True
        except _Final as final:
            value, is_final = final.args[0], True
        except _Gone:
            return
        except Exception as caught:
            error = CodeError(type(caught).__name__, str(caught))
        self._turns.put(Done(value, is_final, out.getvalue(), error=error, has_value=has_value))

    def assign(self, variables: Any) -> None:
        self._names.update(variables)

    def interrupt(self) -> None:
        self._turns.put(Done(error=CodeError("Interrupted", "stopped")))

    def close(self) -> None:
        self._answers.put(None)
