"""Finding tool calls that a model wrote as JSON in its words."""

from __future__ import annotations

import time

import pytest

from core_plus.errors import AgentParsingError
from core_plus.models import parse_arguments
from core_plus.parsing import parse_tool_calls

FENCE = "`" * 3
SEARCH = ("search", {"query": "a"})

FOUND = [
    ("alone", '{"name": "search", "arguments": {"query": "a"}}', [SEARCH]),
    ("in words", 'I search. {"name": "search", "arguments": {"query": "a"}} There.', [SEARCH]),
    ("in a fence", f'{FENCE}json\n{{"name": "search", "arguments": {{"query": "a"}}}}\n{FENCE}', [SEARCH]),
    ("in tags", '<tool_call>\n{"name": "search", "arguments": {"query": "a"}}\n</tool_call>', [SEARCH]),
    ("in a list", '[{"name": "search", "arguments": {"query": "a"}}]', [SEARCH]),
    ("two in a row", '{"name": "a", "arguments": {}}\n{"name": "b", "arguments": {}}', [("a", {}), ("b", {})]),
    ("two in a list", '[{"name": "a", "arguments": {}}, {"name": "b", "arguments": {}}]', [("a", {}), ("b", {})]),
    ("tool_calls", '{"tool_calls": [{"name": "search", "arguments": {"query": "a"}}]}', [SEARCH]),
    ("function", '{"type": "function", "function": {"name": "search", "arguments": {"query": "a"}}}', [SEARCH]),
    ("tool and parameters", '{"tool": "search", "parameters": {"query": "a"}}', [SEARCH]),
    ("tool_name and tool_arguments", '{"tool_name": "search", "tool_arguments": {"query": "a"}}', [SEARCH]),
    ("action and action_input", '{"action": "search", "action_input": {"query": "a"}}', [SEARCH]),
    ("function and args", '{"function": "search", "args": {"query": "a"}}', [SEARCH]),
    ("name alone", '{"name": "now"}', [("now", {})]),
    ("text as input", '{"action": "search", "action_input": "a"}', [("search", "a")]),
    ("brackets before", 'As in [1] and {this}: {"name": "search", "arguments": {"query": "a"}}', [SEARCH]),
    ("braces in a text", '{"name": "say", "arguments": {"words": "{[}"}}', [("say", {"words": "{[}"})]),
    ("another object beside", '{"thought": "so"} {"name": "search", "arguments": {"query": "a"}}', [SEARCH]),
]


@pytest.mark.parametrize(("text", "calls"), [row[1:] for row in FOUND], ids=[row[0] for row in FOUND])
def test_the_calls_of_a_reply_are_found(text, calls):
    assert parse_tool_calls(text) == calls


NONE = [
    "The answer is 42.",
    "",
    "{}",
    "[]",
    "[1, 2]",
    '{"answer": 42}',
    '{"name": 5, "arguments": {}}',
    '{"name": "search", "arguments": {',
    "{" * 100,
    '{"name": "Ada Lovelace", "born": 1815}',
]


@pytest.mark.parametrize("text", NONE)
def test_a_reply_without_a_call_is_taught_the_form(text):
    with pytest.raises(AgentParsingError, match="your reply calls no tool") as caught:
        parse_tool_calls(text)
    assert parse_tool_calls(str(caught.value)) == [("final_answer", {"answer": "…"})]


HOSTILE = ["[" * 80_000, '{"a":' * 80_000, "[{" * 80_000, "[1," * 80_000, '"{' * 80_000]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_reply_is_read_in_reasonable_time(text):
    began = time.process_time()
    with pytest.raises(AgentParsingError):
        parse_tool_calls(text)
    assert time.process_time() - began < 4.0


ARGUMENTS = [
    ("", {}),
    (" \n", {}),
    ("{}", {}),
    ('{"a": [1, null]}', {"a": [1, None]}),
    (' {"a": 1} ', {"a": 1}),
    ("[1]", "[1]"),
    ("null", "null"),
    ('{"a": 1', '{"a": 1'),
    ('{"a": "\ud800"}', {"a": "\ud800"}),
    ("[" * 100_000, "[" * 100_000),
]


@pytest.mark.parametrize(("text", "arguments"), ARGUMENTS, ids=range(len(ARGUMENTS)))
def test_arguments_that_are_no_json_object_stay_the_text_that_they_are(text, arguments):
    assert parse_arguments(text) == arguments
