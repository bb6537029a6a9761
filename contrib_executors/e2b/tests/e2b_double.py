"""E2B's service as small as can be: a "sandbox" is a directory, its commands are processes of this machine.

Its methods have the names, parameters and results of the SDK's; `test_e2b_double.py` compares them.
"""

import codecs
import os
import selectors
import subprocess
import tempfile
import threading

from e2b import CommandExitException, CommandResult, SandboxException

from core_plus_testkit.executor_kit.services import end_machine


class Handle:
    """A running command."""

    def __init__(self, popen):
        self._popen = popen
        self._writing = threading.Lock()

    @property
    def pid(self):
        return self._popen.pid

    def __iter__(self):
        decoders = {name: codecs.getincrementaldecoder("utf-8")(errors="replace") for name in ("out", "err")}
        with selectors.DefaultSelector() as selector:
            selector.register(self._popen.stdout, selectors.EVENT_READ, "out")
            selector.register(self._popen.stderr, selectors.EVENT_READ, "err")
            while selector.get_map():
                for key, _ in selector.select():
                    data = os.read(key.fd, 1000)  # small, so that lines and characters are cut
                    if not data:
                        selector.unregister(key.fileobj)
                    text = decoders[key.data].decode(data, final=not data)
                    if text:
                        yield (text, None, None) if key.data == "out" else (None, text, None)
        self._popen.stdout.close()
        self._popen.stderr.close()

    def send_stdin(self, data, request_timeout=None):
        with self._writing:
            try:
                self._popen.stdin.write(data if isinstance(data, bytes) else data.encode())
            except (BrokenPipeError, ValueError):
                raise SandboxException("process not found") from None

    def wait(self, on_pty=None, on_stdout=None, on_stderr=None):
        code = self._popen.wait()
        code = code if code >= 0 else 128 - code
        if code:
            raise CommandExitException(stdout="", stderr="", exit_code=code, error=None)
        return CommandResult(stdout="", stderr="", exit_code=0, error=None)


class Commands:
    def __init__(self, sandbox):
        self._sandbox = sandbox

    def run(
        self,
        cmd,
        background=None,
        envs=None,
        user=None,
        cwd=None,
        on_stdout=None,
        on_stderr=None,
        stdin=None,
        timeout=60,
        request_timeout=None,
        *,
        retain_output=True,
    ):
        if self._sandbox.is_over:
            raise SandboxException("the sandbox was not found")
        popen = subprocess.Popen(
            ["/bin/bash", "-c", cmd],
            cwd=self._sandbox.home,
            env={"PATH": os.environ["PATH"], "HOME": self._sandbox.home, **(self._sandbox.options["envs"] or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        self._sandbox.popens.append(popen)
        if background:
            return Handle(popen)
        out, err = popen.communicate(timeout=timeout)
        self._sandbox.popens.remove(popen)
        if popen.returncode:
            raise CommandExitException(stdout=out.decode(), stderr=err.decode(), exit_code=popen.returncode, error=None)
        return CommandResult(stdout=out.decode(), stderr=err.decode(), exit_code=0, error=None)


class Sandbox:
    """A sandbox; `made` are all of a test."""

    made: list["Sandbox"] = []
    refusal = None

    def __init__(self, options):
        self.options, self.home = options, tempfile.mkdtemp(prefix="e2b-double-")
        self.popens, self.leases, self.is_over = [], [], False
        self.commands = Commands(self)

    @classmethod
    def create(
        cls,
        template=None,
        timeout=None,
        metadata=None,
        envs=None,
        secure=None,
        allow_internet_access=None,
        mcp=None,
        network=None,
        iam=None,
        lifecycle=None,
        volume_mounts=None,
        logger=None,
        idempotency_key=None,
        **opts,
    ):
        if cls.refusal is not None:
            raise cls.refusal
        given = {"template": template, "timeout": timeout, "metadata": metadata, "envs": envs}
        cls.made.append(cls({**given, "allow_internet_access": allow_internet_access, **opts}))
        return cls.made[-1]

    def set_timeout(self, timeout, **opts):
        if self.is_over:
            raise SandboxException("the sandbox was not found")
        self.leases.append(timeout)

    def kill(self, **opts):
        if self.is_over:
            return False
        self.is_over = True
        end_machine(self.popens, self.home)
        return True

    end = kill
