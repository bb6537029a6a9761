"""From a request to the model's tokens, by the model's own chat template."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final

from core_plus.errors import BadRequestError, ConfigurationError
from core_plus.models import ModelRequest
from core_plus_http.callforms import conversation, folded, in_words, thinks
from core_plus_transformers.loading import Loaded

TAIL: Final = 16
"""Tokens at a prompt's end that may begin the reasoning."""


def inputs(loaded: Loaded, request: ModelRequest, template: Mapping[str, Any]) -> tuple[Any, str]:
    """The model's inputs for a request, and what ends the reasoning that the template began, if it did.

    Args:
        loaded: The model.
        request: All that is asked.
        template: More variables for the template, such as {"enable_thinking": False}.

    Raises:
        ConfigurationError: There is no template, or something that the model doesn't take.
        BadRequestError: The template refuses the conversation.
    """
    messages, tools = conversation(request, "transformers")
    if not _source(loaded, tools, template):
        raise ConfigurationError(
            f"{loaded.model.name_or_path} has no chat template: take an instruct model, or give "
            "options={'chat_template': ...}"
        )
    if "tools" not in _source(loaded, tools, template) and (tools or any(each["role"] == "tool" for each in messages)):
        messages, tools = in_words(messages, tools), None
    messages = [{**each, "content": _content(each["content"], loaded.vision)} for each in messages]
    found = _rendered(loaded, messages, tools, template)
    tail = found["input_ids"][0][-TAIL:]
    return found.to(loaded.model.device), thinks(loaded.tokenizer.decode(tail, skip_special_tokens=False))


def _source(loaded: Loaded, tools: Any, template: Mapping[str, Any]) -> str:
    """The template's text; of several, the one that is meant."""
    given = template.get("chat_template") or getattr(loaded.processor, "chat_template", None)
    if not given:
        given = getattr(loaded.tokenizer, "chat_template", None)
    if isinstance(given, dict):
        given = (given.get("tool_use") if tools else None) or given.get("default")
    return str(given or "")


def _rendered(loaded: Loaded, messages: list[dict[str, Any]], tools: Any, template: Mapping[str, Any]) -> Any:
    """The tokens; a template that refuses a system's words is given them in the user's."""
    error = import_module("jinja2.exceptions").TemplateError
    settings = {"add_generation_prompt": True, "tokenize": True, "return_dict": True, "return_tensors": "pt"}
    if loaded.sanitizes:
        settings["sanitize_control_tokens"] = True
    settings = {**settings, **template}
    try:
        return loaded.processor.apply_chat_template(messages, tools=tools, **settings)
    except error as first:
        other = folded(messages)
        if other == messages:
            raise BadRequestError(f"the chat template refuses the conversation: {first}") from first
    try:
        return loaded.processor.apply_chat_template(other, tools=tools, **settings)
    except error as second:
        raise BadRequestError(f"the chat template refuses the conversation: {second}") from second


def _content(content: str | Sequence[Mapping[str, Any]], vision: bool) -> Any:
    """A message's content as the template wants it: words, or parts where pictures are taken."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if vision and content else content
    return [_part(part, vision) for part in content]


def _part(part: Mapping[str, Any], vision: bool) -> dict[str, Any]:
    if part["type"] == "text":
        return dict(part)
    if part["type"] != "image_url" or not vision:
        kind = "pictures" if part["type"] == "image_url" else "sound and files"
        raise ConfigurationError(f"this model takes no {kind}: leave them out, or take one that does")
    head, _, data = part["image_url"]["url"].partition(";base64,")
    if not data:
        return {"type": "image", "url": head}
    image = import_module("PIL.Image").open(io.BytesIO(base64.b64decode(data)))
    return {"type": "image", "image": image.convert("RGB")}
