"""What every store of runs keeps, as tests to inherit."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest

from core_plus.errors import JournalError
from core_plus.journal import Store
from core_plus_testkit.store_process import HOLD, TRY, WRITE, Child

HEADER: Final = b'{"is":"run","id":"r"}'
LINES: Final = (
    b'{"n":1}',
    '{"text":"Zwölf Boxkämpfer 漢字 🦊"}'.encode(),
    b'{"quotes":"\\"\\\\ \' ; DROP TABLE runs --"}',
    b'{"nul":"\\u0000","half":"\\ud800"}',
    b'{"long":"' + b"x" * 1_000_000 + b'"}',
    b"{}",
)
IDS: Final = ("r", "3f2a-1.2", "a b", "ü/../x", "it's; --", "x" * 200)
PATIENCE: Final = 30.0
"""Seconds that a test waits for another process."""


class StoreKit:
    """Inherit it in a test class and give `factory`, or `make` where there is no address to share.

    A test that can't hold for a store is named in `deviations` with the reason, and is skipped with it.

    Attributes:
        factory: "package.module:name" of what makes a store from an address, for other processes too; "" where a
            store is nowhere but in its process.
    """

    factory: ClassVar[str] = ""
    deviations: ClassVar[Mapping[str, str]] = {}

    def make(self, place: str) -> Store:
        """A store; override it where `factory` is "".

        Args:
            place: A path that is free, in a folder that is there. Called twice with the same, the stores share it.
        """
        if not self.factory:
            raise NotImplementedError(f"{type(self).__name__} must give `factory` or `make`")
        from importlib import import_module

        module, _, name = self.factory.partition(":")
        store: Store = getattr(import_module(module), name)(place)
        return store

    @pytest.fixture
    def place(self, tmp_path: Path) -> str:
        """Where the store is."""
        return str(tmp_path / "runs.sqlite")

    @pytest.fixture
    def store(self, place: str) -> Iterator[Store]:
        """The store under test."""
        with contextlib.closing(self.make(place)) as made:
            yield made

    @pytest.fixture
    def other(self, store: Store, place: str) -> Iterator[Store]:
        """Another store at the same place."""
        if not self.factory:
            pytest.skip("it is nowhere but in its process")
        with contextlib.closing(self.make(place)) as made:
            yield made

    @pytest.fixture
    def child(self, store: Store, place: str) -> Iterator[Any]:
        """Starts processes that have a store at the same place."""
        if not self.factory:
            pytest.skip("it is nowhere but in its process")
        begun: list[Child] = []

        def start(source: str) -> Child:
            begun.append(Child(source, self.factory, place))
            return begun[-1]

        yield start
        for one in begun:
            if one.process.poll() is None:
                one.kill()

    @pytest.fixture(autouse=True)
    def _declared(self, request: pytest.FixtureRequest) -> None:
        name = getattr(request.node, "originalname", request.node.name)
        if name in self.deviations:
            pytest.skip(f"deviates: {self.deviations[name]}")

    # ---- what is written is there -------------------------------------------------

    def test_what_is_appended_is_read_in_order_and_to_the_byte(self, store: Store) -> None:
        epoch = store.create("r", HEADER)
        store.append("r", epoch, LINES[:2])
        store.append("r", epoch, LINES[2:])
        assert [bytes(line) for line in store.read("r")] == [HEADER, *LINES]

    def test_appending_nothing_changes_nothing(self, store: Store) -> None:
        epoch = store.create("r", HEADER)
        store.append("r", epoch, [])
        assert _read(store) == [HEADER]

    def test_another_store_reads_the_same(self, store: Store, other: Store) -> None:
        store.append("r", store.create("r", HEADER), LINES)
        assert _read(other) == [HEADER, *LINES]

    def test_what_was_written_is_there_after_closing(self, store: Store, other: Store, place: str) -> None:
        store.append("r", store.create("r", HEADER), LINES)
        store.close()
        other.close()
        with contextlib.closing(self.make(place)) as later:
            assert _read(later) == [HEADER, *LINES]

    def test_runs_do_not_mix(self, store: Store) -> None:
        epochs = {name: store.create(name, name.encode()) for name in "abc"}
        for n in range(20):
            for name, epoch in epochs.items():
                store.append(name, epoch, [b"%s%d" % (name.encode(), n)])
        for name in epochs:
            assert _read(store, name) == [name.encode(), *(b"%s%d" % (name.encode(), n) for n in range(20))]

    @pytest.mark.parametrize("run_id", IDS)
    def test_an_id_may_be_any_text(self, store: Store, run_id: str) -> None:
        store.append(run_id, store.create(run_id, HEADER), [b"1"])
        assert _read(store, run_id) == [HEADER, b"1"]
        assert [info.id for info in store.runs()] == [run_id]

    def test_a_run_of_ten_thousand_records_is_read_whole(self, store: Store) -> None:
        epoch = store.create("r", HEADER)
        for start in range(0, 10_000, 100):
            store.append("r", epoch, [b'{"n":%d}' % n for n in range(start, start + 100)])
        assert _read(store)[1:] == [b'{"n":%d}' % n for n in range(10_000)]

    # ---- what isn't there -------------------------------------------------------------

    def test_an_id_is_given_once(self, store: Store) -> None:
        store.append("r", store.create("r", HEADER), [b"1"])
        with pytest.raises(JournalError):
            store.create("r", b"another")
        assert _read(store) == [HEADER, b"1"]

    def test_an_unknown_run_is_refused(self, store: Store) -> None:
        for call in (store.claim, lambda name: [*store.read(name)], store.delete):
            with pytest.raises(JournalError):
                call("nowhere")
        assert not store.has("nowhere")

    def test_it_says_whether_a_run_is_kept(self, store: Store) -> None:
        store.create("r", HEADER)
        assert (store.has("r"), store.has("R"), store.has("")) == (True, False, False)

    # ---- who may write -------------------------------------------------------------

    def test_a_run_that_is_held_is_not_given_to_others(self, store: Store) -> None:
        epoch = store.create("r", HEADER)
        with pytest.raises(JournalError):
            store.claim("r")
        store.append("r", epoch, [b"1"])
        assert _read(store) == [HEADER, b"1"]

    def test_a_run_that_is_held_is_not_given_to_another_store(self, store: Store, other: Store) -> None:
        store.create("r", HEADER)
        with pytest.raises(JournalError):
            other.claim("r")

    def test_a_run_that_was_let_go_is_given_under_a_higher_number(self, store: Store) -> None:
        epochs = [store.create("r", HEADER)]
        for _ in range(5):
            store.release("r", epochs[-1])
            epochs.append(store.claim("r"))
        assert epochs == sorted(set(epochs))
        store.append("r", epochs[-1], [b"1"])

    def test_another_store_may_have_what_was_let_go(self, store: Store, other: Store) -> None:
        store.release("r", first := store.create("r", HEADER))
        second = other.claim("r")
        assert second > first
        other.append("r", second, [b"1"])
        assert _read(store) == [HEADER, b"1"]

    def test_who_was_taken_over_writes_nothing(self, store: Store, other: Store) -> None:
        first = store.create("r", HEADER)
        store.release("r", first)
        second = other.claim("r")
        for _ in range(2):
            with pytest.raises(JournalError):
                store.append("r", first, [b"stale"])
        other.append("r", second, [b"1"])
        assert _read(store) == _read(other) == [HEADER, b"1"]

    def test_an_old_number_writes_nothing(self, store: Store) -> None:
        first = store.create("r", HEADER)
        store.release("r", first)
        second = store.claim("r")
        with pytest.raises(JournalError):
            store.append("r", first, [b"stale"])
        store.append("r", second, [b"1"])
        assert _read(store) == [HEADER, b"1"]

    def test_letting_go_by_an_old_number_does_nothing(self, store: Store) -> None:
        first = store.create("r", HEADER)
        store.release("r", first)
        second = store.claim("r")
        store.release("r", first)
        with pytest.raises(JournalError):
            store.claim("r")
        store.append("r", second, [b"1"])

    def test_letting_go_twice_does_nothing(self, store: Store) -> None:
        epoch = store.create("r", HEADER)
        store.release("r", epoch)
        store.release("r", epoch)
        store.release("nowhere", 1)
        store.claim("r")

    def test_closing_lets_go_and_closing_twice_does_nothing(self, store: Store, other: Store) -> None:
        store.create("r", HEADER)
        store.close()
        store.close()
        other.claim("r")

    # ---- lists ------------------------------------------------------------------------

    def test_the_list_has_the_newest_first_with_its_facts(self, store: Store) -> None:
        for name in ("a", "b", "c"):
            store.append(name, store.create(name, HEADER), LINES[:2])
        store.append("a", 1, [b"last"])
        found = [*store.runs()]
        assert [info.id for info in found] == ["c", "b", "a"]
        assert (bytes(found[2].header), bytes(found[2].last), found[2].records) == (HEADER, b"last", 4)
        together = sum(map(len, (HEADER, *LINES[:2], b"last")))
        assert together <= found[2].bytes <= together + 4  # ends of lines may count

    def test_the_list_says_who_has_a_run(self, store: Store) -> None:
        epoch = store.create("r", HEADER)
        assert next(iter(store.runs())).owner
        store.release("r", epoch)
        assert not next(iter(store.runs())).owner

    def test_an_empty_store_lists_nothing(self, store: Store) -> None:
        assert [*store.runs()] == []

    def test_a_deleted_run_is_gone_and_its_id_is_free(self, store: Store) -> None:
        for name in ("r", "s"):
            epoch = store.create(name, HEADER)
            store.append(name, epoch, [b"old"])
            store.release(name, epoch)
        store.delete("r")
        assert [info.id for info in store.runs()] == ["s"]
        store.create("r", b"new")
        assert (_read(store), _read(store, "s")) == ([b"new"], [HEADER, b"old"])

    def test_a_run_that_is_held_is_not_deleted(self, store: Store) -> None:
        store.create("r", HEADER)
        with pytest.raises(JournalError):
            store.delete("r")
        assert _read(store) == [HEADER]

    # ---- many at once -----------------------------------------------------------------

    def test_many_threads_write_runs_of_their_own(self, store: Store) -> None:
        def write(name: str) -> None:
            epoch = store.create(name, name.encode())
            for n in range(25):
                store.append(name, epoch, [b"%d" % n, b"+"])
            store.release(name, epoch)

        names = [f"run{n}" for n in range(8)]
        with ThreadPoolExecutor(8) as pool:
            [*pool.map(write, names)]
        expected = [line for n in range(25) for line in (b"%d" % n, b"+")]
        assert all(_read(store, name) == [name.encode(), *expected] for name in names)

    def test_of_many_threads_exactly_one_is_given_the_run(self, store: Store) -> None:
        store.release("r", store.create("r", HEADER))
        ready = threading.Barrier(8)

        def claim(_: int) -> bool:
            ready.wait(PATIENCE)
            try:
                return store.claim("r") > 0
            except JournalError:
                return False

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(claim, range(8))) == 1

    def test_who_reads_while_another_writes_reads_whole_writes(self, store: Store) -> None:
        epoch, done = store.create("r", HEADER), threading.Event()

        def write() -> None:
            for n in range(100):
                store.append("r", epoch, [b"%d" % n] * 3)
            done.set()

        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(write)
            while not done.is_set() and not writing.done():
                found = _read(store)
                assert len(found) % 3 == 1
                assert found[1:] == [b"%d" % (n // 3) for n in range(len(found) - 1)]
            writing.result()

    # ---- other processes --------------------------------------------------------------

    def test_of_many_processes_exactly_one_is_given_the_run(self, store: Store, child: Any) -> None:
        store.release("r", store.create("r", HEADER))
        several: Sequence[Child] = [child(TRY) for _ in range(3)]
        for one in several:
            one.go_on()
        said = [one.heard() for one in several]
        assert sorted(said)[1:] == ["refused", "refused"]
        assert int(min(said)) > 1

    def test_what_a_living_process_holds_is_not_given_away(self, store: Store, child: Any) -> None:
        store.release("r", store.create("r", HEADER))
        holder: Child = child(HOLD)
        holder.go_on()
        assert int(holder.heard()) > 1
        with pytest.raises(JournalError):
            store.claim("r")
        assert next(iter(store.runs())).owner

    def test_what_a_killed_process_held_may_be_taken_over(self, store: Store, child: Any) -> None:
        store.release("r", store.create("r", HEADER))
        holder: Child = child(HOLD)
        holder.go_on()
        held = int(holder.heard())
        holder.kill()
        assert not next(iter(store.runs())).owner
        epoch = store.claim("r")
        assert epoch > held
        store.append("r", epoch, [b"1"])
        assert _read(store) == [HEADER, b"1"]

    @pytest.mark.parametrize("heard", [1, 5, 30])
    def test_a_write_that_returned_outlives_a_kill_and_one_that_did_not_is_whole_or_absent(
        self, store: Store, child: Any, heard: int
    ) -> None:
        store.release("r", store.create("r", HEADER))
        writer: Child = child(WRITE)
        writer.go_on()
        known = max(int(writer.heard()) for _ in range(heard))
        # What it was saying when it was killed may be half a line, but never more than it had written.
        rest = [line for line in writer.kill()[:-1] if line]
        known = max([known, *map(int, rest)])
        found = _read(store)[1:]
        assert len(found) >= known
        assert len(found) % 7 == 0
        assert found == [b'{"n":%d}' % n for n in range(len(found))]
        epoch = store.claim("r")
        store.append("r", epoch, [b"on"])
        assert _read(store)[-1] == b"on"


def _read(store: Store, run_id: str = "r") -> list[bytes]:
    return [bytes(line) for line in store.read(run_id)]
