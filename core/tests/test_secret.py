"""A secret is seen nowhere: not printed, not logged, not saved."""

from __future__ import annotations

import copy
import json
import logging
import pickle

import attrs
import msgspec
import pytest
from kernel_doubles import Scripted

from core_plus import ActionStep, Secret, ToolCallingAgent, dump_steps

KEY = "sk-very-secret"


@attrs.frozen
class Settings:
    """Settings with a key."""

    api_key: Secret
    url: str = "x"


class Record(msgspec.Struct):
    """A record with anything."""

    value: object


SHOWN = [
    repr,
    str,
    lambda secret: f"{secret}",
    lambda secret: f"{secret!r} {secret!s} {secret!a}",
    lambda secret: "%s %r" % (secret, secret),  # noqa: UP031 (a way to print)
    lambda secret: repr([secret, {"key": secret}, (secret,)]),
    lambda secret: repr(Settings(secret)),
    lambda secret: repr(Record(secret)),
    lambda secret: repr(ValueError(secret)) + str(ValueError(secret)),
    lambda secret: dump_steps([ActionStep(value={"key": secret})]).decode(),
    lambda secret: json.dumps({"key": secret}, default=repr),
    lambda secret: repr(attrs.asdict(Settings(secret))),
]


@pytest.mark.parametrize("show", SHOWN, ids=range(len(SHOWN)))
def test_a_secret_prints_as_stars(show):
    text = show(Secret(KEY))
    assert KEY not in text
    assert "***" in text


def test_a_secret_is_logged_as_stars(caplog):
    with caplog.at_level(logging.INFO):
        logging.getLogger("a test").info("key %s %r", Secret(KEY), {"key": Secret(KEY)})
    assert KEY not in caplog.text
    assert "***" in caplog.text


SAVED = [
    pickle.dumps,
    copy.deepcopy,
    json.dumps,
    msgspec.json.encode,
    msgspec.msgpack.encode,
    msgspec.to_builtins,
    vars,
]


@pytest.mark.parametrize("save", SAVED, ids=lambda save: f"{save.__module__}.{save.__name__}")
def test_a_secret_can_not_be_saved(save):
    with pytest.raises(TypeError) as caught:
        save(Secret(KEY))
    assert KEY not in str(caught.value)


def test_a_secret_says_why_it_is_not_pickled():
    with pytest.raises(TypeError, match="never saved"):
        pickle.dumps(Settings(Secret(KEY)))


def test_a_secret_is_revealed_on_purpose():
    assert Secret(KEY).reveal() == KEY
    assert Secret(Secret(KEY)).reveal() == KEY


def test_secrets_of_the_same_text_are_equal_but_no_text_is():
    assert Secret(KEY) == Secret(KEY)
    assert hash(Secret(KEY)) == hash(Secret(KEY))
    assert Secret(KEY) != Secret("other")
    assert Secret(KEY) != KEY


def test_an_empty_secret_is_false():
    assert not Secret("")
    assert Secret(KEY)


def test_a_secret_among_deps_and_variables_is_shown_to_nobody(host):
    agent = ToolCallingAgent(model=Scripted("done"), host=host)
    result = agent.run("x", deps=Secret(KEY), variables={"key": Secret(KEY)})
    seen = repr(agent.model.requests) + repr(result) + repr(result.steps) + json.dumps(result.as_dict())
    assert KEY not in seen + result._repr_html_()
    assert "- key (Secret): ***" in agent.model.requests[0].messages[-1].text
