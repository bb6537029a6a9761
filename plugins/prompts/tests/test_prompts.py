"""Templates become an agent's prompts, and files are shown, compared and checked."""

from __future__ import annotations

import sys

import pytest

import core_plus_prompts
from core_plus import Host, PromptError, ToolCallingAgent, tool
from core_plus.cli import main
from core_plus_prompts import defaults, dump, load, render, with_prompts


@tool
def look(at: str) -> str:
    """Look.

    Args:
        at: Where.
    """
    return at


@pytest.fixture
def host():
    with Host(discover=False, plugins=[core_plus_prompts]) as made:
        yield made


@pytest.mark.parametrize("instructions", [None, "Be {brief}."])
@pytest.mark.parametrize("team", [False, True])
def test_the_kernels_own_prompts_as_templates_give_the_same_prompts_again(team, instructions, host):
    model = object()
    helper = ToolCallingAgent(model=model, name="helper", description="Helps.", host=host)
    managed = [helper] if team else []
    agent = ToolCallingAgent(model=model, tools=[look], managed_agents=managed, instructions=instructions, host=host)
    same = with_prompts(agent, defaults("tool_calling"))
    assert same.prompt() == agent.prompt()
    for name in ("plan_first", "plan_update", "managed_task", "last_answer"):
        assert (name, same.prompts[name].count("{task}")) == (name, 1)


def test_a_file_is_read_as_it_was_written(tmp_path):
    file = tmp_path / "prompts.yaml"
    file.write_text(dump(defaults("code")), encoding="utf-8")
    assert load(file) == defaults("code")


def test_names_known_only_in_the_run_can_be_shown_but_not_changed(host):
    agent = ToolCallingAgent(model=object(), tools=[look], host=host)
    made = with_prompts(agent, {"final_answer": {"post_messages": "{brace} {{ task }}"}})
    assert made.prompts == {"last_answer": "{{brace}} {task}"}
    with pytest.raises(PromptError):
        with_prompts(agent, {"final_answer": {"post_messages": "{{ task[1:] }}"}})


@pytest.mark.parametrize("template", ["{{ x.__class__ }}", "{{ y }}", "{% if %}", "{{ x.append(1) }}"])
def test_what_a_template_may_not_do_is_refused(template):
    with pytest.raises(PromptError):
        render(template, {"x": [1]})


def test_the_command_shows_compares_and_edits(tmp_path, host, capsys, monkeypatch):
    file = tmp_path / "prompts.yaml"
    monkeypatch.setenv("VISUAL", f"{sys.executable} -c pass")
    assert main(["prompts", "edit", str(file)], host) == 0
    assert main(["prompts", "diff", str(file)], host) == 0
    file.write_text("system_prompt: Hello {{ nobody }}\n")
    assert main(["prompts", "diff", str(file)], host) == 1
    assert "+Hello {{ nobody }}" in capsys.readouterr().out
    assert main(["prompts", "edit", str(file)], host) == 1
    assert "'nobody' is undefined" in capsys.readouterr().err
    assert main(["prompts", "show", "system_prompt"], host) == 0
