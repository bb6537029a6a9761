"""What is particular to Modal: its settings, its token, the life of its sandboxes."""

import gc
import threading
import time
from importlib.metadata import entry_points

import pytest

import core_plus_modal
from core_plus.errors import ExecutorError
from core_plus.executors import Done, Executor, Limits, Paused, Setup
from core_plus_modal import ModalExecutor, remote

KEY = "as-0123456789"


def ours() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("core-plus-modal")}


def wait_until(holds) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_says_that_it_is_a_sandbox(modal_executor):
    executor: Executor = modal_executor
    assert (executor.name, executor.is_sandbox, executor.imports) == ("modal", True, None)


def test_its_settings_reach_the_service(service):
    from modal_double import App

    executor = ModalExecutor(app="mine", packages=["numpy"], env={"MODE": "test"}, cpu=0.5, block_network=True)
    session = executor.open(Setup())
    (sandbox,) = service.made
    image = sandbox.options.pop("image")
    assert type(image).__name__ == "Image"
    assert App.looked_up == [("mine", None, True)]
    assert sandbox.options == {
        "args": (),
        "app": "mine",
        "client": None,
        "env": {"MODE": "test"},
        "tags": {},
        "timeout": 3600,
        "idle_timeout": 60,
        "cpu": 0.5,
        "memory": None,
        "gpu": None,
        "block_network": True,
    }
    done = session.start("import os\nos.environ['MODE'], 'MODAL_TOKEN_ID' in os.environ")
    assert isinstance(done, Done)
    assert done.value == ("test", False)
    session.close()
    assert sandbox.is_over
    assert sandbox.is_detached
    wait_until(lambda: not ours())


def test_a_session_that_nobody_closes_takes_its_sandbox_with_it(modal_executor, service):
    session = modal_executor.open(Setup())
    (sandbox,) = service.made
    del session
    gc.collect()
    wait_until(lambda: sandbox.is_over and not ours())


def test_a_lost_worker_takes_its_sandbox_with_it_and_the_next_snippet_gets_another(modal_executor, service):
    session = modal_executor.open(Setup())
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


def test_the_relay_hears_from_a_session_that_lives(modal_executor, monkeypatch):
    beats: list[float] = []
    beat = remote.Stdin.beat
    monkeypatch.setattr(remote, "EVERY", 0.05)
    monkeypatch.setattr(remote.Stdin, "beat", lambda stdin: (beats.append(1), beat(stdin)))
    session = modal_executor.open(Setup())
    wait_until(lambda: len(beats) > 1)
    done = session.start("1 + 1")
    assert isinstance(done, Done)
    assert done.value == 2
    session.close()


def test_a_sandbox_that_ends_by_itself_is_told(modal_executor, service):
    session = modal_executor.open(Setup(functions=("f",)))
    assert isinstance(session.start("f()"), Paused)
    service.made[0].terminate()
    done = session.resume([])
    assert isinstance(done, Done)
    assert done.error is not None
    assert done.error.kind == "Lost"
    session.close()


def test_a_worker_ends_when_the_relay_hears_nothing_more(modal_executor, service):
    """As when the host was killed: its end of the stream is closed, or says nothing for long."""
    session = modal_executor.open(Setup())
    (popen,) = service.made[0].popens
    popen.stdin.close()
    assert popen.wait(20) in (0, 137)
    session.close()


def test_an_image_without_python_is_told(service):
    with pytest.raises(ExecutorError, match=r"the worker can't be started.*no-such-python"):
        ModalExecutor(python="no-such-python").open(Setup())
    assert service.made[0].is_over


def test_half_a_token_is_refused():
    with pytest.raises(ExecutorError, match="two halves"):
        ModalExecutor(token_id="ak-0123456789")


def test_the_token_is_used_and_never_seen(service, monkeypatch):
    given: list[tuple[str, str]] = []
    monkeypatch.setattr("modal.client.Client.from_credentials", lambda *halves: given.append(halves))
    executor = ModalExecutor(token_id="ak-0123456789", token_secret=KEY)
    assert KEY not in f"{executor!r} {vars(executor)!r}"
    service.refusal = RuntimeError(f"401: {KEY} is no token")
    with pytest.raises(ExecutorError, match=r"Modal gives no sandbox: RuntimeError: 401: \*\*\* is no token"):
        executor.open(Setup())
    assert given == [("ak-0123456789", KEY)]


def test_without_a_token_it_says_what_to_do(service):
    from modal.exception import AuthError

    service.refusal = AuthError("Token missing")
    with pytest.raises(ExecutorError, match="set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET"):
        ModalExecutor().open(Setup())


def test_what_cant_be_held_is_refused(modal_executor):
    with pytest.raises(ExecutorError, match=r"can't hold limits\.processes=5"):
        modal_executor.open(Setup(limits=Limits(processes=5)))


def test_its_limits_stand_in_for_those_of_the_session(service):
    session = ModalExecutor(limits=Limits(seconds=0.3)).open(Setup())
    done = session.start("while True: pass")
    assert isinstance(done, Done)
    assert done.error is not None
    assert "0.3 s" in done.error.message
    session.close()


def test_a_closed_executor_opens_nothing(modal_executor):
    modal_executor.close()
    with pytest.raises(ExecutorError, match="closed"):
        modal_executor.open(Setup())


def test_the_plugin_declares_the_executor_and_makes_it():
    declared = {}

    def register(name, factory, *, summary, config=None):
        declared[name] = (factory, summary)

    core_plus_modal.register_executors(register)
    factory, _ = declared["modal"]
    assert isinstance(factory(app="a"), ModalExecutor)
    with pytest.raises(AttributeError, match="no attribute 'Other'"):
        _ = core_plus_modal.Other


def test_the_entry_point_names_kind_and_name():
    found = [point for point in entry_points(group="core_plus") if point.name == "executor.modal"]
    assert [point.value for point in found] == ["core_plus_modal"]
