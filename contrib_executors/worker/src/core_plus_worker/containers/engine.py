"""A container engine's command line: how it is called, and what its complaints mean."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from attrs import field, frozen

from core_plus.errors import ExecutorError

SECONDS = 30.0
"""How long a call may take that starts nothing."""

LONG = 900.0
"""How long building or fetching an image may take, in seconds."""

QUICK = 2.0
"""How long an engine may take to say that it is there, in seconds."""

HELP = re.compile(r"\s*(Run|See) '[a-z]+ run --help'[^\n]*")
"""What tells nobody anything here."""


@frozen(kw_only=True)
class Engine:
    """What one engine's command line has for itself.

    Args:
        name: The command.
        title: What people call it.
        image: What containers run where no other is asked for.
        host: The option that names another machine's engine by its address.
        context: The option that names one by a name that the engine knows.
        options: Of `run`, beside those that all engines share.
        passes: Options of `run` and `exec` that pass a descriptor on, 3, if this is the engine's own machine.
        sends_profile: Whether a seccomp profile of this machine is sent along to an engine elsewhere.
        env: What a container's environment has beside that of all engines.
        install: What to do where the command isn't there.
        start: What to do where nobody answers.
    """

    name: str
    title: str
    image: str
    host: str
    context: str
    sends_profile: bool
    options: tuple[str, ...] = ()
    passes: tuple[str, ...] = ()
    env: Mapping[str, str] = {}
    install: str
    start: str


@frozen(kw_only=True)
class Calls:
    """Calls of an engine's command.

    Args:
        engine: Which.
        command: The command and its own options.
    """

    engine: Engine
    command: tuple[str, ...] = field(default=())

    @classmethod
    def to(cls, engine: Engine, *, host: str, context: str, options: Sequence[str]) -> Calls:
        """Calls of the engine of this machine or of another one.

        Args:
            engine: Which.
            host: Its address; "" is where the command finds it by itself.
            context: The name under which the command knows it.
            options: More options of the command itself.

        Raises:
            ExecutorError: There is no such command, or this is Windows.
        """
        if os.name != "posix":
            raise ExecutorError(f"the executor {engine.name!r} needs Linux or macOS; use another executor on Windows")
        path = shutil.which(engine.name)
        if path is None:
            raise ExecutorError(f"{missing(engine)}: {engine.install}")
        named = [
            part for flag, value in ((engine.host, host), (engine.context, context)) if value for part in (flag, value)
        ]
        return cls(engine=engine, command=(path, *options, *named))

    def run(self, *arguments: str, seconds: float = SECONDS, data: bytes = b"") -> str:
        """Call the command and wait for it.

        Args:
            arguments: What it is to do.
            seconds: How long it may take.
            data: Its standard input.

        Returns:
            What it printed.

        Raises:
            ExecutorError: It failed; the text is what it said, and the way out.
        """
        said = self.tried(*arguments, seconds=seconds, data=data)
        if said.returncode != 0:
            raise ExecutorError(self.explained(said_text(said)))
        return said.stdout.decode("utf-8", "replace")

    def tried(self, *arguments: str, seconds: float = SECONDS, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """The same, however it ends.

        Args:
            arguments: What it is to do.
            seconds: How long it may take.
            data: Its standard input.

        Raises:
            ExecutorError: It doesn't end, or can't be started.
        """
        try:
            return subprocess.run(
                [*self.command, *arguments], input=data, capture_output=True, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            raise ExecutorError(f"'{self.engine.name} {arguments[0]}' didn't end within {seconds:g} s") from None
        except OSError as error:
            raise ExecutorError(f"{self.command[0]} can't be started: {error}; {self.engine.install}") from None

    def explained(self, text: str, *, image: str = "", container: str = "", python: str = "python3") -> str:
        """An engine's complaint, and what to do about it.

        Args:
            text: What it said.
            image: The image that was to run.
            container: The container that was to be used instead.
            python: The interpreter in it.
        """
        name, small = self.engine.name, text.lower()
        hints = {
            ("cannot connect", "is the docker daemon running", "connection refused", "unable to connect"): (
                self.engine.start
            ),
            ("permission denied while trying to connect", "permission denied on the"): (
                f"this user may not use {self.engine.title}: {self.engine.start}"
            ),
            ("no such image", "unable to find image", "image not known", "does not exist locally"): (
                f"there is no image {image!r} here: run '{name} pull {image}', give the executor pull='missing', "
                "or another image="
            ),
            ("no such container", "no container with name", "is not running"): (
                f"no container {container!r} is running: start it, or leave container= out"
            ),
            ("executable file not found", "no such file or directory: oci runtime", f'exec: "{python}"'): (
                f"there is no {python!r} in it: take an image with Python 3.8 or newer, or give python= its path there"
            ),
            (
                "runtime not found",
                "unknown runtime",
                "default oci runtime",
                "unknown or invalid runtime",
                "not found in $path",
            ): (f"{name} doesn't know that runtime=: install it and name it in the engine's settings"),
            ("cgroup", "memory limit"): (
                "this engine can't hold one of the limits: memory=None, cpus=None or pids=None leaves it out"
            ),
            ("seccomp",): "seccomp='engine' leaves the allowed system calls to the engine",
            ("rlimit",): "the engine asks for more than this machine allows: give ulimits= smaller numbers",
        }
        found = next((hint for signs, hint in hints.items() if any(sign in small for sign in signs)), "")
        text = HELP.sub("", text).strip()
        return f"{text}; {found}" if found and found not in text else text


def said_text(said: subprocess.CompletedProcess[bytes]) -> str:
    """What a call printed, or how it ended."""
    text = (said.stderr or said.stdout).decode("utf-8", "replace").strip()
    return text[-2000:] or f"exit status {said.returncode}"


def missing(engine: Engine) -> str:
    """What this machine lacks for an engine; "" if nothing. It takes at most two seconds to find out.

    Args:
        engine: Which.
    """
    if os.name != "posix":
        return "it needs Linux or macOS"
    if shutil.which(engine.name) is None:
        return f"the command {engine.name!r} isn't there"
    try:
        said = Calls.to(engine, host="", context="", options=()).tried("version", seconds=QUICK)
    except ExecutorError as error:
        return str(error)
    return "" if said.returncode == 0 else f"{engine.title} doesn't answer: {said_text(said).splitlines()[-1]}"


def passed(env: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Variables of a container: by name where that can be, so that no list of processes shows a secret.

    Args:
        env: The variables.

    Returns:
        The options, and what the command's own environment must have.
    """
    options, own = [], {}
    for name, value in env.items():
        if name in os.environ or name.startswith(("DOCKER", "CONTAINER", "PODMAN", "BUILDAH", "XDG", "SSH")):
            options += ["--env", f"{name}={value}"]  # the command itself would take it
        else:
            options += ["--env", name]
            own[name] = value
    return options, own
