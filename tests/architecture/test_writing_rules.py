"""The rules of size and manner find what they should, and only that."""

import pytest

from house_rules import budgets, manners

KERNEL, GOOD = "core/src/core_plus/room.py", "plugins/good/src/core_plus_good/room.py"
TEST = "plugins/good/tests/test_much.py"
LONG = "def long() -> None:\n" + "    print()\n" * 40
LITTLE = 'def little() -> None:\n    """Text.\n' + "\n    text\n" * 40 + '    """\n' + "    # why\n\n" * 40


@pytest.mark.parametrize(
    ("rule", "path", "text", "offence"),
    [
        (budgets.no_god_file, KERNEL, "# text\n" * 351, ":351: 351 lines, the most is 350: make two rooms of it"),
        (budgets.no_god_file, GOOD, "# text\n" * 401, ":401: 401 lines, the most is 400: make two rooms of it"),
        (budgets.no_god_file, TEST, "# text\n" * 401, ":401: 401 lines, the most is 400: make two rooms of it"),
        (budgets.functions_are_seen_at_once, GOOD, f"x = 1\n{LONG}", ":2: long has 41 lines of code, the most is 40"),
        (budgets.functions_are_seen_at_once, TEST, f"async {LONG}", ":1: long has 41 lines of code, the most is 40"),
        (budgets.functions_are_seen_at_once, KERNEL, f"@a\n{LONG}", ":2: long has 41 lines of code, the most is 40"),
    ],
)
def test_what_is_too_large_is_found(rule, path, text, offence, seeded):
    assert list(rule(seeded({path: text}))) == [f"{path}{offence}"]


def test_a_kernel_that_is_too_large_is_found_with_its_largest_files(seeded):
    (found,) = budgets.kernel_is_small(seeded({KERNEL: "x = 1\n" * 2_501}))
    assert found.startswith("the kernel has 2501 lines of code, the most is 2500")
    assert found.endswith(f"{KERNEL} 2501")


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (budgets.kernel_is_small, "x = 1\n" * 2_500),
        (budgets.no_god_file, "# text\n" * 350),
        (budgets.functions_are_seen_at_once, LITTLE),
        (budgets.functions_are_seen_at_once, f"{LONG}\n\n    # the end\n".replace("    print()\n", "", 1)),
    ],
)
def test_what_just_fits_is_let_be(rule, text, seeded):
    assert not list(rule(seeded({KERNEL: text})))


def test_code_lines_leave_out_blanks_comments_and_docstrings(seeded):
    text = '"""One.\n\nTwo."""\n\n# why\nX = 1  # because\n"""About X."""\n\n\ndef f():\n    """Say."""\n'
    source = next(each for each in seeded({KERNEL: text + '    return """a\n\nb"""\n'}).modules if each.name == KERNEL)
    assert budgets.code_lines(source) == {6, 10, 12, 13, 14}


@pytest.mark.parametrize(
    ("text", "offence"),
    [
        ("class A:\n    def f(self, a, *b: int, c, **d) -> None: ...", ":2: f has no type for a, c, d"),
        ("class A:\n    if x:\n        def f(self, a) -> None: ...", ":3: f has no type for a"),
        ("class A:\n    @staticmethod\n    def f(a) -> None: ...", ":3: f has no type for a"),
        ("def f() -> None:\n    async def g(self) -> None: ...", ":2: g has no type for self"),
        ("def f(a: int):\n    pass", ":1: f doesn't say what it returns"),
        ("class A:\n    def __init__(self): ...", ":2: __init__ doesn't say what it returns"),
    ],
)
def test_what_has_no_type_is_found(text, offence, seeded):
    assert list(manners.everything_is_typed(seeded({GOOD: text}))) == [f"{GOOD}{offence}"]


@pytest.mark.parametrize(
    ("rule", "text", "offence"),
    [
        (manners.nothing_is_left_unfinished, "x = 1\n# TODO: more", ":2: TODO: do it, or take it out"),
        (manners.nothing_is_left_unfinished, "x = '''FIXME'''", ":1: FIXME: do it, or take it out"),
        (manners.no_optional_imports, "try: import a\nexcept ImportError: a = None", ":2: catches ImportError"),
        (manners.no_optional_imports, "try: a()\nexcept (OSError, ModuleNotFoundError): b()", ":2: catches Module"),
        (
            manners.no_optional_imports,
            "with contextlib.suppress(ImportError):\n    import a",
            ":1: catches ImportError",
        ),
        (manners.no_swallowed_errors, "try: a()\nexcept Exception: pass", ":2: swallows every error"),
        (manners.no_swallowed_errors, "try: a()\nexcept (OSError, Exception): ...", ":2: swallows every error"),
        (manners.no_swallowed_errors, "try: a()\nexcept: pass", ":2: swallows every error"),
        (manners.no_swallowed_errors, "while x:\n    try: a()\n    except Exception: continue", ":3: swallows every"),
        (manners.no_swallowed_errors, "with suppress(BaseException):\n    a()", ":1: swallows every error"),
        (manners.no_state_in_modules, "cache: dict[str, int] = {}", ":1: cache: dict[str, int] = {}: state at module"),
        (manners.no_state_in_modules, "x = 1\nseen = set()", ":2: seen = set(): state at module level"),
        (
            manners.no_state_in_modules,
            "a = collections.defaultdict(list)",
            ":1: a = collections.defaultdict(list): state",
        ),
        (manners.public_names_can_be_read, "__all__ = ['b', 'a']", ":1: __all__ isn't sorted, from 'b' on"),
        (manners.public_names_can_be_read, "__all__ = sorted(x)", ":1: __all__ is computed"),
        (manners.public_names_can_be_read, "__all__ = ['a', *x]", ":1: __all__ is computed"),
    ],
)
def test_bad_manners_are_found(rule, text, offence, seeded):
    (found,) = rule(seeded({GOOD: text}))
    assert found.startswith(f"{GOOD}{offence}")


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (manners.everything_is_typed, "class A:\n    @classmethod\n    def f(cls, a: int, /, *, b: str) -> None: ..."),
        (manners.nothing_is_left_unfinished, "METHODODO = 1"),
        (manners.no_optional_imports, "try: a()\nexcept OSError: b()"),
        (manners.no_swallowed_errors, "try: a()\nexcept Exception as error: tell(error)\nexcept OSError: pass"),
        (manners.no_swallowed_errors, "with suppress(OSError):\n    a()"),
        (manners.no_state_in_modules, "TABLE = {'a': 1}\nNAMES = set('ab')\ndef f():\n    x = []"),
        (manners.public_names_can_be_read, "__all__ = ['API', 'Agent', 'tool']"),
    ],
)
def test_good_manners_are_let_be(rule, text, seeded):
    assert not list(rule(seeded({GOOD: text})))


def test_the_declared_global_is_let_be_where_it_is_declared_only(seeded):
    text = "_default: list[int] = []"
    assert not list(manners.no_state_in_modules(seeded({"core/src/core_plus/host.py": text})))
    assert len(list(manners.no_state_in_modules(seeded({GOOD: text})))) == 1


def test_names_that_are_computed_are_let_be_where_a_stub_writes_them_out(seeded):
    tree = seeded({GOOD: "__all__ = sorted(x)", f"{GOOD}i": "from core_plus_good.a import b as b\n"})
    assert not list(manners.public_names_can_be_read(tree))
