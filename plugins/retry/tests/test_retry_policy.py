"""When a failed call is made again."""

from __future__ import annotations

import pytest

from core_plus import (
    AuthenticationError,
    ConfigurationError,
    Host,
    ModelConnectionError,
    ModelError,
    OverloadedError,
    PluginError,
    RateLimitError,
    ServerError,
    ToolCallingAgent,
)
from core_plus.effects import CallModel
from core_plus.events import Warned
from core_plus.models import ModelRequest
from core_plus_retry import Policy, Retrying
from core_plus_retry.policy import policy_of
from core_plus_scripted import ScriptedModel


class FakeRun:
    def __init__(self):
        self.notes = {}


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def waits(clock):
    """The waits that a policy gives as one call fails again and again, the clock going on meanwhile."""

    def waited(policy, error, *, chance=1.0, took=0.0, most=20):
        retrying, run, found = Retrying(policy, clock=clock, chance=lambda: chance), FakeRun(), []
        effect = CallModel(request=ModelRequest(()), id="1")
        for attempt in range(1, most):
            again = retrying.retry_effect(run, effect, error, attempt)
            if again is None:
                return found
            found.append(again.after)
            clock.now += again.after + took
        raise AssertionError("it never ends")

    return waited


def test_each_wait_may_be_twice_as_long_as_the_one_before_up_to_the_most(waits):
    assert waits(Policy(attempts=7, first=1, most=10), OverloadedError("")) == [1, 2, 4, 8, 10, 10]


@pytest.mark.parametrize("chance", [0.0, 0.25, 0.999])
def test_any_time_up_to_that_is_as_likely(waits, chance):
    assert waits(Policy(attempts=4, first=1), ServerError(""), chance=chance) == [chance, 2 * chance, 4 * chance]


def test_a_wait_counts_from_when_the_provider_asks_to_be_tried_again(waits):
    assert waits(Policy(attempts=3, first=1), RateLimitError("", retry_after=7), chance=0.5) == [7.5, 8]


def test_a_provider_that_asks_to_wait_beyond_the_budget_is_not_asked_again(waits):
    assert waits(Policy(budget=60), RateLimitError("", retry_after=3600)) == []


def test_the_budget_counts_what_the_attempts_took(waits):
    assert waits(Policy(attempts=99, first=1, most=1, budget=30), ModelConnectionError(""), took=9.5) == [1, 1, 1]


def test_one_call_does_not_spend_the_budget_of_another(clock):
    retrying, run = Retrying(Policy(budget=10), clock=clock, chance=lambda: 1.0), FakeRun()
    for number in range(5):
        effect = CallModel(request=ModelRequest(()), id=str(number))
        assert retrying.retry_effect(run, effect, OverloadedError(""), 1) is not None
        clock.now += 60


@pytest.mark.parametrize(
    "error", [AuthenticationError("no key"), ModelError("odd"), OverloadedError("cut", partial=True)]
)
def test_what_will_not_get_better_is_not_tried_again(waits, error):
    assert waits(Policy(), error) == []


def test_one_attempt_never_retries(waits):
    assert waits(Policy(attempts=1), OverloadedError("")) == []


@pytest.mark.parametrize(
    "settings", [{"attempts": 0}, {"attempts": 1.5}, {"first": -1}, {"most": float("inf")}, {"budget": "long"}]
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ConfigurationError, match=next(iter(settings))):
        Policy(**settings)


def test_settings_come_from_the_host_then_from_the_environment(monkeypatch):
    monkeypatch.setenv("CORE_PLUS_RETRY_ATTEMPTS", "9")
    monkeypatch.setenv("CORE_PLUS_RETRY_MOST", "5.5")
    with Host(discover=False) as host:
        assert policy_of(host) == Policy(attempts=9, most=5.5)
    with Host(config={"hooks.retry": {"attempts": 2}}) as host:
        assert policy_of(host) == Policy(attempts=2, most=5.5)


def test_a_setting_that_does_not_exist_stops_everything_before_it_starts():
    with Host(config={"hooks.retry": {"atempts": 2}}) as host, pytest.raises(PluginError, match=r"'atempts'.*attempts"):
        _ = host.plugins


def test_a_variable_that_is_no_number_is_reported_by_its_name(monkeypatch):
    monkeypatch.setenv("CORE_PLUS_RETRY_BUDGET", "long")
    with Host(discover=False) as host, pytest.raises(ConfigurationError, match="CORE_PLUS_RETRY_BUDGET='long'"):
        policy_of(host)


def test_an_installed_retry_makes_a_run_patient():
    model = ScriptedModel([RateLimitError("slow down", retry_after=0.01), OverloadedError("full"), "fine"])
    with Host(config={"hooks.retry": {"first": 0.01}}) as host:
        result = ToolCallingAgent(model=model, host=host).run("do", max_steps=1, observers=[seen := Seen()])
        assert len(model.requests) >= 3
        assert result.state != "failed"
    assert "attempt 1 of 4: trying again in 0.0" in seen.warnings[0]
    assert "slow down" in seen.warnings[0]


class Seen:
    def __init__(self):
        self.warnings = []

    def observe(self, event):
        if isinstance(event, Warned):
            self.warnings.append(event.text)
