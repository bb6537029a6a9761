"""The kit passes a good store and fails a bad one: a kit that passes everything proves nothing."""

import pytest

pytest_plugins = ["pytester"]

STORE = """
import fcntl
import json
import os
import threading
from pathlib import Path

from core_plus.errors import JournalError
from core_plus.journal import Info

LOCK = threading.RLock()


class Files:
    \"\"\"Runs as files of JSON, one file for all; slow and right.\"\"\"

    def __init__(self, place):
        self.place, self.lock = Path(place), Path(place + ".lock")
        self.me = [os.getpid(), id(self)]
        self.mine = {}

    def __enter__(self):
        LOCK.acquire()
        self.handle = self.lock.open("w")
        fcntl.flock(self.handle, fcntl.LOCK_EX)
        self.runs_ = json.loads(self.place.read_text()) if self.place.exists() else {}
        return self.runs_

    def __exit__(self, kind, *_):
        if kind is None:
            new = self.place.with_suffix(".new")
            new.write_text(json.dumps(self.runs_))
            os.replace(new, self.place)
        self.handle.close()
        LOCK.release()

    def known(self, runs, run_id):
        if run_id not in runs:
            raise JournalError(f"no run {run_id}")
        return runs[run_id]

    def lives(self, owner):
        if owner is None:
            return False
        try:
            os.kill(owner[0], 0)
            return Path(f"/proc/{owner[0]}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    def create(self, run_id, header):
        with self as runs:
            if run_id in runs:
                raise JournalError("there is one")
            runs[run_id] = {"epoch": 1, "owner": self.me, "lines": [header.decode("latin1")]}
        self.mine[run_id] = 1
        return 1

    def claim(self, run_id):
        with self as runs:
            run = self.known(runs, run_id)
            if self.lives(run["owner"]):
                raise JournalError("somebody has it")
            run["epoch"] += 1
            run["owner"] = self.me
            self.mine[run_id] = run["epoch"]
            return run["epoch"]

    def append(self, run_id, epoch, records):
        with self as runs:
            run = self.known(runs, run_id)
            if run["epoch"] != epoch:
                raise JournalError("taken over")
            run["lines"] += [one.decode("latin1") for one in records]

    def release(self, run_id, epoch):
        with self as runs:
            if run_id in runs and runs[run_id]["epoch"] == epoch:
                runs[run_id]["owner"] = None

    def read(self, run_id):
        with self as runs:
            lines = [one.encode("latin1") for one in self.known(runs, run_id)["lines"]]
        return iter(lines)

    def has(self, run_id):
        with self as runs:
            return run_id in runs

    def runs(self):
        with self as runs:
            return [self.info(run_id, run) for run_id, run in reversed(runs.items())]

    def info(self, run_id, run):
        lines = [one.encode("latin1") for one in run["lines"]]
        owner = str(run["owner"]) if self.lives(run["owner"]) else ""
        size = sum(map(len, lines))
        return Info(id=run_id, header=lines[0], last=lines[-1], records=len(lines), bytes=size, owner=owner)

    def delete(self, run_id):
        with self as runs:
            if self.lives(self.known(runs, run_id)["owner"]):
                raise JournalError("somebody has it")
            del runs[run_id]

    def close(self):
        for run_id, epoch in self.mine.items():
            self.release(run_id, epoch)
        self.mine = {}
"""
TEST = """
from core_plus_testkit import StoreKit


class TestFiles(StoreKit):
    factory = "its_store:Files"
    deviations = {"test_a_run_of_ten_thousand_records_is_read_whole": "it is slow"}
"""
BAD = {
    "an epoch that nobody checks": ('run["epoch"] != epoch:', "False:", "test_an_old_number_writes_nothing"),
    "a claim that anyone gets": (
        'if self.lives(run["owner"]):\n                raise JournalError("somebody has it")\n            run["epoch"]',
        'run["epoch"]',
        "test_a_run_that_is_held_is_not_given_to_others",
    ),
    "an epoch that stays the same": ('run["epoch"] += 1', "pass", "test_a_run_that_was_let_go_is_given_under_a_higher"),
    "a release that needs no epoch": (
        ' and runs[run_id]["epoch"] == epoch',
        "",
        "test_letting_go_by_an_old_number_does_nothing",
    ),
    "an owner that never dies": (
        "except OSError:\n            return False",
        "except OSError:\n            return True",
        "test_what_a_killed_process_held_may_be_taken_over",
    ),
    "records in another order": (
        'run["lines"] += [one.decode("latin1") for one in records]',
        'run["lines"] += sorted(one.decode("latin1") for one in records)',
        "test_what_is_appended_is_read_in_order_and_to_the_byte",
    ),
    "an id that is given twice": (
        'if run_id in runs:\n                raise JournalError("there is one")\n',
        "",
        "test_an_id_is_given_once",
    ),
    "a list with the oldest first": ("reversed(runs.items())", "runs.items()", "test_the_list_has_the_newest_first"),
    "a list without owners": ('owner=owner)', 'owner="")', "test_the_list_says_who_has_a_run"),
    "a close that keeps what it holds": ("self.release(run_id, epoch)\n", "pass\n", "test_closing_lets_go"),
    "a run that is deleted from under its owner": (
        'if self.lives(self.known(runs, run_id)["owner"]):\n                raise JournalError("somebody has it")\n',
        "self.known(runs, run_id)\n",
        "test_a_run_that_is_held_is_not_deleted",
    ),
    "writes that are not whole": (
        'run["lines"] += [one.decode("latin1") for one in records]',
        'first = [one.decode("latin1") for one in records[:1]]\n'
        '            run["lines"] += first\n'
        "        with self as runs:\n"
        '            runs[run_id]["lines"] += [one.decode("latin1") for one in records[1:]]',
        "test_who_reads_while_another_writes_reads_whole_writes",
    ),
    "writes that come later": (
        'run["lines"] += [one.decode("latin1") for one in records]',
        'run["lines"] += getattr(self, "late", [])\n'
        '            self.late = [one.decode("latin1") for one in records]',
        "test_what_is_appended_is_read_in_order_and_to_the_byte",
    ),
    "an unknown run that is empty": (
        'if run_id not in runs:\n            raise JournalError(f"no run {run_id}")\n        return runs[run_id]',
        'return runs.get(run_id) or {"lines": [], "owner": None, "epoch": 0}',
        "test_an_unknown_run_is_refused",
    ),
}  # fmt: skip


@pytest.fixture
def kit(pytester):
    """Runs tests of the kit against a store's source."""

    def run(source, chosen=""):
        pytester.makepyfile(its_store=source, test_it=TEST)
        pytester.syspathinsert()
        plugins = pytester._request.config.pluginmanager
        installed = any(plugins.get_name(each) == "core_plus_testkit" for each in plugins.get_plugins())
        load = [] if installed else ["-p", "core_plus_testkit.plugin"]
        return pytester.runpytest(*load, "-k", chosen, "-rfs", "-p", "no:xdist")

    return run


def test_a_good_store_passes_and_its_deviation_is_told(kit):
    result = kit(STORE)
    outcomes = result.parseoutcomes()
    assert (outcomes.get("failed", 0), outcomes.get("errors", 0)) == (0, 0)
    assert outcomes["passed"] >= 35
    result.stdout.fnmatch_lines(["SKIPPED*deviates: it is slow"])


@pytest.mark.parametrize("name", BAD)
def test_a_bad_store_is_found_out(name, kit):
    good, bad, failing = BAD[name]
    assert good in STORE
    result = kit(STORE.replace(good, bad), failing)
    assert result.ret == 1
    result.stdout.fnmatch_lines([f"FAILED *{failing}*"])


def test_a_kit_without_a_store_says_what_is_missing(kit, pytester):
    pytester.makepyfile(test_mine="from core_plus_testkit import StoreKit\n\nclass TestMine(StoreKit):\n    pass\n")
    result = kit(STORE, "TestMine and byte")
    result.stdout.fnmatch_lines(["*TestMine must give `factory` or `make`*"])
