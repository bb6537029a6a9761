"""The executor: each session is a worker in a sandbox of E2B's of its own."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from core_plus.errors import ExecutorError
from core_plus.executors import Limits, Setup
from core_plus.secret import Secret
from core_plus_e2b.remote import attach, command
from core_plus_worker import WorkerSession
from core_plus_worker.remote import RemoteProcess, scrubbed

if TYPE_CHECKING:
    from e2b import Sandbox

INSTALL_SECONDS: Final = 600
"""How long the installation of packages may take."""

VARIABLE: Final = "E2B_API_KEY"


class E2BExecutor:
    """Runs code in sandboxes of E2B, a virtual machine for each session.

    Functions of the host are called through the worker's standard input and output: no port is opened, no secret
    goes there. A sandbox is killed when its session is closed or given up, and with a worker that is lost. If the host
    dies it ends by itself, `lease` seconds later.

    Args:
        template: The sandbox's template, which must have Python 3.8 or newer; None is E2B's "base".
        api_key: None takes the environment's E2B_API_KEY.
        lease: Seconds that a sandbox lives on without the host.
        env: Environment variables of the sandbox.
        metadata: Kept with the sandbox by E2B.
        packages: Installed by pip when a session opens; a template that has them opens sooner.
        internet: Whether code may reach the internet.
        python: The interpreter in the sandbox.
        limits: Used instead of those that a session is opened with.
    """

    name = "e2b"
    is_sandbox = True
    imports: tuple[str, ...] | None = None

    def __init__(
        self,
        *,
        template: str | None = None,
        api_key: str | Secret | None = None,
        lease: int = 300,
        env: Mapping[str, str] | None = None,
        metadata: Mapping[str, str] | None = None,
        packages: Sequence[str] = (),
        internet: bool = True,
        python: str = "python3",
        limits: Limits | None = None,
    ) -> None:
        self._template, self._lease, self._internet, self._python = template, lease, internet, python
        self._key = Secret(api_key or os.environ.get(VARIABLE, ""))
        self._env, self._metadata = dict(env or {}), dict(metadata or {})
        self._packages, self._limits = tuple(packages), limits
        self._closed = False

    def open(self, setup: Setup) -> WorkerSession:
        if self._closed:
            raise ExecutorError("this executor is closed: make another one")
        if self._limits is not None:
            setup = msgspec.structs.replace(setup, limits=self._limits)
        if setup.limits.processes is not None:
            raise ExecutorError(
                f"the executor 'e2b' can't hold limits.processes={setup.limits.processes}: leave it None; "
                "the sandbox is a machine of its own"
            )
        if not self._key:
            raise ExecutorError(f"E2B wants a key: set {VARIABLE}, or give the executor api_key=")
        return WorkerSession(self._start(), setup, restart=self._start)

    def close(self) -> None:
        self._closed = True

    def _start(self) -> RemoteProcess:
        """A sandbox with a worker.

        Raises:
            ExecutorError: E2B refuses, or can't be reached.
        """
        sandbox = self._create()
        try:
            if self._packages:
                self._install(sandbox)
            handle = sandbox.commands.run(
                command(self._python), background=True, stdin=True, timeout=0, retain_output=False
            )
            return attach(sandbox, handle, self._lease)
        except BaseException as error:
            sandbox.kill()
            if isinstance(error, ExecutorError) or not isinstance(error, Exception):
                raise
            raise self._told("the worker can't be started in a sandbox of E2B's", error) from None

    def _create(self) -> Sandbox:
        from e2b import Sandbox

        try:
            return Sandbox.create(
                template=self._template,
                timeout=self._lease,
                metadata=self._metadata,
                envs=self._env,
                allow_internet_access=self._internet,
                api_key=self._key.reveal(),
            )
        except Exception as error:  # of the SDK, of its HTTP client, of the network
            raise self._told("E2B gives no sandbox", error) from None

    def _install(self, sandbox: Sandbox) -> None:
        from e2b import CommandExitException

        install = shlex.join([self._python, "-m", "pip", "install", "--quiet", *self._packages])
        try:
            sandbox.commands.run(install, timeout=INSTALL_SECONDS)
        except CommandExitException as error:
            raise ExecutorError(f"packages={self._packages} can't be installed: {error.stderr[-2000:]}") from error

    def _told(self, what: str, error: Exception) -> ExecutorError:
        return ExecutorError(scrubbed(f"{what}: {type(error).__name__}: {error}", [self._key.reveal()]))
