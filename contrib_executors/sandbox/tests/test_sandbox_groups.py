"""Control groups: with real ones where this user may make some, and with folders in their place for the limits.

A machine on which the older hierarchy has the controllers, as this project's own, holds no memory and no task in real
groups of the new one; so what is written is tried on folders, and all else on real groups without controllers.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from core_plus.executors import Setup
from core_plus_sandbox import groups
from core_plus_sandbox.inside import groups as inside
from core_plus_sandbox.inside.places import hidden_from_others
from core_plus_worker.link import OUT_OF_MEMORY

SYSTEMD = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
HYBRID = (
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
)
CONTAINER = "40 30 0:26 /docker/1f /sys/fs/cgroup ro - cgroup2 cgroup rw\n"
ODD = "40 30 0:26 / /my\\040groups rw - cgroup2 none rw\n"


def soon(true, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("group", "mounts", "own", "top"),
    [
        ("0::/user.slice/a.scope\n", SYSTEMD, "/sys/fs/cgroup/user.slice/a.scope", "/sys/fs/cgroup"),
        ("4:memory:/x\n0::/\n", HYBRID, "/sys/fs/cgroup/unified", "/sys/fs/cgroup/unified"),
        ("0::/docker/1f/init\n", CONTAINER, "/sys/fs/cgroup/init", "/sys/fs/cgroup"),
        ("0::/a:b\n", ODD, "/my groups/a:b", "/my groups"),
    ],
)
def test_the_group_of_a_process_is_found(group, mounts, own, top):
    assert groups.own_group(group, mounts) == (Path(own), Path(top))


@pytest.mark.parametrize(
    ("group", "mounts"),
    [("4:memory:/x\n", HYBRID), ("0::/\n", ""), ("0::/elsewhere\n", CONTAINER), ("0::/../..\n", SYSTEMD)],
)
def test_where_there_is_none_it_is_said(group, mounts):
    with pytest.raises(groups.NoGroups, match="no cgroup v2"):
        groups.own_group(group, mounts)


# -- folders in the place of groups

FILES = (
    "cgroup.controllers", "cgroup.subtree_control", "cgroup.procs", "cgroup.kill", "memory.max", "memory.swap.max",
    "memory.oom.group", "memory.events", "pids.max",
)  # fmt: skip


@pytest.fixture
def double(tmp_path, monkeypatch):
    """A folder in which each new folder is filled as a group is, and removed with its files."""
    make, take = os.mkdir, os.rmdir

    def filled(name, mode=0o777, *, dir_fd=None):
        make(name, mode, dir_fd=dir_fd)
        for file in FILES:
            os.close(os.open(f"{name}/{file}", os.O_CREAT | os.O_WRONLY, dir_fd=dir_fd))

    def taken(name, *, dir_fd=None):
        for file in FILES:
            Path(f"/proc/self/fd/{dir_fd}", name, file).unlink(missing_ok=True)
        take(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "mkdir", filled)
    monkeypatch.setattr(os, "rmdir", taken)
    (tmp_path / "groups").mkdir()
    (tmp_path / "groups/cgroup.controllers").write_text("cpu memory pids\n")
    return tmp_path / "groups"


@pytest.fixture
def made(double):
    """Groups of a parent in such a folder, with all controllers."""
    base = os.open(double, os.O_RDONLY)
    (double / "top").mkdir()
    top = os.open(double / "top", os.O_RDONLY)
    yield inside.Groups(top, base, "top", groups.CONTROLLERS)
    os.close(base)
    os.close(top)


def test_the_limits_are_written_before_anything_runs(double, made):
    made.make(7, 3 << 20, 5)
    found = {file: (double / "top/7" / file).read_text() for file in FILES if file[:3] in ("mem", "pid")}
    assert found == {
        "memory.max": "3145728", "memory.swap.max": "0", "memory.oom.group": "1", "memory.events": "", "pids.max": "5"
    }  # fmt: skip
    made.remove(7)
    assert not (double / "top/7").exists()


def test_a_kernel_without_swap_accounting_is_no_error(double, made, monkeypatch):
    monkeypatch.setitem(globals(), "FILES", tuple(file for file in FILES if "swap" not in file and "oom" not in file))
    made.make(7, 3 << 20, 5)
    assert (double / "top/7/memory.max").read_text() == "3145728"


def test_a_limit_that_cant_be_written_is_an_error_and_leaves_nothing(double, made, monkeypatch):
    monkeypatch.setitem(globals(), "FILES", tuple(file for file in FILES if file != "memory.max"))
    with pytest.raises(OSError, match="its cgroup can't be made"):
        made.make(7, 3 << 20, 5)
    assert not (double / "top/7").exists()


def test_a_kill_for_want_of_memory_is_told_apart(double, made):
    made.make(7, 3 << 20, 5)
    events = double / "top/7/memory.events"
    events.write_text("low 0\nhigh 0\nmax 12\noom 1\noom_kill 0\n")
    assert not made.ran_out(7)
    events.write_text("low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 1\n")
    assert made.ran_out(7)
    assert OUT_OF_MEMORY in inside.OOM


def test_what_is_left_of_a_parent_is_ended_and_removed(double, made):
    made.make(1, 3 << 20, 5)
    made.make(2, 3 << 20, 5)
    made.finish()
    assert not any(path.is_dir() for path in double.iterdir())
    made.finish()


def test_controllers_are_switched_on_for_what_is_made(double):
    (double / "cgroup.subtree_control").write_text("pids")
    (double / "cgroup.procs").write_text("")
    assert groups.unfit(double, is_own=True) == ""
    assert (double / "cgroup.subtree_control").read_text() == "+memory"


def test_a_group_that_holds_processes_says_what_to_do(double, monkeypatch):
    for file in ("cgroup.subtree_control", "cgroup.procs"):
        (double / file).write_text("")

    def busy(folder, controllers):
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(groups, "enable", busy)
    assert "DelegateSubgroup" in groups.unfit(double, is_own=True)


def test_controllers_that_are_elsewhere_are_named(double):
    (double / "cgroup.controllers").write_text("cpu pids\n")
    assert groups.unfit(double, is_own=True) == "there is no controller for memory"


@pytest.mark.skipif(os.getuid() != 0, reason="root alone may write where nothing was handed over")
def test_root_takes_no_group_above_its_own_that_wasnt_handed_over(double):
    for file in ("cgroup.subtree_control", "cgroup.procs"):
        (double / file).write_text("")
    assert "Delegate=yes" in groups.unfit(double, is_own=False)
    try:
        os.setxattr(double, "trusted.delegate", b"1")
    except OSError as error:
        pytest.skip(f"folders have no such attributes here: {error}")
    assert groups.unfit(double, is_own=False) == ""


# -- real groups


@pytest.fixture
def real(monkeypatch):
    """Real groups, with no controller asked for; the folder that they stand in."""
    monkeypatch.setattr(groups, "CONTROLLERS", ())
    try:
        return groups.delegated()
    except groups.NoGroups as error:
        pytest.skip(f"no control groups here: {error}")


def tops(folder):
    return {path.name for path in folder.glob(f"{groups.PREFIX}*")}


def test_each_sandbox_is_in_a_group_of_its_own_before_its_code_runs(real, executor_of, form, value, children):
    before = tops(real)
    executor = executor_of(form, spare=False)
    sessions = [executor.open(Setup()) for _ in range(3)]
    assert "cgroup" in executor.walls
    (top,) = tops(real) - before
    held = {path.name: (path / "cgroup.procs").read_text().split() for path in (real / top).iterdir() if path.is_dir()}
    assert [len(found) for found in held.values()] == [1, 1, 1]
    assert {int(*found) for found in held.values()} <= set(children(os.getpid()))
    sessions[0].close()
    soon(lambda: len([path for path in (real / top).iterdir() if path.is_dir()]) == 2)
    executor.close()
    assert top not in tops(real)


HOST = """
    import os, sys, time
    from core_plus.executors import Setup
    from core_plus_sandbox import SandboxExecutor, groups
    groups.CONTROLLERS = ()
    executor = SandboxExecutor(leave_out={leave_out!r})
    session = executor.open(Setup())
    session.start("1")
    print(executor.walls[-1], executor._zygote._end.peek()[2][0].pid, executor._zygote.group.name, flush=True)
    time.sleep(120)
"""


def hosted(form, **settings):
    """A host in a process of its own."""
    code = textwrap.dedent(HOST.format(leave_out=[] if form == "namespaces" else ["namespaces"]))
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, **settings)


def said(host):
    """What a host prints once it has run code: the process of its parent, and the name of its group."""
    wall, pid, top = host.stdout.readline().split()
    assert wall == "cgroup"
    return int(pid), top


def test_the_host_killed_leaves_no_group(real, form):
    with hosted(form) as host:
        _, top = said(host)
        assert top in tops(real)
        host.kill()
    soon(lambda: top not in tops(real))


def test_the_parent_killed_leaves_no_group_once_its_host_sees_it(real, executor_of, form, value):
    executor = executor_of(form)
    session = executor.open(Setup())
    top = executor._zygote.group.name
    os.kill(executor._zygote._end.peek()[2][0].pid, signal.SIGKILL)
    soon(lambda: not session._process.is_alive)
    assert value(session, "1 + 1") == 2
    assert top not in tops(real)


def test_what_a_host_left_that_was_killed_with_its_parent_is_removed_by_the_next_one(real):
    with hosted("namespaces") as host:
        pid, top = said(host)
        os.kill(pid, signal.SIGSTOP)  # else one of them might have the time to see to it
        host.kill()
        os.kill(pid, signal.SIGKILL)
    soon(lambda: not Path("/proc", str(pid)).exists())
    soon(lambda: groups.sweep(real) or top not in tops(real))


def test_a_group_whose_host_lives_isnt_swept_away(real, executor_of, form, value):
    executor = executor_of(form, spare=False)
    executor.start()
    mine = executor._zygote.group.name
    groups.sweep(real)
    assert mine in tops(real)
    assert value(executor.open(Setup()), "1 + 1") == 2


@pytest.mark.skipif(os.getuid() != 0, reason="only root can hand a group over")
def test_an_ordinary_user_uses_what_was_handed_over(real, form):
    hidden = hidden_from_others([os.path.realpath(sys.executable), groups.__file__])
    if hidden:
        pytest.skip(f"other users can't pass {hidden}, on the way to Python")
    mine = real / f"handed-over-{os.getpid()}"
    leaf = mine / "host"
    leaf.mkdir(parents=True)
    for path in (mine, mine / "cgroup.procs", mine / "cgroup.subtree_control"):
        os.chown(path, 65534, 65534)
    try:
        env = {**os.environ, "HOME": "/tmp", "TMPDIR": "/tmp"}
        with hosted(form, preexec_fn=lambda: become(leaf), env=env) as host:
            _, top = said(host)
            found = [path.parent.name for path in mine.glob("core-plus-sandbox-*/1")]
            host.kill()
        assert found == [top]
        soon(lambda: not tops(mine))
    finally:
        soon(lambda: not leaf.joinpath("cgroup.procs").read_text())
        leaf.rmdir()
        mine.rmdir()


def become(group):
    """Be an ordinary user in a group."""
    (group / "cgroup.procs").write_text("0")
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)


def test_groups_that_turn_out_not_to_work_are_done_without(executor_of, form, value, double, monkeypatch):
    """In plain folders groups can be made, and no process be moved into them."""
    monkeypatch.setattr(groups, "delegated", lambda: double)
    monkeypatch.setattr(groups, "CONTROLLERS", ())
    executor = executor_of(form)
    assert "cgroup" not in executor.walls
    assert "(no cgroup: " in executor.describe()
    assert value(executor.open(Setup()), "1 + 1") == 2
