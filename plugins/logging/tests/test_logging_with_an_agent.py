"""The observer beside a real agent: nothing is switched on, every run is logged."""

from core_plus import Host, Message, ModelResponse, ToolCall, ToolCallingAgent


class Model:
    """Answers at once."""

    def forward(self, request):
        return ModelResponse(Message("assistant", (ToolCall("1", "final_answer", {"answer": "42"}),)))


def test_every_run_of_a_host_that_has_the_plugin_is_logged(caplog):
    caplog.set_level("INFO", "core_plus")
    with Host() as host:
        result = ToolCallingAgent(name="assistant", model=Model(), host=host).run("What is it?")
    assert result.output == "42"
    events = [(record.name, record.event) for record in caplog.records if hasattr(record, "event")]
    assert events[0] == ("core_plus.run", "RunStarted")
    assert ("core_plus.step", "ActionStep") in events
    assert events[-1] == ("core_plus.run", "RunFinished")
    assert {record.run_id for record in caplog.records if hasattr(record, "event")} == {result.run_id}
