"""What is Podman's own; no engine is needed."""

from importlib.metadata import entry_points

import pytest

import core_plus_podman
from core_plus.errors import ExecutorError
from core_plus.executors import Executor, Setup
from core_plus_podman import PodmanExecutor


def test_it_is_a_sandbox_unless_the_container_is_anothers():
    executor: Executor = PodmanExecutor()
    assert (executor.name, executor.is_sandbox) == ("podman", True)
    assert not PodmanExecutor(container="mine").is_sandbox


def test_the_hosts_proxies_stay_with_the_host():
    assert "--http-proxy=false" in PodmanExecutor.engine.options


def test_the_plugin_declares_an_executor_that_must_be_asked_for(monkeypatch):
    declared = {}

    def register(name, factory, *, summary, config=None):
        declared[name] = factory

    core_plus_podman.register_executors(register)
    factory = declared["podman"]
    assert isinstance(factory(memory="100m"), PodmanExecutor)
    assert factory.preference < 0
    monkeypatch.setenv("PATH", "")
    assert factory.missing() == "the command 'podman' isn't there"
    with pytest.raises(ExecutorError, match="the command 'podman' isn't there: install Podman"):
        PodmanExecutor().open(Setup())
    with pytest.raises(AttributeError, match="no attribute 'Other'"):
        _ = core_plus_podman.Other


def test_the_entry_point_names_kind_and_name():
    found = [point for point in entry_points(group="core_plus") if point.name == "executor.podman"]
    assert [point.value for point in found] == ["core_plus_podman"]
