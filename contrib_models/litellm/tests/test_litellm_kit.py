"""The conformance kit, through the real litellm, over a real socket."""

import pytest

from core_plus_litellm import LiteLLMModel
from core_plus_testkit import ModelKit
from core_plus_testkit.model_kit import KEY

# What litellm does with pydantic draws warnings.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


INVENTED = "LiteLLM counts the tokens of a stream itself where the server doesn't tell them"


class TestLiteLLMModel(ModelKit):
    deviations = {"test_tokens_that_were_not_told_are_unknown": INVENTED}

    @pytest.fixture(autouse=True)
    def _no_usage(self, request):
        if request.node.name.endswith(("_forward_gives[no usage]", "_as_sync[no usage]")):
            pytest.skip(f"deviates: {INVENTED}")

    @pytest.fixture
    def model(self, backend):
        model = LiteLLMModel("openai/scripted", base_url=backend.url, api_key=KEY)
        yield model
        model.close()
