"""JSON Schema as Python: the names and hints under which a server's tools appear, and the source of their stubs."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

PLAIN: Final = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
    "object": "dict",
    "array": "list",
}
DEPTH: Final = 12
"""How deep a schema is followed; what lies below is Any."""


def identifier(name: str, taken: Collection[str] = ()) -> str:
    """A Python name for any name.

    Args:
        name: As the server has it, such as "get-sum" or "repo/list".
        taken: Names that it must not be.
    """
    found = re.sub(r"\W", "_", name, flags=re.ASCII)
    if not found or not found.strip("_"):
        found = "tool"
    if found[0].isdigit():
        found = f"_{found}"
    while keyword.iskeyword(found) or found in taken:
        found += "_"
    return found


def problem_of(schema: Any) -> str:
    """Why a schema can't be one of a tool's arguments, "" if it can.

    Args:
        schema: What a server sent.
    """
    from importlib import import_module

    jsonschema: Any = import_module("jsonschema")  # it says nothing of its types

    if not isinstance(schema, Mapping) or schema.get("type", "object") != "object":
        return "it describes no object of arguments"
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        where = "/".join(map(str, error.absolute_path))
        return f"{where + ': ' if where else ''}{error.message}"
    if not isinstance(schema.get("properties", {}), Mapping):
        return "its properties are no object"
    return ""


class Hints:
    """Hints for schemas of one document; records get names and are kept, to be written as classes.

    Args:
        root: The document, where `$ref` is looked up.
        name: What classes are called after; "" writes records as dict.
        classes: Where classes are kept, by name: their fields' hints, and which must be there.
    """

    def __init__(
        self,
        root: Mapping[str, Any],
        name: str = "",
        classes: dict[str, tuple[dict[str, str], Collection[str]]] | None = None,
    ) -> None:
        self._root, self._name = root, name
        self.classes = {} if classes is None else classes
        self._named = dict[int, str]()

    def hint(self, schema: Any, name: str = "", depth: int = 0) -> str:
        """A schema as a hint, such as `list[str] | None`.

        Args:
            schema: Any JSON Schema.
            name: What it is of, for the name of a class.
            depth: How deep it stands.
        """
        if not isinstance(schema, Mapping) or depth > DEPTH:
            return "Any"
        if (target := self._target(schema)) is not None:
            return self.hint(target[1], target[0], depth + 1)
        values = schema.get("enum", [schema["const"]] if "const" in schema else None)
        if values and all(isinstance(value, str | int | bool | None) for value in values):
            return f"Literal[{', '.join(map(repr, values))}]"
        for key in ("anyOf", "oneOf"):
            if schema.get(key):
                return self._union(self.hint(one, name, depth + 1) for one in schema[key])
        kinds = schema.get("type")
        if isinstance(kinds, list | tuple):
            return self._union(self.hint({**schema, "type": kind}, name, depth + 1) for kind in kinds)
        if kinds == "array":
            items = schema.get("items")
            inner = self.hint(items, f"{name}_item", depth + 1) if isinstance(items, Mapping) and items else ""
            return f"list[{inner}]" if inner and inner != "Any" else "list"
        if kinds == "object" or "properties" in schema:
            return self._object(schema, name, depth)
        return PLAIN.get(str(kinds), "Any")

    def _target(self, schema: Mapping[str, Any]) -> tuple[str, Any] | None:
        ref = schema.get("$ref")
        if not isinstance(ref, str) or not ref.startswith("#/"):
            return None if ref is None else ("", None)
        found: Any = self._root
        parts = [part.replace("~1", "/").replace("~0", "~") for part in ref[2:].split("/")]
        for part in parts:
            found = found.get(part) if isinstance(found, Mapping) else None
        return parts[-1], found

    def _union(self, members: Iterator[str]) -> str:
        found = list(dict.fromkeys(members))
        return "Any" if "Any" in found or not found else " | ".join(sorted(found, key=lambda one: one == "None"))

    def _object(self, schema: Mapping[str, Any], name: str, depth: int) -> str:
        fields = schema.get("properties")
        if not isinstance(fields, Mapping) or not fields or not self._name:
            more = schema.get("additionalProperties")
            inner = self.hint(more, f"{name}_value", depth + 1) if isinstance(more, Mapping) and more else "Any"
            return "dict" if inner == "Any" else f"dict[str, {inner}]"
        if id(schema) not in self._named:
            words = re.split(r"[\W_]+", f"{self._name} {name}")
            title = identifier("".join(word[:1].upper() + word[1:] for word in words if word), self.classes)
            self._named[id(schema)] = title
            self.classes[title] = {}, ()  # it may contain itself
            hints = {key: self.hint(field, key, depth + 1) for key, field in fields.items()}
            self.classes[title] = hints, schema.get("required") or ()
        return self._named[id(schema)]


def parameters_of(schema: Mapping[str, Any]) -> dict[str, str]:
    """The Python names of a tool's arguments, by the server's names; those that must be given first.

    Args:
        schema: Of the arguments.
    """
    required, found = schema.get("required") or (), dict[str, str]()
    properties = schema.get("properties") or {}
    for name in sorted(properties, key=lambda name: name not in required):
        found[name] = identifier(name, found.values())
    return found


def signature(
    name: str, schema: Mapping[str, Any], returns: Mapping[str, Any] | None, classes: dict[str, Any] | None = None
) -> str:
    """A tool as a Python signature: `create_issue(title: str, labels: list[str] = ...) -> dict`.

    Args:
        name: The function's name.
        schema: Of its arguments.
        returns: Of its value, where that is known.
        classes: Where the records in it are kept as classes; None writes them as dict.
    """
    required, parts = schema.get("required") or (), list[str]()
    named = classes is not None
    reader, properties = Hints(schema, name if named else "", classes), schema.get("properties") or {}
    for told, shown in parameters_of(schema).items():
        field = properties[told]
        default = field.get("default", ...) if isinstance(field, Mapping) else ...
        end = "" if told in required else f" = {'...' if default is ... else repr(default)}"
        parts.append(f"{shown}: {reader.hint(field, told)}{end}")
    back = "Any" if returns is None else Hints(returns, f"{name}_result" if named else "", classes).hint(returns)
    return f"{name}({', '.join(parts)}) -> {back}"


def stub(name: str, description: str, schema: Mapping[str, Any], returns: Mapping[str, Any] | None) -> str:
    """A tool as the source of a Python function, with classes for the records that it takes and gives.

    Args:
        name: The function's name.
        description: What it does.
        schema: Of its arguments.
        returns: Of its value, where that is known.
    """
    classes = dict[str, Any]()
    head = signature(name, schema, returns, classes)
    lines = [line for title, record in classes.items() for line in (*_class(title, *record), "", "")]
    text = documented(description, schema).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    body = [f"    {line}".rstrip() for line in f'"""{text}\n"""'.splitlines()]
    return "\n".join([*lines, f"def {head}:", *body])


def documented(description: str, schema: Mapping[str, Any]) -> str:
    """A description with what is known of each argument.

    Args:
        description: What the tool does.
        schema: Of its arguments.
    """
    properties, args = schema.get("properties") or {}, list[str]()
    for told, shown in parameters_of(schema).items():
        words = properties[told].get("description") if isinstance(properties[told], Mapping) else None
        args += [f"    {shown}: {' '.join(str(words).split())}"] if words else []
    return "\n\n".join(part for part in (description.strip(), "\n".join(["Args:", *args]) if args else "") if part)


def _class(title: str, fields: Mapping[str, str], required: Collection[str]) -> list[str]:
    rows = {key: hint if key in required else f"NotRequired[{hint}]" for key, hint in fields.items()}
    if all(key.isidentifier() and not keyword.iskeyword(key) for key in rows):
        return [f"class {title}(TypedDict):", *(f"    {key}: {hint}" for key, hint in rows.items())]
    return [f"{title} = TypedDict({title!r}, {rows!r})"]
