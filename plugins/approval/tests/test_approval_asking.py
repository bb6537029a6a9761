"""What is asked, what an answer grants, and for how long."""

from __future__ import annotations

import asyncio
import gc

import pytest
from approval_doubles import Answers, Counting, FromServer

from core_plus import CodeAgent, ConfigurationError, Host, Message, PluginError, ToolCall, ToolCallingAgent
from core_plus.events import QuestionAnswered, QuestionAsked
from core_plus.executors import Done
from core_plus_approval import Approval, Policy, Rule, careful, read_only, trust
from core_plus_scripted import ScriptedModel

ANSWER = ("final_answer", {"answer": "end"})


@pytest.fixture
def write():
    return Counting("write_file")


@pytest.fixture
def host():
    with Host(discover=False) as made:
        yield made


def turn(*calls):
    return Message("assistant", tuple(ToolCall("", name, arguments) for name, arguments in calls))


def agent(host, tools, *turns, policy=careful, **settings):
    given = (
        [*map(turn, turns), turn(ANSWER)] if all(isinstance(one, tuple) for one in turns) else [*turns, turn(ANSWER)]
    )
    settings.setdefault("policies", [Approval(policy)])
    return ToolCallingAgent(model=ScriptedModel(given), tools=tools, host=host, **settings)


def writes(path, **more):
    return "write_file", {"path": path, **more}


def test_careful_asks_before_what_may_change_something_and_before_nothing_else(host, write):
    read, send = Counting("read_file", effect="read"), Counting("send", effect="idempotent")
    person = Answers("yes", "no")
    calls = [("read_file", {"path": "a"}), writes("a"), ("send", {"path": "a"})]
    result = agent(host, [read, write, send], *calls).run("go", ui=person)
    assert result.output == "end"
    assert [len(tool.calls) for tool in (read, write, send)] == [1, 1, 0]
    assert [question.details["tool"] for question in person.questions] == ["write_file", "send"]
    assert person.questions[0].text == "Allow write_file(path='a')? (always: write_file for the rest of this run)"
    assert person.questions[0].details == {"tool": "write_file", "arguments": {"path": "a"}}
    assert person.questions[0].choices == ("yes", "always", "no")


def test_a_yes_holds_for_exactly_these_arguments(host, write):
    person = Answers("yes", "no", "no")
    calls = [writes("a"), writes("a"), writes("b"), writes("a", more=1)]
    agent(host, [write], *calls).run("go", ui=person)
    assert [question.details["arguments"] for question in person.questions] == [
        {"path": "a"},
        {"path": "b"},
        {"path": "a", "more": 1},
    ]
    assert write.calls == [("a", None), ("a", None)]


def test_a_policy_that_is_a_plugin_sees_the_answers_too(write):
    person = Answers("yes")
    with Host(discover=False, plugins=[Approval(careful), Approval(Policy([Rule("ask", tool="write_*")]))]) as host:
        agent(host, [write], writes("a"), writes("a"), policies=[]).run("go", ui=person)
    assert (len(person.questions), len(write.calls)) == (1, 2)


def test_one_and_true_are_not_the_same_arguments(host, write):
    person = Answers("yes", "no")
    agent(host, [write], writes("a", more=1), writes("a", more=True)).run("go", ui=person)
    assert write.calls == [("a", 1)]


def test_allow_holds_for_the_tool_until_the_run_ends(host, write):
    person, other = Answers("always", "no"), Counting("send")
    working = agent(host, [write, other], writes("a"), writes("b"), ("send", {"path": "a"}))
    working.run("go", ui=person)
    assert [call[0] for call in write.calls] == ["a", "b"]
    assert other.calls == []
    again = Answers("no", "no", "no")
    ToolCallingAgent(
        model=ScriptedModel([turn(writes("a")), turn(ANSWER)]), tools=[write], host=host, policies=working.policies
    ).run("go", ui=again)
    assert len(again.questions) == 1


def test_a_no_is_not_kept(host, write):
    person = Answers("no, not there", "yes")
    result = agent(host, [write], writes("a"), writes("a")).run("go", ui=person)
    assert len(person.questions) == 2
    assert len(write.calls) == 1
    denied = result.steps[1].error.message
    assert denied == "write_file was denied: the person said no: no, not there. It was not performed; go another way."


def test_a_grant_is_not_for_another_agent(host, write):
    person = Answers("yes", "no")
    helper = ToolCallingAgent(
        model=ScriptedModel([turn(writes("a")), turn(ANSWER)]),
        tools=[write],
        host=host,
        name="helper",
        description="Helps.",
    )
    agent(host, [write], writes("a"), ("helper", {"task": "write"}), managed_agents=[helper]).run("go", ui=person)
    assert [question.details.get("agent") for question in person.questions] == [None, "helper"]
    assert len(write.calls) == 1


def test_a_grant_to_a_tool_is_not_for_another_of_its_name(host):
    asked, person = [], Answers("always", "no")
    good, bad = FromServer("write_file"), FromServer("write_file", description="Writes it somewhere else.")
    tools = {"write_file": good}

    def offered(context, known):
        asked.append(context.step_number)
        return [tools["write_file"] if tool.name == "write_file" else tool for tool in known]

    def swap(step, run):
        tools["write_file"] = bad

    agent(host, [good], writes("a"), writes("b"), tool_filter=offered, callbacks=[swap]).run("go", ui=person)
    assert len(person.questions) == 2
    assert (len(good.calls), bad.calls) == (1, [])


def test_what_can_not_be_told_apart_is_asked_each_time(host):
    class Table:
        def __repr__(self):
            return "<a table>"

    write, person, table = Counting("write_file"), Answers("yes", "no"), Table()
    policy = Approval(careful)
    code = "<code>\nwrite_file(more=table)\nwrite_file(more=table)\n</code>"

    class Here:
        name, is_sandbox, imports = "here", True, None

        def open(self, setup):
            from core_plus.executors import CodeRequest, Paused

            class Session:
                left = 2

                def start(self, code):
                    return self.resume(())

                def resume(self, answers):
                    self.left -= 1
                    if self.left < 0:
                        return Done(value="end", is_final=True)
                    return Paused((CodeRequest(2 - self.left, "write_file", (), {"more": table}),))

                interrupt = close = lambda self: None

            return Session()

    CodeAgent(model=ScriptedModel([code]), tools=[write], executor=Here(), host=host, policies=[policy]).run(
        "go", ui=person
    )
    assert len(person.questions) == 2
    assert len(write.calls) == 1


def test_the_arguments_of_a_secret_tool_are_kept_from_view(host):
    secret = Counting("write_file", secret=True)
    person = Answers("yes", "yes")
    result = agent(host, [secret], writes("hunter2"), writes("hunter2")).run("go", ui=person)
    assert result.output == "end"
    assert len(person.questions) == 2
    assert "hunter2" not in repr([event for event in person.events if isinstance(event, QuestionAsked)])
    assert person.questions[0].details["arguments"] == {"path": "***"}


def test_with_nobody_there_the_run_is_suspended_and_goes_on_with_the_answer(host, write):
    working = agent(host, [write], writes("a"), writes("a"))
    result = working.run("go")
    assert (result.state, write.calls) == ("suspended", [])
    assert [question.details["tool"] for question in result.questions] == ["write_file"]
    assert working.resume(result, "yes").output == "end"
    assert len(write.calls) == 2


def test_an_async_run_is_asked_the_same(host, write):
    person = Answers("yes")
    result = asyncio.run(agent(host, [write], writes("a"), writes("a")).arun("go", ui=person))
    assert (result.output, len(person.questions), len(write.calls)) == ("end", 1, 2)


def test_calls_at_once_are_each_asked(host, write):
    person = Answers("yes", "no", "yes")
    result = agent(host, [write], turn(writes("a"), writes("b"), writes("c"))).run("go", ui=person)
    assert result.output == "end"
    assert len(person.questions) == 3
    assert len(write.calls) == 2


def test_what_was_asked_and_answered_is_in_the_events(host, write):
    person = Answers("yes")
    agent(host, [write], writes("a")).run("go", ui=person)
    kinds = [type(event) for event in person.events if isinstance(event, QuestionAsked | QuestionAnswered)]
    assert kinds == [QuestionAsked, QuestionAnswered]


class Code:
    """An executor whose code is done at once."""

    name, imports = "here", None

    def __init__(self, is_sandbox):
        self.is_sandbox, self.ran = is_sandbox, []

    def open(self, setup):
        executor = self

        class Session:
            def start(self, code):
                executor.ran.append(code)
                return Done(value="end", is_final="1" not in code)

            interrupt = close = lambda self: None

        return Session()


@pytest.mark.parametrize(
    ("policy", "is_sandbox", "asked", "ran"),
    [
        (careful, True, 0, 2),
        (careful, False, 2, 2),
        (read_only, True, 0, 2),
        (read_only, False, 0, 0),
        (trust, False, 0, 2),
        (Policy(), False, 0, 2),
        (Policy([Rule("deny", what="code", arguments={"code": {"regex": r"\b1\b"}})]), True, 0, 1),
    ],
)
def test_code_where_nothing_holds_it_in_counts_as_what_changes_something(host, policy, is_sandbox, asked, ran):
    person, executor = Answers("yes", "yes"), Code(is_sandbox)
    model = ScriptedModel(["<code>1</code>", "<code>2</code>"])
    policies = [Approval(policy)]
    agent = CodeAgent(model=model, executor=executor, host=host, policies=policies, max_steps=2)
    agent.run("go", ui=person)
    assert (len(person.questions), len(executor.ran)) == (asked, ran)


def test_code_can_be_allowed_for_the_rest_of_the_run(host):
    person, executor = Answers("always"), Code(is_sandbox=False)
    model = ScriptedModel(["<code>1</code>", "<code>2</code>"])
    CodeAgent(model=model, executor=executor, host=host, policies=[Approval(careful)]).run("go", ui=person)
    assert executor.ran == ["1", "2"]
    assert person.questions[0].text == "Run this code? (always: all code of this run)"
    assert person.questions[0].details["executor"] == "here (no sandbox)"


def test_a_function_of_a_rule_that_fails_denies(host, write):
    policy = Policy([Rule("ask", when=lambda deed: 1 / 0)])
    result = agent(host, [write], writes("a"), policy=policy).run("go")
    assert write.calls == []
    assert "the review of Approval failed: ZeroDivisionError" in result.steps[1].error.message


def test_nothing_is_kept_of_runs_that_ended_or_were_given_up(host, write):
    policy = Approval(careful)
    agent(host, [write], writes("a"), policies=[policy]).run("go", ui=Answers("yes"))
    result = agent(host, [write], writes("a"), policies=[policy]).run("go")
    assert result.state == "suspended"
    del result
    gc.collect()
    assert not any((policy._granted, policy._asked))


def test_nothing_is_asked_until_a_policy_is_set(write):
    with Host(only=["core-plus-approval"]) as plain:
        assert plain.observers == []
        assert agent(plain, [write], writes("a"), policies=[]).run("go").output == "end"


@pytest.mark.parametrize("way", ["settings", "file", "pyproject", "environment"])
def test_a_policy_is_set_for_a_host(way, write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rule = {"verdict": "deny", "tool": "write_*", "reason": "not on my disk"}
    text = 'policy = "careful"\n[[%s.rules]]\nverdict = "deny"\ntool = "write_*"\nreason = "not on my disk"\n'
    (tmp_path / "core-plus.toml").write_text("[approval]\n" + text % "approval")
    (tmp_path / "pyproject.toml").write_text("[tool.core-plus.approval]\n" + text % "tool.core-plus.approval")
    settings = {
        "settings": {"policy": "careful", "rules": [rule]},
        "file": {"policy": "core-plus.toml"},
        "pyproject": {"policy": tmp_path / "pyproject.toml"},
    }
    config = {"hooks.approval": settings[way]} if way in settings else {}
    if way == "environment":
        monkeypatch.setenv("CORE_PLUS_APPROVAL", "core-plus.toml")
    send, person = Counting("send"), Answers("yes")
    with Host(only=["core-plus-approval"], config=config) as host:
        result = agent(
            host, [write, send], writes("a"), ("send", {"path": "a"}), ("send", {"path": "a"}), policies=[]
        ).run("go", ui=person)
    assert "not on my disk" in result.steps[1].error.message
    assert (write.calls, len(send.calls), len(person.questions)) == ([], 2, 1)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"policy": "carefull"}, "there is no policy 'carefull' .*; did you mean careful"),
        ({"polcy": "careful"}, "approval has no setting 'polcy'; did you mean policy"),
        ({"policy": "nowhere.toml"}, "'nowhere.toml' can't be read"),
        ({"rules": {"verdict": "deny"}}, "rules is a list of tables"),
    ],
)
def test_settings_that_make_no_sense_stop_the_host(settings, text):
    with (
        pytest.raises(PluginError, match=text),
        Host(only=["core-plus-approval"], config={"hooks.approval": settings}) as host,
    ):
        host.names("tool")


def test_a_policy_of_the_environment_that_makes_no_sense_denies_everything(write, monkeypatch):
    monkeypatch.setenv("CORE_PLUS_APPROVAL", "carefull")
    with Host(only=["core-plus-approval"]) as host:
        result = agent(host, [write], writes("a"), policies=[], max_steps=2).run("go")
    assert result.state == "failed"
    assert write.calls == []
    assert "CORE_PLUS_APPROVAL: approval: there is no policy 'carefull'" in result.steps[1].error.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[approval", "can't be read"),
        ("[other]", "has no \\[approval\\]"),
        ("[approval]\npolicy = 'other.toml'", "not another file"),
        ("[approval]\n[[approval.rules]]\nverdict = 'no'", "core-plus.toml: approval: verdict can't be 'no'"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(text, words, tmp_path):
    from core_plus_approval import load_policy

    (tmp_path / "core-plus.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=words):
        load_policy(tmp_path / "core-plus.toml")
