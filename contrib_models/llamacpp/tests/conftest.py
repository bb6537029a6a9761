"""A model with random weights, written here as a GGUF file: a grammar makes it say whatever a test wants."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

TEMPLATE = (
    "{% if tools %}<|im_start|>system\n<tool_call>{{ tools | tojson }}<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}"
    "{% for c in m.tool_calls or [] %}<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% if think %}<think>\n{% endif %}{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "[TOOL_CALLS]", "<unused>"]
CONTEXT = 512
SIZE, HEADS, HEAD, FORWARD = 32, 2, 16, 64
NEEDED = ("gguf", "llama_cpp", "numpy")


def pytest_collection_modifyitems(items):
    missing = ", ".join(name for name in NEEDED if find_spec(name) is None)
    for item in items if missing else ():
        if item.path.parent == Path(__file__).parent and "make_file" in item.fixturenames:
            item.add_marker(
                pytest.mark.skip(f"{missing} isn't installed; llama.cpp is compiled for a quarter of an hour")
            )


def byte_alphabet():
    """GPT-2's letters for the 256 bytes: printable ones stand for themselves, the others from U+0100 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in printable}
    others = [byte for byte in range(256) if byte not in letters]
    return letters | {byte: chr(256 + n) for n, byte in enumerate(others)}


def write(path, numpy, gguf, template=TEMPLATE):
    """A Qwen3 of one layer."""
    writer = gguf.GGUFWriter(str(path), "qwen3")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(SIZE)
    writer.add_block_count(1)
    writer.add_feed_forward_length(FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_file_type(0)
    if template:
        writer.add_chat_template(template)
    add_tokens(writer, gguf)
    add_weights(writer, numpy.random.default_rng(0), numpy)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def add_tokens(writer, gguf):
    """Bytes, and a few control tokens."""
    tokens = [*SPECIAL, *byte_alphabet().values()]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL] * len(SPECIAL) + [gguf.TokenType.NORMAL] * 256)
    writer.add_token_merges(["a a"])
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_bos_token_id(tokens.index("<|endoftext|>"))
    writer.add_add_bos_token(False)


def add_weights(writer, chance, numpy):
    """By chance, always the same."""
    tokens, wide = len(SPECIAL) + 256, HEADS * HEAD
    shapes = {"token_embd": (tokens, SIZE), "output": (tokens, SIZE), "blk.0.attn_output": (SIZE, wide)}
    shapes |= {f"blk.0.attn_{name}": (wide, SIZE) for name in "qkv"}
    shapes |= {"blk.0.ffn_gate": (FORWARD, SIZE), "blk.0.ffn_up": (FORWARD, SIZE), "blk.0.ffn_down": (SIZE, FORWARD)}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", chance.normal(0, 0.5, shape).astype("float32"))
    norms = {"output_norm": SIZE, "blk.0.attn_norm": SIZE, "blk.0.ffn_norm": SIZE}
    for name, size in (norms | {"blk.0.attn_q_norm": HEAD, "blk.0.attn_k_norm": HEAD}).items():
        writer.add_tensor(f"{name}.weight", numpy.ones(size, "float32"))


@pytest.fixture(scope="session")
def make_file(tmp_path_factory):
    """Writes a model's file."""
    import gguf
    import numpy

    folder = tmp_path_factory.mktemp("models")
    return lambda name, **more: write(folder / name, numpy, gguf, **more)


@pytest.fixture(scope="session")
def file(make_file):
    """Where the model is."""
    return make_file("random.gguf")


@pytest.fixture(scope="session")
def _loaded(file):
    from core_plus_llamacpp import LlamaCppModel

    model = LlamaCppModel(str(file), n_ctx=CONTEXT, n_threads=1)
    yield model
    model.close()


@pytest.fixture
def model(_loaded):
    """The model object, loaded once."""
    return _loaded


@pytest.fixture
def says():
    """Options that make the model say a text, whatever its weights want."""

    def options(text, *, ends=True, **more):
        quoted = json.dumps(text, ensure_ascii=False)
        return {"grammar": f"root ::= {quoted}" + ("" if ends else " root"), "temperature": 0, **more}

    return options
