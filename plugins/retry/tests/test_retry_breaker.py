"""A model that fails again and again is left alone for a while."""

from __future__ import annotations

import threading

import pytest

from core_plus_retry.breaker import Breaker


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breaker(clock):
    return Breaker(failures=3, window=60, rest=30, clock=clock)


def fail(breaker, times):
    for _ in range(times):
        breaker.failed()


def test_it_opens_after_so_many_failures(breaker):
    fail(breaker, 2)
    assert breaker.enter() == 0
    fail(breaker, 1)
    assert breaker.enter() == 30


def test_failures_that_lie_far_apart_do_not_open_it(breaker, clock):
    for _ in range(10):
        fail(breaker, 1)
        clock.now += 31
    assert breaker.enter() == 0


def test_a_success_begins_the_count_anew(breaker):
    fail(breaker, 2)
    breaker.succeeded()
    fail(breaker, 2)
    assert breaker.enter() == 0


def test_after_a_rest_one_call_may_try_and_only_one(breaker, clock):
    fail(breaker, 3)
    clock.now = 30
    assert breaker.enter() == 0
    assert breaker.enter() == 30


def test_a_try_that_succeeds_closes_it(breaker, clock):
    fail(breaker, 3)
    clock.now = 30
    breaker.enter()
    breaker.succeeded()
    assert [breaker.enter() for _ in range(5)] == [0] * 5


def test_a_try_that_fails_opens_it_again(breaker, clock):
    fail(breaker, 3)
    clock.now = 30
    breaker.enter()
    clock.now = 40
    fail(breaker, 1)
    assert breaker.enter() == 30


def test_a_try_that_was_abandoned_leaves_it_to_the_next(breaker, clock):
    fail(breaker, 3)
    clock.now = 30
    breaker.enter()
    breaker.abandoned()
    assert breaker.enter() == 0


def test_a_try_that_nobody_hears_of_again_blocks_no_longer_than_a_rest(breaker, clock):
    fail(breaker, 3)
    clock.now = 30
    breaker.enter()
    clock.now = 60
    assert breaker.enter() == 0


def test_of_many_threads_one_tries(breaker, clock):
    fail(breaker, 3)
    clock.now = 30
    passed, gate = [], threading.Barrier(16)

    def ask():
        gate.wait()
        if breaker.enter() == 0:
            passed.append(threading.get_ident())

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 1
