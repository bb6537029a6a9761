"""Scripts in files."""

import pytest

from core_plus.errors import ConfigurationError, ModelError, OverloadedError
from core_plus.messages import Message, Text, Thinking, ToolCall
from core_plus_scripted.files import read_script


@pytest.fixture
def script(tmp_path, monkeypatch):
    """Writes a script into the working folder and reads it."""
    monkeypatch.chdir(tmp_path)

    def read(name, text):
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_script(name)

    return read


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        ("one", ["one"]),
        ("one\n---\ntwo\n\nmore\n--- \n\nthree\n", ["one", "two\n\nmore", "three"]),
        ("---\n\none\n---\n---\n", ["one"]),
        ("one\r\n---\r\ntwo\r\n", ["one", "two"]),
        ("a --- b\n----\n", ["a --- b\n----"]),
        ("  indented\n---\n東京", ["  indented", "東京"]),
        (b"\xef\xbb\xbfone", ["one"]),
    ],
)
def test_a_markdown_file_holds_turns_between_lines(script, text, turns):
    assert script("a.md", text) == turns


JSON = """[
  "words",
  {"text": "I ask.", "thinking": "Hm.", "tool_calls": [{"name": "f", "arguments": {"a": 1}}, {"name": "g"}]}
]"""
SAID = Message(
    "assistant",
    (Thinking("Hm."), Text("I ask."), ToolCall("a.json-2-1", "f", {"a": 1}), ToolCall("a.json-2-2", "g", {})),
)


def test_a_json_file_holds_texts_and_calls(script):
    assert script("a.json", JSON) == ["words", SAID]


def test_a_json_lines_file_holds_a_turn_a_line(script):
    assert script("a.jsonl", '"words"\n\n{"text": "I ask."}\n') == ["words", Message("assistant", (Text("I ask."),))]


def test_a_json_object_holds_scripts_by_words(script):
    found = script("a.json", '{"Oslo": ["cold"], "": ["hot", {"tool_calls": [{"name": "f"}]}]}')
    assert list(found) == ["Oslo", ""]
    assert found[""][1].tool_calls == (ToolCall("a.json-2-2-1", "f", {}),)


@pytest.mark.parametrize(
    ("turn", "kind"),
    [('{"error": "no room", "kind": "overloaded"}', OverloadedError), ('{"error": "no room"}', ModelError)],
)
def test_an_error_has_the_kind_that_the_file_says(script, turn, kind):
    (error,) = script("a.json", f"[{turn}]")
    assert type(error) is kind
    assert error.message == "no room"


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.json", "[", "the script 'a.json' doesn't hold turns: Input data was truncated"),
        ("a.json", "[5]", "a.json' doesn't hold turns: Expected .* - at `\\$\\[0\\]`"),
        ("a.json", '[{"txt": "x"}]', "unknown field `txt`"),
        ("a.json", '[{"tool_calls": [{"arguments": {}}]}]', "missing required field `name`"),
        ("a.jsonl", '"x"\n{"text": 5}', "line 2: .*Expected `str`, got `int`"),
        ("a.md", b"\xff\xfe\x00", "doesn't hold turns: 'utf-8' codec"),
        ("a.txt", "x", "'a.txt' ends in none of .md, .json, .jsonl"),
    ],
)
def test_a_file_that_holds_something_else_is_refused_with_the_place(script, name, text, says):
    with pytest.raises(ConfigurationError, match=says):
        script(name, text)


def test_a_file_that_is_not_there_is_told_with_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=f"'gone.md' can't be read from the folder {tmp_path}: No such file"):
        read_script("gone.md")


def test_a_name_must_be_given():
    with pytest.raises(ConfigurationError, match=r"needs a file of turns: scripted:turns\.md"):
        read_script("")
