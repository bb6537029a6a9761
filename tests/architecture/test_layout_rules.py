"""The rules of how a distribution is laid out find what they should, and only that."""

import pytest

from house_rules import layout
from house_rules.tree import Tree

PROJECT = "plugins/good/pyproject.toml"
DEPENDS = 'dependencies = ["core-plus-kernel"]\ndescription'


@pytest.fixture
def edited(seeded):
    """Gives a tree in which one file, by default a plugin's pyproject.toml, has some other words."""

    def edit(old: str, new: str, path: str = PROJECT) -> Tree:
        top = seeded({}).top
        text = (top / path).read_text()
        assert old in text
        (top / path).write_text(text.replace(old, new))
        return Tree(top)

    return edit


@pytest.mark.parametrize(
    ("old", "new", "offence"),
    [
        ("hatchling.build", "setuptools", "build-backend is 'setuptools'; it must be 'hatchling.build'"),
        (">=3.11", ">=3.12", "requires-python is '>=3.12'; it must be '>=3.11'"),
        ("Apache-2.0", "MIT", "license is 'MIT'; it must be 'Apache-2.0'"),
        ("For a test", "", "it has no description: one line that says what it adds"),
        ("[project.entry", "[tool.ruff]\n[project.entry", "tool settings is ['ruff']; it must be []"),
    ],
)
def test_a_project_that_says_otherwise_is_found(old, new, offence, edited):
    assert list(layout.projects_say_the_same(edited(old, new))) == [f"{PROJECT}:1: {offence}"]


def test_a_name_that_differs_from_the_folder_is_found(edited):
    found = list(layout.distributions_are_laid_out_alike(edited("core-plus-good", "good")))
    assert found[0] == f"{PROJECT}:1: the name is good; in this folder it must be core-plus-good"


@pytest.mark.parametrize("missing", ["README.md", "tests", "src/core_plus_good/py.typed"])
def test_a_distribution_that_lacks_a_room_or_has_one_too_many_is_found(missing, seeded):
    tree = seeded({"plugins/good/src/core_plus_more/x.py": ""})
    (tree.top / "plugins/good" / missing).rename(tree.top / "elsewhere")
    assert list(layout.distributions_are_laid_out_alike(tree)) == [
        f"{PROJECT}:1: {missing} is missing beside it",
        f"{PROJECT}:1: src holds core_plus_more; a distribution has one package, core_plus_good",
    ]


@pytest.mark.parametrize(
    ("entry", "offence"),
    [
        ('good = "core_plus_good"', "'good' isn't kind.name with a kind of hooks, model"),
        ('"tool.x" = "core_plus_good"', "'tool.x' isn't kind.name with a kind of hooks, model"),
        ('"model.good" = "os.path:join"', "'model.good' names os.path:join, which isn't in core_plus_good"),
    ],
)
def test_an_entry_point_of_no_kind_or_in_another_package_is_found(entry, offence, edited):
    tree = edited('"model.good" = "core_plus_good"', entry)
    assert list(layout.entry_points_say_what_they_are(tree, {"model", "hooks"})) == [
        f"{PROJECT}:1: the entry point {offence}"
    ]


def test_a_plugin_without_an_entry_point_is_found(edited):
    tree = edited('[project.entry-points.core_plus]\n"model.good" = "core_plus_good"', "")
    assert list(layout.entry_points_say_what_they_are(tree, {"model"})) == [
        f"{PROJECT}:1: no entry point in the group core_plus, so nobody finds it"
    ]


def test_a_distribution_that_the_workspace_forgot_is_found(edited):
    tree = edited("core-plus-other", "core-plus-gone", "pyproject.toml")
    assert list(layout.the_workspace_knows_all(tree)) == [
        "pyproject.toml:1: core-plus-other is in the tree but neither in dependencies nor in the group dev",
        "pyproject.toml:1: core-plus-other is in the tree but not in tool.uv.sources",
        "pyproject.toml:1: core-plus-gone is named but isn't in the tree",
    ]


def test_a_sibling_without_a_lower_bound_is_found(edited):
    assert list(layout.the_workspace_knows_all(edited("description", DEPENDS))) == [
        f"{PROJECT}:1: 'core-plus-kernel' has no lower bound: write core-plus-kernel>=0.1.0"
    ]


def test_what_only_ones_own_tests_need_and_the_workspace_lacks_is_found(edited):
    group = '[dependency-groups]\ntest = ["core-plus-other", "respx>=1"]\n[project.entry'
    assert list(layout.the_workspace_knows_all(edited("[project.entry", group))) == [
        f"{PROJECT}:1: its tests need respx, which the workspace's group test doesn't bring"
    ]


def test_a_tree_that_keeps_the_rules_is_let_be(seeded):
    tree = seeded({})
    assert not list(layout.distributions_are_laid_out_alike(tree))
    assert not list(layout.projects_say_the_same(tree))
    assert not list(layout.the_workspace_knows_all(tree))
    assert not list(layout.entry_points_say_what_they_are(tree, {"model"}))
