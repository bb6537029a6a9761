"""What is particular to E2B: its settings, its key, the life of its sandboxes."""

import pytest

from core_plus.errors import ExecutorError
from core_plus.executors import Done, Limits, Setup
from core_plus_e2b import E2BExecutor, remote
from core_plus_testkit.executor_kit.containers import soon

KEY = "e2b_0123456789"


def test_its_settings_reach_the_service(service):
    executor = E2BExecutor(
        api_key=KEY, template="mine", lease=60, env={"MODE": "test"}, metadata={"run": "1"}, internet=False
    )
    session = executor.open(Setup())
    (sandbox,) = service.made
    assert sandbox.options == {
        "template": "mine",
        "timeout": 60,
        "metadata": {"run": "1"},
        "envs": {"MODE": "test"},
        "allow_internet_access": False,
        "api_key": KEY,
    }
    done = session.start("import os\nos.environ['MODE'], 'E2B_API_KEY' in os.environ")
    assert isinstance(done, Done)
    assert done.value == ("test", False)
    session.close()
    assert sandbox.is_over


def test_the_lease_is_renewed_while_the_session_lives(e2b_executor, service, monkeypatch):
    monkeypatch.setattr(remote, "EVERY", 0.05)
    session = e2b_executor.open(Setup())
    (sandbox,) = service.made
    assert soon(lambda: len(sandbox.leases) > 1)
    assert set(sandbox.leases) == {300}
    session.close()


def test_packages_are_installed_before_the_worker_starts(service):
    with pytest.raises(ExecutorError, match=r"packages=.'no-such-option.* can't be installed") as caught:
        E2BExecutor(api_key=KEY, packages=["no-such-option==1", "--no-index"]).open(Setup())
    assert KEY not in str(caught.value)
    assert service.made[0].is_over


def test_a_template_without_python_is_told(service):
    with pytest.raises(ExecutorError, match=r"(?s)the worker didn't start.*no-such-python"):
        E2BExecutor(api_key=KEY, python="no-such-python").open(Setup())
    assert service.made[0].is_over


def test_without_a_key_it_says_what_to_do(service, monkeypatch):
    monkeypatch.delenv("E2B_API_KEY", raising=False)
    with pytest.raises(ExecutorError, match="set E2B_API_KEY, or give the executor api_key="):
        E2BExecutor().open(Setup())
    monkeypatch.setenv("E2B_API_KEY", KEY)
    session = E2BExecutor().open(Setup())
    assert service.made[0].options["api_key"] == KEY
    session.close()


def test_the_key_is_never_seen(service):
    executor = E2BExecutor(api_key=KEY)
    assert KEY not in f"{executor!r} {vars(executor)!r}"
    service.refusal = RuntimeError(f"401: {KEY} is no key")
    with pytest.raises(ExecutorError, match=r"E2B gives no sandbox: RuntimeError: 401: \*\*\* is no key"):
        executor.open(Setup())


def test_its_limits_stand_in_for_those_of_the_session(service):
    session = E2BExecutor(api_key=KEY, limits=Limits(seconds=0.3)).open(Setup())
    done = session.start("while True: pass")
    assert isinstance(done, Done)
    assert done.error is not None
    assert "0.3 s" in done.error.message
    session.close()


def test_what_comes_that_the_relay_didnt_write_is_refused():
    lines = remote.Lines(lambda data: None)
    with pytest.raises(ValueError, match=r"base64|padding"):
        lines.add("no base64!\n")
