"""Finding code in a model's reply: tags, fences, plain code, and what is taught where there is none."""

from __future__ import annotations

import contextlib
import time

import pytest

from core_plus import parse_code_blobs
from core_plus.errors import AgentParsingError
from core_plus.parsing import MARKDOWN_TAGS, split_reply

FENCE = "`" * 3

FOUND = [
    ("tags", "I add.\n<code>\n1 + 1\n</code>", "1 + 1"),
    ("tags in one line", "I add. <code>1 + 1</code> Done.", "1 + 1"),
    ("missing closing tag", "I add.\n<code>\nx = 1\nx + 1\n", "x = 1\nx + 1"),
    ("indented as a whole", "<code>\n    x = 1\n    if x:\n        x = 2\n</code>", "x = 1\nif x:\n    x = 2"),
    ("two blocks", "<code>x = 1</code> and then <code>x + 1</code>", "x = 1\n\nx + 1"),
    ("two blocks, the last open", "<code>x = 1</code> and then <code>x + 1", "x = 1\n\nx + 1"),
    ("empty and full block", "<code></code><code>x = 1</code>", "x = 1"),
    ("closing tag in a string", "<code>\nprint('</code>')\nx = 1\n</code> bye", "print('</code>')\nx = 1"),
    ("closing tag in a long string", '<code>\nx = """\n</code>\n"""\n</code>', 'x = """\n</code>\n"""'),
    ("both tags in a string", "<code>\nx = '<code>1</code>'\n</code>", "x = '<code>1</code>'"),
    ("closing tag in a string, open end", "<code>\nprint('</code>')\nx = 1\n", "print('</code>')\nx = 1"),
    ("code that doesn't parse", "<code>\nx = = 1\n</code> bye", "x = = 1"),
    ("doesn't parse, two blocks", "<code>x = = 1</code> <code>y = 1</code>", "x = = 1\n\ny = 1"),
    ("fence in tags", f"<code>\n{FENCE}python\nx = 1\n{FENCE}\n</code>", "x = 1"),
    ("tags go before fences", f"{FENCE}python\ny = 2\n{FENCE}\n<code>x = 1</code>", "x = 1"),
    ("python fence", f"So:\n{FENCE}python\nx = 1\n{FENCE}\nDone.", "x = 1"),
    ("py fence", f"So:\n{FENCE}py\nx = 1\n{FENCE}", "x = 1"),
    ("fence in capitals", f"{FENCE}Python\nx = 1\n{FENCE}", "x = 1"),
    ("bare fence", f"So:\n{FENCE}\nx = 1\n{FENCE}", "x = 1"),
    ("fence of tildes", "~~~python\nx = 1\n~~~", "x = 1"),
    ("missing closing fence", f"So:\n{FENCE}python\nx = 1\n", "x = 1"),
    ("two fences", f"{FENCE}python\nx = 1\n{FENCE}\nand\n{FENCE}python\nx + 1\n{FENCE}", "x = 1\n\nx + 1"),
    ("other languages stand aside", f"{FENCE}json\n[1]\n{FENCE}\n{FENCE}python\nx = 1\n{FENCE}", "x = 1"),
    ("windows line ends", "<code>\r\nx = 1\r\nx + 1\r\n</code>", "x = 1\r\nx + 1"),
    ("plain code", "x = search('a')\nprint(x)", "x = search('a')\nprint(x)"),
    ("top-level await", "<code>await f(1)</code>", "await f(1)"),
    ("null byte", "<code>x = '\0'</code>", "x = '\0'"),
    ("lone surrogate", "<code>x = '\ud800'</code>", "x = '\ud800'"),
]


@pytest.mark.parametrize(("text", "code"), [row[1:] for row in FOUND], ids=[row[0] for row in FOUND])
def test_the_code_of_a_reply_is_found(text, code):
    assert parse_code_blobs(text) == code


PROSE = [
    "I don't know what to do.",
    "",
    "   \n",
    "The answer is 42.",
    "yes",
    "42",
    f"{FENCE}json\n[1, 2]\n{FENCE}",
    "<code></code>",
    "<code>\n\n</code>",
    f"{FENCE}python\n{FENCE}",
]


@pytest.mark.parametrize("text", PROSE)
def test_a_reply_without_code_is_taught_the_form(text):
    with pytest.raises(AgentParsingError) as caught:
        parse_code_blobs(text)
    words = str(caught.value)
    assert "<code>" in words
    assert "</code>" in words
    assert "Thought:" in words


def test_the_lesson_is_itself_a_reply_that_holds_code():
    with pytest.raises(AgentParsingError) as caught:
        parse_code_blobs("Just prose.")
    lesson = str(caught.value)
    assert parse_code_blobs(lesson[lesson.index("Thought:") :]).startswith("result = 1 + 1")


def test_who_gives_a_final_answer_in_prose_is_shown_how_to_call_it():
    with pytest.raises(AgentParsingError, match=r"final_answer\('your answer'\)"):
        parse_code_blobs("The final answer is 42.")


def test_an_empty_block_is_called_that():
    with pytest.raises(AgentParsingError, match="the block of code is empty"):
        parse_code_blobs("<code>\n</code>")


@pytest.mark.parametrize("tags", [("{{", "}}"), ("<py>", "</py>"), ("[[", "]]"), (".*", "+?")])
def test_tags_may_be_any_texts(tags):
    assert parse_code_blobs(f"I add. {tags[0]}\nx = 1\n{tags[1]} and so on", tags) == "x = 1"
    with pytest.raises(AgentParsingError) as caught:
        parse_code_blobs("Just prose.", tags)
    assert tags[0] in str(caught.value)


MARKDOWN = [
    (f"I add.\n{FENCE}python\n1 + 1\n{FENCE}\nDone.", "1 + 1"),
    (f"{FENCE}python\n1 + 1\n", "1 + 1"),
    (f"{FENCE}python\nx = '''\n{FENCE}\n'''\n{FENCE}\n", f"x = '''\n{FENCE}\n'''"),
    (f"{FENCE}python\nx = 1\n{FENCE}\n{FENCE}python\nx + 1\n{FENCE}", "x = 1\n\nx + 1"),
]


@pytest.mark.parametrize(("text", "code"), MARKDOWN)
def test_tags_may_be_markdown_fences(text, code):
    assert parse_code_blobs(text, MARKDOWN_TAGS) == code


SPLIT = [
    ("First I look.\n<code>look()</code> then more", "First I look.", "look()"),
    ("<code>look()</code>", "", "look()"),
    (f"First.\n{FENCE}python\nlook()\n{FENCE}", "First.", "look()"),
    ("look()", "", "look()"),
]


@pytest.mark.parametrize(("text", "thought", "code"), SPLIT)
def test_the_words_before_the_code_are_the_thought(text, thought, code):
    assert split_reply(text) == (thought, code)


def test_code_with_an_odd_escape_warns_nobody_and_is_read_whole(recwarn):
    text = "<code>\nre.findall('\\d', '</code>')\n</code>"
    assert parse_code_blobs(text) == "re.findall('\\d', '</code>')"
    assert not recwarn


HOSTILE = [
    "<code>(" + "</code>" * 3000,
    "<code>" * 3000 + "(",
    "<code>'" + "</code>'\n'" * 1500,
    "`" * 120_000,
    ("`" * 3 + "\n") * 5000,
    ("`" * 3 + "python ") * 5000,
    "<code>" + "(" * 50_000,
    "<code>x = " + "-" * 50_000 + "1</code>",
    "x = 1\n" * 10_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_reply_is_read_in_reasonable_time(text):
    began = time.process_time()
    with contextlib.suppress(AgentParsingError):
        parse_code_blobs(text)
    assert time.process_time() - began < 4.0
