"""The filter, run by a small machine here for every number: both processors are tested on either."""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path

import pytest

from core_plus_sandbox.inside import bpf, seccomp, tables

PID = 4321
EPERM, ENOSYS = bpf.ERRNO | errno.EPERM, bpf.ERRNO | errno.ENOSYS

HEADERS = {
    "x86_64": ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"),
    "aarch64": ("/usr/include/asm-generic/unistd.h",),
}


def run(program: bytes, number: int, *args: int, arch: int) -> int:
    """What a filter says of a call: classic BPF, as far as the assembler uses it."""
    data = struct.pack("<iIQ6Q", struct.unpack("<i", struct.pack("<I", number))[0], arch, 0, *[*args, *[0] * 6][:6])
    code = list(struct.iter_unpack("<HBBI", program))
    at, a = 0, 0
    while True:
        operation, yes, no, k = code[at]
        at += 1
        if operation == bpf.LOAD:
            (a,) = struct.unpack_from("<I", data, k)
        elif operation == bpf.AND:
            a &= k
        elif operation == bpf.JUMP:
            at += k
        elif operation == bpf.RETURN:
            return k
        else:
            true = {bpf.EQUAL: a == k, bpf.AT_LEAST: a >= k, bpf.ANY_BIT: bool(a & k)}[operation]
            at += yes if true else no


@pytest.fixture(params=tables.MACHINES)
def machine(request):
    return request.param


@pytest.fixture
def says(machine):
    program = seccomp.with_pid(
        seccomp.compiled(machine, seccomp.SOME_PID, owns_files=False, sees_host=False, truncates=True), PID
    )
    numbers = tables.numbers(machine)

    def says_(name: str | int, *args: int) -> int:
        number = numbers[name] if isinstance(name, str) else name
        return run(program, number, *args, arch=tables.AUDIT[machine])

    return says_


def test_every_number_is_answered_as_its_rule_says(machine, says):
    names = {number: name for name, number in tables.numbers(machine).items()}
    plain = set(seccomp.PLAIN.split())
    for number in range(600):
        name = names.get(number)
        if number > tables.NEWEST:
            assert says(number) == ENOSYS
        elif name is None:
            assert says(number) == EPERM, number
        elif name in plain:
            assert says(number, 7, 7, 7) == bpf.ALLOW, name


@pytest.mark.parametrize(
    ("name", "args", "answer"),
    [
        ("kill", (PID, 9), bpf.ALLOW),
        ("kill", (1, 9), EPERM),
        ("kill", (0, 9), EPERM),
        ("kill", ((1 << 64) - 1, 9), EPERM),
        ("tgkill", (PID, 55, 9), bpf.ALLOW),
        ("tgkill", (1, 55, 9), EPERM),
        ("prlimit64", (0, 7), bpf.ALLOW),
        ("prlimit64", (1, 7), EPERM),
        ("clone", (0x3D0F00,), bpf.ALLOW),
        ("clone", (0x3D0F00 | 1 << 28,), EPERM),
        ("clone", (17,), EPERM),
        ("clone3", (), ENOSYS),
        ("openat", (0, 0, 0o2000000), bpf.ALLOW),
        ("openat", (0, 0, 0o10000000), EPERM),
        ("fcntl", (3, 2, 1), bpf.ALLOW),
        ("fcntl", (3, 8, 1), EPERM),
        ("fcntl", (3, 1024, 1), EPERM),
        ("fcntl", (3, 1033, 1), EPERM),
        ("ioctl", (0, 0x5421), bpf.ALLOW),
        ("ioctl", (0, 0x5412), bpf.ERRNO | errno.ENOTTY),
        ("socketpair", (1, 0o2004001), bpf.ALLOW),
        ("socketpair", (1, 2), EPERM),
        ("socketpair", (1, 5), EPERM),
        ("socketpair", (2, 1), EPERM),
        ("prctl", (15, 0), bpf.ALLOW),
        ("prctl", (4, 1), bpf.ERRNO | errno.EINVAL),
        ("getsockopt", (3, 1, 3), bpf.ALLOW),
        ("getsockopt", (3, 1, 17), EPERM),
        ("getsockopt", (3, 6, 1), EPERM),
        ("setxattr", (), bpf.ERRNO | errno.EOPNOTSUPP),
    ],
)
def test_arguments_are_looked_at(says, name, args, answer):
    assert says(name, *args) == answer


def test_the_upper_half_of_an_argument_deceives_nobody(says):
    assert says("kill", 1 << 32 | 1, 9) == EPERM
    assert says("clone", 1 << 32 | 17) == EPERM


def test_another_machines_calls_are_the_end(machine):
    program = seccomp.compiled(machine, PID, owns_files=False, sees_host=False, truncates=True)
    for arch in (0x40000003, 0x40000028, 0):
        assert run(program, 1, arch=arch) == bpf.KILL
    assert run(program, 0x40000001, arch=tables.AUDIT[machine]) == bpf.KILL


def test_what_landlock_doesnt_see_is_kept_from_users_without_their_own_view(machine):
    program = seccomp.compiled(machine, PID, owns_files=True, sees_host=True, truncates=False)
    numbers, arch = tables.numbers(machine), tables.AUDIT[machine]
    assert run(program, numbers["fchmodat"], arch=arch) == bpf.ERRNO
    assert run(program, numbers["utimensat"], arch=arch) == bpf.ERRNO
    assert run(program, numbers["readlinkat"], arch=arch) == bpf.ERRNO | errno.EACCES
    assert run(program, numbers["truncate"], arch=arch) == EPERM
    assert run(program, numbers["fchown"], arch=arch) == EPERM


def test_a_filter_is_as_short_as_the_kernel_wants_it(machine):
    program = seccomp.compiled(machine, PID, owns_files=True, sees_host=True, truncates=False)
    assert len(program) // 8 < 500


def test_a_long_jump_is_made_where_a_short_one_doesnt_reach():
    codes = [(number, bpf.answer(number)) for number in range(1000)]
    program = bpf.program(5, codes)
    assert [run(program, number, arch=5) for number in (0, 1, 499, 500, 999, 5000)] == [0, 1, 499, 500, 999, 999]


def test_the_numbers_are_those_of_the_kernels_headers(machine):
    header = next((Path(path) for path in HEADERS[machine] if Path(path).exists()), None)
    if header is None:
        pytest.skip("the kernel's headers aren't installed")
    lines = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())
    published = {name: int(number) for name, number in lines}
    published.setdefault("newfstatat", published.get("fstatat", 0))
    known = tables.numbers(machine)
    differing = {
        name: (number, published[name]) for name, number in known.items() if published.get(name, number) != number
    }
    assert differing == {}
    assert len(set(known) & set(published)) > 120
    assert len(set(known.values())) == len(known)


def test_every_rule_names_a_call_that_is_in_the_table():
    rules = seccomp.rules(1, owns_files=True, sees_host=True, truncates=True)
    named = {name for machine in tables.MACHINES for name in tables.numbers(machine)}
    assert set(rules) - named == set()
