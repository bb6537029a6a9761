"""The grammars in which models write calls, each a function from text to names and arguments."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

Call: TypeAlias = tuple[str, "dict[str, Any] | str"]
"""A tool's name, and its arguments; a text where they can't be read."""
Schemas: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Each tool's parameters."""

NAMES: Final = ("name", "tool_name", "function")
ARGUMENTS: Final = ("arguments", "parameters", "args", "input")
NAMED: Final = re.compile(r'["\'](?:name|tool_name)["\']\s*:\s*["\']([\w.:/-]+)["\']')
GIVEN: Final = re.compile(r'["\'](?:arguments|parameters)["\']\s*:\s*')
FUNCTION: Final = re.compile(r"\s*(?:<function=)?([^\s>{<]+)\s*>(.*)", re.DOTALL)
PARAMETER: Final = re.compile(r"<parameter=([^>]+)>(.*?)(?:</parameter>|(?=<parameter=)|$)", re.DOTALL)
GLM: Final = re.compile(r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)(?:</arg_value>|$)", re.DOTALL)
INVOKE: Final = re.compile(r'<invoke name="([^"]+)">(.*?)(?:</invoke>|$)', re.DOTALL)
INVOKED: Final = re.compile(r'<parameter name="([^"]+)">(.*?)</parameter>', re.DOTALL)
MISTRAL: Final = re.compile(r"\s*([\w.-]+)(?:\[CALL_ID\][\w-]+)?(?:\[ARGS\])?\s*(\{.*)", re.DOTALL)
DEEPSEEK: Final = re.compile(r"<｜tool▁call▁begin｜>(.*?)<｜tool▁sep｜>(.*?)(?:<｜tool▁call▁end｜>|$)", re.DOTALL)
KIMI: Final = re.compile(
    r"<\|tool_call_begin\|>\s*(.*?)\s*<\|tool_call_argument_begin\|>(.*?)(?:<\|tool_call_end\|>|$)", re.DOTALL
)
CHANNEL: Final = re.compile(r"(?:functions\.)?([\w.-]+).*?<\|message\|>(.*)", re.DOTALL)


def tagged_calls(text: str, schemas: Schemas) -> list[Call]:
    """What stands in <tool_call>: JSON, or one of the forms with tags.

    Args:
        text: Without the tag.
        schemas: What the tools take.
    """
    if "<function=" in text:
        return [call for part in text.split("<function=")[1:] for call in xml_calls(part, schemas)]
    if "<arg_key>" in text:
        name = text.partition("<arg_key>")[0].strip()
        return [(name, {key.strip(): _typed(value, schemas, name, key.strip()) for key, value in GLM.findall(text)})]
    if text.strip() in schemas:  # GLM's form of a call without arguments
        return [(text.strip(), {})]
    return json_calls(text, schemas)


def xml_calls(text: str, schemas: Schemas) -> list[Call]:
    """`name>` with each parameter in a tag, or with JSON: Qwen Coder's and Llama's tags.

    Args:
        text: After "<function=".
        schemas: What the tools take: in tags, all values are text.
    """
    found = FUNCTION.match(text)
    if found is None:
        return []
    name, inside = found[1].strip("\"'"), found[2].partition("</function>")[0]
    if inside.lstrip().startswith("{"):
        return [(name, _arguments(inside))]
    given = {key.strip(): _typed(value, schemas, name, key.strip()) for key, value in PARAMETER.findall(inside)}
    return [(name, given)]


def invoke_calls(text: str, schemas: Schemas) -> list[Call]:
    """MiniMax's tags.

    Args:
        text: Without the outer tag.
        schemas: What the tools take.
    """
    return [
        (name, {key: _typed(value, schemas, name, key) for key, value in INVOKED.findall(inside)})
        for name, inside in INVOKE.findall(text)
    ]


def json_calls(text: str, schemas: Schemas) -> list[Call]:
    """One JSON object, a list of them, or several in a row.

    Args:
        text: Perhaps in a fence.
        schemas: Not used.
    """
    text = _unfenced(text)
    values = [*_values(text)]
    calls = [call for value in values for each in _each(value) if (call := _of_json(each)) is not None]
    if calls or values or (named := NAMED.search(text)) is None:
        return calls
    given = GIVEN.search(text)  # the model's JSON is broken: it learns of that by the tool's answer
    return [(named[1], text[given.end() :].strip() if given else text)]


def mistral_calls(text: str, schemas: Schemas) -> list[Call]:
    """A JSON list, or `name[ARGS]{…}`, perhaps several with the mark between them.

    Args:
        text: After the first mark.
        schemas: Not used.
    """
    if text.lstrip()[:1] in ("[", "{"):
        return json_calls(text, schemas)
    found = (MISTRAL.match(part) for part in text.split("[TOOL_CALLS]"))
    return [(each[1], _arguments(each[2])) for each in found if each]


def deepseek_calls(text: str, schemas: Schemas) -> list[Call]:
    """DeepSeek's: `function` and the name before fenced JSON in V3 and R1, the name before JSON since V3.1.

    Args:
        text: Between the outer marks.
        schemas: Not used.
    """
    calls: list[Call] = []
    for before, after in DEEPSEEK.findall(text):
        if before.strip() == "function" and not after.lstrip().startswith("{"):
            name, _, rest = after.strip().partition("\n")
            calls.append((name.strip(), _arguments(_unfenced(rest))))
        else:
            calls.append((before.strip(), _arguments(after)))
    return calls


def kimi_calls(text: str, schemas: Schemas) -> list[Call]:
    """Kimi's: `functions.name:0` before the JSON.

    Args:
        text: Between the outer marks.
        schemas: Not used.
    """
    return [
        (re.sub(r":\d+$", "", name).removeprefix("functions."), _arguments(given)) for name, given in KIMI.findall(text)
    ]


def channel_calls(text: str, schemas: Schemas) -> list[Call]:
    """gpt-oss's: `functions.name <|constrain|>json<|message|>{…}`.

    Args:
        text: After "to=".
        schemas: Not used.
    """
    found = CHANNEL.match(text)
    return [(found[1], _arguments(found[2]))] if found else []


def python_calls(text: str, schemas: Schemas) -> list[Call]:
    """Python calls with constant keyword arguments, alone or in a list.

    Args:
        text: As Python; JSON is taken too.
        schemas: Not used.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return json_calls(text, schemas)
    nodes = tree.elts if isinstance(tree, ast.List) else [tree]
    calls: list[Call] = []
    for node in nodes:
        if not isinstance(node, ast.Call) or node.args or any(word.arg is None for word in node.keywords):
            return json_calls(text, schemas)
        try:
            given = {word.arg or "": ast.literal_eval(word.value) for word in node.keywords}
        except ValueError:  # an argument that is no constant
            return []
        calls.append((ast.unparse(node.func), given))
    return calls


def bare_calls(text: str, schemas: Schemas) -> list[Call]:
    """A whole reply that is nothing but calls of tools that were offered; none where it is anything else.

    Args:
        text: The reply.
        schemas: What was offered.
    """
    values = [*_values(text)]
    calls = json_calls(text, schemas) if values else python_calls(text, schemas)
    known = all(name in schemas for name, _ in calls)
    counted = sum(len(_each(value)) for value in values)
    return calls if known and (not values or len(calls) == counted) else []


def _values(text: str) -> Iterator[Any]:
    """JSON values in a row, with whatever separates them; nothing where the text is anything else."""
    decoder, at = json.JSONDecoder(strict=False), 0
    found = []
    while match := re.compile(r"[\s;,]*").match(text, at):
        at = match.end()
        if at >= len(text):
            break
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            if at == 0 and (value := _literal(text)) is not None:
                found = [value]
            break
        found.append(value)
    yield from found


def _literal(text: str) -> Any:
    """A dict or list as Python writes it, which some models do; None where it is none."""
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    return value if isinstance(value, dict | list) else None


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _of_json(value: Any) -> Call | None:
    """A call out of JSON that says a name and arguments, by one of their names."""
    if not isinstance(value, dict):
        return None
    if isinstance(inner := value.get("function"), dict):
        value = inner
    name = next((value[key] for key in NAMES if isinstance(value.get(key), str)), "")
    given: Any = next((value[key] for key in ARGUMENTS if key in value), {})
    if not name:
        return None
    return name, given if isinstance(given, dict | str) else {} if given is None else json.dumps(given)


def _arguments(text: str) -> dict[str, Any] | str:
    """The object at the start of a text, or the text."""
    value = next(_values(text), None)
    return value if isinstance(value, dict) else text.strip()


def _unfenced(text: str) -> str:
    found = re.search(r"```(?:json)?\s*\n(.*?)(?:\n?```|$)", text, re.DOTALL)
    return found[1] if found else text


def _typed(value: str, schemas: Schemas, name: str, key: str) -> Any:
    """A value out of a tag: text where the tool takes text there, else JSON where it is some."""
    value = value.removeprefix("\n").removesuffix("\n")
    properties = schemas.get(name, {}).get("properties")
    wanted = properties.get(key) if isinstance(properties, dict) else None
    if not isinstance(wanted, dict) or (wanted.get("type", "string") == "string" and "anyOf" not in wanted):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        literal = {"true": True, "false": False, "none": None}
        return literal.get(value.strip().lower(), value)
