"""Agents with everything real: an HTTP server, the provider, the executor's process, the public API."""

import asyncio
import io
import json
import sys
import textwrap
import threading
import time

import pytest

from core_plus import (
    AgentGenerationError,
    Ask,
    Cancellation,
    CodeAgent,
    Host,
    ModelError,
    RunContext,
    RunFailed,
    RunLimits,
    ToolCallingAgent,
    hookimpl,
    tool,
)
from core_plus.cli import main
from core_plus.events import ActionStep, CodeOutput, ModelDelta
from core_plus_openai import OpenAIModel
from core_plus_testkit.openai_server import Turn


@tool(effect="read")
def reading(station: str, context: RunContext[dict[str, float]]) -> float:
    """The temperature at a station.

    Args:
        station: Its name.
    """
    return context.deps[station]


CELL = """I read both and compare.
<code>
import asyncio
north, south = await asyncio.gather(reading("north"), reading("south"))
print(f"south is {south - north} warmer")
try:
    reading("nowhere")
except Exception as error:
    print(type(error).__name__)
final_answer({"warmer": "south" if south > north else "north", "by": south - north})
</code>"""
DEPS = {"north": -2.5, "south": 11.0}
ANSWER = {"warmer": "south", "by": 13.5}


@pytest.fixture
def host():
    with Host() as made:
        yield made


@pytest.fixture
def model(openai_server):
    with_key = OpenAIModel("m", base_url=openai_server.url, api_key="sk-very-secret")
    yield with_key
    with_key.close()


@pytest.fixture
def coding(host, model):
    return CodeAgent(model=model, tools=[reading], executor="subprocess", host=host)


@pytest.fixture
def calling(host, model):
    return ToolCallingAgent(model=model, tools=[reading], host=host, max_steps=4)


async def last_of(stream):
    async for _ in stream:
        pass
    return stream.result


FACES = {
    "run": lambda agent, task, **more: agent.run(task, **more),
    "arun": lambda agent, task, **more: asyncio.run(agent.arun(task, **more)),
    "stream": lambda agent, task, **more: agent.stream(task, **more).finish(),
    "astream": lambda agent, task, **more: asyncio.run(last_of(agent.astream(task, **more))),
}


@pytest.fixture(params=FACES)
def face(request):
    return FACES[request.param]


def test_a_code_agent_calls_tools_from_code_and_answers_with_data(openai_server, coding, face):
    openai_server.script([CELL])
    result = face(coding, "Which is warmer?", deps=DEPS)
    assert result.output == ANSWER
    step = next(step for step in result.steps if isinstance(step, ActionStep))
    assert step.stdout == "south is 13.5 warmer\nAgentToolExecutionError\n"
    assert [(record.call.name, record.value) for record in step.calls[:2]] == [("reading", -2.5), ("reading", 11.0)]
    assert "KeyError" in step.calls[2].error.message
    assert result.usage.total_tokens == 120


def test_a_tool_calling_agent_calls_several_at_once_and_sends_native_results_back(openai_server, calling, face):
    both = Turn(calls=[("reading", {"station": "north"}), ("reading", {"station": "south"})])
    openai_server.script([both, Turn(text="South, by 13.5.")])
    assert face(calling, "Which is warmer?", deps=DEPS).output == "South, by 13.5."
    sent = openai_server.requests[-1].json["messages"]
    assert [message["role"] for message in sent] == ["system", "user", "assistant", "tool", "tool"]
    assert [call["id"] for call in sent[2]["tool_calls"]] == [message["tool_call_id"] for message in sent[3:]]


@pytest.mark.parametrize("chunk", [1, 3, 7])
def test_a_stream_cut_into_odd_pieces_is_put_together(openai_server, coding, chunk):
    openai_server.script([Turn(text=CELL.replace('warmer")', 'wärmer ☀")'), chunk=chunk)])
    stream = coding.stream("Which is warmer?", deps=DEPS)
    events = list(stream)
    assert stream.result.output == ANSWER
    said = "".join(getattr(event.delta, "text", "") for event in events if isinstance(event, ModelDelta))
    assert "wärmer ☀" in said
    assert "".join(event.text for event in events if isinstance(event, CodeOutput)).startswith("south is 13.5 wärmer ☀")


FAILURES = {
    "401": (Turn(status=401, error="bad key"), "authentication", False),
    "404": (Turn(status=404, error="no such model"), "not_found", False),
    "429": (Turn(status=429, error="slow down", headers={"Retry-After": "7"}), "rate_limit", True),
    "500": (Turn(status=500, error="oops"), "server", True),
    "HTML": (Turn(fault="html"), "malformed", False),
    "no JSON": (Turn(fault="bad_json"), "malformed", False),
    "dropped": (Turn(fault="reset"), "connection", True),
}


@pytest.mark.parametrize("case", FAILURES)
def test_what_the_server_answers_wrongly_ends_the_run_with_everything_kept(openai_server, calling, face, case):
    turn, kind, retryable = FAILURES[case]
    openai_server.script([Turn(calls=[("reading", {"station": "north"})]), turn])
    result = face(calling, "Go.", deps=DEPS)
    assert result.state == "failed"
    assert isinstance(result.error, AgentGenerationError)
    cause = result.error.__cause__
    assert isinstance(cause, ModelError)
    assert (cause.kind, cause.retryable) == (kind, retryable)
    assert cause.retry_after == (7 if case == "429" else None)
    assert [step.number for step in result.steps if isinstance(step, ActionStep)] == [1]
    with pytest.raises(RunFailed, match="the model failed"):
        _ = result.output
    assert "sk-very-secret" not in f"{result!r} {result.error} {json.dumps(result.as_dict())}"


@pytest.mark.parametrize("fault", ["error_midway", "cut"])
def test_a_stream_that_breaks_in_the_middle_is_no_answer(openai_server, calling, fault):
    openai_server.script([Turn(text="This is the whole truth about it.", fault=fault)])
    result = calling.stream("Go.").finish()
    assert result.state == "failed"
    assert not result.error.__cause__.retryable  # words were passed on already


@pytest.mark.parametrize("fault", ["hang", "hang_midway"])
@pytest.mark.parametrize("way", ["run", "stream", "arun", "astream"])
def test_a_server_that_hangs_is_left_at_once_when_the_run_is_interrupted(openai_server, calling, fault, way):
    openai_server.script([Turn(text="Never to be read.", fault=fault)])
    stop, struck = Cancellation(), []

    def strike():
        struck.append(time.monotonic())
        stop.cancel()

    threading.Timer(0.3, strike).start()
    result = FACES[way](calling, "Go.", cancellation=stop)
    assert result.state == "interrupted"
    assert time.monotonic() - struck[0] < 0.5


class Careful:
    """Asks before any tool is called."""

    @hookimpl
    def review_effect(self, run, effect):
        return Ask() if type(effect).__name__ == "CallTool" and effect.call.name == "reading" else None


def test_a_call_from_code_waits_for_a_person_and_the_code_goes_on_where_it_stood(openai_server, model):
    import core_plus_subprocess

    openai_server.script(["<code>\nprint('once')\nd = reading('south')\nfinal_answer(d + 1)\n</code>"])
    with Host(discover=False, plugins=[Careful(), core_plus_subprocess]) as careful:
        agent = CodeAgent(model=model, tools=[reading], executor="subprocess", host=careful)
        waiting = agent.run("Go.", deps=DEPS)
        assert waiting.state == "suspended"
        assert waiting.questions[0].details == {"tool": "reading", "arguments": {"station": "south"}}
        result = agent.resume(waiting, "yes")
    assert result.output == 12.0
    assert next(step for step in result.steps if isinstance(step, ActionStep)).stdout == "once\n"
    assert len(openai_server.requests) == 1


def test_a_hundred_runs_at_once_share_an_agent_and_keep_apart(openai_server, calling):
    def reply(body):
        task = next(message["content"] for message in body["messages"] if message["role"] == "user")
        words = task if isinstance(task, str) else task[0]["text"]
        if body["messages"][-1]["role"] == "tool":
            return Turn(text=f"{words}: {body['messages'][-1]['content']}")
        return Turn(calls=[("reading", {"station": words})])

    openai_server.script(reply)
    deps = {f"s{n}": float(n) for n in range(100)}

    async def all_of_them():
        return await asyncio.gather(*(calling.arun(name, deps=deps) for name in deps))

    assert [result.output for result in asyncio.run(all_of_them())] == [f"s{n}: {float(n)}" for n in range(100)]


def test_the_command_line_runs_a_tool_from_a_file_against_the_server(openai_server, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    source = '''
        from core_plus import tool

        @tool
        def double(number: int) -> int:
            """Twice a number.

            Args:
                number: Any.
            """
            return 2 * number
    '''
    (tmp_path / "mine.py").write_text(textwrap.dedent(source))
    openai_server.script(["<code>\nfinal_answer(double('21'))\n</code>"])
    words = ["run", "Go.", "-m", "openai:m", "--base-url", openai_server.url, "-t", str(tmp_path / "mine.py"), "--json"]
    assert main(words) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert (found["output"], found["state"]) == (42, "success")
    assert found["plugins"]["core-plus-openai"]
    assert "sk-very-secret" not in said.out + said.err


def test_a_final_answer_tool_of_the_user_s_own_has_the_last_word(openai_server, host, model):
    @tool(final=True)
    def final_answer(answer: float) -> str:
        """End the task.

        Args:
            answer: A temperature.
        """
        return f"{answer:.1f} °C"

    openai_server.script(["<code>\nfor n in range(3):\n    final_answer(n + 20)\n</code>"])
    agent = CodeAgent(model=model, tools=[final_answer], executor="subprocess", host=host)
    assert agent.run("How warm is it?").output == "20.0 °C"


def test_a_conversation_keeps_the_variables_of_its_code_and_takes_more(openai_server, host, model):
    def reply(body):
        tasks = sum(message["role"] == "user" for message in body["messages"])
        return Turn(
            text=["<code>\nx = 40\nfinal_answer(x)\n</code>", "<code>\nfinal_answer(x + y)\n</code>"][tasks > 1]
        )

    openai_server.script(reply)
    with CodeAgent(model=model, executor="subprocess", host=host).session() as chat:
        assert chat.run("Set x.").output == 40
        assert chat.run("Add y.", variables={"y": 2}).output == 42


def test_a_conversation_goes_on_after_its_code_was_cut_off_in_the_middle(openai_server, host, model):
    cells = ["x = 1\nreading('north')\nreading('south')", "final_answer('still here')"]
    openai_server.script(
        lambda body: Turn(text=f"<code>\n{cells[body['messages'][-1]['content'] == 'Again.']}\n</code>")
    )
    agent = CodeAgent(model=model, tools=[reading], executor="subprocess", host=host)
    with agent.session() as chat:
        assert chat.run("Read.", deps=DEPS, limits=RunLimits(tool_calls=1)).state == "limit"
        assert chat.run("Again.").output == "still here"
