"""What others may rely on: the public names and the hooks. Both change on purpose only."""

import ast
from pathlib import Path

import core_plus
from core_plus import hookspecs
from house_rules import contract, readmes

NAMES = Path(__file__).with_name("public_names.txt")


def test_the_public_names_are_the_listed_ones():
    listed, real = set(NAMES.read_text(encoding="utf-8").split()), set(core_plus.__all__)
    assert (sorted(real - listed), sorted(listed - real)) == ([], []), (
        f"(new, gone) names of core_plus: if that is meant, change {NAMES.name} and the changelog too"
    )


def test_the_public_names_are_sorted_and_stand_once():
    assert list(core_plus.__all__) == sorted(set(core_plus.__all__))


def test_type_checkers_see_the_same_public_names():
    stub = ast.parse(Path(core_plus.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    seen = {alias.asname for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == set(core_plus.__all__)


def test_every_public_name_is_documented(keep):
    values = {name: getattr(core_plus, name) for name in core_plus.__all__}
    keep(
        f"core_plus.{name} has no docstring" for name, value in values.items() if callable(value) and not value.__doc__
    )


def test_hooks_explain_their_arguments(keep):
    keep(contract.hooks_explain_their_arguments(hookspecs))


def test_hooks_are_in_the_reference(keep, house):
    assert contract.hooks(hookspecs)
    keep(contract.hooks_are_in_the_reference(hookspecs, (house.top / contract.REFERENCE).read_text(encoding="utf-8")))


def test_readmes_are_true(keep, house):
    keep(readmes.readmes_are_true(house, core_plus.__all__))
