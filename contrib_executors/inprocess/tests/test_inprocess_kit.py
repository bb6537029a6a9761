"""The in-process executor keeps the contract, but for what a thread and restricted code can't do."""

from typing import ClassVar, Final

import pytest

from core_plus_inprocess import InProcessExecutor
from core_plus_testkit.executor_kit import ExecutorKit

C_CODE: Final = "a thread can't be stopped in C code"
THREADS: Final = "code may start no threads and no processes, and has no queues and locks"
SAME: Final = "values are the very objects: none is copied, refused or turned into something else"
DUNDER: Final = "names with underscores may not be used"

CASES: Final = {
    "test_code_ends_when_its_time_is_up_wherever_it_is[a C function]": C_CODE,
    "test_code_ends_when_its_time_is_up_wherever_it_is[a lock]": THREADS,
    "test_code_ends_when_its_time_is_up_wherever_it_is[a queue]": THREADS,
    "test_code_ends_when_its_time_is_up_wherever_it_is[a thread]": THREADS,
    "test_code_ends_when_its_time_is_up_wherever_it_is[another process]": THREADS,
    "test_another_thread_may_interrupt[a C function]": C_CODE,
    "test_several_calls_are_open_at_once_and_answered_in_any_order[first to last-threads]": THREADS,
    "test_several_calls_are_open_at_once_and_answered_in_any_order[last to first-threads]": THREADS,
    "test_it_is_said_when_only_an_answer_makes_the_code_go_on[threads]": THREADS,
    "test_it_isnt_said_while_more_calls_are_to_come[threads]": THREADS,
    "test_what_code_makes_reaches_the_host[dict(a=1).keys()]": SAME,
    "test_what_code_makes_reaches_the_host[__import__('collections').OrderedDict(a=1)]": DUNDER,
    "test_what_code_makes_reaches_the_host[__import__('collections').Counter('aab')]": DUNDER,
    "test_what_code_makes_reaches_the_host[__import__('datetime').date(2026, 1, 2)]": DUNDER,
    "test_what_code_makes_reaches_the_host[__import__('decimal').Decimal('0.10')]": DUNDER,
    "test_what_cant_be_sent_does_no_harm[an open file]": "no file can be opened",
    "test_what_cant_be_sent_does_no_harm[an object whose repr raises]": SAME,
    "test_what_cant_be_sent_does_no_harm[a value nested too deeply]": SAME,
}


class TestInProcess(ExecutorKit):
    deviations: ClassVar = {
        "test_a_value_is_a_copy": SAME,
        "test_a_final_answer_that_cant_be_sent_is_an_error_and_no_answer": SAME,
        "test_an_argument_that_cant_be_sent_is_an_error_that_code_can_catch": SAME,
        "test_a_result_that_cant_be_sent_is_an_error_that_code_can_catch": SAME,
        "test_a_value_larger_than_the_limit_stays_where_it_is": SAME,
        "test_an_object_with_fields_keeps_their_names": SAME,
        "test_a_path_crosses": "pathlib, which opens files, may not be imported",
        "test_a_fresh_session_knows_nothing_of_another": "modules can't be changed, and there is no globals()",
        "test_threads_and_event_loops_are_the_codes_own_business": THREADS,
        "test_names_of_its_own_are_found_by_classes_and_dataclasses": "get_type_hints, which runs text, isn't there",
        "test_what_was_printed_before_the_time_was_up_is_kept": C_CODE,
        "test_a_lost_interpreter_is_told_and_replaced": "the interpreter is the host's own",
        "test_memory_is_limited": "a thread can't be held to a memory limit: refused",
        "test_cpu_time_is_limited_and_sleep_costs_none": "a thread can't be held to a CPU limit: refused",
    }

    @pytest.fixture(autouse=True)
    def _declared_cases(self, request: pytest.FixtureRequest) -> None:
        if request.node.name in CASES:
            pytest.skip(f"deviates: {CASES[request.node.name]}")

    @pytest.fixture
    def executor(self) -> InProcessExecutor:
        return InProcessExecutor()

    def test_each_declared_case_is_a_test_of_the_kit(self) -> None:
        assert [name for name in CASES if not hasattr(self, name.partition("[")[0])] == []
