"""What is particular to E2B: its settings, its key, the life of its sandboxes."""

import gc
import threading
import time
from importlib.metadata import entry_points

import pytest

import core_plus_e2b
from core_plus.errors import ExecutorError
from core_plus.executors import Done, Executor, Limits, Paused, Setup
from core_plus_e2b import E2BExecutor, remote

KEY = "e2b_0123456789"


def ours() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("core-plus-e2b")}


def wait_until(holds) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_says_that_it_is_a_sandbox(e2b_executor):
    executor: Executor = e2b_executor
    assert (executor.name, executor.is_sandbox, executor.imports) == ("e2b", True, None)


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
    wait_until(lambda: not ours())


def test_a_session_that_nobody_closes_takes_its_sandbox_with_it(e2b_executor, service):
    session = e2b_executor.open(Setup())
    (sandbox,) = service.made
    del session
    gc.collect()
    wait_until(lambda: sandbox.is_over and not ours())


def test_a_lost_worker_takes_its_sandbox_with_it_and_the_next_snippet_gets_another(e2b_executor, service):
    session = e2b_executor.open(Setup())
    done = session.start("import os\nos._exit(3)")
    assert isinstance(done, Done)
    assert done.error is not None
    assert (done.error.kind, "exit status 3" in done.error.message) == ("Lost", True)
    done = session.start("1 + 1")
    assert isinstance(done, Done)
    assert done.value == 2
    first, second = service.made
    wait_until(lambda: first.is_over)
    assert not second.is_over
    session.close()


def test_the_lease_is_renewed_while_the_session_lives(e2b_executor, service, monkeypatch):
    monkeypatch.setattr(remote, "EVERY", 0.05)
    session = e2b_executor.open(Setup())
    (sandbox,) = service.made
    wait_until(lambda: len(sandbox.leases) > 1)
    assert set(sandbox.leases) == {300}
    session.close()


def test_a_sandbox_that_ends_by_itself_is_told(e2b_executor, service):
    session = e2b_executor.open(Setup(functions=("f",)))
    assert isinstance(session.start("f()"), Paused)
    service.made[0].kill()
    done = session.resume([])
    assert isinstance(done, Done)
    assert done.error is not None
    assert done.error.kind == "Lost"
    session.close()


def test_a_worker_ends_when_the_relay_hears_nothing_more(e2b_executor, service):
    """As when the host was killed: its end of the stream is closed, or says nothing for long."""
    session = e2b_executor.open(Setup())
    (popen,) = service.made[0].popens
    popen.stdin.close()
    assert popen.wait(20) in (0, 137)
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


def test_what_cant_be_held_is_refused(e2b_executor):
    with pytest.raises(ExecutorError, match=r"can't hold limits\.processes=5"):
        e2b_executor.open(Setup(limits=Limits(processes=5)))


def test_its_limits_stand_in_for_those_of_the_session(service):
    session = E2BExecutor(api_key=KEY, limits=Limits(seconds=0.3)).open(Setup())
    done = session.start("while True: pass")
    assert isinstance(done, Done)
    assert done.error is not None
    assert "0.3 s" in done.error.message
    session.close()


def test_a_closed_executor_opens_nothing(e2b_executor):
    e2b_executor.close()
    with pytest.raises(ExecutorError, match="closed"):
        e2b_executor.open(Setup())


def test_what_comes_that_the_relay_didnt_write_is_refused():
    lines = remote.Lines(lambda data: None)
    with pytest.raises(ValueError, match=r"base64|padding"):
        lines.add("no base64!\n")


def test_the_plugin_declares_the_executor_and_makes_it():
    declared = {}

    def register(name, factory, *, summary, config=None):
        declared[name] = (factory, summary)

    core_plus_e2b.register_executors(register)
    factory, _ = declared["e2b"]
    assert isinstance(factory(template="a"), E2BExecutor)
    with pytest.raises(AttributeError, match="no attribute 'Other'"):
        _ = core_plus_e2b.Other


def test_the_entry_point_names_kind_and_name():
    found = [point for point in entry_points(group="core_plus") if point.name == "executor.e2b"]
    assert [point.value for point in found] == ["core_plus_e2b"]
