"""Other processes that have a store of runs at the same place, for the tests of stores."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Final

CHILD: Final = """
import importlib, json, sys
sys.path[:] = json.loads(sys.argv[1])
module, _, name = sys.argv[2].partition(":")
store = getattr(importlib.import_module(module), name)(sys.argv[3])
def say(word):
    print(word, flush=True)
say("ready")
sys.stdin.readline()
"""
HOLD: Final = CHILD + 'say(store.claim("r"))\nsys.stdin.readline()\n'
TRY: Final = (
    CHILD
    + """
from core_plus.errors import JournalError
try:
    say(store.claim("r"))
except JournalError:
    say("refused")
sys.stdin.readline()
"""
)
WRITE: Final = (
    CHILD
    + """
epoch = store.claim("r")
n = 0
while True:
    store.append("r", epoch, [b'{"n":%d}' % (n + k) for k in range(7)])
    n += 7
    say(n)
"""
)


class Child:
    """A process with a store of its own at the same place."""

    def __init__(self, source: str, factory: str, place: str) -> None:
        path = json.dumps([each for each in sys.path if each])
        self.process = subprocess.Popen(
            [sys.executable, "-c", source, path, factory, place],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.heard() == "ready"

    def heard(self) -> str:
        """The next line that it says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go_on(self) -> None:
        """Let it go on."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill(self) -> list[str]:
        """Kill it at once; what it has said until then and nobody heard."""
        os.kill(self.process.pid, signal.SIGKILL)
        with self.process:
            assert self.process.stdout is not None
            return self.process.stdout.read().splitlines()
