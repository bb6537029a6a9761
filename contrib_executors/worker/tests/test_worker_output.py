"""Printed text: what is kept, and what is cut."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_plus_worker.clip import Clip
from core_plus_worker.inside.output import NoInput, Output

TEXTS = st.lists(st.text(max_size=30))


@settings(deadline=None)
@given(TEXTS, st.integers(0, 60))
def test_a_clip_keeps_the_first_and_the_last_half(texts, limit):
    clip, whole = Clip(limit), "".join(texts)
    shown = "".join(clip.feed(text) for text in texts)
    assert shown == whole[:limit]
    if len(whole) <= limit:
        assert clip.text() == whole
    else:
        head, tail = limit - limit // 2, limit // 2
        note = f"\n... {len(whole) - limit:,} characters cut ...\n"
        assert clip.text() == whole[:head] + note + whole[len(whole) - tail :]


@settings(deadline=None)
@given(TEXTS)
def test_a_clip_without_limit_keeps_all(texts):
    clip = Clip(None)
    assert [clip.feed(text) for text in texts] == texts
    assert clip.text() == "".join(texts)


@settings(deadline=None)
@given(TEXTS, st.integers(1, 60))
def test_what_the_worker_leaves_out_makes_no_difference_to_what_is_kept(texts, limit):
    passed, alone = Clip(limit), Clip(limit)
    output = Output(1, lambda text: (passed.feed(text), None)[1], limit)
    for text in texts:
        output.write(text)
        alone.feed(text)
    dropped = output.finish()
    assert passed.text(dropped) == alone.text()


def test_whole_lines_go_out_at_once_and_the_rest_at_the_end():
    sent: list[str] = []
    output = Output(1, sent.append)
    print("a", "b", file=output)
    print("c", end="", file=output)
    assert sent == ["a b\n"]
    output.finish()
    assert sent == ["a b\n", "c"]


def test_bytes_are_printed_as_text():
    sent: list[str] = []
    output = Output(1, sent.append)
    output.buffer.write("ü\n".encode() + b"\xff\n")
    assert sent == ["ü\n\\xff\n"]


def test_an_output_says_what_it_is():
    output = Output(2, lambda text: None)
    assert (output.fileno(), output.writable(), output.isatty(), output.readable()) == (2, True, False, False)
    with pytest.raises(TypeError, match="must be str, not int"):
        output.write(5)  # type: ignore[arg-type]


def test_nobody_types():
    for read in (NoInput().readline, NoInput().read):
        with pytest.raises(EOFError, match="nobody can type"):
            read()
