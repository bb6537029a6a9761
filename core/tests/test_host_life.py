"""A host's life: lifespans entered and left, what it made closed, no thread left behind."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import weakref
from contextlib import contextmanager

import pytest
from fake_distributions import HEAD, plugin
from kernel_doubles import AsyncScripted, call

from core_plus import Host, ToolCallingAgent, tool


def living(name, log, at_start=None, at_end=None):
    """A plugin whose lifespan writes down when it is entered and left, and fails as told."""

    @contextmanager
    def life(host):
        if at_start:
            raise at_start
        log.append(f"enter {name}")
        yield
        log.append(f"leave {name}")
        if at_end:
            raise at_end

    return plugin(name, lifespan=life)


def test_lifespans_are_entered_in_order_and_left_in_reverse():
    log = []
    with Host(discover=False, plugins=[living(name, log) for name in "abc"]) as host:
        assert log == []
        _ = host.plugins
        assert log == ["enter a", "enter b", "enter c"]
        _ = host.plugins
    assert log == ["enter a", "enter b", "enter c", "leave c", "leave b", "leave a"]


def test_a_host_that_was_not_used_enters_no_lifespan():
    log = []
    Host(discover=False, plugins=[living("a", log)]).close()
    assert log == []


def test_a_lifespan_that_fails_at_its_start_is_reported_and_harms_no_other(caplog):
    log = []
    plugins = [living("a", log), living("b", log, at_start=OSError("no disk")), living("c", log)]
    with caplog.at_level(logging.WARNING), Host(discover=False, plugins=plugins) as host:
        _ = host.plugins
        assert len(host.problems) == len(caplog.records) == 1
        assert "OSError: no disk" in host.problems[0]
    assert log == ["enter a", "enter c", "leave c", "leave a"]


def test_a_lifespan_that_fails_at_its_end_is_reported_and_skips_no_other():
    log = []
    plugins = [living("a", log), living("b", log, at_end=OSError("no disk")), living("c", log)]
    with Host(discover=False, plugins=plugins) as host:
        _ = host.plugins
    assert log[3:] == ["leave c", "leave b", "leave a"]
    assert "OSError: no disk" in host.problems[0]


@pytest.mark.parametrize("place", ["at_start", "at_end"])
def test_the_report_of_a_failed_lifespan_names_the_plugin(place):
    with Host(discover=False, plugins=[living("careless", [], **{place: OSError("no disk")})]) as host:
        _ = host.plugins
    assert "careless" in host.problems[0]


def test_a_lifespan_s_clean_up_does_not_swallow_the_user_s_error():
    host = Host(discover=False, plugins=[living("a", [], at_end=OSError("no disk"))])
    _ = host.plugins
    with pytest.raises(ValueError, match="the user's own"), host:
        raise ValueError("the user's own")


def test_a_lifespan_hook_that_raises_is_reported_and_harms_no_other():
    log = []
    bad = plugin("bad", lifespan=lambda host: 1 / 0)
    with Host(discover=False, plugins=[living("a", log), bad, living("c", log)]) as host:
        _ = host.plugins
        assert "ZeroDivisionError" in host.problems[0]
    assert log == ["enter a", "enter c", "leave c", "leave a"]


def test_a_lifespan_may_be_none():
    with Host(discover=False, plugins=[plugin("a", lifespan=lambda: None)]) as host:
        assert len(host.plugins) == 1
        assert host.problems == []


def test_a_plugin_that_loads_later_has_its_lifespan_too(distributions):
    source = HEAD + (
        "from contextlib import contextmanager\n"
        "log = []\n"
        "@contextmanager\n"
        "def life():\n"
        "    log.append('enter')\n"
        "    yield\n"
        "    log.append('leave')\n"
        "@hookimpl\n"
        "def lifespan(host):\n"
        "    return life()\n"
        "@hookimpl\n"
        "def register_models(register):\n"
        "    register('late', lambda ref: log, summary='For a test')\n"
    )
    distributions.add("fake-a", {"model.late": source})
    host = distributions.host()
    assert host.model("late:x") == ["enter"]
    log = host.model("late:x")
    host.close()
    assert log == ["enter", "leave"]


class Closing:
    """Something with a `close`, sync or async, that may fail."""

    def __init__(self, log, name, error=None):
        self.log, self.name, self.error = log, name, error

    def close(self):
        self.log.append(self.name)
        if self.error:
            raise self.error


class AsyncClosing(Closing):
    """The same, async."""

    async def close(self):
        await asyncio.sleep(0)
        super().close()


def offering_closing(log, **classes):
    """A plugin that offers models with a `close`."""

    def declare(register):
        for name, (cls, error) in classes.items():
            register(name, lambda ref, cls=cls, name=name, error=error: cls(log, name, error), summary="x")

    return plugin("closing", register_models=declare)


def test_what_a_host_made_is_closed_with_it_once_and_in_reverse():
    log = []
    with Host(discover=False, plugins=[offering_closing(log, a=(Closing, None), b=(AsyncClosing, None))]) as host:
        for name in ("a:x", "b:x", "a:x"):
            host.model(name)
        assert log == []
    host.close()
    assert log == ["b", "a"]


def test_what_a_caller_made_is_the_caller_s_to_close():
    log = []
    with Host(discover=False) as host:
        host.model(Closing(log, "mine"))
    assert log == []


@pytest.mark.parametrize("cls", [Closing, AsyncClosing])
def test_a_close_that_fails_neither_skips_another_nor_hides_the_user_s_error(cls):
    log = []
    module = offering_closing(log, a=(Closing, None), b=(cls, OSError("no disk")), c=(Closing, None))
    host = Host(discover=False, plugins=[module])
    for name in ("a:x", "b:x", "c:x"):
        host.model(name)
    with pytest.raises(ValueError, match="the user's own"), host:
        raise ValueError("the user's own")
    assert log == ["c", "b", "a"]
    assert "no disk" in host.problems[0]


def thread_of():
    """A tool that says which thread it runs in."""

    @tool
    async def where() -> int:
        """Say where."""
        return threading.get_ident()

    return where


def test_sync_runs_share_one_loop_thread_that_ends_with_the_host():
    before = set(threading.enumerate())
    with Host(discover=False) as host:
        threads = set()
        for _ in range(3):
            model = AsyncScripted([call("where")], [call("final_answer", answer=1)])
            result = ToolCallingAgent(model=model, tools=[thread_of()], host=host).run("Where?")
            threads.add(result.steps[1].calls[0].value)
        assert len(threads) == 1
        assert threads.isdisjoint({threading.get_ident()})
    assert set(threading.enumerate()) <= before


def test_a_host_that_nobody_holds_closes_itself():
    log, before = [], set(threading.enumerate())
    host = Host(discover=False, plugins=[offering_closing(log, a=(Closing, None))])
    host.model("a:x")
    host.workers.submit_async(asyncio.sleep(0)).result()
    (loop_thread,) = set(threading.enumerate()) - before
    gone = weakref.ref(host)
    del host
    gc.collect()
    assert gone() is None
    assert log == ["a"]
    loop_thread.join(5)
    assert not loop_thread.is_alive()


def test_a_host_with_a_lifespan_closes_itself_too():
    log = []

    @contextmanager
    def life():
        log.append("enter a")
        yield
        log.append("leave a")

    host = Host(discover=False, plugins=[plugin("a", lifespan=lambda host: life())])
    _ = host.plugins
    del host
    gc.collect()
    assert log == ["enter a", "leave a"]


def test_work_in_progress_on_the_loop_is_cancelled_when_the_host_closes():
    ended = threading.Event()

    async def long():
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    with Host(discover=False) as host:
        host.workers.submit_async(long())
        host.workers.submit_async(asyncio.sleep(0)).result()
    assert ended.is_set()


def test_two_hosts_share_nothing():
    log = []
    module = offering_closing(log, a=(Closing, None))
    with Host(discover=False, plugins=[module]) as one, Host(discover=False, plugins=[module]) as other:
        assert one.model("a:x") is not other.model("a:x")
        one.close()
        assert log == ["a"]
        assert other.names("model") == ["a"]


def test_the_default_host_is_one_for_the_process():
    from core_plus import default_host

    assert default_host() is default_host()
