"""What a provider registers, and what importing the library costs who only declares or looks something up."""

from __future__ import annotations

import inspect
import subprocess
import sys
import types

import pytest

import core_plus_http
from core_plus_http import Factory


@pytest.fixture
def home(monkeypatch):
    class Model:
        def __init__(self, model_id, *, mood=0):
            self.made = model_id, mood

    module = types.ModuleType("a_provider")
    module.Model, module.missing = Model, lambda: "set A_KEY"
    monkeypatch.setitem(sys.modules, "a_provider", module)
    return module


def test_it_makes_models_knows_their_settings_and_says_what_is_missing(home):
    factory = Factory("a_provider", "Model")
    assert factory("m", mood=1).made == ("m", 1)
    assert [*inspect.signature(factory).parameters] == ["model_id", "mood"]
    assert factory.missing() == "set A_KEY"
    assert repr(factory) == "Factory(a_provider.Model)"


def test_nothing_of_the_provider_is_imported_before():
    assert repr(Factory("no_such_module", "Model"))


@pytest.mark.parametrize(
    "statement", ["from core_plus_http import Factory", "from core_plus_http.facts import facts_of"]
)
def test_who_declares_or_looks_up_imports_no_transport(statement):
    code = f"{statement}; import sys; print(*sorted({{'h11', 'ssl', 'asyncio', 'httpx'}} & {{*sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == ""


def test_every_public_name_is_there():
    for name in core_plus_http.__all__:
        assert getattr(core_plus_http, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Transprot'"):
        core_plus_http.Transprot  # noqa: B018 (asking for it is the test)
