"""What is particular to Modal: its settings, its token, the life of its sandboxes."""

import pytest

from core_plus.errors import ExecutorError
from core_plus.executors import Done, Limits, Setup
from core_plus_modal import ModalExecutor, remote
from core_plus_testkit.executor_kit.containers import soon

KEY = "as-0123456789"


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


def test_the_relay_hears_from_a_session_that_lives(modal_executor, monkeypatch):
    beats: list[float] = []
    beat = remote.Stdin.beat
    monkeypatch.setattr(remote, "EVERY", 0.05)
    monkeypatch.setattr(remote.Stdin, "beat", lambda stdin: (beats.append(1), beat(stdin)))
    session = modal_executor.open(Setup())
    assert soon(lambda: len(beats) > 1)
    done = session.start("1 + 1")
    assert isinstance(done, Done)
    assert done.value == 2
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


def test_its_limits_stand_in_for_those_of_the_session(service):
    session = ModalExecutor(limits=Limits(seconds=0.3)).open(Setup())
    done = session.start("while True: pass")
    assert isinstance(done, Done)
    assert done.error is not None
    assert "0.3 s" in done.error.message
    session.close()
