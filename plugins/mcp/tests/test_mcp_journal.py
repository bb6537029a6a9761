"""Runs with tools of servers, kept and gone on with: nothing that was done is done again."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from importlib import import_module

import pytest

import core_plus_mcp
from core_plus import CodeAgent, Host, ToolCallingAgent
from core_plus_mcp import mcp_servers

KEEPING = ["core_plus_journal", "core_plus_sqlite"]


@pytest.fixture
def keeping():
    with Host(discover=False, plugins=[core_plus_mcp, *map(import_module, KEEPING)]) as made:
        yield made


class Once:
    """A model that must not be asked what it was asked before."""

    def forward(self, request):
        raise AssertionError("the model was asked again")


def test_a_kept_run_is_repeated_without_calling_a_server(keeping, useful, says, tmp_path):
    from core_plus_journal import replay

    turns = [
        ("add", {"a": 1}),
        ("picture", {}),
        ("fail", {"why": "rain"}),
        ("useful_read_resource", {"uri": "note://one"}),
    ]
    journal = str(tmp_path / "runs.sqlite")
    agent = ToolCallingAgent(model=says(*turns), tools=[useful], host=keeping)
    first = agent.run("go", journal=journal, run_id="r")
    pid = keeping.tools(useful)[0].connection.pid
    again = ToolCallingAgent(model=Once(), tools=[useful], host=keeping)
    second = replay(again, "r", journal=journal).finish()
    assert keeping.tools(useful)[0].connection.pid == pid
    records = [[record for step in run.steps for record in getattr(step, "calls", ())] for run in (first, second)]
    assert [record.value for record in records[0]] == [record.value for record in records[1]]
    assert "rain" in records[1][2].error.message


def test_code_that_imported_tools_is_repeated_without_calling_a_server(useful, says, tmp_path):
    from core_plus_journal import replay

    code = "from mcp_servers.useful import add, wait\nwait()\ntotal = add(40)\nprint(total)"
    journal = str(tmp_path / "runs.sqlite")
    with Host() as host:
        settings = {"tools": [mcp_servers(useful, host, code=True)], "executor": "subprocess"}
        turns = [f"I go.\n<code>\n{code}\n</code>", "I end.\n<code>\nfinal_answer(total)\n</code>"]
        first = CodeAgent(model=says(*turns), host=host, **settings).run("go", journal=journal, run_id="r")
        second = replay(CodeAgent(model=Once(), host=host, **settings), "r", journal=journal).finish()
    assert first.output == second.output == 42
    assert second.steps[1].stdout == "42\n"


@pytest.mark.slow
def test_a_write_that_was_under_way_when_the_process_was_lost_is_asked_about_and_not_done_again(
    keeping, useful, says, tmp_path
):
    """The host is killed while the server counts; another process goes on with the run."""
    journal, told = str(tmp_path / "runs.sqlite"), tmp_path / "useful.json"
    told.write_text(json.dumps(useful))
    program = textwrap.dedent(
        f"""
        import core_plus_mcp, core_plus_journal, core_plus_sqlite
        from core_plus import Host, ModelResponse, ToolCall, ToolCallingAgent, message

        class Model:
            def forward(self, request):
                return ModelResponse(message("assistant", ToolCall("1", "count", {{"to": 1000, "pause": 0.1}})))

        class Watch:
            def observe(self, event):
                if type(event).__name__ == "ToolProgress":
                    print("under way", flush=True)

        host = Host(discover=False, plugins=[core_plus_mcp, core_plus_journal, core_plus_sqlite])
        agent = ToolCallingAgent(model=Model(), tools=["mcp:{told}"], host=host)
        agent.run("go", journal={journal!r}, run_id="r", observers=[Watch()])
        """
    )
    lost = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert lost.stdout is not None
    assert lost.stdout.readline() == "under way\n"
    lost.kill()
    lost.communicate()
    agent = ToolCallingAgent(model=says("done"), tools=[f"mcp:{told}"], host=keeping)
    waiting = agent.resume("r", journal=journal)
    assert waiting.state == "suspended"
    assert "count was being called when the run was lost" in waiting.questions[0].text
    result = agent.resume(waiting, {"it happened": "counted"})
    assert result.output == "done"
    assert result.steps[1].calls[0].value == "counted"
