"""Finding plugins: what is installed, what is imported when, and who may not come in."""

from __future__ import annotations

import pytest
from fake_distributions import HEAD, offering

from core_plus.errors import PluginError

TWO = {"model.acme": offering("model", "acme"), "tool.acme": offering("tool", "acme")}


def test_plugins_are_listed_by_distribution_without_importing_them(distributions):
    distributions.add("fake-b", {"model.b": offering("model", "b")}, version="2.5")
    distributions.add("fake-a", TWO)
    host = distributions.host()
    found = distributions.of(host)
    assert list(found) == ["fake-a:model.acme", "fake-a:tool.acme", "fake-b:model.b"]
    assert {plugin.status for plugin in found.values()} == {"found"}
    assert found["fake-b:model.b"].version == "2.5"
    assert (host.names("model"), host.names("tool"), host.names("store")) == (["acme", "b"], ["acme"], [])
    assert distributions.imported() == set()


def test_nothing_is_looked_up_before_a_host_is_used(distributions):
    host = distributions.host()
    distributions.add("fake-a", {"hooks.a": "raise RuntimeError('imported')"})
    assert repr(host) == "<Host, not started>"
    assert host.problems == []


def test_a_look_up_imports_only_the_owner(distributions):
    distributions.add("fake-a", TWO)
    distributions.add("fake-b", {"model.b": offering("model", "b")})
    host = distributions.host()
    assert host.find("model", "acme").plugin.id == "fake-a:model.acme"
    assert distributions.imported() == {"faked_fake_a_model_acme"}
    statuses = {key: plugin.status for key, plugin in distributions.of(host).items()}
    assert statuses == {"fake-a:model.acme": "loaded", "fake-a:tool.acme": "found", "fake-b:model.b": "found"}


def test_a_loaded_plugin_says_what_it_has(distributions):
    distributions.add("fake-a", TWO)
    host = distributions.host()
    host.find("model", "acme")
    loaded = distributions.of(host)["fake-a:model.acme"]
    assert (loaded.hooks, loaded.offers, loaded.why) == (("register_models",), ["model.acme"], "")
    assert loaded.seconds > 0


def test_only_hooks_load_with_the_host(distributions):
    distributions.add("fake-a", {"hooks.watch": HEAD, **TWO})
    distributions.host().names("model")
    assert distributions.imported() == {"faked_fake_a_hooks_watch"}


def test_an_entry_point_may_name_an_object_in_a_module(distributions):
    source = HEAD + (
        "class Offers:\n"
        "    @hookimpl\n"
        "    def register_models(self, register):\n"
        "        register('acme', lambda ref: ref, summary='For a test')\n"
        "offers = Offers()\n"
    )
    (distributions.folder / "faked_object.py").write_text(source)
    distributions.write("fake-a", "[core_plus]\nmodel.acme = faked_object:offers")
    assert distributions.host().model("acme:large") == "large"


BLOCKED = [
    ("fake-a", {"fake-a:model.acme", "fake-a:tool.acme"}),
    ("model.acme", {"fake-a:model.acme"}),
    ("fake-a:tool.acme", {"fake-a:tool.acme"}),
    ("fake-b, tool.acme", {"fake-a:tool.acme", "fake-b:hooks.b"}),
    (" , ", set()),
    ("", set()),
    ("something-else", set()),
]


@pytest.mark.parametrize(("words", "expected"), BLOCKED)
def test_what_core_plus_block_names_is_never_imported(distributions, monkeypatch, words, expected):
    distributions.add("fake-a", TWO)
    distributions.add("fake-b", {"hooks.b": HEAD})
    monkeypatch.setenv("CORE_PLUS_BLOCK", words)
    host = distributions.host()
    found = distributions.of(host)
    assert {key for key, plugin in found.items() if plugin.status == "blocked"} == expected
    assert all("CORE_PLUS_BLOCK" in found[key].why for key in expected)
    for kind, name in (("model", "acme"), ("tool", "acme")):
        if f"fake-a:{kind}.acme" in expected:
            assert host.names(kind) == []
            with pytest.raises(PluginError, match=r"fake-a:\w+\.acme 1\.0.*blocked"):
                host.find(kind, name)
    assert {f"faked_{key}".replace("-", "_").replace(".", "_").replace(":", "_") for key in expected}.isdisjoint(
        distributions.imported()
    )


@pytest.mark.parametrize("word", ["fake-a", "fake_a", "Fake.A", "FAKE-A"])
def test_a_distribution_is_blocked_by_any_spelling_of_its_name(distributions, word):
    distributions.add("Fake_A", TWO)
    host = distributions.host(block=[word])
    assert {plugin.status for plugin in distributions.of(host).values()} == {"blocked"}


ALLOWED = [("fake-b", {"fake-b:hooks.b"}), ("model.acme,fake-b", {"fake-a:model.acme", "fake-b:hooks.b"}), ("", set())]


@pytest.mark.parametrize(("words", "expected"), ALLOWED)
def test_core_plus_plugins_lets_in_what_it_names_and_nothing_else(distributions, monkeypatch, words, expected):
    distributions.add("fake-a", TWO)
    distributions.add("fake-b", {"hooks.b": HEAD})
    monkeypatch.setenv("CORE_PLUS_PLUGINS", words)
    found = distributions.of(distributions.host())
    assert {key for key, plugin in found.items() if plugin.status != "blocked"} == expected
    assert all("CORE_PLUS_PLUGINS" in plugin.why for key, plugin in found.items() if key not in expected)
    assert distributions.imported() == ({"faked_fake_b_hooks_b"} if "fake-b:hooks.b" in expected else set())


def test_blocking_goes_before_allowing(distributions, monkeypatch):
    distributions.add("fake-a", TWO)
    monkeypatch.setenv("CORE_PLUS_PLUGINS", "fake-a")
    host = distributions.host(block=["model.acme"])
    assert (host.names("model"), host.names("tool")) == ([], ["acme"])


def test_a_host_s_own_list_goes_before_the_environment(distributions, monkeypatch):
    distributions.add("fake-a", TWO)
    monkeypatch.setenv("CORE_PLUS_PLUGINS", "nothing")
    host = distributions.host(only=["tool.acme"])
    assert (host.names("model"), host.names("tool")) == ([], ["acme"])


def test_an_embedded_host_looks_for_nothing(distributions, host, monkeypatch):
    distributions.add("fake-a", {"hooks.a": "raise RuntimeError('imported')"})
    monkeypatch.setenv("CORE_PLUS_PLUGINS", "fake-a")
    assert (host.plugins, host.names("model"), host.problems) == ([], [], [])


@pytest.mark.parametrize(
    ("entry_points", "metadata"),
    [
        ("[core_plus]\nmodel.broken = module", ""),
        ("[core_plus]\nmodel.broken = module", "Metadata-Version: 2.1\n"),
        ("[core_plus]\nmodel.broken = not a module!", None),
        ("[core_plus]\nmodel.broken", None),
        ("[core_plus]\nmodel.broken =", None),
        ("[core_plus]\nbroken = module", None),
    ],
    ids=["no metadata", "no name", "no such name", "no target", "empty target", "no kind"],
)
def test_a_damaged_installation_harms_no_other_plugin(distributions, entry_points, metadata):
    distributions.write("fake-damaged", entry_points, metadata=metadata)
    distributions.add("fake-a", TWO)
    assert distributions.host().model("acme:large") == ("large",)


def test_a_damaged_installation_of_a_wanted_plugin_is_named(distributions):
    distributions.write("fake-damaged", "[core_plus]\nmodel.broken = not a module!")
    host = distributions.host()
    with pytest.raises(PluginError, match=r"fake-damaged:model\.broken 1\.0"):
        host.model("broken:large")
