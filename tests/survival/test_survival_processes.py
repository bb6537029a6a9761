"""Runs that are begun in one process, answered from a second and finished by a third."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

AGENT = """
import json, sys
from core_plus import Ask, CodeAgent, Host, message, tool
from core_plus_scripted import ScriptedModel

folder, what, *rest = sys.argv[1:]

@tool
def pay(amount: int) -> str:
    '''Pay.

    Args:
        amount: How much.
    '''
    with open(folder + "/world", "a") as file:
        file.write(f"pay {amount}\\n")
    if what == "die" and amount == 3:
        import os, signal
        os.kill(os.getpid(), signal.SIGKILL)
    return f"paid {amount}"

class Careful:
    def review_effect(self, run, effect):
        call = getattr(effect, "call", None)
        return Ask() if call and call.name == "pay" and call.arguments["amount"] in (2, 4) else None

CELLS = ['''x = [pay(1)]
x.append(pay(2))
x.append(pay(3))
x.append(pay(4))
print(x)''', '''final_answer(x)''']
turns = [f"I act.\\n<code>\\n{cell}\\n</code>" for cell in CELLS]
journal = folder + "/runs.sqlite"
with Host(only=["core-plus-journal", "core-plus-sqlite", "core-plus-scripted", "core-plus-sandbox"]) as host:
    model = ScriptedModel(turns, mode="turn")
    agent = CodeAgent(model=model, tools=[pay], executor="sandbox", policies=[Careful()], host=host)
    if what in ("run", "free"):
        if what == "free":
            import attrs
            agent = attrs.evolve(agent, policies=())
        result = agent.run("Go", journal=journal, run_id="r")
    else:
        options = json.loads(rest[0]) if rest else {}
        result = agent.resume("r", journal=journal, **options)
    asked = [question.details.get("arguments") for question in result.questions]
    print(json.dumps([result.state, result.answer, str(result.error), asked]))
"""


@pytest.fixture
def life(tmp_path):
    """A process that begins the run or goes on with it; what it says, None if it was killed."""
    pytest.importorskip("core_plus_sandbox", reason="core-plus-sandbox isn't installed")

    def live(what, folder=tmp_path, **options):
        command = [sys.executable, "-c", AGENT, str(folder), what, *([json.dumps(options)] if options else [])]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=100
        )
        if "no sandbox can be made" in done.stderr or "namespaces" in done.stderr:
            pytest.skip("this machine has no sandbox")
        assert done.returncode in (0, -9), done.stderr[-3000:]
        return json.loads(done.stdout) if done.returncode == 0 else None

    return live


def test_suspended_in_mid_code_answered_by_a_second_process_and_finished_by_a_third(life, tmp_path):
    assert life("run") == ["suspended", None, "None", [{"amount": 2}]]
    assert (tmp_path / "world").read_text() == "pay 1\n"
    assert life("resume", answer="yes") == ["suspended", None, "None", [{"amount": 4}]]
    assert (tmp_path / "world").read_text() == "pay 1\npay 2\npay 3\n"
    third = life("resume", answer="yes")
    assert (tmp_path / "world").read_text() == "pay 1\npay 2\npay 3\npay 4\n"
    (tmp_path / "free").mkdir()
    assert third == life("free", tmp_path / "free") == ["success", ["paid 1", "paid 2", "paid 3", "paid 4"], "None", []]


def test_killed_after_the_answer_within_a_tool_the_person_is_asked_what_became_of_it(life, tmp_path):
    life("run")
    assert life("die", answer="yes") is None
    assert (tmp_path / "world").read_text() == "pay 1\npay 2\npay 3\n"
    state, _, _, asked = life("resume")
    assert (state, asked) == ("suspended", [{"amount": 3}])
    assert life("resume", answer={"it happened": "paid 3"}) == ["suspended", None, "None", [{"amount": 4}]]
    assert life("resume", answer="no")[0] in ("success", "failed", "max_steps")
    assert (tmp_path / "world").read_text() == "pay 1\npay 2\npay 3\n"


def test_of_two_processes_that_resume_at_once_one_is_told_who_has_it(life, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    life("run")
    with ThreadPoolExecutor(2) as pool:
        found = [*pool.map(lambda _: raced(life), range(2))]
    said = [one for one in found if isinstance(one, str)]
    assert len(said) <= 1
    assert (tmp_path / "world").read_text().splitlines().count("pay 2") == 1
    assert all("process" in one for one in said)


def raced(life):
    """What one of two said: its result, or why it wasn't let."""
    try:
        return life("resume", answer="yes")
    except AssertionError as error:
        return str(error)
