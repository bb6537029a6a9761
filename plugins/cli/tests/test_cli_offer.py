"""Where no model is set, a person at a terminal is asked whether to fetch the one that a provider offers."""

import pytest

from core_plus_cli import storage

PROVIDER = """
from core_plus import hookimpl
from core_plus.errors import ModelError
from core_plus.messages import message
from core_plus.models import ModelResponse
from core_plus_cli import servers

servers.KNOWN = (("nobody", 9),)  # not what listens on the machine that tests

class Small:
    def forward(self, request):
        return ModelResponse(message("assistant", "Now.\\n<code>\\nfinal_answer('from the small one')\\n</code>"))

class Offer:
    ref, name, size, licence, repo = "small:model", "Tiny 1B", 700_000_000, "MIT", "org/tiny"

    def fetch(self):
        print("fetching ...")
        FAILS

class Factory:
    def __call__(self, model_id):
        return Small()

    def offer(self):
        return Offer()

@hookimpl
def register_models(register):
    register("small", Factory(), summary="offers a model")
"""


@pytest.fixture
def provider(installed, monkeypatch):
    """Installs a provider that offers a model, the only one beside those that these tests need."""

    def make(fails="pass"):
        installed("model.small", PROVIDER.replace("FAILS", fails))
        ours = ("cli", "openai", "rich", "scripted", "subprocess")
        monkeypatch.setenv("CORE_PLUS_PLUGINS", ",".join([*(f"core-plus-{name}" for name in ours), "walled", "extra"]))

    return make


def test_a_model_that_is_accepted_is_fetched_used_and_kept(provider, terminal):
    provider()
    screen = terminal("run", "Do it.")
    assert "0.7 GB to fetch, once, from org/tiny (MIT)" in screen.wait_for("[y/N]")
    screen.type("y\n")
    screen.wait_for("fetching ...")
    screen.wait_for("from the small one")
    assert screen.ended() == 0
    assert storage.read_settings().model == "small:model"


@pytest.mark.parametrize("answer", ["n", ""])
def test_a_model_that_isnt_wanted_is_left_and_the_other_ways_are_told(provider, terminal, answer):
    provider()
    screen = terminal("run", "Do it.")
    screen.wait_for("[y/N]")
    screen.type(f"{answer}\n")
    screen.wait_for("Set one with -m provider:id")
    assert screen.ended() == 2
    assert storage.read_settings().model is None


def test_a_model_that_cant_be_fetched_is_an_error_that_says_why(provider, terminal):
    provider('raise ModelError("no network here")')
    screen = terminal("run", "Do it.")
    screen.wait_for("[y/N]")
    screen.type("y\n")
    screen.wait_for("Tiny 1B can't be fetched: no network here")
    assert screen.ended() == 2
    assert storage.read_settings().model is None


def test_nobody_is_asked_where_there_is_no_terminal(provider, core_plus, monkeypatch):
    provider()
    done = core_plus("run", "Do it.", stdin="y\n")
    assert done.status == 2
    assert "[y/N]" not in done.err
