"""The double of the service is called as the SDK is: where the SDK's signatures drift, these fail."""

import inspect

import e2b
import e2b_double
import pytest
from e2b.sandbox_sync.commands.command import Commands
from e2b.sandbox_sync.commands.command_handle import CommandHandle

KIND = inspect.Parameter


def parameters(function) -> dict[str, tuple]:
    """Names with kinds and defaults, `self` and `cls` aside; of overloads and variants the implementation's."""
    found = inspect.signature(inspect.unwrap(function)).parameters.values()
    return {each.name: (each.kind, each.default) for each in found if each.name not in ("self", "cls")}


@pytest.mark.parametrize(
    ("double", "sdk"),
    [
        (e2b_double.Sandbox.create, e2b.Sandbox.create),
        (e2b_double.Commands.run, Commands.run),
        (e2b_double.Handle.send_stdin, CommandHandle.send_stdin),
        (e2b_double.Handle.wait, CommandHandle.wait),
        (e2b_double.Handle.__iter__, CommandHandle.__iter__),
    ],
)
def test_the_double_takes_what_the_sdk_takes(double, sdk):
    assert parameters(double) == parameters(sdk)


@pytest.mark.parametrize(("name", "arguments"), [("kill", ()), ("set_timeout", (300,))])
def test_methods_take_what_the_executor_gives_them(name, arguments):
    for sandbox in (e2b.Sandbox, e2b_double.Sandbox):
        function = inspect.getattr_static(sandbox, name)
        inspect.signature(getattr(function, "method", function)).bind(None, *arguments)


def test_the_parameters_that_go_to_every_call_have_the_key():
    from e2b.connection_config import ApiParams

    assert "api_key" in ApiParams.__annotations__


def test_results_and_errors_are_the_sdks_own():
    assert (e2b_double.CommandResult, e2b_double.CommandExitException) == (e2b.CommandResult, e2b.CommandExitException)
    assert isinstance(CommandHandle.pid, property)
