"""The kit passes a good model and fails a bad one: a kit that passes everything proves nothing."""

import pytest

pytest_plugins = ["pytester"]

GOOD = """
import json
import urllib.request

import pytest

from core_plus.messages import Message, Text, Usage
from core_plus.models import FinishDelta, ModelResponse, TextDelta
from core_plus_testkit import ModelKit
from core_plus_testkit.model_kit import KEY


class Model:
    def __init__(self, url):
        self.url = url

    def __str__(self):
        return "small:model"

    def forward(self, request):
        messages = [{"role": each.role, "content": each.text} for each in request.messages]
        body = json.dumps({"model": "m", "messages": messages}, ensure_ascii=False).encode("utf-8", "replace")
        asked = urllib.request.Request(f"{self.url}/chat/completions", body, {"authorization": f"Bearer {KEY}"})
        with urllib.request.urlopen(asked, timeout=5) as reply:
            found = json.load(reply)
        text, told = found["choices"][0]["message"]["content"], found.get("usage")
        usage = told and Usage(told["prompt_tokens"], told["completion_tokens"], 10, 0, 5, 1)
        return ModelResponse(Message("assistant", (Text(text),) if text else ()), usage)

    def stream(self, request):
        reply = self.forward(request)
        yield TextDelta(reply.message.text)
        yield FinishDelta("stop", usage=reply.usage)


class TestSmall(ModelKit):
    deviations = {"test_a_long_text_comes_in_pieces": "it has no stream to speak of"}

    @pytest.fixture
    def model(self, backend):
        return Model(backend.url)
"""
BAD = {
    "usage that is made up": ("told and Usage(", "Usage(1) or (", "test_the_tokens_are_told"),
    "a stream that says less": (
        "TextDelta(reply.message.text)",
        "TextDelta('x')",
        "test_the_deltas_of_a_stream_add_up",
    ),
    "text that crashes it": ('.encode("utf-8", "replace")', ".encode()", "test_text_that_is_no_unicode"),
    "a key that isn't sent": ('f"Bearer {KEY}"', '"none"', "test_the_key_is_sent_and_shown_nowhere"),
    "a name that nobody can read": ("def __str__", "def no_str", "test_it_is_a_model_with_a_name_to_read"),
}
CHOSEN = "to_read or (add_up and word) or are_told or no_unicode or key_is_sent or comes_in_pieces or many_threads"


@pytest.fixture
def kit(pytester):
    """Runs chosen tests of the kit against a model's source."""

    def run(source):
        pytester.makepyfile(source)
        plugins = pytester._request.config.pluginmanager
        installed = any(plugins.get_name(each) == "core_plus_testkit" for each in plugins.get_plugins())
        load = [] if installed else ["-p", "core_plus_testkit.plugin"]
        return pytester.runpytest(*load, "-k", CHOSEN, "-rfs", "-p", "no:xdist")

    return run


def test_a_good_model_passes_and_its_deviation_is_told(kit):
    result = kit(GOOD)
    assert result.parseoutcomes()["passed"] == 7
    result.stdout.fnmatch_lines(["SKIPPED*deviates: it has no stream to speak of"])


@pytest.mark.parametrize("name", BAD)
def test_a_bad_model_is_found_out(name, kit):
    good, bad, failing = BAD[name]
    assert good in GOOD
    result = kit(GOOD.replace(good, bad))
    assert result.ret == 1
    result.stdout.fnmatch_lines([f"FAILED *{failing}*"])


def test_a_kit_without_a_model_says_what_is_missing(kit):
    result = kit("from core_plus_testkit import ModelKit\n\nclass TestMine(ModelKit):\n    pass\n")
    result.stdout.fnmatch_lines(["*TestMine must give the fixture `model`*"])
