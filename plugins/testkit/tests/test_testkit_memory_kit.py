"""The kit passes a good memory and fails a bad one: a kit that passes everything proves nothing."""

import pytest

from core_plus import Message, ToolCall, ToolResult, message
from core_plus_testkit.memory_kit import parted

pytest_plugins = ["pytester"]

MEMORY = '''
from core_plus.events import ActionStep, PlanningStep, TaskStep
from core_plus.messages import Message, Text, ToolResult


class Newest:
    """The task, the plan and the newest eight steps of the model; what was given is told in words."""

    def view(self, run):
        run.notes[self] = run.notes.get(self, 0) + 1
        tasks = [step for step in run.steps if isinstance(step, TaskStep)][-1:]
        plans = [step for step in run.steps if isinstance(step, PlanningStep)][-1:]
        actions = [step for step in run.steps if isinstance(step, ActionStep)][-8:]
        kept = [step for step in run.steps if any(step is one for one in [*tasks, *plans, *actions])]
        given = [self.told(said) for said in run.history[: run.given]]
        return [*given, *(said for step in kept for said in step.messages)]

    def told(self, said):
        return Message("user", (Text("Earlier: " + said.text),))
'''
TEST = """
from core_plus_testkit import MemoryKit
from its_memory import Newest


class TestNewest(MemoryKit):
    bound = 6_000
    deviations = {"test_nothing_of_a_short_run_is_missing": "it is for long runs"}

    def make(self):
        return Newest()
"""
BAD = {
    "messages counted one by one": (
        "return [*given, *(said for step in kept for said in step.messages)]",
        "return [*given, *[said for step in kept for said in step.messages][-7:]]",
        "test_a_call_is_never_parted_from_its_result",
    ),
    "no task": ("[*tasks, *plans, *actions]", "[*plans, *actions]", "test_the_task_stays"),
    "no plan": ("[*tasks, *plans, *actions]", "[*tasks, *actions]", "test_the_plan_stays"),
    "the oldest task": ("TaskStep)][-1:]", "TaskStep)][:1]", "test_a_conversation_has_its_newest_task_in_sight"),
    "the oldest steps": ("ActionStep)][-8:]", "ActionStep)][:8]", "test_the_newest_step_is_seen"),
    "the newest first": ("for step in kept for", "for step in kept[::-1] for", "test_what_is_seen_keeps_its_order"),
    "no limit": ("[-8:]", "", "test_a_prompt_stays_bounded_in_a_run_of_500_steps"),
    "a limit that grows": (
        "[-8:]",
        "[-8 - run.step_number // 20:]",
        "test_a_prompt_stays_bounded_in_a_run_of_500_steps",
    ),
    "steps that are thrown away": (
        "        given =",
        "        run.steps[:] = kept\n        given =",
        "test_the_run_keeps_all_its_steps",
    ),
    "a history that is thrown away": (
        "        given =",
        "        run.history[run.given :] = [said for step in kept for said in step.messages]\n        given =",
        "test_the_run_keeps_all_its_steps",
    ),
    "given messages as they are": (
        "self.told(said) for said",
        "said for said",
        "test_any_history_is_seen_soundly",
    ),
    "a count that runs share": (
        "        given = [",
        "        self.count = getattr(self, 'count', 0) + 1\n"
        "        kept = kept[:1] + kept[1 + self.count % 2 :]\n"
        "        given = [",
        "test_a_run_that_is_repeated_has_the_same_views",
    ),
    "chance": (
        "        given = [",
        "        import random\n"
        "        actions and random.random() < 0.3 and kept.remove(actions[0])\n"
        "        given = [",
        "test_a_run_that_is_repeated_has_the_same_views",
    ),
    "a record of steps that edits don't reach": (
        "        actions = [step for step in run.steps if isinstance(step, ActionStep)][-8:]\n"
        "        kept = [step for step in run.steps if any(step is one for one in [*tasks, *plans, *actions])]\n",
        "        seen = run.notes.setdefault('seen', [])\n"
        "        seen += [step for step in run.steps if isinstance(step, ActionStep) and step not in seen]\n"
        "        kept = [*tasks, *plans, *seen[-8:]]\n",
        "test_a_step_that_was_edited_away_is_gone",
    ),
    "another view where it is async": (
        "        given = [",
        "        import asyncio\n"
        "        try:\n"
        "            asyncio.get_running_loop()\n"
        "            kept = [step for step in kept if step not in actions[:-1]]\n"
        "        except RuntimeError:\n"
        "            pass\n"
        "        given = [",
        "test_views_are_the_same_in_an_async_run",
    ),
}  # fmt: skip


@pytest.fixture
def kit(pytester):
    """Runs tests of the kit against a memory's source."""

    def run(source, chosen=""):
        pytester.makepyfile(its_memory=source, test_it=TEST)
        pytester.syspathinsert()
        plugins = pytester._request.config.pluginmanager
        installed = any(plugins.get_name(each) == "core_plus_testkit" for each in plugins.get_plugins())
        load = [] if installed else ["-p", "core_plus_testkit.plugin"]
        return pytester.runpytest(*load, "-k", chosen, "-rfs", "-p", "no:xdist")

    return run


def test_a_good_memory_passes_and_its_deviation_is_told(kit):
    result = kit(MEMORY)
    outcomes = result.parseoutcomes()
    assert (outcomes.get("failed", 0), outcomes.get("errors", 0)) == (0, 0)
    assert outcomes["passed"] >= 13
    result.stdout.fnmatch_lines(["SKIPPED*deviates: it is for long runs"])


@pytest.mark.parametrize("name", BAD)
def test_a_bad_memory_is_found_out(name, kit):
    good, bad, failing = BAD[name]
    assert good in MEMORY
    result = kit(MEMORY.replace(good, bad), failing)
    assert result.ret == 1
    result.stdout.fnmatch_lines([f"FAILED *{failing}*"])


def test_a_kit_without_a_memory_says_what_is_missing(kit, pytester):
    pytester.makepyfile(test_mine="from core_plus_testkit import MemoryKit\n\nclass TestMine(MemoryKit):\n    pass\n")
    result = kit(MEMORY, "TestMine and plan")
    result.stdout.fnmatch_lines(["*TestMine must give `make`*"])


def test_calls_without_results_and_results_without_calls_are_told():
    call = message("assistant", [ToolCall("a", "look", {}), ToolCall("b", "look", {})])
    one, two = (Message("tool", (ToolResult(name, "look"),)) for name in "ab")
    assert parted([call, one, two]) == parted([call, two, one]) == []
    assert parted([call, one]) == ["the call 'b' has no result"]
    assert parted([one]) == ["the result 'a' in message 0 has no call before it"]
    assert parted([call, one, message("user", "x"), two]) == [
        "the call 'b' has no result before message 2",
        "the result 'b' in message 3 has no call before it",
    ]
