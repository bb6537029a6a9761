"""`core-plus models`: providers and the default."""

from __future__ import annotations

import stat

import pytest


def test_the_providers_are_listed_with_a_line_each_and_the_default(core_plus):
    done = core_plus("models")
    assert (done.status, done.err) == (0, "")
    assert "scripted:" in done.out
    assert "openai:" in done.out
    assert "default: none" in done.out
    assert core_plus("models", "list").out == done.out


def test_a_default_is_set_shown_used_and_unset(core_plus, script, home):
    model = script("final_answer('by default')")
    assert core_plus("models", "default", model).status == 0
    assert core_plus("models", "default").out == f"default: {model}\n"
    assert core_plus("run", "Do.", "-q").out == "by default\n"
    path = home / "config/core-plus/settings.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert core_plus("models", "default", "--unset").status == 0
    assert "default: none" in core_plus("models", "default").out


def test_the_variable_that_goes_first_is_shown(core_plus, monkeypatch):
    monkeypatch.setenv("CORE_PLUS_MODEL", "openai:other")
    assert "CORE_PLUS_MODEL, which goes first: openai:other" in core_plus("models", "default").out


def test_a_default_of_a_provider_that_isnt_installed_is_refused(core_plus):
    done = core_plus("models", "default", "opnai:gpt-x")
    assert done.status == 2
    assert "did you mean openai?" in done.err
    assert "default: none" in core_plus("models", "default").out


@pytest.mark.parametrize("arguments", [["list", "openai:x"], ["--unset"], ["default", "openai:x", "--unset"], ["show"]])
def test_wrong_usage_is_refused(core_plus, arguments):
    assert core_plus("models", *arguments).status == 2


def test_settings_that_cant_be_read_are_named(core_plus, home):
    path = home / "config/core-plus/settings.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"model": 3}')
    done = core_plus("models")
    assert done.status == 2
    assert str(path) in done.err


def test_a_broken_provider_is_told_and_the_others_are_listed(core_plus, broken_plugin):
    done = core_plus("models", host=broken_plugin("model.rotten"))
    assert done.status == 0
    assert "scripted:" in done.out
    assert "rotten_module" in done.err
