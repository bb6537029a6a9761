"""Secret values are in no record; a run that had some can't be repeated, and says so."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from journal_doubles import Told, call, code, cut, lines_of
from journal_executors import ThreadExecutor

from core_plus import CodeAgent, RunContext, Secret, ToolCallingAgent, tool
from core_plus_journal import replay
from core_plus_journal.journal import Journal

WORD = "hunter2-do-not-tell"


@tool(secret=True)
def unlock(context: RunContext, word: str) -> str:
    """Open the vault.

    Args:
        word: The password.
    """
    return f"gold behind {word}"


def asking(host, *replies):
    return ToolCallingAgent(model=Told(*replies), tools=[unlock], host=host)


@pytest.mark.parametrize("face", ["run", "arun"])
def test_a_secret_tools_values_are_in_no_record(store, host, face):
    begun = getattr(asking(host, call("unlock", "a", word=WORD), "done"), face)(
        "Go", journal=Journal(store), run_id="r"
    )
    result = asyncio.run(begun) if face == "arun" else begun
    assert result.output == "done"
    text = b"\n".join(lines_of(store, "r"))
    assert WORD.encode() not in text
    assert b"unlock" in text
    assert b"gold" not in text


def test_such_a_run_refuses_to_be_repeated_and_says_why(store, host):
    made = asking(host, call("unlock", "a", word=WORD), "done")
    made.run("Go", journal=Journal(store), run_id="r")
    result = replay(made, "r", journal=Journal(store)).finish()
    assert result.state == "failed"
    assert "run r can't be repeated: it calls a tool marked secret, whose values are left out" in str(result.error)
    resumed = made.resume("r", journal=Journal(cut(lines_of(store, "r")[:-2], "r")))
    assert resumed.state == "failed"
    assert "marked secret" in str(resumed.error)


def test_until_the_secret_it_is_repeated(store, host):
    made = ToolCallingAgent(
        model=Told(call("look", "a"), call("unlock", "b", word=WORD), "done"), tools=[unlock, look], host=host
    )
    made.run("Go", journal=Journal(store), run_id="r")
    text = lines_of(store, "r")
    place = next(n for n, line in enumerate(text) if b"$hidden" in line)
    assert made.resume("r", journal=Journal(cut(text[:place], "r"))).output == "done"


@tool(effect="read")
def look() -> str:
    """Look."""
    return "seen"


def test_a_secret_in_code_is_in_no_record_but_the_models_own_words(store, host):
    cells = ("x = unlock(variable)", "final_answer(len(x))")
    made = CodeAgent(model=Told(*map(code, cells)), tools=[unlock], executor=ThreadExecutor(), host=host)
    made.run("Go", journal=Journal(store), run_id="r", variables={"variable": Secret(WORD).reveal()[::-1]})
    text = b"\n".join(lines_of(store, "r")[1:])
    assert b"gold behind" not in text
    result = replay(made, "r", journal=Journal(store)).finish()
    assert (result.state, "marked secret" in str(result.error)) == ("failed", True)


def test_a_secret_object_is_in_no_record(store, host):
    @tool
    def login(context: RunContext, who: str) -> Any:
        """Log in.

        Args:
            who: A name.
        """
        context.state["token"] = Secret(WORD)
        return Secret(WORD)

    made = ToolCallingAgent(model=Told(call("login", "a", who="ann"), "done"), tools=[login], host=host)
    result = made.run("Go", journal=Journal(store), run_id="r", variables={"key": Secret(WORD)})
    assert result.state == "success"
    assert WORD.encode() not in b"\n".join(lines_of(store, "r"))
    assert made.resume("r", journal=Journal(cut(lines_of(store, "r")[:-3], "r"))).output == "done"


def test_deps_are_not_kept(store, host):
    made = asking(host, "done")
    made.run("Go", journal=Journal(store), run_id="r", deps={"key": WORD})
    assert WORD.encode() not in b"\n".join(lines_of(store, "r"))


def test_what_a_person_reads_of_a_kept_run_has_no_secret(store, host):
    asking(host, call("unlock", "a", word=WORD), "done").run("Go", journal=Journal(store), run_id="r")
    story = Journal(store).story("r")
    (line,) = [one for one in story if one.kind == "tool"]
    assert (line.what, line.outcome) == ("unlock(***)", "***")
    assert WORD not in repr(story)
