"""Ordinary code as tests to inherit: what it prints and gives must be what CPython's own prints and gives."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import ClassVar

import pytest

from core_plus.executors import Done
from core_plus_testkit.executor_kit.base import Base, Open
from core_plus_testkit.ordinary.canonical import canonical
from core_plus_testkit.ordinary.corpus import Snippet, language_features, snippets
from core_plus_testkit.ordinary.native import Ran, natively

CORPUS = tuple(snippets())
FIRST = tuple({snippet.room: snippet for snippet in reversed(CORPUS)}.values())
"""One snippet of each room: a quick look."""

NATIVE = pytest.StashKey[dict[str, list[Ran]]]()


def installed(snippet: Snippet) -> bool:
    """Whether the libraries that it needs are there."""
    return all(importlib.util.find_spec(name) for name in snippet.needs)


def differences(ran: Sequence[Ran], done: Sequence[Done]) -> list[str]:
    """What an executor does otherwise than Python itself, in words.

    Args:
        ran: What Python did with each cell.
        done: What the executor did.
    """
    found = []
    for number, (own, its) in enumerate(zip(ran, done, strict=True), 1):
        error, value = its.error.kind if its.error else "", canonical(its.value)
        if own.error != error:
            text = its.error.message if its.error else ""
            found.append(f"cell {number} raised {error or 'nothing'} {text!r:.300}, Python {own.error or 'nothing'}")
        if own.stdout != its.stdout:
            found.append(f"cell {number} printed {its.stdout!r:.500}, Python {own.stdout!r:.500}")
        if own.has_value != (its.value is not None):
            found.append(f"cell {number} gave {its.value!r:.200}; in Python it has a value: {own.has_value}")
        elif None not in (own.value, value) and own.value != value:
            found.append(f"cell {number} gave {value:.500}, Python {own.value:.500}")
    return found


class OrdinaryKit(Base):
    """Inherit it in a test class and give the fixture `executor`, as for `ExecutorKit`.

    One snippet of each room and the features of the language run by default; the whole corpus is marked slow. What
    an executor can't run it names: a snippet's id or its room in `deviations`, a feature in `missing_features`.
    """

    missing_features: ClassVar[Mapping[str, str]] = {}
    imports: ClassVar[tuple[str, ...] | None] = ("*",)

    @pytest.fixture(autouse=True)
    def _declared(self, request: pytest.FixtureRequest) -> None:
        """Deviations are snippets here, not tests."""

    def _ran(self, snippet: Snippet, config: pytest.Config) -> list[Ran]:
        """What Python itself does with a snippet: found out once, for a whole room together."""
        known = config.stash.setdefault(NATIVE, {})
        if snippet.id not in known:
            group = FIRST if snippet in FIRST else [one for one in CORPUS if one.room == snippet.room]
            wanted = [one for one in group if installed(one)]
            needs = sorted({name for one in wanted for name in one.needs})
            found = natively([one.cells for one in wanted], needs)
            known.update({one.id: ran for one, ran in zip(wanted, found, strict=True)})
        return known[snippet.id]

    def _agrees(self, snippet: Snippet, opened: Open, config: pytest.Config) -> None:
        for name in (snippet.id, snippet.room):
            if name in self.deviations:
                pytest.skip(f"deviates: {self.deviations[name]}")
        if not installed(snippet):
            pytest.skip(f"needs {', '.join(snippet.needs)}")
        session = opened(imports=self.imports)
        done = [session.run(cell) for cell in snippet.cells]
        found = differences(self._ran(snippet, config), done)
        assert not found, "\n".join([*found, *snippet.cells])

    @pytest.mark.parametrize("snippet", FIRST, ids=lambda snippet: snippet.id)
    def test_one_snippet_of_each_kind_does_what_python_does(
        self, snippet: Snippet, opened: Open, pytestconfig: pytest.Config
    ) -> None:
        self._agrees(snippet, opened, pytestconfig)

    @pytest.mark.slow
    @pytest.mark.parametrize("snippet", CORPUS, ids=lambda snippet: snippet.id)
    def test_it_does_what_python_does(self, snippet: Snippet, opened: Open, pytestconfig: pytest.Config) -> None:
        self._agrees(snippet, opened, pytestconfig)

    def test_the_features_of_the_language_run(self, opened: Open) -> None:
        failed = {}
        for name, code in language_features().items():
            session = opened(imports=self.imports)
            done = session.run(code)
            session.close()
            if done.error is not None:
                failed[name] = f"{done.error.kind}: {done.error.message}"
        absent = {name for name in failed if failed[name].startswith("ModuleNotFoundError: No module named")}
        absent = {name for name in absent if not importlib.util.find_spec(failed[name].split("'")[1].partition(".")[0])}
        assert {name: why for name, why in failed.items() if name not in {*self.missing_features, *absent}} == {}

    def test_each_declared_deviation_is_a_test_of_the_kit(self) -> None:
        known = {name for snippet in CORPUS for name in (snippet.id, snippet.room)}
        assert sorted(self.deviations.keys() - known) == []
        assert sorted(self.missing_features.keys() - language_features().keys()) == []
