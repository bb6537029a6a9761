"""Errors: one family, drawn as it is; each keeps what it knows, through pickle and copy too."""

from __future__ import annotations

import copy
import inspect
import pickle
import re

import pytest

import core_plus
from core_plus import errors
from core_plus.errors import CorePlusError, ModelError, RunError, RunFailed

KINDS = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, Exception)]
MODEL_KINDS = [cls for cls in KINDS if issubclass(cls, ModelError)]
FIELDS = {
    "provider": "openai",
    "model": "gpt",
    "status": 429,
    "request_id": "req_1",
    "retry_after": 2.5,
    "partial": True,
}


@pytest.mark.parametrize("cls", KINDS)
def test_every_error_is_of_the_one_family_and_exported(cls):
    assert issubclass(cls, CorePlusError)
    assert getattr(core_plus, cls.__name__) is cls
    assert inspect.getdoc(cls)


def test_the_drawing_of_the_family_is_true():
    drawn, parents = {}, {}
    for line in errors.__doc__.split("CorePlusError", 1)[1].splitlines():
        head = re.match(r"^([│├└─ ]*)(.*?)(?:  .*)?$", line)
        names = re.findall(r"\b[A-Z]\w+", head[2]) if re.search("[├└│]", head[1]) else []
        depth = len(head[1]) // 4
        for name in names:
            drawn[name] = parents.get(depth - 1, "CorePlusError")
            parents[depth] = name
    for cls in KINDS:
        if cls is not CorePlusError:
            assert issubclass(cls, getattr(errors, drawn[cls.__name__])), cls
            assert cls.__name__ in drawn
    assert set(drawn) == {cls.__name__ for cls in KINDS} - {"CorePlusError"}


@pytest.mark.parametrize("way", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])
@pytest.mark.parametrize("cls", MODEL_KINDS)
def test_a_model_error_keeps_its_fields_through_pickle_and_copy(cls, way):
    error = cls("slow down", **FIELDS)
    error.add_note("a note")
    again = way(error)
    assert type(again) is cls
    assert {name: getattr(again, name) for name in FIELDS} == FIELDS
    assert (again.message, str(again), again.args) == ("slow down", str(error), error.args)
    assert again.__notes__ == ["a note"]


@pytest.mark.parametrize("cls", [cls for cls in KINDS if not issubclass(cls, ModelError)])
def test_every_other_error_comes_back_from_pickle_with_its_text(cls):
    again = pickle.loads(pickle.dumps(cls("what happened")))
    assert type(again) is cls
    assert str(again) == "what happened"


@pytest.mark.parametrize("cls", [cls for cls in KINDS if issubclass(cls, RunError)])
def test_a_run_error_keeps_its_result_through_pickle(cls):
    error = cls("no output", {"steps": 3})
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.result) == ("no output", {"steps": 3})


def test_a_run_error_may_be_raised_without_a_result():
    assert RunFailed("x").result is None


def test_each_kind_of_model_error_has_a_word_of_its_own():
    words = [cls.kind for cls in MODEL_KINDS]
    assert len(set(words)) == len(words)


PASSING = {"RateLimit", "Overloaded", "Server", "ModelTimeout", "ModelConnection", "CutStream"}


@pytest.mark.parametrize("cls", MODEL_KINDS)
def test_only_what_may_pass_by_itself_is_tried_again_and_never_after_output(cls):
    assert cls("x").retryable == (cls.__name__.removesuffix("Error") in PASSING)
    assert not cls("x", partial=True).retryable


TEXTS = [
    ({}, "slow down"),
    ({"provider": "openai"}, "openai: slow down"),
    ({"provider": "openai", "model": "gpt"}, "openai:gpt: slow down"),
    ({"model": "gpt"}, "gpt: slow down"),
    ({"status": 429}, "slow down (HTTP 429)"),
    ({"provider": "openai", "status": 429, "request_id": "r"}, "openai: slow down (HTTP 429, request r)"),
]


@pytest.mark.parametrize(("fields", "text"), TEXTS)
def test_a_model_error_says_who_and_what(fields, text):
    assert str(ModelError("slow down", **fields)) == text


def test_what_the_package_exports_is_there_and_nothing_else_is_promised():
    assert set(core_plus.__all__) <= set(dir(core_plus))
    assert all(getattr(core_plus, name) is not None for name in core_plus.__all__)
    with pytest.raises(AttributeError, match="module 'core_plus' has no attribute 'Agnet'"):
        _ = core_plus.Agnet
