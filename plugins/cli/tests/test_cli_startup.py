"""What a start costs: each command imports what it needs and no more."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROBE = """
import json, sys
from core_plus.cli import main
status = main(json.loads(sys.argv[1]))
print(json.dumps([status, sorted(sys.modules)]), file=sys.stderr)
"""


def imported(*arguments: str) -> set[str]:
    command = [sys.executable, "-c", PROBE, json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    status, modules = json.loads(done.stderr.splitlines()[-1])
    assert status == 0
    return set(modules)


def test_the_list_of_commands_imports_no_command():
    modules = imported("--help")
    assert not {name for name in modules if name.startswith("core_plus_cli")}
    assert not modules & {"argparse", "rich", "httpx", "asyncio", "keyring"}


@pytest.mark.parametrize("command", ["run", "chat", "exec", "demo", "keys", "models", "plugins", "doctor"])
def test_the_help_of_a_command_imports_nothing_heavy(command):
    modules = imported(command, "--help")
    assert f"core_plus_cli.commands.{command}" in modules
    assert not modules & {"rich", "httpx", "asyncio", "keyring", "ssl"}
    assert not {name for name in modules if name.startswith("core_plus_cli.commands.")} > {
        "core_plus_cli.commands",
        f"core_plus_cli.commands.{command}",
    }


def test_a_run_wakes_no_keyring(script):
    assert "keyring" not in imported("run", "Do.", "--json", "-m", script("final_answer(1)"))
