"""The double of the service is called as the SDK is: where the SDK's signatures drift, these fail."""

import inspect

import modal
import modal_double
import pytest
from modal.container_process import ContainerProcess
from modal.io_streams import StreamReader, StreamWriter
from modal.sandbox import Sandbox


def names(function) -> set[str]:
    return set(inspect.signature(function).parameters) - {"self", "cls"}


@pytest.mark.parametrize(
    ("double", "sdk"),
    [
        (modal_double.Sandbox.exec, Sandbox.exec),
        (modal_double.Sandbox.terminate, Sandbox.terminate),
        (modal_double.Sandbox.detach, Sandbox.detach),
        (modal_double.App.lookup, modal.App.lookup),
        (modal_double.ContainerProcess.wait, ContainerProcess.wait),
        (modal_double.StreamWriter.write, StreamWriter.write),
        (modal_double.StreamWriter.drain, StreamWriter.drain),
        (modal_double.StreamReader.__iter__, StreamReader.__iter__),
    ],
)
def test_what_the_double_takes_the_sdk_takes_too(double, sdk):
    assert names(double) <= names(sdk)


def test_the_wishes_for_a_sandbox_are_parameters_of_the_sdk(service, modal_executor):
    from core_plus.executors import Setup

    modal_executor.open(Setup()).close()
    assert set(service.made[0].options) - {"args"} <= names(Sandbox.create)


def test_a_process_has_its_three_streams_and_bytes():
    for name in ("stdin", "stdout", "stderr"):
        assert isinstance(inspect.getattr_static(ContainerProcess, name), property)
    assert "text" in names(ContainerProcess.__init__)


def test_images_are_made_as_the_executor_makes_them():
    assert isinstance(modal.Image.debian_slim().pip_install("numpy", "pandas"), modal.Image)


def test_a_client_takes_both_halves_of_a_token():
    from modal.client import Client

    assert {"token_id", "token_secret"} <= names(Client.from_credentials)
