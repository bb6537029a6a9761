"""The programs in examples/ do what they say, each with a script for a model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"
SHOWN = {
    "ten_lines": ("Rome is warmer: 17.0 °C",),
    "tools": ("Two teas for 7.56 euros", "basket: tea, tea"),
    "managed_agents": ("To Quito, at 07:45 or 18:20", "7 model calls in all"),
    "async_many": ("100 runs answered, the first with 3", "200 model calls", "RunStarted TaskStep", "RunFinished"),
    "human_in_the_loop": ("May the agent call send_mail", "bob@example.org", "Bob knows."),
    "structured_output": ("Ada Lovelace owes 11.50 EUR for tea, tea, bread", "answers refused: 1"),
    "custom_plugin": ("rolled [", "\n"),
}


def run(name: str, script: str, stdin: str = "") -> str:
    environment = {**os.environ, "CORE_PLUS_MODEL": f"scripted:{script}", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py")]
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, encoding="utf-8", env=environment, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("name", SHOWN)
def test_an_example_runs_offline_and_shows_what_it_promises(name):
    script = next((EXAMPLES / "scripts").glob(f"{name}.*"))
    printed = run(name, str(script), "yes\n")
    for shown in SHOWN[name]:
        assert shown in printed


def test_every_example_is_tested_and_has_its_script():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(SHOWN)
    assert {path.stem for path in (EXAMPLES / "scripts").iterdir()} == set(SHOWN)


def test_a_person_who_says_no_is_obeyed(tmp_path):
    script = tmp_path / "mail.md"
    mail = 'print("it gave", send_mail("bob@example.org", "Ten."))'
    turns = [mail, 'final_answer("not allowed")']
    script.write_text("\n---\n".join(f"Now.\n<code>\n{turn}\n</code>" for turn in turns))
    printed = run("human_in_the_loop", str(script), "no\n")
    assert "not allowed" in printed
    assert "it gave" not in printed
