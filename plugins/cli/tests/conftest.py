"""A person's home of each test's own, and `core-plus` called in this process or as a program."""

from __future__ import annotations

import io
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring

from core_plus.cli import main
from core_plus.hookspecs import hookimpl
from core_plus.host import Host
from core_plus.messages import Message, Text
from core_plus.models import ModelRequest, ModelResponse

WALLED = """
from core_plus import hookimpl
from core_plus_subprocess import SubprocessExecutor

class Walled(SubprocessExecutor):
    name, is_sandbox, walls = "walled", True, ("brick", "mortar")

def make(**settings):
    return Walled(**settings)

make.preference = 1000

@hookimpl
def register_executors(register):
    register("walled", make, summary="passes for a sandbox")
"""


def install(site: Path, name: str, entry: str, source: str) -> None:
    """Put a distribution of one module into a folder."""
    folder = site / f"{name}-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(f"[core_plus]\n{entry} = {name}_module\n")
    (site / f"{name}_module.py").write_text(source)


@pytest.fixture(scope="session")
def walled_site(tmp_path_factory) -> Path:
    """A folder with a distribution whose executor passes for a sandbox, and is the one that "auto" picks."""
    site = tmp_path_factory.mktemp("walled")
    install(site, "walled", "executor.walled", WALLED)
    return site


@pytest.fixture(autouse=True)
def walled(walled_site, monkeypatch) -> None:
    """Code runs in the executor "walled" where none is named, on every machine."""
    monkeypatch.syspath_prepend(str(walled_site))
    monkeypatch.setenv("PYTHONPATH", str(walled_site), prepend=os.pathsep)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Iterator[Path]:
    """An empty home; nothing of the machine's settings, keys or proxies is seen."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in [*os.environ]:
        if name.endswith("_API_KEY") or name.lower().endswith("_proxy") or name.startswith("CORE_PLUS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())
    yield folder
    keyring.set_keyring(before)


@attrs.frozen
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str


@pytest.fixture
def core_plus(capfd, tmp_path, monkeypatch) -> Callable[..., Done]:
    """Calls `core-plus` in this process; `stdin` is text or bytes, None is /dev/null."""

    def call(*arguments: str, stdin: str | bytes | None = None, host: Host | None = None) -> Done:
        path = Path(os.devnull)
        if stdin is not None:
            path = tmp_path / "stdin"
            path.write_bytes(stdin.encode() if isinstance(stdin, str) else stdin)
        capfd.readouterr()
        with path.open("rb") as raw, io.TextIOWrapper(raw, encoding="utf-8") as wrapped:
            monkeypatch.setattr(sys, "stdin", wrapped)
            status = main(arguments, host)
        printed = capfd.readouterr()
        return Done(status, printed.out, printed.err)

    return call


@pytest.fixture
def program(tmp_path) -> Callable[..., Any]:
    """Starts `core-plus` as a program; gives the process."""

    @contextmanager
    def start(*arguments: str, **settings: Any) -> Iterator[subprocess.Popen[str]]:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **settings}
        command = [sys.executable, "-m", "core_plus", *arguments]
        process = subprocess.Popen(command, cwd=tmp_path, text=True, encoding="utf-8", **pipes)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    return start


@pytest.fixture
def script(tmp_path) -> Callable[..., str]:
    """Writes a script whose turns run these snippets; gives the model's name."""

    def write(*snippets: str, name: str = "turns.md") -> str:
        (tmp_path / name).write_text("\n---\n".join(map(_turn, snippets)), encoding="utf-8")
        return f"scripted:{name}"

    return write


def _turn(snippet: str) -> str:
    return f"I do it.\n<code>\n{snippet}\n</code>"


class Spy:
    """A plugin with a model `spy:` that says its turns one by one and keeps what it was asked."""

    def __init__(self, turns: Sequence[str]) -> None:
        self.turns, self.requests = list(turns), list[ModelRequest]()

    @hookimpl
    def register_models(self, register: Any) -> None:
        """Declare the model."""
        register("spy", lambda model_id: self, summary="keeps what it was asked")

    def forward(self, request: ModelRequest) -> ModelResponse:
        """Say the next turn."""
        self.requests.append(request)
        return ModelResponse(Message("assistant", (Text(self.turns[len(self.requests) - 1]),)))

    def task(self) -> Message:
        """The first message of the person."""
        return next(said for said in self.requests[0].messages if said.role == "user")

    def system(self) -> str:
        """The system prompt."""
        return self.requests[0].messages[0].text


@pytest.fixture
def spying() -> Iterator[Callable[..., tuple[Spy, Host]]]:
    """Makes a host with a spy, whose one turn answers unless others are given, and with further plugins."""
    hosts = []

    def make(*turns: str, plugins: Sequence[Any] = ()) -> tuple[Spy, Host]:
        spy = Spy(turns or [_turn("final_answer('seen')")])
        hosts.append(host := Host(plugins=[spy, *plugins]))
        return spy, host

    yield make
    for host in hosts:
        host.close()


@pytest.fixture
def installed(tmp_path, monkeypatch) -> Callable[[str, str], None]:
    """Installs a distribution "extra" of one module, for this process and for programs that are started."""

    def extra(entry: str, source: str) -> None:
        install(tmp_path / "site", "extra", entry, source)
        monkeypatch.syspath_prepend(str(tmp_path / "site"))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"), prepend=os.pathsep)

    return extra


OURS = tuple(f"core-plus-{name}" for name in ("cli", "openai", "rich", "scripted", "subprocess"))
"""The distributions that these tests need; what else is installed may be in any state."""


@pytest.fixture
def no_sandbox() -> Iterator[Host]:
    """A host whose one executor is "subprocess"."""
    with Host(only=OURS) as host:
        yield host


@pytest.fixture
def hosting() -> Iterator[Callable[..., Host]]:
    """Makes a host of the distributions that these tests need and of further plugins."""
    hosts = []

    def make(*plugins: Any) -> Host:
        hosts.append(host := Host(only=[*OURS, "walled", "extra"], plugins=plugins))
        return host

    yield make
    for host in hosts:
        host.close()


@pytest.fixture
def broken_plugin(installed, hosting) -> Callable[[str], Host]:
    """Makes a host that finds a distribution whose one plugin can't be imported."""

    def make(entry: str) -> Host:
        installed(entry, "import rotten_module")
        return hosting()

    return make


# The terminal becomes the program's own first, so that Ctrl-C, typed, is a signal.
AT_TERMINAL = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from core_plus.cli import main
sys.exit(main())
"""


class Terminal:
    """`core-plus` at a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self._main, side = pty.openpty()
        command = [sys.executable, "-c", AT_TERMINAL, *arguments]
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
        self.process = subprocess.Popen(
            command, stdin=side, stdout=side, stderr=side, env=environment, start_new_session=True
        )
        os.close(side)
        self.shown = self.seen = ""

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._main, text.encode())

    def wait_for(self, text: str, seconds: float = 20) -> str:
        """What was shown up to a text; it is then forgotten."""
        end = time.monotonic() + seconds
        while text not in self.shown:
            if time.monotonic() > end:
                raise AssertionError(f"{text!r} didn't come; there is {self.shown!r}")
            self._look(0.1)
        before, _, self.shown = self.shown.partition(text)
        return before

    def ended(self, seconds: float = 20) -> int:
        """The exit status, once it has ended."""
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            self._look(0.05)
        return self.process.wait(1)

    def _look(self, seconds: float) -> None:
        if select.select([self._main], [], [], seconds)[0]:
            try:
                came = os.read(self._main, 65536).decode(errors="replace")
            except OSError:  # the program has closed its side
                time.sleep(seconds)
                return
            self.shown, self.seen = self.shown + came, self.seen + came

    def close(self) -> None:
        """Take the terminal away."""
        self.process.kill()
        self.process.wait()
        os.close(self._main)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Starts `core-plus` at a terminal."""
    opened = []

    def start(*arguments: str) -> Terminal:
        opened.append(made := Terminal(*arguments))
        return made

    yield start
    for made in opened:
        made.close()
