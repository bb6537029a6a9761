"""A small assembler for seccomp filters.

A filter looks at the call's number and at the low 32 bits of its arguments, and says what becomes of the call. The
form is classic BPF over `struct seccomp_data`: <linux/filter.h>, <linux/seccomp.h>.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LOAD, AND = 0x20, 0x54
JUMP, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x05, 0x15, 0x35, 0x45, 0x06
"""Operations: BPF_LD|W|ABS, BPF_ALU|AND|K, BPF_JMP|…, BPF_RET|K."""

ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
"""What becomes of a call: SECCOMP_RET_…; ERRNO plus the number of an error is that error."""

NUMBER, MACHINE, FIRST_ARGUMENT = 0, 4, 16
"""Offsets in `struct seccomp_data`; both machines are little-endian, so the low half of an argument comes first."""

X32 = 0x40000000
"""Numbers from here on are x86_64's second table, with calls that a filter of the first one wouldn't know."""

MOST = 256
"""Instructions that a conditional jump can't pass over."""

Code = list[tuple[int, int, int, int]]
"""Instructions: operation, how many to skip if true, if false, and a constant."""


def answer(result: int) -> Code:
    """Code that ends the filter.

    Args:
        result: What becomes of the call.
    """
    return [(RETURN, 0, 0, result)]


class Test:
    """Something that must be true of an argument.

    Args:
        argument: Which one, from 0.
        values: What it may be; None: anything.
        without: Bits that it may not have.
        mask: The bits of it that are compared with the values.
    """

    __test__ = False  # no test case, though its name begins like one

    def __init__(
        self, argument: int, values: Sequence[int] | None = None, *, without: int = 0, mask: int = 0xFFFFFFFF
    ) -> None:
        self.argument, self.values, self.without, self.mask = argument, values, without, mask


def allowed_if(tests: Sequence[Test], otherwise: int) -> Code:
    """Code that allows a call whose arguments pass all tests.

    Args:
        tests: The tests.
        otherwise: What becomes of the call if not.
    """
    code = answer(ALLOW)
    for test in reversed(tests):
        code = _load(test) + _branch(test, code, answer(otherwise))
    return code


def _load(test: Test) -> Code:
    load = [(LOAD, 0, 0, FIRST_ARGUMENT + 8 * test.argument)]
    return load if test.mask == 0xFFFFFFFF else [*load, (AND, 0, 0, test.mask)]


def _branch(test: Test, good: Code, bad: Code) -> Code:
    """Good code where the test is passed, else bad; the bad code stands first."""
    if test.values is None:
        return [(ANY_BIT, 0, len(bad), test.without), *bad, *good]
    count = len(test.values)
    checks = [(EQUAL, count - index - 1 + len(bad), 0, value) for index, value in enumerate(test.values)]
    return [*checks, *bad, *good]


def tree(codes: Sequence[tuple[int, Code]]) -> Code:
    """Code that finds by halving what is to be done for the number that was loaded.

    Args:
        codes: The first number of each range and its code; the first range begins with 0.
    """
    if len(codes) == 1:
        return codes[0][1]
    half = len(codes) // 2
    low, high = tree(codes[:half]), tree(codes[half:])
    if len(low) < MOST:
        return [(AT_LEAST, len(low), 0, codes[half][0]), *low, *high]
    return [(AT_LEAST, 0, 1, codes[half][0]), (JUMP, 0, 0, len(low)), *low, *high]


def ranges(rules: Mapping[int, Code], otherwise: Code, newest: int, unknown: Code) -> list[tuple[int, Code]]:
    """Rules for all numbers, those beside each other that say the same made one.

    Args:
        rules: Code by number.
        otherwise: For the numbers between.
        newest: The highest number that is known.
        unknown: For numbers after that.
    """
    found: list[tuple[int, Code]] = []
    for number in range(newest + 1):
        code = rules.get(number, otherwise)
        if not found or found[-1][1] != code:
            found.append((number, code))
    return [*found, (newest + 1, unknown)]


def program(machine: int, rules: Sequence[tuple[int, Code]]) -> bytes:
    """A whole filter. A call in the name of another machine (32 bits, x32) kills the process.

    Args:
        machine: The kernel's constant for this machine.
        rules: As `ranges` gives them.

    Returns:
        Instructions as `struct sock_filter`.
    """
    code: Code = [
        (LOAD, 0, 0, MACHINE),
        (EQUAL, 1, 0, machine),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 0, 1, X32),
        (RETURN, 0, 0, KILL),
        *tree(rules),
    ]
    return b"".join(struct.pack("<HBBI", operation, yes, no, value) for operation, yes, no, value in code)
