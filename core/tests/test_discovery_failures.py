"""Plugins that don't load: each is reported once with who, what and the way out, and harms nothing else."""

from __future__ import annotations

import logging
from contextlib import contextmanager

import pytest
from fake_distributions import HEAD, offering, plugin

from core_plus import Host
from core_plus.errors import PluginError

GOOD = {"model.good": offering("model", "good"), "hooks.good": offering("observer", "good", "object")}
REVIEW = "@hookimpl\ndef review_effect(run, effect): ...\n"
BROKEN = {
    "missing module": ("import does_not_exist_here", "ModuleNotFoundError: No module named 'does_not_exist_here'"),
    "any error": ("raise ValueError('first\\nsecond')", "ValueError: first / second"),
    "exit": ("import sys; sys.exit('bye')", "SystemExit: bye"),
    "syntax": ("def (", "SyntaxError"),
    "another API version": (HEAD + "core_plus_api = 99", "it asks for API version 99, this kernel has 1"),
    "misspelt hook": (
        HEAD + REVIEW.replace("review_effect", "reviw_effect"),
        "there is no hook 'reviw_effect'; did you mean review_effect",
    ),
    "unknown hook": (HEAD + "@hookimpl\ndef zzz(): ...", "there is no hook 'zzz'"),
    "wrong argument": (HEAD + REVIEW.replace("effect)", "efect)"), "efect"),
    "failing declaration": (HEAD + "@hookimpl\ndef register_models(register): 1 / 0", "ZeroDivisionError"),
    "wrong declaration": (HEAD + "@hookimpl\ndef register_models(register): register('x')", "TypeError"),
}


@pytest.fixture(params=BROKEN.values(), ids=BROKEN.keys())
def broken(request, distributions):
    """The reason of a broken plugin of hooks that stands between good ones."""
    source, why = request.param
    distributions.add("fake-broken", {"hooks.broken": source}, version="0.3.1")
    distributions.add("fake-good", GOOD)
    return why


def test_a_broken_plugin_is_reported_once_with_who_what_and_the_way_out(broken, distributions, caplog):
    host = distributions.host()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            host.names("model")
            assert host.model("good:large") == ("large",)
    (problem,) = host.problems
    assert problem.startswith("plugin fake-broken:hooks.broken 0.3.1 was not loaded: ")
    assert broken in problem
    assert "CORE_PLUS_BLOCK=fake-broken" in problem
    assert [record.getMessage() for record in caplog.records] == [problem]


def test_a_broken_plugin_harms_no_other(broken, distributions):
    host = distributions.host()
    statuses = {key: one.status for key, one in distributions.of(host).items()}
    assert statuses["fake-broken:hooks.broken"] == "broken"
    assert statuses["fake-good:hooks.good"] == "loaded"
    assert len(host.observers) == 1


def test_a_broken_plugin_that_is_required_stops_everything(broken, distributions):
    host = distributions.host(require=["fake-broken"])
    for _ in range(2):
        with pytest.raises(PluginError, match="the required plugin 'fake-broken' isn't there: ") as caught:
            host.names("model")
        assert broken in str(caught.value)


@pytest.mark.parametrize("source", [source for source, _ in BROKEN.values()], ids=BROKEN)
def test_a_broken_plugin_that_is_wanted_says_why_each_time(distributions, source):
    distributions.add("fake-broken", {"model.broken": source}, version="0.3.1")
    host = distributions.host()
    for _ in range(2):
        with pytest.raises(PluginError, match=r"model 'broken.*' .*fake-broken:model\.broken 0\.3\.1"):
            host.model("broken:large")
    assert len(host.problems) == 1


def test_a_hook_with_a_wrong_argument_takes_the_plugin_s_other_hooks_along(distributions):
    answer = "@hookimpl\ndef answer_effect(run, effect): raise RuntimeError('asked though broken')\n"
    distributions.add("fake-broken", {"hooks.broken": HEAD + answer + REVIEW.replace("effect)", "efect)")})
    host = distributions.host()
    assert distributions.of(host)["fake-broken:hooks.broken"].status == "broken"
    assert host.answer(None, None) is None


def test_a_plugin_whose_declaration_fails_halfway_offers_nothing(distributions):
    source = offering("model", "half") + "    raise RuntimeError('halfway')\n"
    distributions.add("fake-broken", {"model.half": source})
    host = distributions.host()
    with pytest.raises(PluginError, match="halfway"):
        host.model("half:large")
    assert host.names("model") == []


def test_a_plugin_that_does_not_register_its_own_name_is_told_so(distributions):
    distributions.add("fake-a", {"model.acme": offering("model", "other")})
    with pytest.raises(PluginError) as caught:
        distributions.host().find("model", "acme")
    assert "fake-a" in str(caught.value)
    assert "did you mean acme" not in str(caught.value)


def test_an_interrupt_while_a_plugin_is_imported_is_not_swallowed(distributions):
    distributions.add("fake-a", {"model.acme": "raise KeyboardInterrupt"})
    with pytest.raises(KeyboardInterrupt):
        distributions.host().find("model", "acme")


def test_a_missing_dependency_is_told_from_a_plugin_s_own_module(distributions):
    distributions.add("fake-a", {"model.a": "import does_not_exist_here"})
    distributions.write("fake-b", "[core_plus]\nmodel.b = faked_not_there")
    host = distributions.host()
    with pytest.raises(PluginError, match="install what 'does_not_exist_here' belongs to, or reinstall fake-a"):
        host.find("model", "a")
    with pytest.raises(PluginError, match="reinstall or report fake-b"):
        host.find("model", "b")


REQUIRED = ["fake-good", "model.good", "fake-good:model.good"]


@pytest.mark.parametrize("word", REQUIRED)
def test_a_required_plugin_is_loaded_with_the_host(distributions, word):
    distributions.add("fake-good", GOOD)
    host = distributions.host(require=[word])
    assert distributions.of(host)["fake-good:model.good"].status == "loaded"


def test_a_required_plugin_that_is_not_installed_names_the_closest(distributions):
    distributions.add("fake-good", GOOD)
    with pytest.raises(PluginError, match=r"the required plugin 'fake-god' isn't there: did you mean .*fake-good"):
        _ = distributions.host(require=["fake-god"]).plugins


def test_a_required_plugin_that_is_blocked_stops_everything(distributions):
    distributions.add("fake-good", GOOD)
    with pytest.raises(PluginError, match=r"'model\.good' isn't there: fake-good:model\.good 1\.0: blocked by"):
        _ = distributions.host(require=["model.good"], block=["fake-good"]).plugins


def test_when_a_required_plugin_is_missing_nothing_stays_begun(distributions):
    open_now = []

    @contextmanager
    def life():
        open_now.append("entered")
        yield
        open_now.remove("entered")

    host = distributions.host(plugins=[plugin("watch", lifespan=lambda host: life())], require=["fake-nothing"])
    for _ in range(2):
        with pytest.raises(PluginError, match="'fake-nothing'"):
            host.names("model")
        assert open_now == []


def test_what_is_required_of_an_empty_host_is_named():
    with Host(discover=False, require=["wanted"]) as host, pytest.raises(PluginError, match="'wanted' isn't there"):
        _ = host.plugins


def test_a_given_module_with_a_misspelt_hook_is_reported_and_harms_nothing():
    good = plugin("good", register_models=lambda register: register("good", str, summary="x"))
    with Host(discover=False, plugins=[plugin("bad", reviw_effect=lambda run: None), good]) as host:
        assert host.names("model") == ["good"]
        assert "there is no hook 'reviw_effect'; did you mean review_effect" in host.problems[0]


def test_a_given_module_with_a_function_called_load_is_taken_as_it_is():
    module = plugin("loading", register_models=lambda register: register("good", str, summary="x"))
    module.__version__, module.load = "1.0", lambda: pytest.fail("that is no entry point")
    with Host(discover=False, plugins=[module]) as host:
        assert (host.names("model"), host.problems) == (["good"], [])


def test_an_observer_that_cannot_be_made_harms_neither_others_nor_lifespans():
    began = []
    bad = plugin("bad", register_observers=lambda register: register("bad", lambda: 1 / 0, summary="x"))
    good = plugin(
        "good",
        register_observers=lambda register: register("good", object, summary="x"),
        lifespan=lambda host: began.append("good"),
    )
    with Host(discover=False, plugins=[bad, good]) as host:
        assert len(host.observers) == 1
        assert began == ["good"]
        assert [problem for problem in host.problems if "bad" in problem and "ZeroDivisionError" in problem]
