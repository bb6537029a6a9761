"""Modal's service as small as can be: a "sandbox" is a directory, its commands are processes of this machine.

Its methods have the names and parameters of the SDK's that the executor uses; `test_modal_double.py` compares them.
"""

import os
import subprocess
import tempfile
import threading

from modal.exception import NotFoundError

from core_plus_testkit.executor_kit.services import end_machine


class StreamReader:
    def __init__(self, file):
        self._file = file

    def __iter__(self):
        with self._file:
            while data := os.read(self._file.fileno(), 1000):  # small, so that messages are cut
                yield data


class StreamWriter:
    def __init__(self, file):
        self._file, self._waiting = file, b""

    def write(self, data):
        self._waiting += data

    def drain(self):
        data, self._waiting = self._waiting, b""
        try:
            self._file.write(data)
        except (BrokenPipeError, ValueError):
            raise NotFoundError("the process is gone") from None


class ContainerProcess:
    def __init__(self, popen):
        self._popen = popen
        self.stdin = StreamWriter(popen.stdin)
        self.stdout, self.stderr = StreamReader(popen.stdout), StreamReader(popen.stderr)

    def wait(self):
        code = self._popen.wait()
        return code if code >= 0 else 128 - code


class App:
    looked_up: list[tuple] = []

    @staticmethod
    def lookup(name, *, client=None, environment_name=None, create_if_missing=False):
        App.looked_up.append((name, client, create_if_missing))
        return name


class Sandbox:
    """A sandbox; `made` are all of a test."""

    made: list["Sandbox"] = []
    refusal = None

    def __init__(self, options):
        self.options, self.home = options, tempfile.mkdtemp(prefix="modal-double-")
        self.popens, self.is_over, self.is_detached = [], False, False
        self._ending = threading.Lock()

    @classmethod
    def create(cls, *args, **options):
        if cls.refusal is not None:
            raise cls.refusal
        cls.made.append(cls({"args": args, **options}))
        return cls.made[-1]

    def exec(self, *args, workdir=None, env=None, timeout=None, text=True, bufsize=-1):
        assert not text
        if self.is_over:
            raise NotFoundError("the sandbox is gone")
        popen = subprocess.Popen(
            args,
            cwd=self.home,
            env={"PATH": os.environ["PATH"], "HOME": self.home, **self.options["env"]},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        self.popens.append(popen)
        return ContainerProcess(popen)

    def terminate(self, *, wait=False):
        with self._ending:
            if self.is_over:
                return
            self.is_over = True
        end_machine(self.popens, self.home)

    end = terminate

    def detach(self):
        self.is_detached = True
