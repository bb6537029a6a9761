"""Hostile code as tests to inherit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest

from core_plus_testkit.hostile.corpus import Attempt, attempts, sample
from core_plus_testkit.hostile.trial import Factory, Trial

CORPUS = tuple(attempts())
TRIAL = pytest.StashKey[Trial]()


class HostileKit:
    """Inherit it in a test class and give the fixture `executor_factory`.

    It is what makes an executor, and another process must find it by its name: a class, a function of a module, a
    `functools.partial` of these.

    The sample, one attempt of each category, runs by default; the whole corpus is marked slow. An executor that
    is no sandbox names in `deviations` what gets through, by the attempt's id, its category or "all", with the reason.
    """

    deviations: ClassVar[Mapping[str, str]] = {}
    user: ClassVar[int | None] = None
    seconds: ClassVar[float] = 3.0
    memory: ClassVar[int] = 384 << 20

    @pytest.fixture
    def executor_factory(self) -> Factory:
        """What makes the executor under test; override it."""
        raise NotImplementedError(f"{type(self).__name__} must give the fixture `executor_factory`")

    @pytest.fixture
    def trial(self, request: pytest.FixtureRequest, executor_factory: Factory) -> Trial:
        """Where attempts are tried: one for all tests of the class, since it takes a moment to start."""
        group = request.node.getparent(pytest.Class)
        trial: Trial | None = group.stash.get(TRIAL, None)
        if trial is None:
            trial = Trial(executor_factory, seconds=self.seconds, memory=self.memory, user=self.user)
            group.stash[TRIAL] = trial
            group.addfinalizer(trial.close)
        return trial

    def _holds(self, trial: Trial, attempt: Attempt) -> None:
        for name in (attempt.id, attempt.category, "all"):
            if name in self.deviations:
                pytest.skip(f"deviates: {self.deviations[name]}")
        verdict = trial.run(attempt)
        assert verdict.held, f"{verdict}\n{attempt.code}"

    @pytest.mark.parametrize("attempt", sample(CORPUS), ids=lambda attempt: attempt.id)
    def test_one_of_each_category_is_held(self, trial: Trial, attempt: Attempt) -> None:
        self._holds(trial, attempt)

    @pytest.mark.slow
    @pytest.mark.parametrize("attempt", CORPUS, ids=lambda attempt: attempt.id)
    def test_it_is_held(self, trial: Trial, attempt: Attempt) -> None:
        self._holds(trial, attempt)

    def test_each_declared_deviation_is_of_the_corpus(self) -> None:
        known = {"all", *(one.id for one in CORPUS), *(one.category for one in CORPUS)}
        assert sorted(self.deviations.keys() - known) == []
