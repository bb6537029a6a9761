"""Who answers a run that asks: a UI at once, or whoever resumes it later; and what can go wrong with that."""

from __future__ import annotations

import asyncio

import pytest
from kernel_doubles import AsyncScripted, Reviews, Scripted, ThreadExecutor, Watcher, asks_before, call, pay

from core_plus import CodeAgent, ConfigurationError, Deny, Host, ToolCallingAgent
from core_plus.events import QuestionAnswered


def payer(host, *replies, model=Scripted):
    replies = replies or (call("pay", "a", amount=5), "done")
    return ToolCallingAgent(model=model(*replies), tools=[pay], host=host)


def observation(agent):
    return agent.model.requests[-1].messages[-1].parts[0].text


# ---- a UI ------------------------------------------------------------------


class Desk(Watcher):
    """A UI where somebody answers."""

    def __init__(self, *answers):
        super().__init__()
        self.answers, self.asked = list(answers), []

    def ask(self, question):
        self.asked.append(question)
        return self.answers.pop(0)

    def close(self):
        """Nothing to give back."""


class AsyncDesk(Desk):
    async def ask(self, question):
        await asyncio.sleep(0.001)
        return super().ask(question)


@pytest.mark.parametrize("desk", [Desk, AsyncDesk])
@pytest.mark.parametrize("face", ["run", "arun"])
@pytest.mark.parametrize(("answer", "read"), [("yes", "paid 5"), ("no", "denied")])
def test_a_ui_that_answers_is_asked_instead(careful, desk, face, answer, read):
    ui, agent = desk(answer), payer(careful)
    result = agent.run("Pay 5.", ui=ui) if face == "run" else asyncio.run(agent.arun("Pay 5.", ui=ui))
    assert result.output == "done"
    assert len(ui.asked) == 1
    assert read in observation(agent)
    assert len(ui.of(QuestionAnswered)) == 1


def test_a_ui_where_nobody_is_there_suspends_the_run(careful):
    agent = payer(careful)
    waiting = agent.run("Pay 5.", ui=Desk(None))
    assert waiting.state == "suspended"
    assert agent.resume(waiting, "yes").output == "done"


def test_a_ui_that_fails_while_it_asks_lets_nothing_be_performed(careful):
    class Broken(Desk):
        def ask(self, question):
            raise OSError("no terminal")

    result = payer(careful).run("Pay 5.", ui=Broken())
    assert not any("paid" in repr(step) for step in result.steps)
    assert "no terminal" in repr(result.steps[1].error)


def test_a_denial_asks_nobody():
    both = [asks_before("pay"), Reviews(lambda effect: Deny("never") if type(effect).__name__ == "CallTool" else None)]
    with Host(discover=False, plugins=both) as strict:
        ui = Desk("yes")
        agent = payer(strict)
        assert agent.run("Pay 5.", ui=ui).output == "done"
        assert ui.asked == []
        assert "never" in observation(agent)


# ---- mistakes --------------------------------------------------------------


def test_to_resume_twice_is_an_error(careful):
    agent = payer(careful)
    waiting = agent.run("Pay 5.")
    done = agent.resume(waiting, "yes")
    for result in (waiting, done):
        with pytest.raises(ConfigurationError, match="doesn't wait for an answer"):
            agent.resume(result, "yes")


def test_to_resume_a_run_that_never_waited_is_an_error(host):
    agent = payer(host, "done")
    with pytest.raises(ConfigurationError, match="its state is 'success'"):
        agent.resume(agent.run("Go."), "yes")
    with pytest.raises(ConfigurationError, match="doesn't wait"):
        agent.stream("Go.").answer("yes")


def test_an_async_run_resumed_sync_is_refused_and_still_waits(careful):
    agent = payer(careful, model=AsyncScripted)

    async def story():
        waiting = await agent.arun("Pay 5.")
        with pytest.raises(ConfigurationError, match="async"):
            agent.resume(waiting, "yes")
        return await agent.aresume(waiting, "yes")

    assert asyncio.run(story()).output == "done"


def test_a_sync_run_resumed_async_is_refused_and_still_waits(careful):
    agent = payer(careful)
    waiting = agent.run("Pay 5.")
    with pytest.raises(ConfigurationError, match="sync"):
        asyncio.run(agent.aresume(waiting, "yes"))
    assert agent.resume(waiting, "yes").output == "done"


def test_an_async_run_whose_event_loop_has_ended_says_so(careful):
    agent = payer(careful, model=AsyncScripted)
    waiting = asyncio.run(agent.arun("Pay 5."))
    with pytest.raises(ConfigurationError, match="event loop"):
        asyncio.run(agent.aresume(waiting, "yes"))


def test_a_suspended_run_that_is_interrupted_ends_when_it_is_resumed(careful):
    agent = payer(careful)
    waiting = agent.run("Pay 5.")
    waiting.run.interrupt()
    result = agent.resume(waiting, "yes")
    assert result.state == "interrupted"
    assert not any("paid" in repr(step) for step in result.steps)


def test_a_suspended_run_that_is_forgotten_closes_its_code(careful):
    executor = ThreadExecutor()
    agent = CodeAgent(model=Scripted("<code>\npay(5)\n</code>"), tools=[pay], executor=executor, host=careful)
    waiting = agent.run("Pay 5.")
    assert not executor.sessions[0].closed
    waiting.resumable.close()
    assert executor.sessions[0].closed
