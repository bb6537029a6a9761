"""A model that a person plays."""

import io

import pytest

from core_plus.errors import ModelError
from core_plus.messages import Image, Message, Text, ToolCall, ToolResult, message
from core_plus.models import ModelRequest
from core_plus.tools import ToolSpec
from core_plus_scripted import human
from core_plus_scripted.human import HumanModel

TOOL = ToolSpec("temperature", "Current temperature.\nMore.", {"type": "object", "properties": {"city": {}, "day": {}}})
TASK = ModelRequest((message("system", "You are an agent."), message("user", "Which is warmer?")), (TOOL,))


@pytest.fixture
def played():
    """What a person who types something answers to a request; `.shown` is what they read."""

    def play(typed, request=TASK):
        out = io.StringIO()
        response = HumanModel(stdin=io.StringIO(typed), stdout=out).forward(request)
        play.shown = out.getvalue()
        return response

    return play


def test_a_turn_goes_up_to_a_line_with_a_full_stop(played):
    response = played("I ask.\nThen I compare...\n.\nnot mine\n")
    assert response.message == message("assistant", "I ask.\nThen I compare...")
    assert response.finish_reason == "stop"


def test_the_end_of_the_input_ends_a_turn_too(played):
    assert played("I ask.").message.text == "I ask."


def test_an_input_that_ends_at_once_is_told():
    with pytest.raises(ModelError, match="nobody is there to play the model"):
        HumanModel(stdin=io.StringIO(""), stdout=io.StringIO()).forward(TASK)


@pytest.mark.parametrize(
    ("typed", "parts"),
    [
        ('{"name": "f", "arguments": {"a": 1}}\n.\n', [ToolCall("human-1", "f", {"a": 1})]),
        ('I ask.\n{"name": "f", "arguments": {}}\n.\n', [Text("I ask."), ToolCall("human-1", "f", {})]),
        (
            '{"name": "f", "arguments": {}}\n{"name": "g", "arguments": {}}',
            [ToolCall("human-1", "f", {}), ToolCall("human-2", "g", {})],
        ),
        ('{"name": "f"}\n.\n', [Text('{"name": "f"}')]),
        ('{"name": "f", "arguments": "x"}\n.\n', [Text('{"name": "f", "arguments": "x"}')]),
        (".\n", []),
    ],
)
def test_a_line_of_json_is_a_tool_call(played, typed, parts):
    response = played(typed)
    assert list(response.message.parts) == parts
    assert response.finish_reason == ("tool_calls" if response.message.tool_calls else "stop")


def test_without_tools_json_is_words(played):
    said = played('{"name": "f", "arguments": {}}', ModelRequest(TASK.messages))
    assert said.message.text == '{"name": "f", "arguments": {}}'


def test_at_the_first_turn_everything_is_shown(played):
    played("x")
    assert played.shown == (
        "\n--- system\nYou are an agent.\n--- user\nWhich is warmer?\n"
        '--- tools, called by {"name": …, "arguments": {…}} on a line\ntemperature(city, day): Current temperature.\n'
        "--- your turn as the model; end it with a line that holds only .\n"
    )


def test_later_only_what_is_new_is_shown(played):
    result = ToolResult("1", "temperature", (Text("4.5"), Image(data=b"123")))
    failed = ToolResult("2", "temperature", (Text("no such city"),), is_error=True)
    call = ToolCall("1", "temperature", {"city": "Oslo"})
    later = (Message("assistant", (call,)), Message("tool", (result, failed)))
    played("x", ModelRequest((*TASK.messages, *later), (TOOL,)))
    assert played.shown == (
        "\n--- tool\ntemperature answered: 4.5\n<image/png, 3 bytes>\ntemperature failed: no such city\n"
        "--- your turn as the model; end it with a line that holds only .\n"
    )


def test_nothing_that_is_shown_acts_on_the_terminal(played):
    played("x", ModelRequest((message("user", "a\x1b[2J\ud800\u202eb\t東京"),)))
    assert "a\\x1b[2J\\ud800\\u202eb\t東京" in played.shown


def test_calls_have_an_id_each():
    model = HumanModel(stdin=io.StringIO('{"name": "f", "arguments": {}}\n.\n' * 2), stdout=io.StringIO())
    ids = {model.forward(TASK).message.tool_calls[0].id for _ in range(2)}
    assert len(ids) == 2


def test_it_reads_and_shows_at_the_terminal_but_leaves_standard_output_alone(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("words\n.\n"))
    assert HumanModel().forward(TASK).message.text == "words"
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Which is warmer?" in captured.err


def test_it_declares_the_model_human():
    found = {}
    human.register_models(lambda name, factory, summary, config=None: found.update({name: factory}))
    assert list(found) == ["human"]
    assert str(found["human"]("")) == "human:"
