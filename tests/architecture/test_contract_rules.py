"""The rules of what is written down about hooks find what they should."""

from types import ModuleType

import pluggy
import pytest

from house_rules.contract import hooks, hooks_are_in_the_reference, hooks_explain_their_arguments

SOURCE = '''
@hookspec
def said(run, effect):
    """Says what `run` wants with `effect`."""

@hookspec(firstresult=True)
def silent(host): ...

@hookspec
def vague(host, running):
    """Is given the host's name, and never says which run."""

def helper(x): ...
'''


@pytest.fixture
def contract() -> ModuleType:
    module = ModuleType("some.contract")
    exec(SOURCE, vars(module) | {"hookspec": pluggy.HookspecMarker("x")}, vars(module))
    return module


def test_hooks_are_the_marked_functions_only(contract):
    assert hooks(contract) == {"said": ["run", "effect"], "silent": ["host"], "vague": ["host", "running"]}


def test_a_hook_that_does_not_explain_itself_is_found(contract):
    assert list(hooks_explain_their_arguments(contract)) == [
        "some/contract.py:6: the hook silent has no docstring",
        "some/contract.py:9: the docstring of the hook vague doesn't say what running is",
    ]


def test_a_hook_that_the_reference_lacks_or_has_otherwise_is_found(contract):
    text = "# Hooks\n\n### `said(run, effect)`\n\n### `vague(host)`\n\n### `gone(host)`\n\n### Not a hook\n"
    assert list(hooks_are_in_the_reference(contract, text)) == [
        "docs/reference/hooks.md:1: the hook silent(host) has no heading `### `silent(host)``",
        "docs/reference/hooks.md:1: the hook vague(host, running) has no heading `### `vague(host, running)``",
        "docs/reference/hooks.md:7: gone(host) is no hook, or its arguments are others",
        "docs/reference/hooks.md:5: vague(host) is no hook, or its arguments are others",
    ]
