"""Prompts: the caller's own texts and files, names that must be known, braces, and what the model really gets."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_doubles import Scripted, ThreadExecutor, call

from core_plus import CodeAgent, RunContext, ToolCallingAgent, prompts, tool
from core_plus.errors import ConfigurationError, PromptError


@tool
def search(query: str) -> str:
    """Search the web.

    Args:
        query: What, such as {"a": 1}.
    """
    return query


def told(agent, request=0):
    """The system prompt that the model got."""
    return agent.model.requests[request].messages[0].text


def agents(host, **settings):
    """One agent of each kind and form, each with a fresh model that answers at once."""
    answer = "<code>final_answer(1)</code>"
    executor = ThreadExecutor()
    return {
        "code": CodeAgent(model=Scripted(answer), executor=executor, host=host, **settings),
        "structured": CodeAgent(
            model=Scripted('{"thought": "", "code": "final_answer(1)"}'),
            executor=executor,
            host=host,
            use_structured_outputs=True,
            **settings,
        ),
        "tools": ToolCallingAgent(model=Scripted("1"), host=host, **settings),
    }


@pytest.mark.parametrize("kind", ["code", "structured", "tools"])
def test_prompt_says_exactly_what_the_model_gets(host, kind):
    helper = ToolCallingAgent(name="helper", description="Helps with {things}.", model=Scripted("x"), host=host)
    agent = agents(host, tools=[search], managed_agents=[helper], instructions="Be {brief}.")[kind]
    agent.run("Work")
    assert agent.prompt() == told(agent)
    for words in ("search", 'such as {"a": 1}' if kind != "tools" else "Search", "helper", "Be {brief}."):
        assert words in told(agent)


@pytest.mark.parametrize("kind", ["code", "structured", "tools"])
def test_no_placeholder_is_left_in_a_prompt_of_the_kernel(host, kind):
    text = agents(host)[kind].prompt()
    assert not [name for name in prompts.NAMES["system"] if f"{{{name}}}" in text]
    assert "{{" not in text
    assert text.strip()


def test_code_is_told_where_it_goes_and_what_it_may_import(host):
    settings = {"code_block_tags": ("<py>", "</py>"), "additional_authorized_imports": ["numpy", "pandas.*"]}
    agent = CodeAgent(model=Scripted("x"), executor=ThreadExecutor(), host=host, **settings)
    assert "between <py> and </py>" in agent.prompt()
    assert "math" in agent.prompt()
    assert "numpy, pandas.*" in agent.prompt()


def test_instructions_may_depend_on_the_run(host):
    def instructions(context: RunContext[str]) -> str:
        return f"You work for {context.deps} on {context.task}."

    agent = agents(host, instructions=instructions)["tools"]
    for person in ("Ada", "Bob"):
        agent.run("maths", deps=person)
    assert "You work for Ada on maths." in told(agent, 0)
    assert "You work for Bob on maths." in told(agent, 1)
    assert told(agent, 1) == agent.prompt("maths", deps="Bob")


def test_the_system_message_of_all_requests_is_one_object(host):
    agent = agents(host)["tools"]
    agent.run("one")
    agent.run("two")
    first, second = (request.messages[0] for request in agent.model.requests)
    assert first is second


def test_a_prompt_may_be_the_caller_s_own_text(host):
    agent = agents(host, tools=[search], prompts={"system": "Tools:\n{tools}\nJSON: {{\"a\": 1}} {'b': 2}"})["tools"]
    agent.run("x")
    assert told(agent).startswith("Tools:\nsearch(query: str)")
    assert told(agent).endswith("JSON: {\"a\": 1} {'b': 2}")


def test_a_prompt_may_be_a_file(host, tmp_path: Path):
    file = tmp_path / "system.txt"
    file.write_text("Ärger mit {tools}", encoding="utf-8")
    agent = agents(host, prompts={"system": file})["tools"]
    assert agent.prompt().startswith("Ärger mit final_answer")


def test_an_empty_prompt_is_the_caller_s_choice(host):
    assert agents(host, prompts={"system": ""})["tools"].prompt() == ""


def test_a_file_that_is_not_there_is_named(host, tmp_path):
    agent = agents(host, prompts={"system": tmp_path / "missing.txt"})["tools"]
    with pytest.raises((PromptError, OSError), match=r"missing\.txt"):
        agent.run("x")


def test_a_prompt_with_an_unknown_name_is_refused_before_anything_starts(host):
    agent = agents(host, prompts={"system": "Hello {tols} and {naem}"})["tools"]
    with pytest.raises(PromptError) as caught:
        agent.run("x")
    assert "the prompt 'system' names naem, tols; it may name" in str(caught.value)
    assert "tools" in str(caught.value)
    assert "for braces" in str(caught.value)
    assert agent.model.requests == []


@pytest.mark.parametrize("name", ["plan_first", "plan_update", "last_answer", "managed_task"])
def test_every_prompt_s_names_are_checked(host, name):
    with pytest.raises(PromptError, match=f"the prompt '{name}' names nonsense"):
        agents(host, prompts={name: "{nonsense}"})["tools"].run("x")


def test_an_unknown_prompt_is_refused_with_those_there_are(host):
    with pytest.raises(ConfigurationError, match=r"there is no prompt 'sytem'.*system"):
        agents(host, prompts={"sytem": "x"})["tools"].run("x")


def test_plans_and_the_last_answer_have_prompts_of_their_own(host):
    own = {
        "plan_first": "PLAN {task} with {tools} in {remaining_steps}",
        "plan_update": "REPLAN {task} in {remaining_steps}",
        "last_answer": "ANSWER {task}",
    }
    replies = "the plan", [call("search", query="a")], "another plan", [call("search", query="b")], "the answer"
    agent = ToolCallingAgent(
        model=Scripted(*replies), tools=[search], host=host, planning_interval=1, max_steps=2, prompts=own
    )
    assert agent.run("the {task}").output == "the answer"
    asked = [request.messages[-1].text for request in agent.model.requests]
    assert asked[0].startswith("PLAN the {task} with search(query")
    assert asked[0].endswith("in 2")
    assert asked[2] == "REPLAN the {task} in 1"
    assert asked[4] == "ANSWER the {task}"


def test_a_managed_agent_is_given_its_task_in_words_of_the_caller_s(host):
    own = {"managed_task": "DO {task}, dear {name}"}
    helper = ToolCallingAgent(name="helper", description="Helps.", model=Scripted("x"), host=host, prompts=own)
    boss = ToolCallingAgent(
        model=Scripted([call("helper", task="this {x}")], "done"), managed_agents=[helper], host=host
    )
    assert boss.run("Work").output == "done"
    assert helper.model.requests[0].messages[-1].text == "DO this {x}, dear helper"


FILLED = [
    ("{a}{b}", "12"),
    ("{{a}}", "{a}"),
    ("{{{a}}}", "{1}"),
    ("{ a }", "{ a }"),
    ('{"a": 1}', '{"a": 1}'),
    ("{a!r}", "{a!r}"),
    ("{}", "{}"),
    ("{0}", "{0}"),
    ("}{", "}{"),
]


@pytest.mark.parametrize(("text", "expected"), FILLED)
def test_only_known_names_in_braces_are_filled(text, expected):
    assert prompts.fill(text, {"a": 1, "b": 2}) == expected


def test_what_is_filled_in_is_not_read_again():
    assert prompts.fill("{a} {b}", {"a": "{b}", "b": "{{a}}"}) == "{b} {{a}}"


def test_a_name_without_a_value_is_named():
    with pytest.raises(PromptError, match="needs a value for 'task'"):
        prompts.fill("{task}", {})


@given(st.text())
def test_doubled_braces_come_out_single_whatever_the_text(text):
    assert prompts.fill(text.replace("{", "{{").replace("}", "}}"), {}) == text
