"""What a person granted is known to the process that goes on with the run."""

from __future__ import annotations

import pytest
from approval_doubles import Counting

from core_plus import Host, Message, ToolCall, ToolCallingAgent
from core_plus_approval import Approval, Policy, Rule, careful
from core_plus_journal import Journal
from core_plus_journal.memory import MemoryStore
from core_plus_scripted import ScriptedModel


def turn(*calls):
    return Message("assistant", tuple(ToolCall("", name, arguments) for name, arguments in calls))


def writes(path):
    return turn(("write_file", {"path": path}))


@pytest.fixture
def journal():
    return Journal(MemoryStore())


@pytest.fixture
def process():
    """Gives an agent as a new process makes it: nothing of the others is left but the tool's own count."""
    hosts, write = [], Counting("write_file")

    def begun(*turns, policy=careful, tool=write):
        hosts.append(host := Host(discover=True, only=["core-plus-journal"]))
        model = ScriptedModel([*turns, turn(("final_answer", {"answer": "end"}))], mode="turn")
        return ToolCallingAgent(model=model, tools=[tool], host=host, policies=[Approval(policy)])

    begun.write = write
    yield begun
    for host in hosts:
        host.close()


def test_a_yes_holds_in_the_next_process_for_the_same_arguments_only(process, journal):
    turns = [writes("a"), writes("a"), writes("b"), writes("a")]
    first = process(*turns).run("go", journal=journal, run_id="r")
    assert (first.state, process.write.calls) == ("suspended", [])
    second = process(*turns).resume("r", "yes", journal=journal)
    assert second.state == "suspended"
    assert [question.details["arguments"] for question in second.questions] == [{"path": "b"}]
    third = process(*turns).resume("r", "no", journal=journal)
    assert (third.state, third.output) == ("success", "end")
    assert [path for path, _ in process.write.calls] == ["a", "a", "a"]


def test_allow_holds_in_the_process_after_the_next(process, journal):
    turns = [writes("a"), turn(("send", {"path": "a"})), writes("b"), writes("c")]
    policy = Policy([Rule("ask", tool="*_file"), Rule("ask", tool="final_*")])
    process(*turns, policy=policy).run("go", journal=journal, run_id="r")
    second = process(*turns, policy=policy).resume("r", "always", journal=journal)
    assert [question.details["tool"] for question in second.questions] == ["final_answer"]
    third = process(*turns, policy=policy).resume("r", "yes", journal=journal)
    assert third.output == "end"
    assert [path for path, _ in process.write.calls] == ["a", "b", "c"]


def test_a_policy_that_is_stricter_in_the_next_process_holds_from_then_on(process, journal):
    turns = [writes("a"), writes("b")]
    process(*turns).run("go", journal=journal, run_id="r")
    strict = Policy([Rule("deny", tool="write_file", arguments={"path": "b"})], careful.base)
    result = process(*turns, policy=strict).resume("r", "always", journal=journal)
    assert result.output == "end"
    assert [path for path, _ in process.write.calls] == ["a"]
