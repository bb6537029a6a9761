"""The conventions' names, old and new, to the letter."""

from __future__ import annotations

import pytest
from opentelemetry.trace import SpanKind
from otel_agents import calls

from core_plus import ModelResponse, RateLimitError, ToolCallingAgent, Usage, tool
from core_plus.models import FinishDelta, PartDelta, TextDelta
from core_plus_otel.names import error_type, provider_and_model, server_of

USAGE = Usage(input_tokens=100, output_tokens=20, cached_tokens=30, cache_write_tokens=5, reasoning_tokens=7)


class Remote:
    """A provider's model, over a network."""

    base_url = "https://api.example.com:8443/v1"

    def __str__(self):
        return "mistral:large"

    def forward(self, request):
        said = calls(final_answer={"answer": 1})
        return ModelResponse(said, USAGE, "tool_calls", "tool_use", "large-2411", "r-1")


class Streaming(Remote):
    """The same in pieces."""

    def stream(self, request):
        for part in self.forward(request).message.tool_calls:
            yield TextDelta("I ")
            yield TextDelta("answer.")
            yield FinishDelta(usage=USAGE, model="large-2411", id="r-1")
            yield PartDelta(part)


def ask(seen, model, **options):
    with seen.host() as host:
        agent = ToolCallingAgent(model=model, name="a", description="Answers.", options=options)
        return agent.run("do", host=host)


def without_steps(span):
    return {name: value for name, value in span.attributes.items() if not name.startswith("core_plus.")}


def test_a_model_call_by_version_1_41(seen):
    ask(seen, Remote(), temperature=0.5, top_p=0.9, seed=7, unheard_of=1)
    span = seen.named("chat large")
    assert span.kind is SpanKind.CLIENT
    assert without_steps(span) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "mistral_ai",
        "gen_ai.request.model": "large",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.seed": 7,
        "gen_ai.response.model": "large-2411",
        "gen_ai.response.id": "r-1",
        "gen_ai.response.finish_reasons": ("tool_use",),
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 30,
        "gen_ai.usage.cache_creation.input_tokens": 5,
        "gen_ai.usage.reasoning.output_tokens": 7,
        "server.address": "api.example.com",
        "server.port": 8443,
        "openinference.span.kind": "LLM",
    }


def test_an_agent_by_version_1_41(seen):
    ask(seen, Remote())
    span = seen.named("invoke_agent a")
    assert span.kind is SpanKind.INTERNAL
    assert without_steps(span) == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "a",
        "gen_ai.agent.description": "Answers.",
        "gen_ai.provider.name": "mistral_ai",
        "gen_ai.request.model": "large",
        "gen_ai.output.type": "text",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 30,
        "gen_ai.usage.cache_creation.input_tokens": 5,
        "openinference.span.kind": "AGENT",
    }


def test_a_tool_call(seen):
    ask(seen, Remote())
    assert without_steps(seen.named("execute_tool final_answer")) == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "final_answer",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": "call_1_1",
        "gen_ai.tool.description": "End the task with the answer.",
        "openinference.span.kind": "TOOL",
    }


def test_the_later_names_differ_where_they_should(make_seen):
    seen = make_seen(latest=True)
    ask(seen, Remote())
    model, agent = seen.named("chat large").attributes, seen.named("invoke_agent a").attributes
    assert model["gen_ai.usage.cache_write.input_tokens"] == 5
    assert "gen_ai.usage.cache_creation.input_tokens" not in model
    assert not {"gen_ai.provider.name", "gen_ai.usage.cache_read.input_tokens"} & set(agent)


def test_the_standard_variable_chooses_the_later_names(make_seen, monkeypatch):
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "http, gen_ai_latest_experimental")
    seen = make_seen()
    ask(seen, Remote())
    assert "gen_ai.client.inference.duration" in seen.metrics


ALWAYS = {
    "gen_ai.invoke_agent.duration",
    "gen_ai.invoke_agent.inference_calls",
    "gen_ai.invoke_agent.tool_calls",
    "gen_ai.execute_tool.duration",
}
OLD = {
    "gen_ai.client.operation.duration",
    "gen_ai.client.operation.time_to_first_chunk",
    "gen_ai.client.operation.time_per_output_chunk",
    "gen_ai.client.token.usage",
}
NEW = {
    "gen_ai.client.inference.duration",
    "gen_ai.client.inference.time_to_first_chunk",
    "gen_ai.client.inference.time_per_output_chunk",
    "gen_ai.client.inference.usage.input_tokens",
    "gen_ai.client.inference.usage.output_tokens",
    "gen_ai.client.inference.usage.cache_read.input_tokens",
    "gen_ai.client.inference.usage.cache_write.input_tokens",
    "gen_ai.client.inference.usage.reasoning.output_tokens",
    "gen_ai.client.inference.operation.input_tokens",
    "gen_ai.client.inference.operation.output_tokens",
}


@pytest.mark.parametrize(("latest", "names"), [(False, OLD), (True, NEW)])
def test_all_metrics_are_there_by_their_names(latest, names, make_seen):
    seen = make_seen(latest=latest)
    with seen.host() as host:
        for _ in ToolCallingAgent(model=Streaming(), name="a").stream("do", host=host):
            pass
    assert set(seen.metrics) == names | ALWAYS


def test_metrics_say_how_much_and_of_what(seen):
    ask(seen, Remote())
    facts = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "mistral_ai",
        "gen_ai.request.model": "large",
        "gen_ai.response.model": "large-2411",
        "server.address": "api.example.com",
        "server.port": 8443,
    }
    read, written = seen.metrics["gen_ai.client.token.usage"]
    assert (read.sum, dict(read.attributes)) == (100, {**facts, "gen_ai.token.type": "input"})
    assert (written.sum, dict(written.attributes)) == (20, {**facts, "gen_ai.token.type": "output"})
    (duration,) = seen.metrics["gen_ai.client.operation.duration"]
    assert (duration.count, dict(duration.attributes)) == (1, facts)
    (asked,) = seen.metrics["gen_ai.invoke_agent.inference_calls"]
    assert (asked.sum, dict(asked.attributes)) == (1, {"gen_ai.agent.name": "a"})


def test_a_streamed_call_says_so_and_when_its_first_piece_came(seen):
    with seen.host() as host:
        for _ in ToolCallingAgent(model=Streaming(), name="a").stream("do", host=host):
            pass
    attributes = seen.named("chat large").attributes
    assert attributes["gen_ai.request.stream"] is True
    assert attributes["gen_ai.response.time_to_first_chunk"] >= 0
    (chunks,) = seen.metrics["gen_ai.client.operation.time_per_output_chunk"]
    assert chunks.count == 3


def test_a_name_that_a_model_made_up_makes_no_time_series(seen):
    turns = iter([calls(made_up_1={}, made_up_2={}), calls(final_answer={"answer": 1})])

    class Inventive(Remote):
        def forward(self, request):
            return ModelResponse(next(turns))

    ask(seen, Inventive())
    tools = {point.attributes["gen_ai.tool.name"] for point in seen.metrics["gen_ai.execute_tool.duration"]}
    assert tools == {"_OTHER", "final_answer"}
    assert seen.named("execute_tool made_up_1").attributes["gen_ai.tool.name"] == "made_up_1"


def test_what_a_tool_does_to_a_memory_is_a_span_within_its_own(seen, host):
    @tool(effect="read")
    def recall(query: str) -> str:
        """Search.

        Args:
            query: For what.
        """
        return query

    recall.memory_operation, recall.memory_store = "search_memory", "notes.sqlite"
    turns = iter([calls(recall={"query": "x"}), calls(final_answer={"answer": 1})])

    class Recalling(Remote):
        def forward(self, request):
            return ModelResponse(next(turns))

    ToolCallingAgent(model=Recalling(), tools=[recall], name="a").run("do", host=host)
    assert seen.tree[0][2] == ("execute_tool recall", "search_memory")
    assert dict(seen.named("search_memory").attributes) == {
        "gen_ai.operation.name": "search_memory",
        "gen_ai.memory.store.id": "notes.sqlite",
        "openinference.span.kind": "RETRIEVER",
    }


def test_errors_are_events_too_in_the_name_of_their_span(seen, host):
    @tool
    def broken() -> str:
        """Fail."""
        raise ValueError("it broke")

    turns = iter([ModelResponse(calls(broken={})), RateLimitError("slow down")])

    class Failing(Remote):
        def forward(self, request):
            found = next(turns)
            if isinstance(found, Exception):
                raise found
            return found

    with seen.host(config={"hooks.retry": {"attempts": 1}}) as own:
        ToolCallingAgent(model=Failing(), tools=[broken], name="a").run("do", host=own)
    of_tool, of_model = seen.events
    span = seen.named("execute_tool broken")
    assert (of_tool.event_name, of_tool.span_id) == ("gen_ai.execute_tool.exception", span.context.span_id)
    assert of_tool.attributes == {"exception.type": "ValueError", "exception.message": "broken: ValueError: it broke"}
    assert of_model.event_name == "gen_ai.client.operation.exception"
    assert of_model.attributes["exception.type"] == "core_plus.errors.RateLimitError"
    assert of_model.severity_text == "WARN"
    assert span.attributes["error.type"] == "ValueError"
    assert [event.name for event in span.events] == ["exception"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("openai:gpt-x", ("openai", "gpt-x")),
        ("openai-responses:gpt-x", ("openai", "gpt-x")),
        ("bedrock:eu.anthropic.x:0", ("aws.bedrock", "eu.anthropic.x:0")),
        ("google:gemini", ("gcp.gemini", "gemini")),
        ("xai:grok", ("x_ai", "grok")),
        ("ollama:qwen:7b", ("ollama", "qwen:7b")),
        ("<a model: of some kind>", ("builtins", "<a model: of some kind>")),
    ],
)
def test_providers_are_called_as_the_conventions_call_them(name, found):
    assert provider_and_model(name) == found


def test_a_model_that_says_no_address_has_none():
    assert server_of(object()) == {}


def test_an_error_that_only_hands_on_another_has_the_others_name():
    from core_plus import AgentToolExecutionError

    outer = AgentToolExecutionError("x")
    assert error_type(outer) == "core_plus.errors.AgentToolExecutionError"
    outer.__cause__ = KeyError("y")
    assert error_type(outer) == "KeyError"


def test_words_are_nowhere_unless_asked_for(seen):
    ask(seen, Remote())
    told = {name for span in seen.spans for name in span.attributes}
    assert not {name for name in told if "messages" in name or "instructions" in name or "arguments" in name}
    assert seen.events == []
