"""`core-plus plugins` and `core-plus doctor`."""

from __future__ import annotations

import json
import os

import pytest

from core_plus import hookimpl
from core_plus_cli import credentials


def test_plugins_are_listed_by_distribution_and_none_is_loaded_for_it(core_plus):
    lines = core_plus("plugins").out.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("core-plus-cli "))
    assert lines[at + 1].split() == ["command.chat", "found"]
    assert any(line.split()[:2] == ["ui.rich", "found"] for line in lines)
    assert any(line.split()[:2] == ["command.plugins", "loaded"] and line.endswith(" ms") for line in lines)


def test_plugins_as_json(core_plus):
    rows = {row["entry"]: row for row in json.loads(core_plus("plugins", "--json").out)}
    row = rows["command.plugins"]
    assert (row["distribution"], row["status"], row["names"]) == ("core-plus-cli", "loaded", ["command.plugins"])
    assert row["seconds"] > 0
    assert rows["ui.rich"]["status"] == "found"


def test_what_is_blocked_or_broken_is_listed_with_the_reason(core_plus, broken_plugin, monkeypatch):
    monkeypatch.setenv("CORE_PLUS_BLOCK", "core-plus-rich")
    done = core_plus("plugins", host=broken_plugin("hooks.rotten"))
    assert "blocked by the host's settings or CORE_PLUS_BLOCK" in done.out
    assert "rotten_module" in done.out


def test_a_healthy_installation_has_no_problems(core_plus):
    done = core_plus("doctor")
    assert (done.status, done.err) == (0, "")
    for shown in ("Python 3.", "core-plus-cli", "without a key", "Nothing is wrong."):
        assert shown in done.out


def test_doctor_says_of_each_executor_what_keeps_code_inside(core_plus, hosting):
    lines = core_plus("doctor", host=hosting()).out.splitlines()
    rows = {line.split()[0]: line for line in lines if line.startswith("  ")}
    assert rows["walled"].split(maxsplit=1)[1] == "a sandbox: brick, mortar  (auto)"
    assert "NO sandbox: code can do what you can; only with --unsafe" in rows["subprocess"]


def test_doctor_as_json(core_plus, hosting):
    found = json.loads(core_plus("doctor", "--json", host=hosting()).out)
    assert found["problems"] == []
    executors = {executor.pop("name"): executor for executor in found["executors"]}
    assert found["chosen_executor"] == "walled"
    assert executors["walled"] == {"is_sandbox": True, "lacks": "", "walls": ["brick", "mortar"], "by_name": False}
    assert executors["subprocess"]["is_sandbox"] is False
    assert {"name": "scripted", "key": "", "lacks": None} in found["providers"]
    assert found["distributions"]["core-plus-cli"]


@pytest.mark.parametrize("entry", ["model.rotten", "tool.rotten", "executor.rotten", "hooks.rotten"])
def test_doctor_finds_a_plugin_that_cant_be_imported(core_plus, broken_plugin, entry):
    done = core_plus("doctor", host=broken_plugin(entry))
    assert done.status == 1
    problems = [line for line in done.out.splitlines() if line.startswith("PROBLEM")]
    assert len(problems) == 1
    assert "rotten_module" in problems[0]
    assert "CORE_PLUS_BLOCK=" in problems[0]


class Twin:
    """Offers a name that another plugin has."""

    @hookimpl
    def register_models(self, register):
        register("scripted", lambda model_id: None, summary="another")


def test_doctor_finds_names_that_two_plugins_offer(core_plus, hosting):
    done = core_plus("doctor", host=hosting(Twin()))
    assert done.status == 1
    assert "2 plugins offer model 'scripted'" in done.out


def test_doctor_says_that_there_is_no_sandbox(core_plus, no_sandbox):
    done = core_plus("doctor", host=no_sandbox)
    assert done.status == 1
    assert "PROBLEM  there is no sandbox here for code to run in:" in done.out


class Lacking:
    """Offers an executor that this machine lacks something for, and one that can't be made."""

    @hookimpl
    def register_executors(self, register):
        def cloud():
            raise RuntimeError("no region")

        def docker():
            raise AssertionError("never made where something lacks")

        docker.missing = lambda: "docker isn't installed"
        register("docker", docker, summary="needs docker")
        cloud.preference = -1
        register("cloud", cloud, summary="needs a region")


def test_doctor_says_what_executors_lack(core_plus, hosting):
    done = core_plus("doctor", host=hosting(Lacking()))
    assert "can't run here: docker isn't installed" in done.out
    assert "can't run here: RuntimeError: no region" in done.out
    assert done.status == 0


def test_doctor_says_where_keys_come_from_and_never_shows_one(core_plus, monkeypatch):
    credentials.keep("openai", "sk-kept-in-file")
    monkeypatch.setenv("SCRIPTED_API_KEY", "sk-in-environment")
    done = core_plus("doctor")
    rows = [line.split(maxsplit=1) for line in done.out.splitlines()]
    assert ["openai:", "file"] in rows
    assert ["scripted:", "environment (SCRIPTED_API_KEY)"] in rows
    assert "sk-" not in done.out


def test_doctor_complains_of_keys_that_others_can_read(core_plus):
    credentials.keep("openai", "sk-kept-in-file")
    credentials.path().chmod(0o640)
    done = core_plus("doctor")
    assert done.status == 1
    assert "chmod 600" in done.out


def test_doctor_shows_proxies_without_their_passwords(core_plus, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://me:secret@proxy.example:3128")
    done = core_plus("doctor")
    assert "proxy.example:3128" in done.out
    assert "secret" not in done.out


def test_doctor_finds_a_default_model_that_nobody_offers(core_plus, monkeypatch):
    monkeypatch.setenv("CORE_PLUS_MODEL", "opnai:x")
    done = core_plus("doctor")
    assert done.status == 1
    assert "did you mean openai?" in done.out


class Wanting:
    """Makes no models; wants a key, unless it is named "free"."""

    def __init__(self, name):
        self.name = name

    def __call__(self, model_id):
        raise AssertionError("doctor makes no model")

    def missing(self):
        variable = f"{self.name.upper()}_API_KEY"
        return "" if self.name == "free" or os.environ.get(variable) else f"set {variable}"


class Providers:
    """Offers four that know what they lack."""

    @hookimpl
    def register_models(self, register):
        for name in ("given", "kept", "bare", "free"):
            register(name, Wanting(name), summary="for tests")


def test_doctor_says_which_providers_can_be_asked_and_what_the_others_lack_and_shows_no_key(
    core_plus, hosting, monkeypatch
):
    credentials.keep("kept", "sk-kept-key")
    monkeypatch.setenv("GIVEN_API_KEY", "sk-given-key")
    done = core_plus("doctor", "--json", host=hosting(Providers()))
    found = {each["name"]: (each["key"], each["lacks"]) for each in json.loads(done.out)["providers"]}
    assert found["given"] == ("environment (GIVEN_API_KEY)", "")
    assert found["kept"] == ("file", "")
    assert found["bare"] == ("", "set BARE_API_KEY")
    assert found["free"] == ("", "")
    words = core_plus("doctor", host=hosting(Providers())).out
    assert "bare (set BARE_API_KEY)" in words
    assert "nothing is lacking" in words
    assert "sk-" not in done.out + words
    assert "KEPT_API_KEY" not in os.environ
