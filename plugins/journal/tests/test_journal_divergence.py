"""A run that goes another way than its journal is found out before anything is done; so is a changed agent."""

from __future__ import annotations

from datetime import date

import pytest
from journal_doubles import Told, World, call, code, cut, lines_of, records_of
from journal_executors import ThreadExecutor
from journal_rich import user_input

from core_plus import Ask, CodeAgent, Continue, Divergence, Host, JournalError, ToolCallingAgent, hookimpl, tool
from core_plus.effects import CallTool
from core_plus_journal.journal import Journal
from core_plus_journal.memory import MemoryStore
from core_plus_journal.records import Intent, Outcome, Resumed

CALLS = (call("look", "a", at="2020-01-01"), call("pay", "b", amount=5), "done")


def clerk(host, *replies, tools=None, **settings):
    return ToolCallingAgent(model=Told(*replies or CALLS), tools=tools or World().tools(), host=host, **settings)


def half(host, made, tool="pay"):
    """A store with a run that was cut when it had called a tool."""
    store = MemoryStore()
    made.run("Go", journal=Journal(store), run_id="r")
    records = records_of(store, "r")
    key = next(one.key for one in records if isinstance(one, Intent) and one.what.get("tool") == tool)
    place = next(n for n, one in enumerate(records, 1) if isinstance(one, Outcome) and one.key == key)
    return cut(lines_of(store, "r")[:place], "r")


def diverges(made, store, words):
    """Going on ends with this divergence, nothing was done, and the right agent can still go on."""
    before = lines_of(store, "r")
    result = made.resume("r", journal=Journal(store), changed=True)
    assert isinstance(result.error, Divergence), result
    with pytest.raises(Divergence, match=words):
        raise result.error
    after = [line for line in lines_of(store, "r") if b'"is":"resumed"' not in line]
    assert after == [line for line in before if b'"is":"resumed"' not in line]


# ---- another way --------------------------------------------------------------------


def test_another_argument_is_named_with_what_it_was(host):
    def looks(kind):
        def look(at: kind) -> str:
            """Look.

            Args:
                at: What.
            """
            return "X"

        return [tool(look, effect="read"), *(one for one in World().tools() if one.name != "look")]

    store = half(host, clerk(host, tools=looks(str)))
    diverges(clerk(host, tools=looks(date)), store, r"step 1.*look \(call a\).*arguments differ.*2020-01-01.*then.*now")


def test_a_tool_less_is_named(host):
    store = half(host, clerk(host))
    poor = [one for one in World().tools() if one.name != "pay"]
    diverges(
        clerk(host, tools=poor), store, r"it wants to go on, where the journal has the tool pay \(call b\) \(step 2\)"
    )


def test_another_callback_is_named(host):
    def watch(step):
        return None

    store = half(host, clerk(host, callbacks=[watch]))
    diverges(clerk(host), store, "where the journal has the callback watch")


def test_a_callback_more_is_named(host):
    def watch(step):
        return Continue()

    diverges(clerk(host, callbacks=[watch]), half(host, clerk(host)), "wants the callback watch")


def test_another_plan_is_named(host):
    store = half(host, clerk(host))
    diverges(clerk(host, planning_interval=1), store, r"wants a model call for 'plan', where.*'step'")


def test_another_sort_of_agent_is_named(host):
    def coder():
        return CodeAgent(model=Told(code("look('x')"), code("pay(1)"), code("final_answer(1)")), tools=World().tools(),
                         executor=ThreadExecutor(), host=host)  # fmt: skip

    store = half(host, coder())
    with pytest.raises(JournalError, match="the agent was a CodeAgent, is a ToolCallingAgent"):
        clerk(host).resume("r", journal=Journal(store))
    diverges(clerk(host), store, "where the journal has code")


def test_other_tags_give_other_code(host):
    def coder(**settings):
        replies = ("<code>\nlook('x')\n</code>\n```python\nlook('y')\n```", code("pay(1)"), code("final_answer(1)"))
        return CodeAgent(model=Told(*replies), tools=World().tools(), executor=ThreadExecutor(), host=host, **settings)

    diverges(coder(code_block_tags="markdown"), half(host, coder()), r"step 1.*code differ.*look\('x'\).*look\('y'\)")


def test_an_answer_holds_for_the_very_question_that_was_asked(host):
    def payer(tools):
        class Asking:
            def review_effect(self, run, effect):
                return Ask() if isinstance(effect, CallTool) else None

        return clerk(host, call("pay", "a", day="2020-01-01"), "done", tools=[tools], policies=[Asking()])

    def pays(kind):
        def pay(day: kind) -> str:
            """Pay.

            Args:
                day: When.
            """
            paid.append(day)
            return "paid"

        return tool(pay)

    paid = []
    store = MemoryStore()
    assert payer(pays(str)).run("Go", journal=Journal(store), run_id="r").state == "suspended"
    result = payer(pays(date)).resume("r", answer="yes", journal=Journal(store), changed=True)
    assert (result.state, paid) == ("failed", [])
    with pytest.raises(
        Divergence, match=r"step 1.*wants the question .*date\(2020.*journal has the question .*'2020-01-01'"
    ):
        raise result.error
    assert payer(pays(str)).resume("r", answer="yes", journal=Journal(store)).output == "done"
    assert paid == ["2020-01-01"]


# ---- a changed agent ---------------------------------------------------------------


def test_a_tool_with_another_signature_is_named_and_may_be_gone_on_with(host):
    @tool
    def pay(amount: int, currency: str = "EUR") -> str:
        """Pay.

        Args:
            amount: How much.
            currency: Of which.
        """
        return "paid"

    tools = [pay, *(one for one in World().tools() if one.name != "pay")]
    store = half(host, clerk(host))
    with pytest.raises(JournalError, match=r"the tool pay has another signature.*changed=True goes on"):
        clerk(host, tools=tools).resume("r", journal=Journal(store))
    assert clerk(host, tools=tools).resume("r", journal=Journal(store), changed=True).output == "done"


def test_a_tool_more_and_a_tool_less_are_named(host):
    store = half(host, clerk(host))
    tools = [*(one for one in World().tools() if one.name != "note"), user_input]
    with pytest.raises(JournalError, match="the tool note is gone; the tool user_input is new"):
        clerk(host, tools=tools).resume("r", journal=Journal(store))
    assert clerk(host, tools=tools).resume("r", journal=Journal(store), changed=True).output == "done"


def test_what_repeating_a_tool_would_do_is_part_of_its_signature(host):
    @tool(effect="write")
    def look(at: str) -> str:
        """Look something up.

        Args:
            at: What.
        """
        return at

    tools = [look, *(one for one in World().tools() if one.name != "look")]
    with pytest.raises(JournalError, match="the tool look has another signature"):
        clerk(host, tools=tools).resume("r", journal=Journal(half(host, clerk(host))))


def test_a_refused_run_is_let_go(host):
    store = half(host, clerk(host))
    with pytest.raises(JournalError):
        clerk(host, tools=[user_input]).resume("r", journal=Journal(store))
    assert clerk(host).resume("r", journal=Journal(store)).output == "done"


def test_another_version_of_a_plugin_is_named(host):
    store = half(host, clerk(host))
    lines = [line.replace(b'"name":"core-plus-journal","version":"', b'"name":"core-plus-journal","version":"0.0.')
             for line in lines_of(store, "r")]  # fmt: skip
    old = cut(lines, "r")
    with pytest.raises(JournalError, match=r"core-plus-journal was 0\.0\.\S+, is \d"):
        clerk(host).resume("r", journal=Journal(old))
    assert clerk(host).resume("r", journal=Journal(old), changed=True).output == "done"
    (resumed,) = [one for one in records_of(old, "r") if isinstance(one, Resumed)]
    assert resumed.plugins


def test_a_plugin_that_is_gone_is_named(host):
    class Extra:
        @hookimpl
        def review_effect(self, effect):
            return None

    with Host(only=["core-plus-journal", "core-plus-retry"]) as rich:
        if not any(one.distribution == "core-plus-retry" and one.status == "loaded" for one in rich.plugins):
            pytest.skip("core-plus-retry isn't installed")
        store = half(rich, clerk(rich))
    with pytest.raises(JournalError, match=r"core-plus-retry was \S+, is not here"):
        clerk(host).resume("r", journal=Journal(store))


def test_a_journal_of_a_later_form_is_refused(host):
    store = half(host, clerk(host))
    lines = [line.replace(b'"version":1,"id"', b'"version":9,"id"') for line in lines_of(store, "r")]
    with pytest.raises(JournalError, match=r"form 9 of the journal, this core-plus-journal knows 1: install a later"):
        clerk(host).resume("r", journal=Journal(cut(lines, "r")))
    later = cut(lines, "r")
    with pytest.raises(JournalError, match="form 9"):
        Journal(later).runs()


def test_an_outcome_that_never_began_is_damage(host):
    store = half(host, clerk(host))
    lines = lines_of(store, "r")
    place = next(n for n, line in enumerate(lines) if b'"is":"intent"' in line)
    with pytest.raises(JournalError, match=r"is damaged: record 1 is the outcome of .*, which never began"):
        clerk(host).resume("r", journal=Journal(cut(lines[:place] + lines[place + 1 :], "r")))


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'{"is":"else"}', b'{"is":"intent"}', b"\xff\xfe", b"null"])
def test_a_line_that_is_no_record_is_named_with_its_place(host, line):
    lines = lines_of(half(host, clerk(host)), "r")
    with pytest.raises(JournalError, match="run r, record 2: this is no record of a journal"):
        clerk(host).resume("r", journal=Journal(cut([*lines[:2], line, *lines[2:]], "r")))
