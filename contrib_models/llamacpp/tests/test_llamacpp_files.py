"""Which file a name stands for; a double of the Hub's client, so that nothing is fetched."""

import hashlib
import sys
import types

import attrs
import pytest

from core_plus.errors import ConfigurationError, ModelConnectionError, ModelError, ModelNotFoundError
from core_plus.host import Host
from core_plus_llamacpp.files import SMALL, located


class EntryNotFoundError(Exception):
    """As the Hub's client names it."""


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """What was asked of the Hub; it has what is written into `files`."""
    module = types.ModuleType("huggingface_hub")
    module.asked, module.files = [], {}

    def hf_hub_download(repo, file, **settings):
        module.asked.append((repo, file, settings))
        content = module.files.get((repo, file), b"")
        if isinstance(content, Exception):
            raise content
        path = tmp_path / file.replace("/", "_")
        path.write_bytes(content)
        return str(path)

    module.hf_hub_download = hf_hub_download
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    return module


def test_a_file_that_is_here_is_taken_as_it_is(tmp_path, hub):
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF")
    assert located(str(path), {}) == path
    assert hub.asked == []


def test_a_file_of_the_hub_is_fetched_with_the_settings_given(hub):
    assert located("org/repo/sub/model.gguf", {"revision": "abc"}).name == "sub_model.gguf"
    assert hub.asked == [("org/repo", "sub/model.gguf", {"revision": "abc"})]


def test_the_first_of_several_files_brings_the_others(hub):
    assert located("org/repo/model-00001-of-00003.gguf", {}).name == "model-00001-of-00003.gguf"
    assert [file for _, file, _ in hub.asked] == [f"model-0000{n}-of-00003.gguf" for n in (1, 2, 3)]


@pytest.mark.parametrize("name", ["org/repo", "model", "/nowhere/model.gguf", "./a/b/model.gguf", "org/repo/file.bin"])
def test_what_is_neither_says_both_forms(name, hub):
    with pytest.raises(ConfigurationError, match=r"org/repo/file\.gguf"):
        located(name, {})
    assert hub.asked == []


@pytest.mark.parametrize(
    ("failure", "kind"),
    [(EntryNotFoundError("404"), ModelNotFoundError), (OSError("no network"), ModelConnectionError)],
)
def test_a_file_that_cannot_be_fetched_is_an_error_of_its_kind(hub, failure, kind):
    hub.files["org/repo", "model.gguf"] = failure
    with pytest.raises(kind, match=r"model\.gguf of org/repo"):
        located("org/repo/model.gguf", {})


def test_a_model_is_offered_by_the_factory_without_importing_anything_heavy():
    with Host() as host:
        offer = host.find("model", "llamacpp").factory.offer()
        assert offer is SMALL
        assert str(host.model(offer.ref)) == "llamacpp:small"
    assert "llama_cpp" not in sys.modules or sys.modules["llama_cpp"].__file__
    assert len(offer.sha256) == 64
    assert offer.size > 10**9


def test_the_small_model_is_the_pinned_file(hub):
    located("small", {})
    assert hub.asked == [(SMALL.repo, SMALL.file, {"revision": SMALL.revision})]


def test_what_was_fetched_is_checked(hub):
    offer = attrs.evolve(SMALL, sha256=hashlib.sha256(b"weights").hexdigest())
    hub.files[offer.repo, offer.file] = b"weights"
    assert offer.fetch().read_bytes() == b"weights"
    hub.files[offer.repo, offer.file] = b"something else"
    with pytest.raises(ModelError, match="remove it"):
        offer.fetch()
