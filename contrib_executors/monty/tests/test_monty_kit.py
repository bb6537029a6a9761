"""Monty keeps the contract, but for what the language that it runs has no words for."""

from collections.abc import Iterator
from typing import ClassVar, Final

import pytest

from core_plus_monty import MontyExecutor
from core_plus_testkit.executor_kit import ExecutorKit

MAP: Final = "a builtin such as map can't call a function of the host in Monty"
CLASSES: Final = "Monty has no classes that inherit, and so no exceptions of one's own"
THREADS: Final = "Monty has no threads"
MODULE: Final = "Monty hasn't that module or part of a module"
TYPE: Final = "Monty has no such type: it is refused by an error"
CYCLE: Final = "Monty gives a value that contains itself with '[...]' in its place"
HEAP: Final = "Monty promises nothing of the variables of code that was stopped while it computed: they are given up"

CASES: Final = {
    "test_a_function_can_be_awaited[gathered by map]": MAP,
    "test_a_function_can_be_awaited[as a task]": MODULE,
    "test_a_function_can_be_awaited[with a time limit]": MODULE,
    "test_a_function_can_be_awaited[as completed]": MODULE,
    "test_several_calls_are_open_at_once_and_answered_in_any_order[first to last-threads]": THREADS,
    "test_several_calls_are_open_at_once_and_answered_in_any_order[last to first-threads]": THREADS,
    "test_it_is_said_when_only_an_answer_makes_the_code_go_on[threads]": THREADS,
    "test_it_isnt_said_while_more_calls_are_to_come[threads]": THREADS,
    "test_a_value_crosses_both_ways_unchanged[half a surrogate pair]": TYPE,
    "test_a_value_crosses_both_ways_unchanged[a bytearray]": TYPE,
    "test_a_value_crosses_both_ways_unchanged[a range]": TYPE,
    "test_a_value_crosses_both_ways_unchanged[a Fraction]": TYPE,
    "test_a_value_crosses_both_ways_unchanged[a UUID]": TYPE,
    "test_what_code_makes_reaches_the_host['\\\\ud800']": "half a surrogate pair comes out of Monty as a question mark",
    "test_what_code_makes_reaches_the_host[dict(a=1).keys()]": "Monty gives it as text",
    "test_what_code_makes_reaches_the_host[__import__('collections').OrderedDict(a=1)]": MODULE,
    "test_what_code_makes_reaches_the_host[__import__('collections').Counter('aab')]": MODULE,
    "test_what_code_makes_reaches_the_host[__import__('datetime').date(2026, 1, 2)]": MODULE,
    "test_what_code_makes_reaches_the_host[__import__('decimal').Decimal('0.10')]": MODULE,
    "test_what_cant_be_sent_does_no_harm[an open file]": "no file can be opened",
    "test_code_ends_when_its_time_is_up_wherever_it_is[a lock]": THREADS,
    "test_code_ends_when_its_time_is_up_wherever_it_is[a queue]": THREADS,
    "test_code_ends_when_its_time_is_up_wherever_it_is[a thread]": THREADS,
    "test_code_ends_when_its_time_is_up_wherever_it_is[another process]": "no process can be started",
    "test_the_final_answer_ends_the_code[with a manager that swallows]": MODULE,
    "test_the_final_answer_ends_the_code[before an error]": MODULE,
    "test_an_error_says_what_and_where[class Mine(Exception): pass\\nraise Mine('text')]": CLASSES,
    "test_an_error_says_what_and_where[class B(Exception):\\n    def __str__(self): 1 / 0\\nraise B]": CLASSES,
    "test_an_error_says_what_and_where[raise SystemExit(3)]": "exceptions take one text in Monty",
    "test_an_error_says_what_and_where[import sys\\nsys.exit('bye')]": MODULE,
}


@pytest.fixture(scope="module")
def pool() -> Iterator[MontyExecutor]:
    executor = MontyExecutor()
    yield executor
    executor.close()


class TestMonty(ExecutorKit):
    deviations: ClassVar = {
        "test_functions_can_be_handed_on": MAP,
        "test_code_may_stop_waiting_for_a_call": MODULE,
        "test_the_kind_of_an_error_is_its_name_in_the_code": CLASSES,
        "test_a_final_answer_that_cant_be_sent_is_an_error_and_no_answer": CYCLE,
        "test_an_argument_that_cant_be_sent_is_an_error_that_code_can_catch": CYCLE,
        "test_a_fresh_session_knows_nothing_of_another": "attributes of modules can't be set in Monty",
        "test_an_error_that_another_one_caused_shows_both": "Monty tells the last error only",
        "test_threads_and_event_loops_are_the_codes_own_business": THREADS,
        "test_names_of_its_own_are_found_by_classes_and_dataclasses": MODULE,
        "test_only_the_modules_that_were_named_may_be_imported": MODULE,
        "test_libraries_import_what_they_need_in_spite_of_the_list": MODULE,
        "test_a_star_allows_every_import": MODULE,
        "test_a_loop_that_was_stopped_leaves_its_variables": HEAP,
        "test_a_lost_interpreter_is_told_and_replaced": "code can't end the interpreter; tested by a kill from outside",
        "test_an_object_of_the_host_has_nothing_else": "code may change its own copy of such an object",
        "test_memory_is_limited": "it needs bytearray; tested with text",
    }

    @pytest.fixture(autouse=True)
    def _declared_cases(self, request: pytest.FixtureRequest) -> None:
        if request.node.name in CASES:
            pytest.skip(f"deviates: {CASES[request.node.name]}")

    @pytest.fixture
    def executor(self, pool: MontyExecutor) -> MontyExecutor:
        return pool

    def test_each_declared_case_is_a_test_of_the_kit(self) -> None:
        assert [name for name in CASES if not hasattr(self, name.partition("[")[0])] == []
