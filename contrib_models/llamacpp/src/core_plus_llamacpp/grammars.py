"""Grammars in llama.cpp's notation (GBNF), which a reply can't but follow."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

from core_plus.errors import BadRequestError
from core_plus.parsing import CODE_TAGS
from core_plus.tools import ToolSpec

CODE: Final = (
    f'root ::= words "{CODE_TAGS[0]}" code "{CODE_TAGS[1]}"\n'
    'words ::= ([^<] | "<" [^c])*\n'  # up to the first tag
    'code ::= ([^<] | "<" [^/])+\n'
)
"""Words, then one block of code between the kernel's tags."""
JSON: Final = re.compile(r"^root ::=", re.MULTILINE)


def of_schema(schema: dict[str, Any]) -> str:
    """JSON that fits a schema.

    Args:
        schema: JSON Schema.

    Raises:
        BadRequestError: llama.cpp has no grammar for it.
    """
    grammar: Any = import_module("llama_cpp.llama_grammar")
    try:
        return str(grammar.json_schema_to_gbnf(json.dumps(schema)))
    except Exception as error:  # its converter raises what comes: assertions, key and value errors
        raise BadRequestError(f"llama.cpp has no grammar for this JSON Schema: {error}") from error


def of_calls(tools: Sequence[ToolSpec]) -> str:
    """One or several calls of these tools, in the form of Hermes and Qwen.

    Args:
        tools: What may be called.

    Raises:
        BadRequestError: llama.cpp has no grammar for their parameters.
    """
    calls = [
        {
            "type": "object",
            "properties": {"name": {"const": tool.name}, "arguments": tool.parameters},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for tool in tools
    ]
    rules = JSON.sub("one-call ::=", of_schema(calls[0] if len(calls) == 1 else {"oneOf": calls}))
    return f'root ::= tagged ("\\n" tagged)*\ntagged ::= "<tool_call>\\n" one-call "\\n</tool_call>"\n{rules}'


def checked(llama: Any, text: str) -> Any:
    """A grammar for `Llama.generate`, which crashes the process on one that llama.cpp can't read.

    Args:
        llama: A `llama_cpp.Llama`.
        text: In GBNF.

    Raises:
        BadRequestError: llama.cpp can't read it; it says why on stderr.
    """
    library: Any = import_module("llama_cpp")
    vocabulary = library.llama_model_get_vocab(llama.model)
    made = library.llama_sampler_init_grammar(vocabulary, text.encode("utf-8", "replace"), b"root")
    if not made:
        raise BadRequestError(f"llama.cpp can't read this grammar: {text[:200]}")
    library.llama_sampler_free(made)
    return library.LlamaGrammar.from_string(text, verbose=False)
