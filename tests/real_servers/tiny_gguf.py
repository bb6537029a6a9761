"""Turn the folder that tiny_model.py makes into one GGUF file, for llama.cpp.

usage: python tiny_gguf.py FOLDER FILE.gguf      needs gguf and safetensors
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

CONTROL = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")


def convert(folder, target):
    """Write the file whole or not at all; nothing is done where it is there already."""
    import gguf

    folder, target = Path(folder), Path(target)
    if target.exists():
        return target
    config = json.loads((folder / "config.json").read_text("utf-8"))
    partial = target.with_suffix(".partial")
    writer = gguf.GGUFWriter(str(partial), "qwen3")
    add_shape(writer, config)
    add_tokenizer(writer, folder)
    add_weights(writer, folder, config["num_hidden_layers"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    partial.rename(target)
    return target


def add_shape(writer, config):
    """How large everything is."""
    rope = config.get("rope_parameters") or {}
    writer.add_name("tiny-tools")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_freq_base(float(rope.get("rope_theta") or config.get("rope_theta") or 10000.0))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_file_type(0)  # all of it as 32-bit floats


def add_tokenizer(writer, folder):
    """Tokens, merges and the chat template."""
    from gguf import TokenType

    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    vocabulary = tokenizer["model"]["vocab"]
    added = {token["content"] for token in tokenizer["added_tokens"]}
    tokens = sorted(vocabulary, key=vocabulary.get)
    types = [
        TokenType.CONTROL if each in CONTROL else TokenType.USER_DEFINED if each in added else TokenType.NORMAL
        for each in tokens
    ]
    merges = [" ".join(each) if isinstance(each, list) else each for each in tokenizer["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(vocabulary["<|im_end|>"])
    writer.add_bos_token_id(vocabulary["<|endoftext|>"])
    writer.add_pad_token_id(vocabulary["<|endoftext|>"])
    writer.add_add_bos_token(False)
    writer.add_chat_template((folder / "chat_template.jinja").read_text("utf-8"))


def add_weights(writer, folder, layers):
    """The tensors under their names in GGUF."""
    import gguf
    from safetensors.numpy import load_file

    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN3, layers)
    for name, tensor in load_file(folder / "model.safetensors").items():
        if name != "lm_head.weight":  # the same as the embeddings
            writer.add_tensor(names.get_name(name, try_suffixes=(".weight", ".bias")), tensor.astype("float32"))


if __name__ == "__main__":
    print(convert(*sys.argv[1:3]))
