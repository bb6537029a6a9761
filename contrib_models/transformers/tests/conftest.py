"""A model with random weights, made here: it says whatever a test forces it to."""

from importlib.util import find_spec
from pathlib import Path

import pytest

TEMPLATE = (
    "{% if tools %}<|im_start|>system\n{{ tools | tojson }}<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}"
    "{% for c in m.tool_calls or [] %}<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% if think %}<think>\n{% endif %}{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "[TOOL_CALLS]", "<unused>"]
CONTEXT = 512
NEEDED = ("accelerate", "torch", "transformers")


def pytest_collection_modifyitems(items):
    missing = ", ".join(name for name in NEEDED if find_spec(name) is None)
    for item in items if missing else ():
        if item.path.parent == Path(__file__).parent and "folder" in item.fixturenames:
            item.add_marker(pytest.mark.skip(f"{missing} isn't installed: it is large, and only this plugin needs it"))


def made_tokenizer():
    """Bytes, and a few special tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    pairs = Tokenizer(models.BPE())
    pairs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pairs.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    pairs.train_from_iterator(
        ["the weather is what it is"] * 4,
        trainers.BpeTrainer(vocab_size=300, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=pairs,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>", "[TOOL_CALLS]", "<unused>"],
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Where the model is."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.manual_seed(0)
    torch.set_num_threads(1)  # for so small a model, more only wait for each other
    tokenizer = made_tokenizer()
    model = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=8,
            max_position_embeddings=CONTEXT,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    path = tmp_path_factory.mktemp("models") / "random"
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


@pytest.fixture(scope="session")
def _loaded(folder):
    from core_plus_transformers import TransformersModel

    model = TransformersModel(str(folder))
    yield model
    model.close()


@pytest.fixture
def model(_loaded):
    """The model object, loaded once."""
    return _loaded


@pytest.fixture(scope="session")
def says(folder):
    """Options that make the model say a text, whatever its weights want."""
    from transformers import AutoTokenizer, LogitsProcessor, LogitsProcessorList

    tokenizer = AutoTokenizer.from_pretrained(folder)

    class Forced(LogitsProcessor):
        def __init__(self, ids):
            self.ids = iter(ids)

        def __call__(self, input_ids, scores):
            scores[:] = -1e9
            scores[:, next(self.ids, tokenizer.eos_token_id)] = 0
            return scores

    def options(text, *, ends=True, **more):
        ids = tokenizer(text, add_special_tokens=False).input_ids
        forced = Forced([*ids, *([tokenizer.eos_token_id] if ends else ids * 1000)])
        return {"logits_processor": LogitsProcessorList([forced]), "do_sample": False, **more}

    options.count = lambda text: len(tokenizer(text, add_special_tokens=False).input_ids)
    return options
