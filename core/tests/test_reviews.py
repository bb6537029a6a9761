"""Reviews: all plugins are heard before anything is done, the strictest holds, and doubt means no."""

from __future__ import annotations

import itertools

import pytest
from fake_distributions import plugin
from kernel_doubles import Scripted, ThreadExecutor, call

from core_plus import Allow, Ask, CodeAgent, Deny, Host, ModelResponse, Outcome, Tool, ToolCallingAgent, message
from core_plus.effects import CallModel, CallTool, RunCode

ANSWER = [call("final_answer", answer="done")]
WORDS = {"allow": Allow("fine"), "ask": Ask("Really?"), "deny": Deny("too risky"), "nothing": None}
STRENGTH = ["nothing", "allow", "ask", "deny"]


class Delete(Tool):
    """Counts its calls, for nothing is deleted."""

    name, description, output_type = "delete", "Delete a file.", "string"
    inputs = {"path": {"type": "string", "description": "Which."}}
    count = 0

    def forward(self, path):
        self.count += 1
        return f"deleted {path}"


@pytest.fixture
def delete():
    """A tool that counts its calls."""
    return Delete()


def reviewing(name, word, kind=CallTool, log=None):
    """A plugin that says one word to every effect of a kind."""

    def review_effect(run, effect):
        if not isinstance(effect, kind) or (isinstance(effect, CallTool) and effect.call.name == "final_answer"):
            return None
        if log is not None:
            log.append(effect)
        if isinstance(word, Exception):
            raise word
        return word(effect) if callable(word) else word

    return plugin(name, review_effect=review_effect)


def deleted(host, delete, **options):
    """The result of a run that calls `delete` once and then answers."""
    agent = ToolCallingAgent(model=Scripted([call("delete", path="a.txt")], ANSWER), tools=[delete], host=host)
    return agent.run("Delete a.txt", **options)


@pytest.mark.parametrize("words", list(itertools.product(STRENGTH, repeat=3)), ids="-".join)
def test_deny_beats_ask_beats_allow_in_whatever_order(words, delete):
    plugins = [reviewing(f"review_{n}", WORDS[word]) for n, word in enumerate(words)]
    with Host(discover=False, plugins=plugins) as host:
        result = deleted(host, delete)
        strictest = max(words, key=STRENGTH.index)
        if strictest == "ask":
            assert (result.state, [question.text for question in result.questions]) == ("suspended", ["Really?"])
        else:
            assert (result.state, result.output) == ("success", "done")
        assert delete.count == (strictest in ("nothing", "allow"))


def test_all_plugins_are_heard_though_the_first_denies(delete):
    log = []
    plugins = [reviewing(f"review_{n}", Deny("no"), log=log) for n in range(3)]
    with Host(discover=False, plugins=plugins) as host:
        deleted(host, delete)
    assert len(log) == 3


def test_a_denial_is_an_observation_with_its_reason(delete):
    with Host(discover=False, plugins=[reviewing("careful", Deny("too risky"))]) as host:
        result = deleted(host, delete)
    record = result.steps[1].calls[0]
    assert record.error.kind == "AgentDeniedError"
    assert record.error.message == "delete was denied: too risky. It was not performed; go another way."
    (answer,) = result.steps[1].messages[-1].parts
    assert (answer.is_error, answer.text) == (True, record.error.message)


@pytest.mark.parametrize("others", [[], [Allow()], [Allow(), Ask()]])
def test_a_review_that_raises_denies_whatever_the_others_say(delete, others):
    plugins = [reviewing(f"review_{n}", word) for n, word in enumerate(others)]
    plugins.insert(len(plugins) // 2, reviewing("broken_review", ValueError("a bug")))
    with Host(discover=False, plugins=plugins) as host:
        result = deleted(host, delete)
    text = result.steps[1].calls[0].error.message
    assert delete.count == 0
    assert "broken_review" in text
    assert "ValueError: a bug" in text


@pytest.mark.parametrize("word", [True, False, "allow", 1, Allow, Outcome("done")], ids=repr)
def test_a_review_that_says_anything_else_denies(delete, word):
    with Host(discover=False, plugins=[reviewing("odd", lambda effect: word)]) as host:
        deleted(host, delete)
    assert delete.count == 0


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
def test_an_async_review_denies_because_nobody_awaits_it(delete):
    async def review(effect):
        return Allow()

    with Host(discover=False, plugins=[reviewing("asynchronous", review)]) as host:
        deleted(host, delete)
    assert delete.count == 0


def test_a_review_may_ask_for_any_of_its_arguments(delete):
    plugins = [
        plugin("without", review_effect=lambda run: Allow()),
        plugin("effect_only", review_effect=lambda effect: Deny("no") if isinstance(effect, CallTool) else None),
    ]
    with Host(discover=False, plugins=plugins) as host:
        agent = ToolCallingAgent(model=Scripted([call("delete", path="a")], "done"), tools=[delete], host=host)
        assert agent.run("x").output == "done"
    assert delete.count == 0


def test_a_review_sees_the_arguments_as_the_tool_gets_them(delete):
    log = []
    with Host(discover=False, plugins=[reviewing("watching", None, log=log)]) as host:
        deleted(host, delete)
    (effect,) = log
    assert (effect.call.arguments, effect.tool, effect.origin) == ({"path": "a.txt"}, delete, "native")
    assert effect.id


def test_the_same_run_gives_its_effects_the_same_ids(delete):
    seen = []
    for _ in range(2):
        log = []
        with Host(discover=False, plugins=[reviewing("watching", None, kind=object, log=log)]) as host:
            deleted(host, delete)
        seen.append([(type(effect).__name__, effect.id) for effect in log])
    assert seen[0] == seen[1]
    assert len(set(seen[0])) == len(seen[0])


@pytest.mark.parametrize(
    ("answer", "count"), [("yes", 1), (True, 1), ("no", 0), (False, 0), ("rather not", 0), ("", 0), ({}, 0), (1, 0)]
)
def test_only_a_clear_yes_lets_an_asked_effect_pass(delete, answer, count):
    with Host(discover=False, plugins=[reviewing("asking", Ask())]) as host:
        agent = ToolCallingAgent(model=Scripted([call("delete", path="a.txt")], ANSWER), tools=[delete], host=host)
        suspended = agent.run("Delete a.txt")
        assert "delete" in suspended.questions[0].text
        assert suspended.questions[0].details == {"tool": "delete", "arguments": {"path": "a.txt"}}
        assert agent.resume(suspended, answer).output == "done"
    assert delete.count == count


def test_what_a_person_says_instead_of_yes_reaches_the_model(delete):
    with Host(discover=False, plugins=[reviewing("asking", Ask())]) as host:
        agent = ToolCallingAgent(model=Scripted([call("delete", path="a.txt")], ANSWER), tools=[delete], host=host)
        result = agent.resume(agent.run("Delete a.txt"), "take b.txt instead")
    assert "the person said no: take b.txt instead" in result.steps[1].calls[0].error.message


def test_reviews_come_before_answers(delete):
    asked = []
    cache = plugin("cache", answer_effect=lambda run, effect: asked.append(type(effect)))
    with Host(discover=False, plugins=[cache, reviewing("careful", Deny("no"))]) as host:
        deleted(host, delete)
    assert asked == [CallModel, CallModel, CallTool]  # the denied call of delete isn't among them


def test_an_answer_stands_for_the_effect_which_is_not_performed(delete):
    def answer_effect(effect):
        return Outcome("from the cache") if getattr(effect, "tool", None) is delete else None

    with Host(discover=False, plugins=[plugin("cache", answer_effect=answer_effect)]) as host:
        result = deleted(host, delete)
    assert (result.output, result.steps[1].calls[0].value, delete.count) == ("done", "from the cache", 0)


def test_of_several_answers_one_is_taken_and_nothing_is_not_an_answer(delete):
    plugins = [
        plugin("first", answer_effect=lambda effect: None),
        plugin("second", answer_effect=lambda effect: Outcome(None) if getattr(effect, "tool", 0) is delete else None),
    ]
    with Host(discover=False, plugins=plugins) as host:
        result = deleted(host, delete)
    assert (result.output, result.steps[1].calls[0].value, delete.count) == ("done", None, 0)


def test_a_model_call_may_be_answered_without_the_model():
    def answer_effect(effect):
        if isinstance(effect, CallModel):
            return Outcome(ModelResponse(message("assistant", "from the cache")))
        return None

    model = Scripted("from the model")
    with Host(discover=False, plugins=[plugin("cache", answer_effect=answer_effect)]) as host:
        assert ToolCallingAgent(model=model, host=host).run("x").output == "from the cache"
    assert model.requests == []


def test_a_tool_call_from_code_is_reviewed_and_the_code_sees_the_denial(delete):
    log = []
    code = "<code>\ntry:\n    delete('a.txt')\nexcept Exception as e:\n    print('caught', e)\n</code>"
    with Host(discover=False, plugins=[reviewing("careful", Deny("too risky"), log=log)]) as host:
        agent = CodeAgent(
            model=Scripted(code, "<code>final_answer(1)</code>"), tools=[delete], executor=ThreadExecutor(), host=host
        )
        result = agent.run("Delete a.txt")
    assert "caught AgentDeniedError: delete was denied: too risky" in result.steps[1].stdout
    assert (log[0].origin, delete.count) == ("code", 0)


def test_code_itself_may_be_denied():
    with Host(discover=False, plugins=[reviewing("careful", Deny("no code today"), kind=RunCode)]) as host:
        executor = ThreadExecutor()
        agent = CodeAgent(model=Scripted("<code>1 + 1</code>"), executor=executor, host=host, max_steps=1)
        result = agent.run("x")
    assert "no code today" in result.steps[1].error.message
    assert executor.sessions == []


def test_when_every_model_call_is_denied_the_run_ends_with_its_reason():
    with Host(discover=False, plugins=[reviewing("careful", Deny("no budget"), kind=CallModel)]) as host:
        model = Scripted("never")
        result = ToolCallingAgent(model=model, host=host, max_steps=2).run("x")
    assert (result.state, model.requests) == ("failed", [])
    assert "no budget" in str(result.error)


def test_parallel_calls_are_reviewed_one_by_one(delete):
    def judge(effect):
        return Deny("not this one") if effect.call.arguments["path"] == "b" else Allow()

    with Host(discover=False, plugins=[reviewing("careful", judge)]) as host:
        calls = [call("delete", path=path) for path in "abc"]
        result = ToolCallingAgent(model=Scripted(calls, ANSWER), tools=[delete], host=host).run("x")
    assert [record.value for record in result.steps[1].calls] == ["deleted a", None, "deleted c"]
    assert delete.count == 2
