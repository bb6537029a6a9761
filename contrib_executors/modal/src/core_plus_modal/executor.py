"""The executor: each session is a worker in a sandbox of Modal's of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from core_plus.errors import ExecutorError
from core_plus.executors import Limits, Setup
from core_plus.secret import Secret
from core_plus_modal.remote import attach, command, end
from core_plus_worker import WorkerSession
from core_plus_worker.remote import RemoteProcess, scrubbed

if TYPE_CHECKING:
    from modal import Image
    from modal.client import Client
    from modal.sandbox import Sandbox


class ModalExecutor:
    """Runs code in sandboxes of Modal, a container for each session.

    Functions of the host are called through the worker's standard input and output: no port is opened, no secret
    goes there. A sandbox is ended when its session is closed or given up, and with a worker that is lost. If the host
    dies, the worker ends within three minutes and its sandbox `idle_timeout` seconds later.

    Args:
        app: The name of the Modal app that sandboxes belong to; it is made if there is none.
        image: What they run, with Python 3.8 or newer; None is Debian with Python.
        packages: Installed in the image by pip; Modal keeps what was built.
        token_id: With `token_secret` Modal's token; None takes Modal's own settings (MODAL_TOKEN_ID and
            MODAL_TOKEN_SECRET in the environment, or its file).
        token_secret: The secret half.
        env: Environment variables of the sandbox.
        tags: Kept with the sandbox by Modal.
        timeout: Seconds that a sandbox lives at most.
        idle_timeout: Seconds that it lives on without a worker.
        cpu: Cores asked for.
        memory: MiB asked for.
        gpu: Such as "T4".
        block_network: Whether code can't reach the network.
        python: The interpreter in the image.
        limits: Used instead of those that a session is opened with.

    Raises:
        ExecutorError: Half a token is given.
    """

    name = "modal"
    is_sandbox = True
    imports: tuple[str, ...] | None = None

    def __init__(
        self,
        *,
        app: str = "core-plus",
        image: Image | None = None,
        packages: Sequence[str] = (),
        token_id: str | Secret | None = None,
        token_secret: str | Secret | None = None,
        env: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        timeout: int = 3600,
        idle_timeout: int = 60,
        cpu: float | None = None,
        memory: int | None = None,
        gpu: str | None = None,
        block_network: bool = False,
        python: str = "python3",
        limits: Limits | None = None,
    ) -> None:
        if (token_id is None) != (token_secret is None):
            raise ExecutorError("a token of Modal's has two halves: give token_id= and token_secret=, or neither")
        self._app, self._image, self._packages, self._python = app, image, tuple(packages), python
        self._token = (Secret(token_id or ""), Secret(token_secret or ""))
        self._wishes: dict[str, Any] = {
            "env": dict(env or {}),
            "tags": dict(tags or {}),
            "timeout": timeout,
            "idle_timeout": idle_timeout,
            "cpu": cpu,
            "memory": memory,
            "gpu": gpu,
            "block_network": block_network,
        }
        self._limits, self._closed = limits, False

    def open(self, setup: Setup) -> WorkerSession:
        if self._closed:
            raise ExecutorError("this executor is closed: make another one")
        if self._limits is not None:
            setup = msgspec.structs.replace(setup, limits=self._limits)
        if setup.limits.processes is not None:
            raise ExecutorError(
                f"the executor 'modal' can't hold limits.processes={setup.limits.processes}: leave it None; "
                "the sandbox is a container of its own"
            )
        return WorkerSession(self._start(), setup, restart=self._start)

    def close(self) -> None:
        self._closed = True

    def _start(self) -> RemoteProcess:
        """A sandbox with a worker.

        Raises:
            ExecutorError: Modal refuses, or can't be reached.
        """
        try:
            sandbox = self._create()
        except Exception as error:  # of the SDK, of gRPC, of the network
            raise self._told("Modal gives no sandbox", error) from None
        try:
            return attach(sandbox, sandbox.exec(*command(self._python), text=False))
        except BaseException as error:
            end(sandbox)
            if not isinstance(error, Exception):
                raise
            raise self._told("the worker can't be started in a sandbox of Modal's", error) from None

    def _create(self) -> Sandbox:
        import modal

        client = self._client()
        app = modal.App.lookup(self._app, client=client, create_if_missing=True)
        image = modal.Image.debian_slim() if self._image is None else self._image
        if self._packages:
            image = image.pip_install(*self._packages)
        return modal.Sandbox.create(app=app, image=image, client=client, **self._wishes)

    def _client(self) -> Client | None:
        """One with the caller's token; None leaves it to Modal's own settings."""
        from modal.client import Client

        number, secret = self._token
        return Client.from_credentials(number.reveal(), secret.reveal()) if number else None

    def _told(self, what: str, error: Exception) -> ExecutorError:
        hint = "; set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET" if type(error).__name__ == "AuthError" else ""
        secrets = [half.reveal() for half in self._token]
        return ExecutorError(scrubbed(f"{what}: {type(error).__name__}: {error}{hint}", secrets))
