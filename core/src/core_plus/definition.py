"""A tool's definition, read from its hints and docstring or from its `inputs`: all of it, or all that is wrong."""

from __future__ import annotations

import inspect
import keyword
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec

from core_plus.coerce import Shape, as_any
from core_plus.context import RunContext
from core_plus.errors import ToolDefinitionError
from core_plus.schema import Reader, described, documented, shown

# What `inputs` and `output_type` may say, as in smolagents; a picture or a sound is any object.
_PLAIN: Final = {"string": str, "boolean": bool, "integer": int, "number": int | float, "null": None}
_TYPES: Final[Mapping[Any, Any]] = {**_PLAIN, "array": list, "object": dict, "image": Any, "audio": Any, "any": Any}
_Names: TypeAlias = Mapping[str, Any]
_Rows: TypeAlias = Mapping[str, inspect.Parameter]
_EMPTY: Final = inspect.Parameter.empty


class Parameter(msgspec.Struct, frozen=True, eq=False):
    """An argument of a tool.

    Args:
        shape: What it shall be.
        schema: What a model is told of it.
        required: Whether it must be given.
        default: What it is otherwise.
    """

    shape: Shape
    schema: dict[str, Any]
    required: bool
    default: Any


class Definition:
    """What a tool takes and gives.

    Args:
        tool: The `Tool`.
        names: Names that its hints may use, besides the globals.

    Attributes:
        description: What it does.
        parameters: Its arguments.
        context: The parameter that gets the run; "" if none does.
        order: What may be given by position, the context too.
        ahead: What `forward` takes by position only.
        schema: JSON Schema of the object of its arguments.
        returns: What its value is.
        output_schema: JSON Schema of its value, where that is known.
        notes: The sections of a docstring, for models that write code.

    Raises:
        ToolDefinitionError: It can't be described to a model; the text says all that is wrong and how to mend it.
    """

    def __init__(self, tool: Any, names: _Names) -> None:
        who, forward = f"tool {getattr(tool, 'name', '') or type(tool).__name__!r}", getattr(tool, "forward", None)
        if not callable(forward) or isinstance(forward, type) or inspect.isasyncgenfunction(forward):
            raise ToolDefinitionError(f"{who} needs a function, sync or async, or a generator; not {forward!r:.80}")
        words, told, returned = documented(forward.__doc__)
        self.description = getattr(tool, "description", "") or words
        signature, hints, names = _read(forward, names)
        rows, wrong = signature.parameters, _wrong_names(getattr(tool, "name", None), self.description)
        self.context = next((name for name, row in rows.items() if _is_context(row.annotation)), "")
        own = {name: row for name, row in rows.items() if name != self.context}
        inside, outside = Reader(names), Reader(names)
        self.parameters = _parameters(inside, tool, own, hints, told, wrong)
        try:
            self.returns = _returns(outside, tool, hints["return"])
        except TypeError as exc:
            wrong.append(f"what it returns: {exc}")
        if wrong:
            raise ToolDefinitionError(f"{who}: {'; '.join(wrong)}")
        by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        self.order = [name for name, row in rows.items() if row.kind in by_position] or [*self.parameters]
        self.ahead = [name for name, row in own.items() if row.kind is row.POSITIONAL_ONLY]
        self.schema = tool.parameters or inside.closed(_object(self.parameters))
        known = described(outside.closed(self.returns.schema), returned) if self.returns.schema else None
        self.output_schema = tool.output_schema or known
        args = {name: one.schema.get("description") for name, one in self.parameters.items()}
        legend = _legend([*inside.named.values(), *outside.named.values()])
        self.notes = {"Args": [f"{name}: {words}" for name, words in args.items() if words], "Types": legend}
        self.notes |= {"Returns": [returned]} if returned else {}


def _wrong_names(name: Any, description: Any) -> list[str]:
    wrong = []
    parts = name.split(".") if isinstance(name, str) else [""]  # "db.query" is a method, for models that write code
    if not all(part.isidentifier() and not keyword.iskeyword(part) for part in parts):
        wrong.append(f"the name {name!r} is none in Python: give it another with name='...'")
    if not isinstance(description, str) or not description.strip():
        wrong.append("it has no description: say what it does, in the docstring or with description='...'")
    return wrong


def _enclosing(function: types.FunctionType) -> dict[str, Any]:
    """The names of the functions around it that have a value by now; its own may be still to come."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {name: cell.cell_contents for name, cell in cells if cell != types.CellType()}


def _read(forward: Callable[..., Any], names: _Names) -> tuple[inspect.Signature, _Names, _Names]:
    """The signature, each hint (where it can't be read: why), and all names that hints may use."""
    function = inspect.unwrap(getattr(forward, "__func__", forward))
    closure = _enclosing(function) if inspect.isfunction(function) else {}
    local, signature, hints = {**closure, **names}, _signature(forward), dict[str, Any]()
    written = {name: row.annotation for name, row in signature.parameters.items()}
    for name, hint in {**written, "return": signature.return_annotation}.items():
        holder = types.SimpleNamespace(__annotations__={name: hint})
        try:
            hints |= typing.get_type_hints(holder, getattr(function, "__globals__", {}), local, include_extras=True)
        except Exception as exc:  # a hint can be any text, and raise anything; an error only where it's needed
            hints[name] = TypeError(f"the hint {hint!r} can't be read ({exc}): import what it names")
    return signature, hints, local


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    if sys.version_info >= (3, 14):  # hints that can't be evaluated yet stay as they are
        from annotationlib import Format

        return inspect.signature(function, annotation_format=Format.FORWARDREF)
    return inspect.signature(function)


def _is_context(annotation: Any) -> bool:
    """Whether a hint means the run's context; as text too, since the name may be there for type checkers only."""
    text = getattr(annotation, "__forward_arg__", annotation)
    if isinstance(text, str):
        return text.partition("[")[0].rpartition(".")[2].strip() == "RunContext"
    return (typing.get_origin(annotation) or annotation) is RunContext


def _parameters(
    reader: Reader, tool: Any, rows: _Rows, hints: _Names, told: _Names, wrong: list[str]
) -> dict[str, Parameter]:
    found, ready = dict[str, Parameter](), tool.parameters
    inputs = getattr(tool, "inputs", (ready or {}).get("properties"))
    is_open = any(row.kind is row.VAR_KEYWORD for row in rows.values())
    if inputs is not None and not is_open and inputs.keys() != rows.keys():
        wrong.append(f"forward takes ({', '.join(rows)}) but inputs are ({', '.join(inputs)}): make them agree")
    for name in rows if inputs is None else inputs:
        try:
            if inputs is None:
                found[name] = _from_hint(reader, rows[name], hints[name], told.get(name, ""))
            else:
                found[name] = _from_input(reader, name, inputs[name], rows.get(name), ready)
        except TypeError as exc:
            wrong.append(f"{name}: {exc}")
    return found


def _from_hint(reader: Reader, row: inspect.Parameter, hint: Any, words: str) -> Parameter:
    if row.kind in (row.VAR_POSITIONAL, row.VAR_KEYWORD):
        raise TypeError("any number of arguments can't be described: name each")
    if hint is _EMPTY and row.name == "self":
        raise TypeError("a method becomes a tool when it is bound: tool(thing.method)")
    if hint is _EMPTY:
        raise TypeError(f"it has no type hint: write {row.name}: str, or what else it is")
    if isinstance(hint, TypeError):
        raise hint
    shape = reader.shape(hint if row.default is not None else typing.Optional[hint])  # noqa: UP045 - a value
    schema = described(shape.schema, words) | shown(row.default)
    if not schema.get("description"):
        raise TypeError("it has no description: say what it means, under 'Args:' of the docstring")
    return Parameter(shape, schema, row.default is _EMPTY, row.default)


def _from_input(reader: Reader, name: str, entry: _Names, row: Any, ready: _Names | None) -> Parameter:
    """From an entry of `inputs`; or from a property of a ready schema, of which less is asked."""
    shape, nullable = reader.shape(_hint_of(entry, strict=ready is None)), bool(entry.get("nullable"))
    default, written = (row.default, str(row.annotation)) if row else (_EMPTY, "")
    optional = default is not _EMPTY or "None" in written or "Optional" in written
    if ready is None and row and optional != nullable:
        way = f"write {name}=None there" if nullable else "add 'nullable': True to inputs"
        raise TypeError(f"inputs and forward must agree on whether it may be None or left out: {way}")
    if ready is None and not entry.get("description"):
        raise TypeError("it has no 'description' in inputs: say what it means")
    required = default is _EMPTY if row else not nullable
    if ready is not None:
        required = name in ready.get("required", ())
    more = {key: value for key, value in entry.items() if key not in ("type", "nullable", "enum", "items")}
    return Parameter(shape, shape.schema | more | shown(default), required, default)


def _hint_of(entry: _Names, strict: bool = False) -> Any:
    """The hint that an entry of `inputs`, or of JSON Schema, comes to. What it says beyond is left to the tool."""
    kinds: Any = entry.get("type")
    kinds = kinds if isinstance(kinds, list | tuple) else [kinds]
    if strict and (unknown := [kind for kind in kinds if kind not in _TYPES]):
        raise TypeError(f"its type {unknown[0]!r} is none of {', '.join(_TYPES)}")
    hints: list[Any] = [_TYPES.get(kind, Any) for kind in kinds]
    if list in hints and isinstance(entry.get("items"), Mapping):
        hints[hints.index(list)] = types.GenericAlias(list, (_hint_of(entry["items"]),))
    if entry.get("enum") and all(isinstance(value, str | int | float | None) for value in entry["enum"]):
        hints = [Literal[tuple(entry["enum"])]]
    return typing.Union[(*hints, None) if entry.get("nullable") else tuple(hints)]  # noqa: UP007 - a value


def _returns(reader: Reader, tool: Any, hint: Any) -> Shape:
    """The shape of a tool's value. No model has to write it, so it may be any object."""
    kind = getattr(tool, "output_type", None)
    if kind is not None and kind not in _TYPES:
        raise TypeError(f"the output_type {kind!r} is none of {', '.join(_TYPES)}")
    if kind is not None or hint is _EMPTY:
        return reader.shape(_TYPES.get(kind, Any))
    if isinstance(hint, TypeError):
        raise hint
    if tool.is_generator:  # Generator[effects, outcomes, value]
        hint = (*typing.get_args(hint), Any, Any, Any)[2]
    try:
        return reader.shape(hint)
    except TypeError:
        return Shape(getattr(hint, "__name__", "Any"), {}, as_any)


def _object(parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    required = [name for name, one in parameters.items() if one.required]
    properties = {name: one.schema for name, one in parameters.items()}
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _legend(shapes: Iterable[Shape]) -> list[str]:
    """What the records are that hints name."""
    legend = {}
    for shape in shapes:
        keys = [f"{key}: {inner.text}" for key, (_, inner, _) in shape.fields.items()] or shape.schema.get("properties")
        if keys:
            legend[shape.text] = f"{shape.text}: a dict of {', '.join(keys)}"
    return [*legend.values()]
