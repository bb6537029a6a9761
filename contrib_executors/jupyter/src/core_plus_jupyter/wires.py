"""Ways to a kernel by ZeroMQ: one that is started here, and one that runs already."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Protocol

from core_plus.errors import ExecutorError
from core_plus_worker.process import descendants, status_text

Said = Callable[[str, Mapping[str, Any]], None]
"""Gets each message: the channel's name, and the message."""

Lost = Callable[[str], None]
"""Gets the reason why no more messages come."""

CHANNELS = ("shell", "iopub", "stdin", "control")
ASK_AGAIN = 0.03
"""Seconds between the first two questions whether the kernel is there; then half as much again, up to one."""

LOOK = 0.05
"""Seconds between two looks at the process, where the system can't be asked to tell (macOS)."""


class Wire(Protocol):
    """A way to one kernel. All but `kill` is called in the thread of its event loop."""

    is_ours: bool
    """Whether the kernel ends with the session."""

    is_far: bool
    """Whether it takes a while until an interrupt reaches it, or it can't be killed at all."""

    where: str
    """The kernel, in words."""

    async def open(self, session: str, said: Said, lost: Lost) -> None:
        """Start or reach the kernel, up to its first answer.

        Args:
            session: The key of the session, for the headers of messages.
            said: Gets each message.
            lost: Gets the reason of the end.

        Raises:
            ExecutorError: It can't; the text says why and what to do.
        """

    def send(self, channel: str, kind: str, content: Mapping[str, Any]) -> str:
        """Send a message.

        Args:
            channel: Its channel.
            kind: Its type.
            content: Its content.

        Returns:
            Its id.
        """

    def interrupt(self) -> None:
        """Have the code that runs be interrupted, without waiting."""

    def kill(self) -> None:
        """End the kernel at once, if it is ours and can be ended that way; from any thread."""

    async def close(self) -> None:
        """Leave the kernel; end it, if it is ours."""


class ZmqWire:
    """What both have in common: plain sockets, looked at when their descriptors say so and after each send.

    (An asyncio socket of pyzmq sleeps on when something comes in just while jupyter_client sends past it.)

    Args:
        where: The kernel, in words.
    """

    is_ours, is_far = False, True

    def __init__(self, where: str) -> None:
        self.where = where
        self._client: Any = None
        self._said: Said = forgotten
        self._lost: Lost = unheard

    async def listen(self, file: str, session: str, said: Said, lost: Lost) -> None:
        """Open the channels, and wait until the kernel answers on shell and iopub.

        Args:
            file: The connection file.
            session: As for `Wire.open`.
            said: The same.
            lost: The same.

        Raises:
            ExecutorError: The file can't be read, or the kernel isn't one of Python.
        """
        from jupyter_client.blocking.client import BlockingKernelClient

        self._client = client = BlockingKernelClient()
        try:
            client.load_connection_file(file)
        except (OSError, ValueError) as error:
            raise ExecutorError(f"the connection file {file} can't be read: {error}") from error
        client.session.session = session
        client.session.copy_threshold = sys.maxsize  # what isn't copied costs a thread that stays
        client.start_channels(hb=False)
        there, language = asyncio.Event(), list[str]()

        def first(channel: str, message: Mapping[str, Any]) -> None:
            if message["header"]["msg_type"] == "kernel_info_reply":
                language.append(str(message["content"].get("language_info", {}).get("name", "")))
            elif channel == "iopub" and language:
                there.set()
                self._said = said

        self._said, self._lost = first, lost
        for name in CHANNELS:
            asyncio.get_running_loop().add_reader(self._socket(name).FD, self._look, name)
        pause = ASK_AGAIN
        while not there.is_set():
            self.send("shell", "kernel_info_request", {})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(there.wait(), pause)
            pause = min(1, pause * 1.5)
        refuse_other_languages(self.where, language[0])

    def _socket(self, name: str) -> Any:
        return getattr(self._client, f"{name}_channel").socket

    def _look(self, name: str) -> None:
        """Take all that has come on a channel."""
        import zmq

        try:
            while self._client is not None and self._socket(name).getsockopt(zmq.EVENTS) & zmq.POLLIN:
                session = self._client.session
                _, parts = session.feed_identities(self._socket(name).recv_multipart())
                self._said(name, session.deserialize(parts))
        except (
            Exception
        ) as error:  # whatever a message that can't be read provokes: the talk is over, and this says why
            self._lost(f"its messages can't be read: {type(error).__name__}: {error}"[:500])

    def send(self, channel: str, kind: str, content: Mapping[str, Any]) -> str:
        message = self._client.session.msg(kind, dict(content))
        self._client.session.send(self._socket(channel), message)
        asyncio.get_running_loop().call_soon(self._look, channel)
        return str(message["header"]["msg_id"])

    def kill(self) -> None:
        """Nothing: the kernel isn't ours."""

    def hang_up(self) -> None:
        """Close the channels."""
        client, self._client = self._client, None
        if client is None:
            return
        for name in CHANNELS if client.channels_running else ():
            asyncio.get_running_loop().remove_reader(getattr(client, f"{name}_channel").socket.FD)
        client.stop_channels()
        client.context.destroy(linger=100)


class StartedKernel(ZmqWire):
    """A kernel of its own, in a process of its own.

    Args:
        name: Of the kernel's specification, such as "python3".
        env: Its whole environment.
        cwd: The directory it starts in.
        files: The directory for its connection file.
    """

    is_ours, is_far = True, False

    def __init__(self, name: str, env: Mapping[str, str], cwd: str, files: str) -> None:
        super().__init__(f"the kernel {name!r}")
        self._name, self._env, self._cwd = name, dict(env), cwd
        self._file = str(Path(files, f"{uuid.uuid4().hex}.json"))
        self._manager: Any = None
        self._popen: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._watch: asyncio.Task[None] | None = None

    async def open(self, session: str, said: Said, lost: Lost) -> None:
        await self._start()
        gone = asyncio.get_running_loop().create_future()
        self._watch = asyncio.create_task(self._wait_for_end(gone, lost))
        listening = asyncio.create_task(self.listen(self._file, session, said, lost))
        await asyncio.wait([listening, gone], return_when=asyncio.FIRST_COMPLETED)
        if listening.done():
            return listening.result()
        listening.cancel()
        raise ExecutorError(f"{self.where} doesn't start: {gone.result()}{self._printed()}")

    async def _start(self) -> None:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
        from jupyter_client.manager import AsyncKernelManager

        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # it is closed in `close`
        self._manager = AsyncKernelManager(kernel_name=self._name, connection_file=self._file)
        more = ["--HistoryManager.enabled=False"] if self._manager.ipykernel else []
        try:
            await self._manager.start_kernel(
                env=self._env, cwd=self._cwd, extra_arguments=more, stdout=self._log, stderr=self._log
            )
        except NoSuchKernel:
            known = ", ".join(sorted(KernelSpecManager().find_kernel_specs())) or "none (pip install ipykernel)"
            raise ExecutorError(f"there is no Jupyter kernel {self._name!r}; there are: {known}") from None
        except OSError as error:
            raise ExecutorError(f"{self.where} can't be started in {self._cwd}: {error}") from error
        popen = getattr(self._manager.provisioner, "process", None)
        self._popen = popen if isinstance(popen, subprocess.Popen) else None

    def _printed(self) -> str:
        """The end of what the kernel's process printed past its channels."""
        if self._log is None:
            return ""
        self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - 2000))
        text = self._log.read().decode("utf-8", "replace").strip()
        return f"; it printed: {text}" if text else ""

    async def _wait_for_end(self, gone: asyncio.Future[str], lost: Lost) -> None:
        """Tell when the process ends, and end what it has started."""
        popen = self._popen
        if popen is None:  # a provisioner of its own kind; silence must do
            return
        if sys.platform == "linux":
            await readable(os.pidfd_open(popen.pid))
        while popen.poll() is None:  # noqa: ASYNC110  # nobody else tells
            await asyncio.sleep(LOOK)
        self.kill()
        reason = status_text(popen.returncode)
        if not gone.done():
            gone.set_result(reason)
        lost(reason)

    def interrupt(self) -> None:
        if self._popen is not None and self._popen.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended; its end is told elsewhere
                os.kill(self._popen.pid, signal.SIGINT)

    def kill(self) -> None:
        popen = self._popen
        if popen is None:
            return
        for pid in [-popen.pid, *(descendants(popen.pid) if popen.returncode is None else [])]:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # gone already (macOS says the second)
                os.kill(pid, signal.SIGKILL)

    async def close(self) -> None:
        self.kill()
        if self._watch is not None:
            if self._popen is not None and self._popen.poll() is None:
                await asyncio.wait([self._watch], timeout=5)
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        self.hang_up()
        if self._manager is not None and self._manager.provisioner is not None:
            if self._popen is None:
                await self._manager.shutdown_kernel(now=True)
            else:
                await self._manager.provisioner.wait()
                await self._manager.cleanup_resources()
        if self._log is not None:
            self._log.close()


class FoundKernel(ZmqWire):
    """A kernel that runs already and lives on.

    Args:
        connection_file: Where its ports and its key stand.
    """

    def __init__(self, connection_file: Path) -> None:
        super().__init__(f"the kernel of {connection_file}")
        self._file = connection_file

    async def open(self, session: str, said: Said, lost: Lost) -> None:
        await self.listen(str(self._file), session, said, lost)

    def interrupt(self) -> None:
        self.send("control", "interrupt_request", {})

    async def close(self) -> None:
        self.hang_up()


def unheard(reason: str) -> None:
    """Where reasons go that nobody waits for."""


def forgotten(channel: str, message: Mapping[str, Any]) -> None:
    """Where messages go that nobody waits for."""


def refuse_other_languages(where: str, language: str) -> None:
    """Refuse a kernel that doesn't speak Python.

    Args:
        where: The kernel, in words.
        language: What it says that it speaks.

    Raises:
        ExecutorError: It does not.
    """
    if language != "python":
        raise ExecutorError(
            f"{where} runs {language or 'an unknown language'}; agents write Python: give a kernel of it"
        )


async def readable(fd: int) -> None:
    """Wait until a descriptor can be read, and close it.

    Args:
        fd: The descriptor.
    """
    loop, event = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(fd, event.set)
    try:
        await event.wait()
    finally:
        loop.remove_reader(fd)
        os.close(fd)
