"""Asking a person at a terminal."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from core_plus.effects import Question
from core_plus.events import (
    CodeStarted,
    ModelDelta,
    QuestionAnswered,
    QuestionAsked,
    RunFinished,
    RunStarted,
    StepStarted,
    Warned,
)
from core_plus.models import TextDelta
from core_plus_rich import RichUI
from core_plus_rich.asking import answer, hint, match

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")

APPROVAL = Question(text="Run this?", kind="approval", choices=("yes", "no", "always"), default="no", id="7")


@pytest.mark.parametrize(
    ("typed", "choice"),
    [
        ("yes", "yes"),
        ("YES", "yes"),
        ("y", "yes"),
        ("1", "yes"),
        ("3", "always"),
        ("4", None),
        ("0", None),
        ("yess", None),
        ("", None),
    ],
)
def test_a_choice_is_meant_by_name_number_or_beginning(typed, choice):
    assert match(typed, ("yes", "no", "always")) == choice


def test_a_beginning_that_two_choices_have_means_none_of_them():
    assert match("ye", ("yes", "yes, always")) is None
    assert match("yes", ("yes", "yes, always")) == "yes"


@pytest.mark.parametrize(
    ("question", "shown"),
    [
        (APPROVAL, "yes / no / always, or why not [no]"),
        (Question(text="Run?", kind="approval"), "yes / no, or why not"),
        (Question(text="Name?"), ""),
        (Question(text="Name?", default="Ann"), "[Ann]"),
        (Question(text="Plan?", kind="plan", choices=("go on", "stop")), "go on / stop"),
    ],
)
def test_a_question_says_what_may_be_typed(question, shown):
    assert hint(question) == shown


@pytest.mark.parametrize(
    ("question", "typed", "given"),
    [
        (APPROVAL, ["y"], "yes"),
        (APPROVAL, [""], "no"),
        (APPROVAL, ["what", "a"], "always"),
        (APPROVAL, ["it deletes too much"], "it deletes too much"),
        (APPROVAL, [], None),
        (Question(text="Run?", kind="approval"), ["", "n"], "no"),
        (Question(text="Colour?", choices=("red", "blue")), ["green is best", "b"], "blue"),
        (Question(text="Name?"), ["Ann Lee"], "Ann Lee"),
        (Question(text="Name?"), [""], ""),
        (Question(text="How many?", default=3), [""], 3),
    ],
)
def test_lines_are_read_until_one_is_an_answer(question, typed, given):
    lines, complaints = iter(typed), []

    def read():
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    assert answer(question, read, complaints.append) == given
    assert len(complaints) == max(len(typed) - 1, 0)


@pytest.fixture
def asked(terminal):
    """Asks in a thread, as a driver does; gives the UI, the terminal and the answer to come."""
    ui = RichUI(file=terminal.out, stdin=terminal.stdin)
    with ThreadPoolExecutor(1) as pool:
        ui.observe(RunStarted(task="t", agent="a", run_id="r"))
        yield ui, terminal, lambda question: pool.submit(ui.ask, question)
        ui.close()


def test_the_person_at_the_terminal_answers(asked):
    ui, terminal, ask = asked
    ui.observe(QuestionAsked(question=APPROVAL, run_id="r"))
    given = ask(APPROVAL)
    terminal.wait_for("[no] ❯")
    terminal.type("y\n")
    assert given.result(10) == "yes"
    ui.observe(QuestionAnswered(question=APPROVAL, answer="yes", run_id="r"))
    assert terminal.text.count("Run this?") == 1


def test_what_is_asked_about_is_shown_whole_and_nothing_in_it_acts(asked):
    _, terminal, ask = asked
    details = {"tool": "shell", "arguments": {"command": "x" * 3_000 + "\x1b[2J"}, "reason\x1b[2J": "none\x1b[2J"}
    given = ask(Question(text="Run [red]this\x1b[2J?", kind="approval", details=details))
    terminal.wait_for("❯")
    terminal.wait_for("❯", 2)
    terminal.type("n\n")
    assert given.result(10) == "no"
    assert terminal.text.count("x") >= 3_000
    assert "[red]this␛[2J?" in terminal.text
    assert "\x1b[2J" not in terminal.text


def test_code_that_stands_above_is_not_shown_again_with_the_question(asked):
    ui, terminal, ask = asked
    ui.observe(StepStarted(number=1, run_id="r"))
    ui.observe(ModelDelta(delta=TextDelta("<code>\nbe_bold(1)\n</code>"), run_id="r"))
    question = Question(text="Run?", kind="approval", details={"what": "code", "code": "be_bold(1)"}, id="1")
    ui.observe(QuestionAsked(question=question, run_id="r"))
    given = ask(question)
    terminal.wait_for("or why not")
    terminal.type("y\n")
    assert given.result(10) == "yes"
    ui.observe(CodeStarted(code="be_bold(1)", run_id="r"))
    terminal.wait_for("be_bold")
    assert terminal.text.count("be_bold") == 1


def test_code_that_was_not_shown_stands_with_the_question(asked):
    _, terminal, ask = asked
    given = ask(Question(text="Run?", kind="approval", details={"what": "code", "code": "be_bold(1)"}, id="1"))
    terminal.wait_for("be_bold")
    terminal.wait_for("or why not")
    terminal.type("y\n")
    assert given.result(10) == "yes"


def test_the_end_of_the_input_is_no_answer(asked):
    _, terminal, ask = asked
    given = ask(APPROVAL)
    terminal.wait_for("[no] ❯")
    terminal.type("\x04")
    assert given.result(10) is None


def test_what_was_typed_before_the_question_is_no_answer_to_it(asked):
    _, terminal, ask = asked
    terminal.type("yes\n")
    terminal.wait_for("yes")
    given = ask(APPROVAL)
    terminal.wait_for("[no] ❯")
    terminal.type("n\n")
    assert given.result(10) == "no"


def test_what_happens_meanwhile_is_shown_afterwards(asked):
    ui, terminal, ask = asked
    given = ask(APPROVAL)
    terminal.wait_for("[no] ❯")
    ui.observe(Warned(text="meanwhile", run_id="r"))
    assert "meanwhile" not in terminal.text
    terminal.type("y\n")
    assert given.result(10) == "yes"
    terminal.wait_for("meanwhile")


def test_a_question_is_given_up_when_the_run_has_ended(asked):
    ui, terminal, ask = asked
    given = ask(APPROVAL)
    terminal.wait_for("[no] ❯")
    ui.observe(RunFinished(state="interrupted", error="interrupted by the person", run_id="r"))
    assert given.result(10) is None
    terminal.wait_for("interrupted by the person")


def test_a_question_stays_when_another_run_ends(asked):
    ui, terminal, ask = asked
    ui.observe(QuestionAsked(question=APPROVAL, run_id="r"))
    given = ask(APPROVAL)
    terminal.wait_for("[no] ❯")
    ui.observe(RunFinished(state="success", output="of another", run_id="other"))
    terminal.type("y\n")
    assert given.result(10) == "yes"
    terminal.wait_for("of another")


def test_a_question_of_an_inner_run_is_given_up_with_it(asked):
    ui, terminal, ask = asked
    ui.observe(QuestionAsked(question=APPROVAL, run_id="inner", path=("helper",)))
    given = ask(APPROVAL)
    terminal.wait_for("[no] ❯")
    ui.observe(RunFinished(state="limit", run_id="inner", path=("helper",)))
    assert given.result(10) is None


def test_questions_of_two_runs_may_have_the_same_id(asked):
    ui, terminal, ask = asked
    given = ask(APPROVAL)
    terminal.wait_for("[no] ❯")
    terminal.type("y\n")
    assert given.result(10) == "yes"
    elsewhere = Question(text="Asked elsewhere?", kind="approval", id=APPROVAL.id)
    ui.observe(QuestionAnswered(question=elsewhere, answer="yes", run_id="other"))
    terminal.wait_for("Asked elsewhere? → yes")


def test_two_questions_are_asked_one_after_the_other(terminal):
    ui = RichUI(file=terminal.out, stdin=terminal.stdin)
    with ThreadPoolExecutor(2) as pool:
        given = [pool.submit(ui.ask, Question(text=f"Question {number}?", id=str(number))) for number in (1, 2)]
        for number in (1, 2):
            terminal.wait_for("❯", number)
            assert terminal.text.count("Question") == number
            terminal.type(f"answer {number}\n")
            terminal.wait_for(f"answer {number}")
        assert sorted(future.result(10) for future in given) == ["answer 1", "answer 2"]


def test_quiet_asks_too(terminal):
    ui = RichUI(file=terminal.out, stdin=terminal.stdin, level="quiet")
    with ThreadPoolExecutor(1) as pool:
        given = pool.submit(ui.ask, APPROVAL)
        terminal.wait_for("[no] ❯")
        terminal.type("always\n")
        assert given.result(10) == "always"


def test_nobody_answers_where_the_input_is_no_terminal(terminal, tmp_path):
    file = tmp_path / "answers"
    file.write_text("yes\n")
    with file.open() as stdin:
        assert RichUI(file=terminal.out, stdin=stdin).ask(APPROVAL) is None


def test_no_thread_stays_behind(terminal):
    ui = RichUI(file=terminal.out, stdin=terminal.stdin)
    ui.observe(RunStarted(task="t", agent="a", run_id="r"))
    drawing = [thread for thread in threading.enumerate() if thread.name == "core-plus-rich"]
    assert len(drawing) == 1
    ui.close()
    ui.close()
    drawing[0].join(5)
    assert not drawing[0].is_alive()
    terminal.wait_for("\x1b[?25h")
