"""The corpus is whole and true to Python; the kit fails an executor that does otherwise."""

import subprocess

import pytest

from core_plus.executors import CodeError, Done
from core_plus_testkit.ordinary import language_features, snippets
from core_plus_testkit.ordinary.__main__ import main
from core_plus_testkit.ordinary.canonical import canonical
from core_plus_testkit.ordinary.kit import differences, installed
from core_plus_testkit.ordinary.native import Ran, natively

pytest_plugins = ["pytester"]

CORPUS = snippets()


def test_the_corpus_is_whole():
    assert len(CORPUS) >= 200
    assert len({one.id for one in CORPUS}) == len(CORPUS)
    assert len(language_features()) == 94


@pytest.mark.slow
def test_every_snippet_runs_natively_and_the_same_a_second_time():
    chosen = [one for one in CORPUS if not one.needs]
    first, second = (natively([one.cells for one in chosen]) for _ in range(2))
    for one, ran, again in zip(chosen, first, second, strict=True):
        assert ran == again, one.id
        assert any(cell.stdout or cell.has_value or cell.error for cell in ran) or one.room == "syntax", one.id


@pytest.mark.slow
def test_snippets_with_libraries_run_natively_without_an_error_that_isnt_meant():
    chosen = [one for one in CORPUS if one.needs and installed(one)]
    needs = sorted({name for one in chosen for name in one.needs})
    for one, ran in zip(chosen, natively([one.cells for one in chosen], needs), strict=True):
        assert [cell.error for cell in ran if cell.error] == (["KeyError"] if "an error" in one.id else []), one.id


def test_what_python_does_is_told_cell_by_cell():
    cells = ["x = 2\nprint('a')", "x * 21", "1 / 0", "import asyncio\nawait asyncio.sleep(0, {x, 1})", "if True"]
    assert natively([cells]) == [
        [
            Ran("a\n", "None", False, ""),
            Ran("", "42", True, ""),
            Ran("", "None", False, "ZeroDivisionError"),
            Ran("", "set(1, 2)", True, ""),
            Ran("", "None", False, "SyntaxError"),
        ]
    ]


def test_snippets_dont_see_each_other():
    assert [one[-1].error for one in natively([["x = 1"], ["x"]])] == ["", "NameError"]


def test_native_code_that_cant_be_started_says_so():
    with pytest.raises(subprocess.CalledProcessError):
        natively([["1"]], ["no_such_library"])


@pytest.mark.parametrize(
    ("done", "said"),
    [
        (Done(42, stdout="a\n", has_value=True), []),
        (Done(43, stdout="a\n", has_value=True), ["cell 1 gave 43, Python 42"]),
        (Done(42, stdout="a", has_value=True), [r"cell 1 printed 'a', Python 'a\n'"]),
        (Done(None, stdout="a\n"), ["cell 1 gave None; in Python it has a value: True"]),
        (
            Done(42, stdout="a\n", has_value=True, error=CodeError("OSError", "x")),
            ["cell 1 raised OSError 'x', Python nothing"],
        ),
    ],
)
def test_differences_are_told_in_words(done, said):
    assert differences([Ran("a\n", "42", True, "")], [done]) == said


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({3, 1, 2}, "set(1, 2, 3)"),
        ([1, (2.0, "x")], "list(1, tuple(2.0, 'x'))"),
        ({"a": [None]}, "{'a': list(None)}"),
        ([object()], None),
        (object, None),
        (float("nan"), "nan"),
    ],
)
def test_values_have_one_text_on_both_sides(value, text):
    assert canonical(value) == text


KIT = """
import pytest
from hostile_doubles import Forgetful
from core_plus_testkit.ordinary import OrdinaryKit

class TestBroken(OrdinaryKit):
    deviations = {"async_code": "it awaits nothing"}

    @pytest.fixture
    def executor(self):
        return Forgetful()
"""


def test_the_kit_fails_a_broken_executor(pytester):
    pytester.makepyfile(test_broken=KIT)
    chosen = "sessions or regex or async_code or declared_deviation"
    done = pytester.runpytest_inprocess("-m", "not slow", "-k", chosen, "-rs")
    done.assert_outcomes(failed=1, passed=2, skipped=1)
    done.stdout.fnmatch_lines(["*cell 3 raised NameError*", "*deviates: it awaits nothing*"])


def test_the_command_shows_what_differs_and_a_table(capsys):
    pytest.importorskip("core_plus_subprocess", reason="the executor 'subprocess' isn't installed")
    assert main(["subprocess", "--only", "contexts:in memory", "--only", "dates:ages"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "contexts    1 of   1 as in Python",
        "dates       1 of   1 as in Python",
    ]
    assert main(["subprocess", "--only", "dates:ages", "--set", 'python="/none"']) == 2
    assert "subprocess: /none can't be started" in capsys.readouterr().err
