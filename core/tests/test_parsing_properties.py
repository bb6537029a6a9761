"""What holds of parsing for every text: code comes back as it went in, and nothing but a lesson is raised."""

from __future__ import annotations

import ast
import json
import textwrap

from hypothesis import given
from hypothesis import strategies as st

from core_plus import parse_code_blobs
from core_plus.errors import AgentParsingError
from core_plus.parsing import MARKDOWN_TAGS, parse_tool_calls, split_reply

FENCE = "`" * 3
LINES = st.sampled_from(
    [
        "x = 1",
        "print('</code>')",
        "y = '<code>'",
        'z = """\n</code>\n<code>\n"""',
        "if x:\n    pass",
        "for i in range(3):\n    print(i)",
        "await f(x)",
        f"text = '''\n{FENCE}\n'''",
        "# a comment",
        "def f():\n    return 1",
    ]
)
CODE = st.lists(LINES, min_size=1).map("\n".join)
WORDS = st.text(st.characters(exclude_characters="<>`~{}[]", exclude_categories=["Cs"]))
MESSY = st.lists(
    st.one_of(
        st.sampled_from(["<code>", "</code>", FENCE, f"{FENCE}python\n", "\n", "~~~", "(", ")", "'", '"""', "x = 1\n"]),
        st.text(max_size=5),
    )
).map("".join)


def tried(parse):
    """What parsing gives, or its lesson."""
    try:
        return parse()
    except AgentParsingError as error:
        return error


@given(WORDS, CODE, WORDS)
def test_code_in_tags_comes_back_as_it_was_written(before, code, after):
    assert parse_code_blobs(f"{before}<code>\n{code}\n</code>{after}") == code


@given(WORDS, CODE)
def test_a_missing_closing_tag_changes_nothing(before, code):
    assert parse_code_blobs(f"{before}<code>\n{code}\n") == code


@given(CODE, st.integers(0, 8))
def test_a_block_may_be_indented_as_a_whole(code, width):
    block = textwrap.indent(code, " " * width, lambda line: True)
    names = [type(node) for node in ast.walk(ast.parse(code))]
    assert [type(node) for node in ast.walk(ast.parse(parse_code_blobs(f"<code>\n{block}\n</code>")))] == names


@given(st.lists(CODE, min_size=1, max_size=4), WORDS)
def test_several_blocks_are_joined_in_order(blocks, words):
    text = words.join(f"<code>\n{code}\n</code>" for code in blocks)
    assert parse_code_blobs(text) == "\n\n".join(blocks)


@given(MESSY)
def test_any_reply_gives_code_or_a_lesson(text):
    for tags in (("<code>", "</code>"), MARKDOWN_TAGS):
        found = tried(lambda tags=tags: split_reply(text, tags))
        if isinstance(found, AgentParsingError):
            assert tags[0] in str(found)
        else:
            thought, code = found
            assert code.strip() == code != ""
            assert thought in text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
CALLS = st.lists(st.tuples(st.text(min_size=1), st.dictionaries(st.text(), JSON, max_size=3)), min_size=1, max_size=3)


@given(CALLS, WORDS, st.booleans())
def test_calls_written_as_json_come_back_as_they_were(calls, words, as_list):
    written = [{"name": name, "arguments": arguments} for name, arguments in calls]
    text = json.dumps(written) if as_list else words.join(json.dumps(one) for one in written)
    assert parse_tool_calls(words + text + words) == calls


@given(st.one_of(st.text(), MESSY, st.lists(st.sampled_from('{}[]",:1 name')).map("".join)))
def test_any_reply_gives_calls_or_a_lesson(text):
    found = tried(lambda: parse_tool_calls(text))
    if isinstance(found, AgentParsingError):
        assert "final_answer" in str(found)
    else:
        assert found
        assert all(isinstance(name, str) for name, _ in found)
