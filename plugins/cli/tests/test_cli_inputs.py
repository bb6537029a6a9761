"""What standard input, files and pictures become for the agent."""

from __future__ import annotations

import pytest

from core_plus.messages import File, Image

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)


def test_the_task_can_come_from_standard_input(core_plus, spying):
    spy, host = spying()
    assert core_plus("run", "-m", "spy:", stdin="What is this?\n", host=host).status == 0
    assert spy.task().text == "What is this?"


def test_a_dash_reads_the_task_from_standard_input(core_plus, spying):
    spy, host = spying()
    assert core_plus("run", "-", "-m", "spy:", stdin="  What is that?  ", host=host).status == 0
    assert spy.task().text == "What is that?"


def test_words_on_standard_input_are_added_to_a_task_under_a_heading(core_plus, spying):
    spy, host = spying()
    core_plus("run", "Sum this up.", "-m", "spy:", stdin="a,b\n1,2\n", host=host)
    assert spy.task().text == "Sum this up.\n\nStandard input:\n\na,b\n1,2\n"


@pytest.mark.parametrize(
    ("data", "kind", "media_type"),
    [
        (PNG, Image, "image/png"),
        (b"\xff\xd8\xff\xe0" + bytes(4), Image, "image/jpeg"),
        (b"%PDF-1.7\n\xe2\xe3\xcf\xd3", File, "application/pdf"),
        (b"\x00\x01\x02", File, "application/octet-stream"),
    ],
)
def test_other_bytes_on_standard_input_are_a_picture_or_a_file(core_plus, spying, data, kind, media_type):
    spy, host = spying()
    core_plus("run", "What is this?", "-m", "spy:", stdin=data, host=host)
    part = spy.task().parts[-1]
    assert (type(part), part.data, part.media_type) == (kind, data, media_type)


def test_nothing_on_standard_input_adds_nothing(core_plus, spying):
    spy, host = spying()
    core_plus("run", "Do.", "-m", "spy:", stdin="", host=host)
    assert spy.task().text == "Do."


@pytest.mark.parametrize(("stdin", "said"), [("", "empty"), ("\n \n", "empty"), (b"\x00\xff", "no text")])
def test_standard_input_that_holds_no_task_is_refused(core_plus, stdin, said):
    done = core_plus("run", "-m", "scripted:x.md", stdin=stdin)
    assert done.status == 2
    assert said in done.err


def test_an_empty_task_is_refused(core_plus):
    assert "the task is empty" in core_plus("run", "  ", "-m", "scripted:x.md").err


def test_files_and_pictures_go_with_the_task(core_plus, spying, tmp_path):
    (tmp_path / "plot.png").write_bytes(PNG)
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.7")
    spy, host = spying()
    options = ["--image", "plot.png", "--file", "report.pdf", "--image", "https://example.org/cat.jpg"]
    assert core_plus("run", "Compare.", "-m", "spy:", *options, host=host).status == 0
    parts = spy.task().parts[1:]
    assert [(part.name, part.url) for part in parts] == [
        ("plot.png", None),
        (None, "https://example.org/cat.jpg"),
        ("report.pdf", None),
    ]


def test_a_slow_pipe_is_waited_for_and_said_so(program, script, monkeypatch):
    import subprocess
    import time

    with program("run", "Look.", "--json", "-m", script("final_answer(1)"), stdin=subprocess.PIPE) as process:
        time.sleep(0.1)
        assert "reading standard input" in process.stderr.readline()
        out, _ = process.communicate("late words")
    assert "late words" in out
    assert process.returncode == 0
