"""From a request to the model's tokens, by the chat template that its file holds."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

from core_plus.errors import BadRequestError, ConfigurationError
from core_plus.models import ModelRequest
from core_plus_http.callforms import conversation, folded, in_words, thinks

KEY = "tokenizer.chat_template"


class Prompt(NamedTuple):
    """What the model reads.

    Args:
        tokens: Its tokens.
        closes: What ends the reasoning that the template began; "" where it didn't.
        tagged: Whether calls are asked for in the form `<tool_call>`.
    """

    tokens: list[int]
    closes: str
    tagged: bool


def prompt(llama: Any, request: ModelRequest, variables: Mapping[str, Any], template: str | None) -> Prompt:
    """What the model reads for a request.

    Args:
        llama: A `llama_cpp.Llama`.
        request: All that is asked.
        variables: More variables for the template, such as {"enable_thinking": False}.
        template: In place of the file's own.

    Raises:
        ConfigurationError: There is no template, or something that the model doesn't take.
        BadRequestError: The template refuses the conversation.
    """
    source = template or llama.metadata.get(KEY)
    if not source:
        raise ConfigurationError(
            f"{llama.model_path} has no chat template: take an instruct model, or give chat_template="
        )
    messages, tools = conversation(request, "llamacpp")
    tagged = "tools" not in source or "<tool_call>" in source
    if "tools" not in source and (tools or any(each["role"] == "tool" for each in messages)):
        messages, tools = in_words(messages, tools), None
    for each in messages:
        each["content"] = _words(each["content"])
    text = _rendered(llama, source, messages, tools, variables)
    tokens = llama.tokenize(text.encode("utf-8", "replace"), add_bos=False, special=True)
    return Prompt(tokens, thinks(text), tagged)


def _rendered(llama: Any, source: str, messages: list[dict[str, Any]], tools: Any, variables: Mapping[str, Any]) -> str:
    """The prompt's text; a template that refuses a system's words is given them in the user's."""
    error = import_module("jinja2").TemplateError
    bos, eos = (_text(llama, token) for token in (llama.token_bos(), llama.token_eos()))
    formatter = import_module("llama_cpp.llama_chat_format").Jinja2ChatFormatter(source, eos_token=eos, bos_token=bos)
    try:
        return str(formatter(messages=messages, tools=tools, **variables).prompt)
    except (error, ValueError) as first:  # a template's own refusal is a ValueError here
        other = folded(messages)
        if other == messages:
            raise BadRequestError(f"the chat template refuses the conversation: {first}") from first
    try:
        return str(formatter(messages=other, tools=tools, **variables).prompt)
    except (error, ValueError) as second:
        raise BadRequestError(f"the chat template refuses the conversation: {second}") from second


def _text(llama: Any, token: int) -> str:
    return str(llama.detokenize([token], special=True).decode("utf-8", "replace")) if token >= 0 else ""


def _words(content: Any) -> str:
    """A message's content as words, which are all that these models take."""
    if isinstance(content, str):
        return content
    if any(part["type"] != "text" for part in content):
        raise ConfigurationError("models run by llama.cpp in process take words only: leave pictures and sound out")
    return "".join(part["text"] for part in content)
