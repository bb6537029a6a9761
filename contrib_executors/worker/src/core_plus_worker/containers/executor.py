"""The executor that all container engines share."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from attrs import evolve

from core_plus.errors import ExecutorError
from core_plus.executors import Limits, Setup, Turn
from core_plus_worker.containers.engine import Calls, Engine
from core_plus_worker.containers.images import Pull, built, fetched
from core_plus_worker.containers.owners import sweep
from core_plus_worker.containers.process import ContainerProcess, joined, started
from core_plus_worker.containers.settings import Bounds, Box
from core_plus_worker.session import WorkerSession

ELSEWHERE = frozenset({"CONTAINER_HOST", "CONTAINER_CONNECTION"})
"""Variables that send Podman's command to another machine."""

NO_WISHES = Limits()
"""Of a session that asks neither for less memory nor for fewer processes than the executor gives."""


class ContainerSession(WorkerSession):
    """A session in a container: it knows what an engine's complaints mean.

    Args:
        process: The worker to begin with.
        setup: What the session starts with.
        restart: Starts another one, when this one is lost.
        explain: Says what to do about a complaint.

    Raises:
        ExecutorError: The worker doesn't start.
    """

    def __init__(
        self,
        process: ContainerProcess,
        setup: Setup,
        *,
        restart: Callable[[], ContainerProcess],
        explain: Callable[[str], str],
    ) -> None:
        self._explain = explain
        try:
            super().__init__(process, setup, restart=restart)
        except ExecutorError as error:
            raise ExecutorError(explain(str(error))) from None

    def start(self, code: str) -> Turn:
        try:
            return super().start(code)
        except ExecutorError as error:
            raise ExecutorError(self._explain(str(error))) from None


def is_near() -> bool:
    """Whether an engine's command speaks to the engine of this machine, unless it is told otherwise."""
    return sys.platform == "linux" and not ELSEWHERE & os.environ.keys()


class ContainerExecutor:
    """Runs code in containers, one for each session, removed with it.

    Code finds no network, a root that can't be written to, no capabilities and no way to new privileges, is an
    ordinary user, and has `/tmp` to work in. What the engine itself adds (seccomp, AppArmor, SELinux) stays as it
    is. A container ends when this process does, however it does; what is left of an engine that was killed is
    removed when the next executor opens its first session.

    Args:
        pull: "missing" fetches an image that isn't there, which may take minutes; "never" says how to.
        packages: What pip shall add to the image, such as "numpy==2.1": built once, where pip reaches an index.
        build: Instead of an image: a folder with a Dockerfile, or the text of one; built once for each content.
        container: The name of a container that runs already: code runs in there, behind whatever walls it has, and
            none of the settings but `python` and `env` apply.
        host: Address of an engine elsewhere.
        context: Name of an engine elsewhere, as the engine's command knows it.
        command_options: Options of the engine's command itself.
        spare: How many containers wait ready-started, so that opening a session doesn't wait for one.
        limits: Used instead of those that a session is opened with.
        box: What containers are given, as `Box` has it: image, memory, network, reads and so on.

    Raises:
        ExecutorError: A setting isn't understood.
    """

    name = "container"
    engine: ClassVar[Engine]
    imports: ClassVar[tuple[str, ...] | None] = None

    def __init__(
        self,
        *,
        pull: Pull = "never",
        packages: Sequence[str] = (),
        build: str | Path | None = None,
        container: str = "",
        host: str = "",
        context: str = "",
        command_options: Sequence[str] = (),
        spare: int = 0,
        limits: Limits | None = None,
        **box: Any,
    ) -> None:
        self.is_sandbox = not container  # whether that one has walls, only its owner knows
        if not self.engine.sends_profile and (host or context or sys.platform != "linux"):
            box.setdefault("seccomp", "engine")  # the path would be looked for on the other machine
        self._box = Box(**{"image": self.engine.image, **box})
        self._pull, self._packages, self._build, self._container = pull, packages, build, container
        self._host, self._context, self._options = host, context, tuple(command_options)
        self._spare, self._limits = spare, limits
        self._passes = bool(self.engine.passes) and not (host or context) and is_near()
        self._waiting: list[ContainerProcess] = []
        self._calls: Calls | None = None
        self._lock, self._is_prepared, self._closed = threading.Lock(), False, False

    def open(self, setup: Setup) -> WorkerSession:
        if self._closed:
            raise ExecutorError("this executor is closed: make another one")
        if self._limits is not None:
            setup = msgspec.structs.replace(setup, limits=self._limits)
        bounds = self._bounds(setup.limits)
        if self._prepare():
            sweep(self._engine)
        session = self._session(setup, bounds)
        self._refill()
        return session

    def _session(self, setup: Setup, bounds: Bounds) -> WorkerSession:
        waited, again = [*self._waiting], functools.partial(self._take, bounds)
        process = again()
        try:
            return ContainerSession(process, setup, restart=again, explain=self._explained)
        except ExecutorError:
            if process not in waited and not self._passes:
                raise
        # One that waited may have ended at this very moment; and an engine may pass no descriptor on, whatever its
        # manual says (a client of a machine elsewhere, SELinux). A new one, by pipes, says why if it can't be.
        self._passes = False
        return ContainerSession(self._start(bounds), setup, restart=again, explain=self._explained)

    def close(self) -> None:
        self._closed = True
        while self._waiting:
            self._waiting.pop().close()

    # -- containers

    @property
    def _engine(self) -> Calls:
        """The engine's command; found on first need."""
        if self._calls is None:
            self._calls = Calls.to(self.engine, host=self._host, context=self._context, options=self._options)
        return self._calls

    def _prepare(self) -> bool:
        """See to the image before the first session; whether this was before the first."""
        with self._lock:
            if self._is_prepared:
                return False
            if not self._container:
                calls, box = self._engine, self._box
                image = box.image
                if self._build is None:
                    fetched(calls, image, self._pull)
                if self._build is not None or self._packages:
                    image = built(calls, image=image, packages=self._packages, python=box.python, build=self._build)
                self._box = evolve(box, image=image)
            self._is_prepared = True
            return not self._container

    def _bounds(self, limits: Limits) -> Bounds:
        """What a container may have for a session."""
        return (None, None) if self._container else self._box.bounds(limits)

    def _start(self, bounds: Bounds) -> ContainerProcess:
        if self._container:
            return joined(self._engine, self._box, self._container, direct=self._passes)
        return started(self._engine, self._box, bounds, direct=self._passes)

    def _take(self, bounds: Bounds) -> ContainerProcess:
        """One that waits and is still alive, where a session asks for nothing else; or a new one."""
        while self._waiting and bounds == self._bounds(NO_WISHES):
            process = self._waiting.pop()
            if process.is_alive:
                return process
            process.close()
        return self._start(bounds)

    def _refill(self) -> None:
        with contextlib.suppress(ExecutorError):  # the next session will be told, if it still can't be
            while len(self._waiting) < self._spare and not self._closed:
                self._waiting.append(self._start(self._bounds(NO_WISHES)))

    def _explained(self, text: str) -> str:
        return self._engine.explained(text, image=self._box.image, container=self._container, python=self._box.python)
