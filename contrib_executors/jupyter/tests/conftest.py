"""Kernels that tests borrow, one after the other: starting one takes longer than most tests."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core_plus_jupyter.executor import JupyterExecutor, Place, minimal_env
from core_plus_jupyter.wires import StartedKernel

FORGET = """\
for name in [*globals()]:
    if not name.startswith("_") and name not in ("In", "Out", "get_ipython", "exit", "quit", "open"):
        globals().pop(name, None)
"""
"""Quicker than IPython's own `%reset`, which collects garbage twice."""


class Lent:
    """A kernel that several tests use."""

    def __init__(self, home: Path) -> None:
        from jupyter_client.connect import write_connection_file

        home.mkdir()
        self.file = str(home / "kernel.json")
        write_connection_file(self.file)
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", self.file, "--HistoryManager.enabled=False"]
        with (home / "log").open("wb") as log:
            env = {**minimal_env(str(home)), "JPY_PARENT_PID": str(os.getpid())}  # it ends when the tests are killed
            self.popen = subprocess.Popen(command, env=env, cwd=home, stdout=log, stderr=log, start_new_session=True)

    def end(self) -> None:
        self.popen.kill()
        self.popen.wait()


class Pool:
    def __init__(self, home: Path) -> None:
        self.home, self.free, self.all = home, [], []

    def take(self) -> Lent:
        while self.free:
            lent = self.free.pop()
            if lent.popen.poll() is None:
                return lent
        self.all.append(Lent(self.home / str(len(self.all))))
        return self.all[-1]

    def end(self) -> None:
        for lent in self.all:
            lent.end()


class LentKernel(StartedKernel):
    """A kernel of the pool: given back with its variables gone, unless it was killed or is stuck."""

    is_ours = False

    def __init__(self, pool: Pool) -> None:
        super().__init__("python3", {}, "", "")
        self.pool, self.was_killed = pool, False

    async def open(self, session, said, lost) -> None:
        self.replied = asyncio.Event()

        def hear(channel, message) -> None:
            if message["header"]["msg_type"] == "execute_reply":
                self.replied.set()
            said(channel, message)

        await super().open(session, hear, lost)

    async def _start(self) -> None:
        self.lent = await asyncio.to_thread(self.pool.take)
        self._file, self._popen = self.lent.file, self.lent.popen

    def kill(self) -> None:
        self.was_killed = True
        super().kill()

    async def close(self) -> None:
        self._watch.cancel()
        await asyncio.gather(self._watch, return_exceptions=True)
        if not self.was_killed and self._popen.poll() is None:
            self.replied.clear()
            self.send("shell", "execute_request", {"code": FORGET, "silent": True, "allow_stdin": False})
            try:
                await asyncio.wait_for(self.replied.wait(), 2)
                self.pool.free.append(self.lent)
            except TimeoutError:
                super().kill()
        self.hang_up()


class LendingExecutor(JupyterExecutor):
    """The executor, with kernels of the pool in place of fresh ones."""

    def __init__(self, pool: Pool) -> None:
        super().__init__()
        self.pool = pool

    def _place(self) -> Place:
        return Place(lambda home: LentKernel(self.pool), 60, is_local=False)


@pytest.fixture(scope="session")
def pool(tmp_path_factory):
    pool = Pool(tmp_path_factory.mktemp("kernels"))
    yield pool
    pool.end()


@pytest.fixture
def lending(pool):
    executor = LendingExecutor(pool)
    yield executor
    executor.close()
