"""Each wall, by a real attempt to get through it."""

from __future__ import annotations

import os
import socket

import pytest

from core_plus.executors import Limits, Setup

CALL = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *args):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args])
    return result if result >= 0 else errno.errorcode[ctypes.get_errno()]
"""

X86_64 = os.uname().machine == "x86_64"
on_x86_64 = pytest.mark.skipif(not X86_64, reason="the numbers of the calls are those of x86_64")


@pytest.mark.parametrize(
    ("attempt", "code"),
    {
        "read a file of the host": "open('/etc/passwd').read()",
        "list the root": "__import__('os').listdir('/')",
        "list /proc": "__import__('os').listdir('/proc')",
        "read its own memory map": "open('/proc/self/maps').read()",
        "write to the packages": "open(__import__('json').__path__[0] + '/x.py', 'w')",
        "remove a module's file": "__import__('os').unlink(__import__('json').__file__)",
        "write to the system's temporary folder": "open('/var/tmp/x', 'w')",
        "start a process": "__import__('subprocess').run(['true'])",
        "fork": "__import__('os').fork()",
        "replace itself": "__import__('os').execv('/bin/true', ['true'])",
        "make a TCP socket": "__import__('socket').socket()",
        "make a UDP socket": "__import__('socket').socket(type=__import__('socket').SOCK_DGRAM)",
        "make a Unix socket": "__import__('socket').socket(__import__('socket').AF_UNIX)",
        "make a netlink socket": "__import__('socket').socket(16, 3, 0)",
        "make datagram sockets": "__import__('socket').socketpair(1, 2)",
        "signal the parent": "__import__('os').kill(__import__('os').getppid(), 9)",
        "signal everybody": "__import__('os').kill(-1, 9)",
        "signal its group": "__import__('os').killpg(0, 9)",
        "raise its own memory limit": "__import__('resource').setrlimit(9, (1 << 50, 1 << 50))",
        "limit the parent": "__import__('resource').prlimit(__import__('os').getppid(), 7, (1, 1))",
        "look at the parent's priority": "__import__('os').getpriority(0, __import__('os').getppid())",
        "become root": "__import__('os').setuid(0)",
        "open a path without rights": "__import__('os').open('/etc/passwd', __import__('os').O_PATH)",
        "leave its root": "__import__('os').chroot('/')",
        "make an anonymous file": "__import__('os').memfd_create('x')",
        "lock a file": "__import__('fcntl').flock(open(__import__('json').__file__), 2)",
        "take a lease": "__import__('fcntl').fcntl(open(__import__('json').__file__), 1024, 0)",
    }.items(),
)
def test_it_is_refused_to(session, run, attempt, code):
    error = run(session, code).error
    assert error is not None, attempt
    assert error.kind in ("PermissionError", "FileNotFoundError", "OSError", "ValueError"), error
    assert run(session, "1 + 1").value == 2


@on_x86_64
@pytest.mark.parametrize(
    ("what", "number"),
    {
        "ptrace": 101,
        "process_vm_readv": 310,
        "io_uring_setup": 425,
        "userfaultfd": 323,
        "bpf": 321,
        "keyctl": 250,
        "perf_event_open": 298,
        "mount": 165,
        "unshare": 272,
        "setns": 308,
        "personality": 135,
        "execveat": 322,
        "name_to_handle_at": 303,
        "inotify_init": 253,
        "fanotify_init": 300,
        "pidfd_open": 434,
        "pidfd_getfd": 438,
        "shmget": 29,
        "msgget": 68,
        "mq_open": 240,
        "mincore": 27,
        "sched_setaffinity": 203,
        "setpriority": 141,
        "landlock_create_ruleset": 444,
        "seccomp": 317,
        "tkill": 200,
        "vfork": 58,
        "socket": 41,
        "connect": 42,
        "bind": 49,
        "mknod": 133,
        "sethostname": 170,
    }.items(),
)
def test_the_kernel_isnt_asked(session, value, what, number):
    assert value(session, f"{CALL}call({number}, 0, 0, 0, 0, 0, 0)") == "EPERM", what


@on_x86_64
def test_calls_that_were_never_heard_of_are_unknown(session, value):
    assert value(session, f"{CALL}[call(500), call(435, 0, 0), call(437, 0, 0, 0, 0)]") == ["ENOSYS"] * 3


@on_x86_64
@pytest.mark.parametrize("number", [0x40000000 + 39, 0x40000000 + 520])
def test_a_call_of_the_second_table_is_the_end(session, run, number):
    error = run(session, f"{CALL}call({number})").error
    assert error is not None
    assert "SIGSYS" in error.message
    assert run(session, "1 + 1").value == 2


@on_x86_64
def test_a_32_bit_call_is_the_end(session, run):
    code = (
        "import ctypes, mmap\nm = mmap.mmap(-1, 4096, prot=7)\nm.write(bytes.fromhex('b814000000cd80c3'))\n"
        "ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()"
    )
    error = run(session, code).error
    assert error is not None
    assert "SIGSYS" in error.message


@on_x86_64
def test_a_thread_that_started_later_is_held_too(session, value):
    code = "from threading import *\nr = []\nt = Thread(target=lambda: r.append(call(41)))\nt.start()\nt.join()\nr"
    assert value(session, CALL + code) == ["EPERM"]


@on_x86_64
def test_a_process_disguised_as_a_thread_is_refused(session, value):
    flags = [17, 0x3D0F00 & ~0x10000, 0x3D0F00 | 0x10000000, 0x3D0F00 | 0x20000000, 0x100 | 17]
    assert value(session, f"{CALL}[call(56, flags, 0, 0, 0, 0) for flags in {flags}]") == ["EPERM"] * len(flags)


def test_no_environment_is_seen(executor_of, form, value, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "secret")
    session = executor_of(form).open(Setup())
    names = value(session, "import os\nlist(os.environ)")
    known = {"HOME", "USER", "TMPDIR", "LANG", "LC_CTYPE", "MPLBACKEND", "TZ"}
    assert set(names) <= known | {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}
    assert value(session, "import ctypes\nctypes.CDLL(None).getenv(b'SOME_API_KEY')") == 0
    session.close()


def test_it_has_five_descriptors_at_most(session, value):
    code = """
import os
found = []
for fd in range(256):
    try:
        os.fstat(fd)
    except OSError:
        continue
    found.append(fd)
found
"""
    assert value(session, code) == [0, 1, 2, 3]


def test_it_has_no_rights_and_cant_get_any(form, session, value):
    code = """
import ctypes, os
libc = ctypes.CDLL(None)
header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
libc.capget(header, data)
[libc.prctl(39, 0, 0, 0, 0), libc.prctl(3, 0, 0, 0, 0), data[1] | data[4], len(set(os.getresuid())) == 1]
"""
    new_privileges, dumpable, permitted, same = value(session, code)
    assert (new_privileges, same) == (1, True)
    assert dumpable == int(form == "no namespaces" and os.getuid() != 0)
    assert permitted & ~(1 << 2) == 0  # reading past the modes of folders, where Python's own can't be passed else


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become other users")
def test_as_root_each_has_a_user_of_its_own(shared, value):
    sessions = [shared.open(Setup()) for _ in range(3)]
    users = {value(session, "import os\n(os.getuid(), os.getgid(), *os.getgroups())") for session in sessions}
    assert len(users) == 3
    assert all(uid == gid and uid > 1000 for uid, gid in users)


def test_files_of_its_own_are_its_own(session, value):
    code = """
import os, shutil, tempfile, pathlib
home = pathlib.Path.home()
(home / 'a').mkdir()
(home / 'a' / 'b').write_text('x' * 10)
shutil.copy(home / 'a' / 'b', home / 'c')
os.symlink('c', home / 'link')
with tempfile.TemporaryDirectory() as d:
    shutil.copytree(home / 'a', d + '/copy')
os.rename(home / 'c', home / 'd')
[sorted(os.listdir()), os.getcwd() == str(home) == tempfile.gettempdir(), (home / 'd').read_text()]
"""
    assert value(session, code) == [["a", "d", "link"], True, "x" * 10]


def test_a_database_in_its_folder_works(session, value):
    code = (
        "import sqlite3\nc = sqlite3.connect('x.db')\nc.execute('create table t (n)')\n"
        "c.execute('insert into t values (7)')\nc.commit()\nc.execute('select n from t').fetchall()"
    )
    assert value(session, code) == [(7,)]


def test_what_is_written_is_bounded(form, executor_of, run, value):
    session = executor_of(form, scratch=4 << 20).open(Setup())
    error = run(session, "with open('x', 'wb') as f:\n    for i in range(100): f.write(b'x' * (1 << 20))").error
    assert error is not None
    assert error.kind == "OSError"
    assert "No space left" in error.message or "File too large" in error.message
    value(session, "import os\nos.remove('x')\nopen('x', 'wb').write(b'x' * 1000)")


@pytest.mark.parametrize(
    "code",
    [
        "for i in range(100): open(f'{i}', 'wb').write(b'x' * (1 << 20))\nimport time\ntime.sleep(5)",
        "import os, tempfile\nfiles = [tempfile.TemporaryFile() for i in range(50)]\n"
        "for f in files: f.write(b'x' * (1 << 20)); f.flush()\nimport time\ntime.sleep(5)",
        "for i in range(30_000): open(f'{i}', 'w').close()\nimport time\ntime.sleep(5)",
    ],
)
@pytest.mark.slow
def test_without_namespaces_its_files_together_are_bounded_too(executor_of, run, code):
    session = executor_of("no namespaces", scratch=8 << 20).open(Setup())
    error = run(session, code).error
    assert error is not None
    assert "its folder held more than it may" in error.message
    assert run(session, "1 + 1").value == 2


def test_its_folder_is_gone_with_it(shared_of, value):
    session = shared_of("no namespaces").open(Setup())
    folder = value(
        session,
        "import os\nhome = os.getcwd()\nfor i in range(1100):\n    os.mkdir('d')\n    os.chdir('d')\n"
        "os.chdir(home)\nos.mkdir('e')\nopen('e/f', 'w').close()\nhome",
    )
    assert os.path.isdir(folder)  # noqa: PTH112  # deeper than pathlib likes
    session.close()
    assert not os.path.exists(folder)  # noqa: PTH110  # as above


def test_two_sandboxes_dont_see_each_other(shared, value, run):
    executor = shared
    one, two = executor.open(Setup()), executor.open(Setup())
    value(one, "import json, builtins\njson.dumps = builtins.oct = None\nopen('secret', 'w').write('x')")
    folder, pid = value(one, "import os\n(os.getcwd(), os.getpid())")
    assert value(two, "import json\n(json.dumps([1]), oct(8))") == ("[1]", "0o10")
    assert run(two, f"import os\nos.kill({pid}, 9)").error is not None
    assert run(two, f"open('{folder}/secret').read()").error is not None
    assert value(one, "open('secret').read()") == "x"


def test_random_numbers_differ_from_sandbox_to_sandbox(shared, value):
    executor = shared
    code = "import random, uuid\n(random.random(), str(uuid.uuid4()))"
    found = [value(executor.open(Setup()), code) for _ in range(3)]
    assert len(set(found)) == 3


def test_threads_are_bounded(form, shared, value):
    if form == "no namespaces" and os.getuid() != 0:
        pytest.skip("without a user of its own a sandbox can't be counted apart")
    session = shared.open(Setup(limits=Limits(processes=10, seconds=20.0)))
    code = """
import threading
stop = threading.Event()
count = 0
try:
    for i in range(50):
        threading.Thread(target=stop.wait, daemon=True).start()
        count += 1
except RuntimeError:
    pass
stop.set()
count
"""
    assert 5 <= value(session, code) <= 10


def test_a_listener_of_the_host_isnt_reached(session, run):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        error = run(session, f"import urllib.request\nurllib.request.urlopen('http://127.0.0.1:{port}/')").error
        assert error is not None
        server.settimeout(0.1)
        with pytest.raises(TimeoutError):
            server.accept()


def test_the_host_isnt_seen_with_namespaces(shared_of, value, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("x")
    session = shared_of("namespaces").open(Setup())
    code = f"from os import *\n(path.exists({str(secret)!r}), path.exists('/etc/passwd'), uname().nodename, getppid())"
    assert value(session, code) == (False, False, "sandbox", 1)


def test_modes_and_times_of_the_users_own_files_stay(executor_of, form, run, tmp_path):
    file = tmp_path / "granted"
    file.write_text("x")
    os.utime(file, (1, 1))
    file.chmod(0o604)
    session = executor_of(form, files={str(file): "ro"}).open(Setup())
    run(session, f"import os\nf = open({str(file)!r})\nos.utime(f.fileno(), (5, 5))")
    run(session, f"import os\nos.utime({str(file)!r}, (5, 5))")
    run(session, f"import os\nos.chmod({str(file)!r}, 0o777)")
    assert (file.stat().st_mtime, file.stat().st_mode & 0o777) == (1, 0o604)
