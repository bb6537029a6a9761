"""Tools as they are called: arguments by name and position, the run's context, setup, what is refused."""

from __future__ import annotations

import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_plus.context import RunContext
from core_plus.errors import AgentToolCallError
from core_plus.tools import Tool, tool


@dataclass
class Item:
    name: str
    price: float = 0.0


@tool
def order(items: list[Item], count: int = 1, *, mode: Literal["fast", "cheap"] | None = None) -> tuple[Any, ...]:
    """Order.

    Args:
        items: What.
        count: How often.
        mode: How.
    """
    return items, count, mode


@tool
def add(a: int, b: int, /, c: int = 0) -> int:
    """Add.

    Args:
        a: One.
        b: Two.
        c: Three.
    """
    return a + b * 10 + c * 100


@tool
def shift(a: int = 1, b: int = 2, /) -> tuple[int, int]:
    """Shift.

    Args:
        a: One.
        b: Two.
    """
    return a, b


BOUND = [
    ((), {"items": [{"name": "tea", "price": "2.5"}]}, {"items": [Item("tea", 2.5)]}),
    ((), {"items": '[{"name": "tea"}]', "count": "2"}, {"items": [Item("tea")], "count": 2}),
    (([Item("tea")],), {}, {"items": [Item("tea")]}),
    (([], 2), {"mode": "fast"}, {"items": [], "count": 2, "mode": "fast"}),
    (((Item("tea"),), np.int64(3)), {}, {"items": [Item("tea")], "count": 3}),
    (([],), {"mode": None}, {"items": [], "mode": None}),
]


@pytest.mark.parametrize(("args", "kwargs", "expected"), BOUND)
def test_arguments_are_made_to_fit(args, kwargs, expected):
    assert order.bind(args, kwargs) == expected


REFUSED = [
    ((), {}, "order: items is missing"),
    ((), {"items": [], "cuont": 1}, "there is no argument 'cuont': did you mean 'count'?"),
    ((), {"items": [], "z": 1}, "there is no argument 'z': there is items, count, mode"),
    ((), {"items": [], "count": "two"}, "count: expected int, got str 'two'"),
    ((), {"items": None}, "items: expected list[Item], got None"),
    ((), {"items": [{"name": "a"}, {"name": "b", "price": "x"}]}, "items[1].price: expected float, got str 'x'"),
    (([], 1, "fast"), {}, "it takes 2 arguments by position, not 3"),
    (([],), {"items": []}, "items is given twice"),
    ((), {"items": [], "mode": "slow"}, "mode: expected Literal['fast', 'cheap'], got str 'slow'"),
]


@pytest.mark.parametrize(("args", "kwargs", "words"), REFUSED)
def test_what_does_not_fit_is_refused_by_name_with_the_form_of_the_call(args, kwargs, words):
    with pytest.raises(AgentToolCallError) as caught:
        order.bind(args, kwargs)
    assert words in str(caught.value)
    assert str(caught.value).endswith("It is " + order.signature())


def test_all_that_does_not_fit_is_said_at_once():
    with pytest.raises(AgentToolCallError) as caught:
        order.bind((), {"count": "two", "mode": 5, "more": 1})
    words = str(caught.value)
    assert all(part in words for part in ("count: ", "mode: ", "'more'", "items is missing"))


def test_none_for_what_may_be_left_out_counts_as_left_out():
    assert order.bind((), {"items": [], "count": None}) == {"items": []}
    assert order(items=[], count=None) == ([], 1, None)


def test_a_tool_is_still_called_as_its_function():
    assert add(1, 2) == 21
    assert add(1, 2, c=3) == 321
    assert add("1", 2.0) == 21


def test_arguments_by_position_only_may_be_named_by_a_model():
    assert add.invoke(add.bind((), {"a": 1, "b": 2, "c": 3})) == 321
    assert shift.invoke(shift.bind((), {"b": 5})) == (1, 5)


class Stateful(Tool):
    name = "stateful"
    description = "Keeps a state."
    inputs = {"x": {"type": "integer", "description": "It."}}
    output_type = "integer"

    def __init__(self, fails: int = 0) -> None:
        self.setups, self.fails = 0, fails

    def setup(self) -> None:
        self.setups += 1
        if self.setups <= self.fails:
            raise ConnectionError("not yet")

    def forward(self, x: int) -> int:
        return x + self.setups


def test_setup_runs_once_before_the_first_call():
    made = Stateful()
    assert made.setups == 0
    assert (made(1), made.invoke({"x": 1})) == (2, 2)


def test_a_setup_that_failed_is_tried_again():
    made = Stateful(fails=1)
    with pytest.raises(ConnectionError):
        made(1)
    assert made(1) == 3


def test_threads_wait_for_one_setup():
    barrier, inside = threading.Barrier(8), []

    class Slow(Stateful):
        def setup(self) -> None:
            inside.append(1)
            threading.Event().wait(0.05)
            super().setup()

    made = Slow()

    def call(number: int) -> int:
        barrier.wait()
        return made(number)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(call, range(8))) == list(range(1, 9))
    assert len(inside) == 1


def test_a_tool_that_was_used_can_be_copied_and_pickled():
    made = Stateful()
    made(1)
    assert copy.deepcopy(made)(1) == 2
    assert pickle.loads(pickle.dumps(made))(1) == 2


@tool
def about(run: RunContext[Any], query: Annotated[str, "What."], n: Annotated[int, "How many."] = 1) -> Any:
    """Say."""
    return run, query, n


@tool
def about_last(query: Annotated[str, "What."], *, run: RunContext[Any]) -> Any:
    """Say."""
    return run, query


CONTEXT: Any = RunContext(run=None)  # type: ignore[arg-type]


def test_the_run_s_context_is_filled_in():
    assert about.bind(("a",), {}, CONTEXT) == {"run": CONTEXT, "query": "a"}
    assert about_last.bind(("a",), {}, CONTEXT) == {"run": CONTEXT, "query": "a"}


def test_a_model_cannot_give_the_context_itself():
    with pytest.raises(AgentToolCallError, match="no argument 'run'"):
        about.bind((), {"query": "a", "run": "mine"}, CONTEXT)


def test_a_person_gives_the_context_as_the_argument_that_it_is():
    assert about(CONTEXT, "a", "2") == (CONTEXT, "a", 2)
    assert about(query="a", run=CONTEXT) == (CONTEXT, "a", 1)
    assert about_last("a", run=CONTEXT) == (CONTEXT, "a")


class Typed(Tool):
    name = "typed"
    description = "With the run."
    inputs = {"query": {"type": "string", "description": "What."}}
    output_type = "any"

    def forward(self, query: str, run: RunContext[Any]) -> Any:
        return run, query


def test_a_class_with_inputs_may_ask_for_the_context_too():
    made = Typed()
    assert made.invoke(made.bind((), {"query": "a"}, CONTEXT)) == (CONTEXT, "a")


@tool(secret=True)
def unlock(code: Annotated[int, "The code."], items: Annotated[list[Item], "What."]) -> bool:
    """Unlock."""
    return True


@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=5))
def test_an_error_of_a_secret_tool_holds_no_value(value):
    with pytest.raises(AgentToolCallError) as caught:
        unlock.bind((), {"code": value, "items": [{"name": value, "price": value}]})
    assert value not in str(caught.value)
    assert "code: expected int, got str;" in str(caught.value)


@given(
    st.dictionaries(
        st.sampled_from(["items", "count", "mode", "other"]),
        st.none() | st.integers() | st.text() | st.lists(st.text()),
    )
)
def test_whatever_a_model_sends_is_either_bound_or_refused(arguments):
    try:
        bound = order.bind((), arguments)
    except AgentToolCallError:
        return
    assert bound.keys() <= {"items", "count", "mode"}
    assert order.bind((), bound) == bound


def test_a_generator_is_handed_back_to_be_performed():
    @tool
    def ask(words: Annotated[str, "What."]) -> Any:
        """Ask."""
        answer = yield words
        return answer

    effects = ask("who?")
    assert next(effects) == "who?"


@dataclass
class Counter:
    count: int = field(default=0)

    def step(self, by: int) -> int:
        """Count on.

        Args:
            by: How far.
        """
        self.count += by
        return self.count


def test_a_bound_method_works_on_its_object():
    counter = Counter()
    step = tool(counter.step)
    assert (step("2"), step(by=3), counter.count) == (2, 5, 5)
