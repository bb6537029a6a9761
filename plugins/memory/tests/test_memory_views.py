"""What each memory does that the kit doesn't ask of all: counts, summaries, cuts, pictures, facts."""

from __future__ import annotations

import importlib
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core_plus_memory
from core_plus import (
    AgentGenerationError,
    ConfigurationError,
    Host,
    Image,
    ModelResponse,
    Text,
    ToolCall,
    ToolCallingAgent,
    ToolResult,
    message,
    tool,
)
from core_plus.memory import ListMemory
from core_plus_memory import (
    DropImages,
    PinnedFacts,
    SlidingWindow,
    Stack,
    Summary,
    TruncateObservations,
    pin_fact,
    read_observation,
    sound,
)
from core_plus_memory.counting import Ruler
from core_plus_memory.window import GAP
from core_plus_testkit.histories import histories
from core_plus_testkit.memory_kit import NOTES, TASK, Walker, look, parted, walk, words


@pytest.fixture
def host():
    with Host(discover=False, plugins=[core_plus_memory]) as made:
        yield made


class Says:
    """A model that gives what it is told, and keeps what it was asked."""

    def __init__(self, *replies):
        self.replies, self.requests = list(replies), []

    def forward(self, request):
        self.requests.append(request)
        reply = self.replies.pop(0)
        return ModelResponse(message("assistant", reply(request) if callable(reply) else reply))


# ---- any conversation -----------------------------------------------------------


@given(histories())
def test_any_conversation_is_made_sound_and_a_sound_one_is_left_as_it_is(history):
    made = sound(history)
    assert parted(made) == []
    if parted(history) == [] and all(
        said.role == "tool" or not any(isinstance(part, ToolResult) for part in said.parts) for said in history
    ):
        kept = [said for said in history if not (said.role == "tool" and not said.parts)]
        assert all(any(said is one for one in made) for said in kept)
    assert sound(made) == made


@settings(max_examples=25)
@given(histories(), st.integers(1, 400), st.integers(1, 6))
def test_no_window_parts_a_call_from_its_result_in_any_history(history, tokens, steps):
    memory = SlidingWindow(tokens=tokens, steps=steps)
    model, _ = walk(memory, 2, message_history=history)
    assert [parted(view) for view in model.views] == [[]] * 3


def test_without_limits_a_window_shows_the_history_itself():
    everything, _ = walk(ListMemory(), 20)
    window, _ = walk(SlidingWindow(tokens=None), 20)
    assert window.views == everything.views


# ---- counting -----------------------------------------------------------------------


class Counting(Walker):
    """A model that counts: each character is a token."""

    asked = 0

    def count_tokens(self, request):
        type(self).asked += 1
        return len(words(request.messages))


def test_a_model_that_counts_tokens_is_asked_only_near_the_limit_and_its_count_holds(host):
    model = Counting(60)
    memory = SlidingWindow(tokens=4_000)
    ToolCallingAgent(model=model, tools=[look], memory=memory, host=host, max_steps=99).run(TASK)
    assert max(len(words(view)) for view in model.views) <= 4_000
    assert max(len(words(view)) for view in model.views) > 2_500
    assert 0 < Counting.asked < 60


def test_a_counter_that_fails_is_replaced_by_an_estimate_that_is_called_one(host):
    class Broken(Walker):
        def count_tokens(self, request):
            raise OSError("no line")

    agent = ToolCallingAgent(
        model=Broken(60), tools=[look], memory=SlidingWindow(tokens=1_500), host=host, max_steps=99
    )
    run = [*agent.stream(TASK)]
    warned = [event.text for event in run if type(event).__name__ == "Warned"]
    assert len(warned) == 1
    assert "can't count tokens (no line); the memory estimates them" in warned[0]


def test_tiktoken_counts_where_it_is_installed(monkeypatch):
    tiktoken = pytest.importorskip("tiktoken", reason="tiktoken isn't installed")
    each = tiktoken.Encoding(
        "bytes", pat_str=r"[\s\S]", mergeable_ranks={bytes([n]): n for n in range(256)}, special_tokens={}
    )
    monkeypatch.setattr(tiktoken, "get_encoding", lambda name: each)
    assert Ruler("tiktoken", "bytes").of([message("user", "x" * 100)]) == 108
    model, _ = walk(SlidingWindow(tokens=4_000, count="tiktoken"), 40)
    assert max(len(words(view)) for view in model.views) <= 4_000


def test_an_estimate_is_called_one_and_is_no_smaller_than_a_quarter_of_the_characters():
    ruler = Ruler("estimate")
    assert ruler.is_estimate
    assert ruler.of([message("user", "A boat with a red sail. " * 100)]) >= 600
    assert ruler.of([message("user", [Image(b"x"), Text("\ud83e")])]) > 1_000


@pytest.mark.parametrize(
    "make",
    [
        lambda: SlidingWindow(tokens=0),
        lambda: SlidingWindow(steps=True),
        lambda: SlidingWindow(slack=1),
        lambda: SlidingWindow(count="abacus"),
        lambda: Summary(tokens=-1),
        lambda: DropImages(keep=-1),
        lambda: TruncateObservations(most=0),
        lambda: Stack(ListMemory()),
    ],
)
def test_settings_that_make_no_sense_are_refused(make):
    with pytest.raises(ConfigurationError):
        make()


def test_to_count_by_a_model_that_cannot_is_refused_with_the_way_out():
    with pytest.raises(Exception, match="counts no tokens: let the memory count by 'tiktoken' or 'estimate'"):
        walk(SlidingWindow(count="model"), 1)


# ---- the window -------------------------------------------------------------------------


def test_between_two_slides_the_beginning_of_the_prompt_stays_the_same():
    model, _ = walk(SlidingWindow(tokens=3_000), 100)
    grown = [
        len(after) > len(before) and after[: len(before)] == before for before, after in itertools.pairwise(model.views)
    ]
    assert sum(not each for each in grown) < 20


def test_a_line_stands_where_steps_were_left_out():
    model, _ = walk(SlidingWindow(tokens=None, steps=3), 10)
    assert [GAP in view for view in model.views[:4]] == [False] * 4
    assert model.views[-1].index(GAP) == 1


def test_a_step_larger_than_the_window_is_seen_nevertheless():
    model, _ = walk(SlidingWindow(tokens=10), 5)
    assert all(f"<seen boat {number}>" in words(view) for number, view in enumerate(model.views) if number)


# ---- the summary --------------------------------------------------------------------------


def test_older_steps_are_summed_up_and_the_summary_is_renewed_from_itself():
    model, result = walk(Summary(tokens=1_500), 40)
    asked = [request for request in model.requests if not request.tools]
    assert 2 < len(asked) < 20
    assert "<seen boat 1>" in words(asked[0].messages)
    assert f"The notes so far:\n\n{NOTES}" in words(asked[1].messages)
    assert "<seen boat 1>" not in words(asked[1].messages)
    assert NOTES in words(model.views[-1])
    assert "<seen boat 1>" in words(result.messages)


def test_another_model_may_sum_up():
    notes = Says(*["They are red."] * 30)
    model, _ = walk(Summary(tokens=1_500, model=notes), 30)
    assert all(request.tools for request in model.requests)
    assert "They are red." in words(model.views[-1])


def test_where_nobody_can_sum_up_older_steps_are_left_out_and_the_run_goes_on():
    def fail(request):
        raise AgentGenerationError("no line")

    model, result = walk(Summary(tokens=1_500, model=Says(*[fail] * 30)), 30)
    assert GAP in model.views[-1]
    assert result.output == "boat: 30"


def test_what_is_too_much_for_one_request_is_summed_up_in_portions():
    history = [message("user", f"<{number}> " + "sail " * 500) for number in range(12)]
    model, _ = walk(Summary(tokens=2_000), 1, message_history=history)
    asked = [words(request.messages) for request in model.requests if not request.tools]
    assert len(asked) > 3
    assert all(len(text) < 12_000 for text in asked)
    assert "<0>" in asked[0]


# ---- observations ----------------------------------------------------------------------


@tool(effect="read", thread="caller")
def long_text() -> str:
    """Give a long text."""
    return "HEAD" + "x" * 50_000 + "TAIL"


def test_a_long_observation_keeps_head_and_tail_and_a_tool_gives_the_whole(host):
    key = []

    def ask(request):
        text = request.messages[-1].parts[0].text
        key.append(text.partition('read_observation("')[2].partition('"')[0])
        return ToolCall("c2", "read_observation", {"key": key[0], "start": 50_000})

    model = Says(ToolCall("c1", "long_text", {}), ask, "done")
    memory = TruncateObservations(most=100)
    tools = [long_text, "read_observation"]
    agent = ToolCallingAgent(model=model, tools=tools, memory=memory, host=host, max_observation=10**6)
    result = agent.run("go")
    cut = words(model.requests[1].messages[2:])
    assert "HEADxxx" in cut
    assert "xxxTAIL" in cut
    assert "49908 characters left out; read_observation(" in cut
    assert result.steps[2].calls[0].value == "xxxxTAIL"


def test_without_the_tool_nothing_is_promised(host):
    model = Says(ToolCall("c1", "long_text", {}), "done")
    ToolCallingAgent(model=model, tools=[long_text], memory=TruncateObservations(most=100), host=host).run("go")
    assert "characters left out …]" in words(model.requests[1].messages)


def test_the_newest_steps_may_stay_whole(host):
    calls = [ToolCall(f"c{number}", "long_text", {}) for number in (1, 2)]
    model, memory = Says(*calls, "done"), TruncateObservations(most=100, whole=1)
    ToolCallingAgent(model=model, tools=[long_text], memory=memory, host=host).run("go")
    shown = [
        len(part.text) > 1000 for said in model.requests[-1].messages for part in said.parts if type(part) is ToolResult
    ]
    assert shown == [False, True]


def test_an_unknown_key_is_told(host):
    model = Says(ToolCall("c1", "read_observation", {"key": "nothing"}), "done")
    result = ToolCallingAgent(model=model, tools=[read_observation], host=host).run("go")
    assert "there is no observation 'nothing'" in result.steps[1].calls[0].error.message


# ---- pictures -----------------------------------------------------------------------------


@tool(effect="read", thread="caller")
def photo() -> list:
    """Take two pictures."""
    return [Image(b"one"), Image(b"two"), Text("two pictures")]


def test_the_newest_pictures_stay_and_those_of_the_task(host):
    calls = [ToolCall(f"c{number}", "photo", {}) for number in range(4)]
    model = Says(*calls, "done")
    agent = ToolCallingAgent(model=model, tools=[photo], memory=DropImages(keep=3), host=host)
    agent.run("go", images=[Image(b"map")])
    seen = [
        [type(one).__name__ for one in part.parts[:2]]
        for said in model.requests[-1].messages
        for part in said.parts
        if type(part) is ToolResult
    ]
    assert seen == [["Text", "Text"], ["Text", "Text"], ["Text", "Image"], ["Image", "Image"]]
    assert any(isinstance(part, Image) for part in model.requests[-1].messages[1].parts)


# ---- facts -----------------------------------------------------------------------------------


def test_a_fact_that_the_agent_pins_stays_when_its_step_is_gone(host):
    model = Walker(30)
    pin = message("assistant", ToolCall("p", "pin_fact", {"fact": "The mast\nis  oak."}))
    first = model.forward

    def forward(request):
        model.forward = first
        return ModelResponse(pin)

    model.forward = forward
    memory = PinnedFacts(facts=["Tides matter."]) | SlidingWindow(tokens=1_000)
    session = ToolCallingAgent(model=model, tools=[look, "pin_fact"], memory=memory, host=host, max_steps=99).session()
    session.run(TASK)
    assert "To be kept in mind:\n- Tides matter.\n- The mast is oak." in words(model.views[-1])
    assert not any(call.name == "pin_fact" for said in model.views[-1] for call in said.tool_calls)
    model.left += 1
    session.run("And now?")
    assert "- The mast is oak." in words(model.views[-1])


def test_only_the_newest_facts_of_the_agent_stay(host):
    calls = [ToolCall(f"c{number}", "pin_fact", {"fact": f"Fact {number}."}) for number in range(4)]
    model = Says(*calls, "done")
    ToolCallingAgent(model=model, tools=[pin_fact], memory=PinnedFacts(most=2), host=host).run("go")
    told = model.requests[-1].messages[2].text
    assert told == "To be kept in mind:\n- Fact 2.\n- Fact 3."


# ---- by name -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["compact", "drop_images", "facts", "summary", "truncate", "window"])
def test_a_memory_is_found_by_its_name(name, host):
    result = ToolCallingAgent(model=Walker(3), tools=[look], memory=name, host=host).run(TASK)
    assert result.output == "boat: 3"


def test_settings_reach_a_memory_by_its_name():
    with Host(discover=False, plugins=[core_plus_memory], config={"memory.window": {"tokens": 77}}) as host:
        assert host.make("memory", "window").tokens == 77
        assert host.make("memory", "compact", tokens=900).stages[-1].tokens == 900


def test_every_public_name_is_there():
    for name in core_plus_memory.__all__:
        assert getattr(importlib.import_module("core_plus_memory"), name)
    with pytest.raises(AttributeError):
        core_plus_memory.nothing  # noqa: B018
