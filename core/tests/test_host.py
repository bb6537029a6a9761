"""Looking up what plugins offer: by name, by `distribution:name`, by what resolves names nobody can list."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest
from fake_distributions import offering, plugin

from core_plus import Host, hookimpl, tool
from core_plus.errors import ConfigurationError, PluginError


def registering(kind: str, **factories):
    """A plugin that registers these factories."""

    def declare(register):
        for name, factory in factories.items():
            register(name, factory, summary="For a test")

    return plugin(f"plugin_of_{'_'.join(factories)}", **{f"register_{kind}s": declare})


@pytest.fixture
def rivals(distributions):
    """A host with two distributions that both offer a model, a tool and an executor called twin."""
    for name in ("fake-a", "fake-b"):
        entries = {
            f"{kind}.twin": offering(kind, "twin", f"lambda *words, **more: ['{name}', *words]")
            for kind in ("model", "tool", "executor")
        }
        distributions.add(name, entries)
    return distributions.host()


@pytest.mark.parametrize("kind", ["model", "tool", "executor"])
def test_a_name_that_two_offer_is_refused_with_both_ways_to_write_it(rivals, kind):
    assert rivals.names(kind) == ["twin"]
    with pytest.raises(PluginError, match=f"2 plugins offer {kind} 'twin': write fake-a:twin or fake-b:twin"):
        rivals.find(kind, "twin")


@pytest.mark.parametrize("owner", ["fake-a", "fake-b"])
def test_two_that_offer_the_same_name_are_both_reachable_by_their_distribution(rivals, owner):
    assert rivals.model(f"{owner}:twin:large") == [owner, "large"]
    assert rivals.model(f"{owner}:twin:family:large") == [owner, "family:large"]
    assert rivals.tools(f"{owner}:twin") == [owner]
    assert rivals.executor(f"{owner}:twin") == [owner]
    assert rivals.find("tool", f"{owner}:twin").plugin.distribution == owner


def test_of_two_rivals_only_the_one_asked_for_is_imported(distributions, rivals):
    rivals.find("model", "fake-a:twin")
    assert distributions.imported() == {"faked_fake_a_model_twin"}


def test_a_broken_rival_leaves_the_name_to_the_other(distributions):
    distributions.add("fake-a", {"model.twin": "raise ValueError('broken')"})
    distributions.add("fake-b", {"model.twin": offering("model", "twin")})
    assert distributions.host().model("twin:large") == ("large",)


def test_entry_points_that_share_a_module_are_no_rivals(distributions):
    source = """
        from core_plus import hookimpl
        @hookimpl
        def register_models(register):
            for name in ("one", "two"):
                register(name, lambda *words: words, summary="made anew for each entry point")
    """
    distributions.add("fake-a", {"model.one": source})
    module = distributions.module("fake-a", "model.one")
    distributions.write("fake-b", f"[core_plus]\nmodel.one = {module}\nmodel.two = {module}\n")
    host = distributions.host(block=["fake-a"])
    assert host.model("one:small") == ("small",)
    assert host.model("two:large") == ("large",)
    assert host.model("one:large") == ("large",)


def test_an_unknown_distribution_before_a_known_name_is_refused(rivals):
    with pytest.raises(PluginError, match="no plugin offers tool 'fake-c:twin'"):
        rivals.tools("fake-c:twin")


UNKNOWN = [
    (lambda host: host.model("acne:large"), "no plugin offers model 'acne': did you mean acme"),
    (lambda host: host.model("acne"), "model 'acne': write provider:id; did you mean acme"),
    (lambda host: host.tools("serch"), "no plugin offers tool 'serch': did you mean search"),
    (lambda host: host.make("ui", "rich"), "no plugin offers ui 'rich': no ui is installed"),
    (lambda host: host.executor("box"), "no plugin offers executor 'box': no executor is installed"),
    (lambda host: host.executor("auto"), "no executor can run code here: install core-plus-sandbox or core-plus-monty"),
    (lambda host: host.tools(5), "int 5 stands for no tools: give a Tool, a function or a name"),
]


@pytest.mark.parametrize(("look_up", "message"), UNKNOWN)
def test_what_nobody_offers_is_refused_with_the_closest(look_up, message):
    plugins = [registering("model", acme=list), registering("tool", search=list)]
    with Host(discover=False, plugins=plugins) as host, pytest.raises(PluginError, match=message):
        look_up(host)


def test_objects_stand_for_themselves(host):
    model, executor = object(), object()

    @tool
    def ready() -> str:
        """Do."""
        return ""

    assert host.model(model) is model
    assert host.executor(executor) is executor
    assert host.tools(ready) == [ready]


def test_a_plain_function_becomes_a_tool(host):
    def search(query: str) -> str:
        """Search.

        Args:
            query: What.
        """
        return query

    (made,) = host.tools(search)
    assert (made.name, made("a")) == ("search", "a")


def test_a_tool_may_speak_of_itself(host):
    @tool
    def count(to: int) -> int:
        """Count.

        Args:
            to: How far.
        """
        return 0 if to == 0 else 1 + count(to - 1)

    (made,) = host.tools(count)
    assert made(3) == 3


def test_a_name_may_stand_for_several_tools():
    with Host(discover=False, plugins=[registering("tool", box=lambda: ["a", "b"])]) as host:
        assert host.tools("box") == ["a", "b"]


def test_names_that_nobody_can_list_are_resolved_by_plugins():
    resolver = plugin(
        "hub",
        resolve_model=lambda ref, host: ("model", ref) if ref.startswith("hf:") else None,
        resolve_tools=lambda source: ["a", "b"] if source == {"server": "files"} else None,
    )
    with Host(discover=False, plugins=[resolver, registering("model", acme=str)]) as host:
        assert host.model("hf:org/name") == ("model", "hf:org/name")
        assert host.model("acme:large") == "large"
        assert host.tools({"server": "files"}) == ["a", "b"]


def test_a_resolver_that_raises_is_reported_and_harms_no_other_name():
    def fails(**_):
        raise ValueError("a bug in the resolver")

    broken = plugin("broken", resolve_model=lambda ref: fails(), resolve_tools=lambda source: fails())
    plugins = [broken, registering("model", acme=str), registering("tool", box=lambda: ["a"])]
    with Host(discover=False, plugins=plugins) as host:
        assert host.model("acme:large") == "large"
        assert host.tools("box") == ["a"]
        assert all("broken" in problem and "a bug in the resolver" in problem for problem in host.problems)


def test_a_provider_may_have_its_distribution_s_name(distributions):
    distributions.add("acme", {"model.acme": offering("model", "acme")})
    host = distributions.host()
    assert host.model("acme:large") == ("large",)
    assert host.model("acme:family:large") == ("family:large",)


def test_a_misspelt_setting_is_named():
    def strict(ref, *, config):
        return config

    declare = plugin("mine", register_models=lambda register: register("acme", strict, summary="", config=Settings))
    host = Host(discover=False, plugins=[declare], config={"model.acme": {"base_ulr": "x"}})
    with host, pytest.raises(ConfigurationError, match=r"base_ulr.*base_url"):
        host.model("acme:large")


def test_settings_for_what_nobody_offers_are_refused():
    host = Host(discover=False, plugins=[registering("model", acme=str)], config={"model.acne": {"key": 1}})
    with host, pytest.raises(PluginError, match=r"model\.acne"):
        host.model("acme:large")


def test_a_model_is_made_once_for_a_reference():
    with Host(discover=False, plugins=[registering("model", acme=lambda ref: [ref])]) as host:
        assert host.model("acme:large") is host.model("acme:large")
        assert host.model("acme:small") is not host.model("acme:large")
        assert host.make("model", "acme", "large") is not host.make("model", "acme", "large")


def test_threads_that_look_up_at_once_get_the_same_object(distributions):
    distributions.add("fake-a", {"model.slow": "import time\ntime.sleep(0.05)\n" + offering("model", "slow", "list")})
    host, barrier = distributions.host(), threading.Barrier(8)

    def look_up(_):
        barrier.wait()
        return host.model("slow:x")

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(look_up, range(8)))
    assert all(model is found[0] for model in found)


@attrs.frozen
class Settings:
    """A plugin's settings."""

    base_url: str = "default"
    retries: int = 2


def configured(*args, config=None, **more):
    """A factory that shows what it was given."""
    return args, config, more


@pytest.fixture
def with_config():
    """A host whose settings say something of the model acme."""
    declare = plugin("mine", register_models=lambda register: register("acme", configured, summary="", config=Settings))
    with Host(discover=False, plugins=[declare], config={"model.acme": {"base_url": "mine"}}) as host:
        yield host


def test_a_host_s_config_reaches_the_factory_as_the_plugin_s_settings(with_config):
    assert with_config.model("acme:large") == (("large",), Settings("mine"), {})


def test_settings_of_a_call_go_over_the_host_s(with_config):
    made = with_config.make("model", "acme", "large", base_url="other", retries=5, extra=True)
    assert made == (("large",), Settings("other", 5), {"extra": True})


def test_without_a_settings_class_settings_are_plain_arguments():
    module = registering("model", acme=configured)
    with Host(discover=False, plugins=[module], config={"model.acme": {"base_url": "mine"}}) as host:
        assert host.model("acme:large") == (("large",), None, {"base_url": "mine"})


def test_two_objects_of_one_class_are_two_plugins():
    class Offers:
        def __init__(self, name):
            self.name = name

        @hookimpl
        def register_models(self, register):
            register(self.name, str, summary="x")

    with Host(discover=False, plugins=[Offers("a"), Offers("b")]) as host:
        assert host.names("model") == ["a", "b"]
        assert host.problems == []


# ---- the executor that fits ------------------------------------------------------


def executor(label, preference=0, missing=""):
    """A factory of executors that says what it wants."""

    def make():
        return label

    make.preference, make.missing = preference, lambda: missing
    return make


FITTING = [
    ({"plain": executor("plain"), "wall": executor("wall", 10)}, "wall"),
    ({"plain": executor("plain"), "wall": executor("wall", 10, "no docker")}, "plain"),
    ({"risky": executor("risky", -1), "plain": executor("plain")}, "plain"),
    ({"silent": lambda: "silent"}, "silent"),
]


@pytest.mark.parametrize(("factories", "expected"), FITTING)
def test_auto_is_the_most_preferred_executor_that_can_run_here(factories, expected):
    with Host(discover=False, plugins=[registering("executor", **factories)]) as host:
        assert host.executor("auto") == expected
        assert host.executor("auto") is host.executor(expected)


def test_auto_says_what_each_executor_lacks():
    factories = {"docker": executor("docker", 5, "no docker daemon"), "local": executor("local", -1)}
    with Host(discover=False, plugins=[registering("executor", **factories)]) as host:
        with pytest.raises(PluginError) as caught:
            host.executor("auto")
        assert "docker: no docker daemon" in str(caught.value)
        assert "local: must be asked for by name" in str(caught.value)
        assert host.executor("local") == "local"


def test_auto_passes_over_a_broken_executor(distributions):
    distributions.add("fake-a", {"executor.bad": "raise ValueError('broken')"})
    distributions.add("fake-b", {"executor.good": offering("executor", "good", "lambda: 'good'")})
    host = distributions.host()
    assert host.executor("auto") == "good"
    assert len(host.problems) == 1
