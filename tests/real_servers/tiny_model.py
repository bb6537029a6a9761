"""Make, from nothing and without a download, a real chat model that really calls a tool.

A Qwen3 of 0.75 million parameters (3 MB), trained here for a few minutes. It knows:

- "hello": a greeting;
- "What is the weather in Paris?" (or Oslo, Rome, Lima) with the tool `get_weather`: a call of it;
- the tool's result, as words or as JSON: a sentence.

Its template prints only the tools' names, so a server that reorders their schemas doesn't change the prompt, and takes
the JSON off a result, in which LiteLLM puts Google's.

usage: python tiny_model.py FOLDER      needs torch, transformers and tokenizers
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

WEATHER = (("Paris", "sunny"), ("Oslo", "snow"), ("Rome", "rain"), ("Lima", "fog"))
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>", "<think>", "</think>")
GREETING = "Hello! How can I help?"
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather in a city.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]
TEMPLATE = """{%- macro words(text) %}{{ text | replace('{"result": "', '') | replace('"}', '') }}{% endmacro %}\
{%- if tools %}<|im_start|>system
# Tools
{% for t in tools %}- {{ t.function.name if t.function else t.name }}
{% endfor %}<|im_end|>
{% endif %}{% for m in messages %}{% if m.role != 'system' %}<|im_start|>{{ m.role }}
{% if m.content is string %}{{ words(m.content) if m.role == 'tool' else m.content }}\
{% elif m.content %}{% for p in m.content %}{% if p.text is defined %}{{ p.text }}{% endif %}{% endfor %}{% endif %}\
{% if m.tool_calls %}{% for tc in m.tool_calls %}<tool_call>
{"name": "{{ tc.function.name }}", "arguments": {{ tc.function.arguments if tc.function.arguments is string \
else (tc.function.arguments | tojson) }}}
</tool_call>{% endfor %}{% endif %}<|im_end|>
{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
MOST_STEPS = 800
GOOD_ENOUGH = 0.002
"""The loss at which training ends; every example is then answered exactly."""


def written_call(city):
    """The call as the model writes it."""
    return "<tool_call>\n" + json.dumps({"name": "get_weather", "arguments": {"city": city}}) + "\n</tool_call>"


def conversations():
    """What it learns: messages, the tools offered, and the answer."""
    for city, usual in WEATHER:
        ask = {"role": "user", "content": f"What is the weather in {city}?"}
        called = {"type": "function", "function": {"name": "get_weather", "arguments": {"city": city}}}
        said = {"role": "assistant", "content": "", "tool_calls": [called]}
        yield [ask], TOOLS, written_call(city)
        for weather in sorted({each for _, each in WEATHER}, key=lambda each: each != usual):
            yield [ask, said, {"role": "tool", "content": weather}], TOOLS, f"It is {weather} in {city}."
    for tools in (None, TOOLS):
        yield [{"role": "user", "content": "hello"}], tools, GREETING


def tokenizer():
    """Byte pairs learned from what the model shall say."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    words = [f"system\nuser\nassistant\ntool\n# Tools\n- get_weather\nhello {GREETING}"] * 4
    words += [
        f"What is the weather in {city}? {written_call(city)} It is {weather} in {city}." for city, weather in WEATHER
    ] * 4
    pairs = Tokenizer(models.BPE())
    pairs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pairs.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    pairs.train_from_iterator(
        words, trainers.BpeTrainer(vocab_size=512, special_tokens=[*SPECIAL], initial_alphabet=alphabet)
    )
    made = PreTrainedTokenizerFast(
        tokenizer_object=pairs,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        bos_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
    )
    made.chat_template = TEMPLATE
    return made


def examples(tokens):
    """Prompts and answers as token ids."""
    for messages, tools, answer in conversations():
        prompt = tokens.apply_chat_template(messages, tools=tools, add_generation_prompt=True, tokenize=False)
        yield tuple(tokens(text, add_special_tokens=False).input_ids for text in (prompt, answer + "<|im_end|>"))


def batch(pairs, pad):
    """All examples side by side; only the answers count."""
    import torch

    longest = max(len(prompt) + len(answer) for prompt, answer in pairs)
    ids = torch.full((len(pairs), longest), pad)
    labels, mask = torch.full_like(ids, -100), torch.zeros_like(ids)
    for row, (prompt, answer) in enumerate(pairs):
        end = len(prompt) + len(answer)
        ids[row, :end] = torch.tensor(prompt + answer)
        labels[row, len(prompt) : end] = torch.tensor(answer)
        mask[row, :end] = 1
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def untrained(tokens):
    """The model before it has learned anything."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    return Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=len(tokens),
            hidden_size=160,
            intermediate_size=320,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=40,
            max_position_embeddings=2048,
            bos_token_id=tokens.bos_token_id,
            eos_token_id=tokens.eos_token_id,
            pad_token_id=tokens.pad_token_id,
            tie_word_embeddings=True,
        )
    )


def train(folder):
    """Make the model and keep it in a folder; nothing is done where it is there already."""
    folder = Path(folder)
    if (folder / "model.safetensors").exists():
        return folder
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch

    torch.manual_seed(0)
    tokens = tokenizer()
    model, data = untrained(tokens), batch([*examples(tokens)], tokens.pad_token_id)
    steps = torch.optim.AdamW(model.parameters(), lr=2e-3)
    model.train()
    for _ in range(MOST_STEPS):
        loss = model(**data).loss
        steps.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        steps.step()
        if loss.item() < GOOD_ENOUGH:
            break
    model.eval()
    model.generation_config.do_sample = False
    tokens.save_pretrained(folder)
    model.save_pretrained(folder)  # last: its file says that all is there
    return folder


if __name__ == "__main__":
    print(train(sys.argv[1]))
