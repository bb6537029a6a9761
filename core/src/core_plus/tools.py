"""Tools: what a model may call, how it is told of them, and how its arguments are checked."""

from __future__ import annotations

import functools
import inspect
import sys
import textwrap
import threading
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Literal, ParamSpec, TypeAlias, TypedDict, TypeVar, Unpack, overload

import msgspec

from core_plus.coerce import UNFIT, Problems, closest, coerce, in_words
from core_plus.context import RunContext
from core_plus.definition import Definition
from core_plus.errors import AgentToolCallError, ToolDefinitionError
from core_plus.schema import shown

P = ParamSpec("P")
R = TypeVar("R")
Repeating: TypeAlias = Literal["read", "idempotent", "write"]
Thread: TypeAlias = Literal["worker", "caller"]


class ToolSpec(msgspec.Struct, frozen=True, dict=True):
    """What a model is told of a tool.

    Args:
        name: What it is called by.
        description: What it does.
        parameters: JSON Schema (2020-12) of the object of its arguments.
        output_schema: JSON Schema of its value, where that is known.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    output_schema: dict[str, Any] | None = None


class ToolSettings(TypedDict, total=False):
    """What `@tool` may say of a tool, as in `Tool`."""

    name: str
    description: str
    effect: Repeating
    timeout: float | None
    thread: Thread
    final: bool
    planning: bool
    secret: bool


class Tool:
    """Something that a model may call. Inherit and give `name`, `description` and `forward`, or use `@tool`.

    What it takes is said by `inputs`, or else by the hints and the docstring of `forward`. A parameter of
    `forward` with the hint `RunContext` gets the run, and no model sees it.

    Args:
        name: What it is called by: a Python name.
        description: What it does, for the model; else the docstring of `forward`.
        inputs: The arguments in smolagents' form: for each a dict of `type`, `description` and, where None is
            allowed, `nullable`; other keywords of JSON Schema are told to the model as they are.
        output_type: What comes back: string, boolean, integer, number, image, audio, array, object, any or null.
        output_schema: JSON Schema of what comes back.
        parameters: A ready JSON Schema of the arguments, told as it is; for tools that are described elsewhere.
        effect: What repeating a call would do: nothing ("read"), the same again ("idempotent"), more ("write").
        timeout: Seconds that a call may take; None for no limit.
        thread: Where a sync `forward` runs: in a worker thread, or in the caller's.
        final: Whether its value is the answer of the run.
        planning: Whether it may be used while a plan is made.
        secret: Whether its arguments and value stay out of logs, and out of the texts of errors.
        is_agent: Whether it stands for another agent.
        prelude: Code that runs first in each new interpreter of an agent that writes code, for what the tool brings
            along there, such as a module to import.
        modules: The modules that this makes importable, also where an agent's imports are limited.
        forward: What it does: a function, sync or async, or a generator of effects.
    """

    name: str
    description: str
    inputs: dict[str, dict[str, Any]]
    output_type: str
    output_schema: dict[str, Any] | None = None
    parameters: dict[str, Any] | None = None
    effect: Repeating = "write"
    timeout: float | None = None
    thread: Thread = "worker"
    final: bool = False
    planning: bool = False
    secret: bool = False
    is_agent: bool = False
    prelude: str = ""
    modules: tuple[str, ...] = ()
    forward: Callable[..., Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let a mistake show when a tool is made, whether or not its `__init__` calls super's."""
        super().__init_subclass__(**kwargs)
        original: Any = cls.__init__

        @functools.wraps(original)
        def checked(self: Tool, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            if type(self) is cls:
                self._definition  # noqa: B018 - to read it is what finds the mistake

        setattr(cls, "__init__", checked)  # noqa: B010

    @functools.cached_property
    def _definition(self) -> Definition:
        return self._define({})

    def _define(self, names: Mapping[str, Any]) -> Definition:
        for setting, choices in (("effect", typing.get_args(Repeating)), ("thread", typing.get_args(Thread))):
            if (value := getattr(self, setting)) not in choices:
                way = closest(value, choices)
                raise ToolDefinitionError(f"tool {getattr(self, 'name', '')!r}: {setting} can't be {value!r}: {way}")
        found = Definition(self, names)
        kind = (found.output_schema or {}).get("type")
        told = {"description": found.description, "inputs": found.schema.get("properties", {})}
        told["output_type"] = kind if isinstance(kind, str) else "any"
        vars(self).update({name: value for name, value in told.items() if not getattr(self, name, None)})
        return found

    @functools.cached_property
    def spec(self) -> ToolSpec:
        """What a model is told of it; always the same object."""
        found = self._definition
        return ToolSpec(self.name, found.description, found.schema, found.output_schema)

    @property
    def is_async(self) -> bool:
        """Whether `forward` is a coroutine function."""
        return inspect.iscoroutinefunction(self.forward)

    @property
    def is_generator(self) -> bool:
        """Whether `forward` is a generator of effects, for the driver to perform."""
        return inspect.isgeneratorfunction(self.forward)

    def setup(self) -> None:
        """Make ready, once and before the first call: for what is too heavy for `__init__`."""

    def prepare(self) -> None:
        """Call `setup` unless that was done. Threads that come meanwhile wait; one that failed is tried again."""
        if "_ready" in self.__dict__ or type(self).setup is Tool.setup:
            return
        with self.__dict__.setdefault("_lock", threading.Lock()):  # setdefault is atomic
            if "_ready" not in self.__dict__:
                self.setup()
                self.__dict__["_ready"] = True
            self.__dict__.pop("_lock", None)  # a tool that was used can still be copied

    def bind(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], context: RunContext[Any] | None = None
    ) -> dict[str, Any]:
        """The arguments of a call as `forward` wants them: checked, and made to fit where nothing is lost by it.

        None for an argument that may be left out, and can't be None, counts as left out: some providers make a
        model name every argument.

        Args:
            args: Arguments by position; a model's own call has none.
            kwargs: Arguments by name.
            context: The run, for a `forward` that asks for it.

        Raises:
            AgentToolCallError: Arguments don't fit; each is named, with what was expected and given.
        """
        told, problems, found = self._definition, Problems(), dict[str, Any]()
        given = self._named(args, kwargs, problems) if args else kwargs
        for name, value in given.items():
            before, parameter = len(problems), told.parameters.get(name)
            if parameter is None:
                problems.append((f"there is no argument {name!r}: {closest(name, told.parameters)}", UNFIT))
                continue
            found[name] = coerce(parameter.shape, value, name, problems)
            if value is None and len(problems) > before and not parameter.required:
                del problems[before:], found[name]
        missing = [name for name, parameter in told.parameters.items() if parameter.required and name not in given]
        problems += [(f"{name} is missing", UNFIT) for name in missing]
        if problems:
            raise AgentToolCallError(f"{self.name}: {in_words(problems, self.secret)}. It is {self.signature()}")
        return {**found, told.context: context} if told.context else found

    def _named(self, args: Sequence[Any], kwargs: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
        order = [name for name in self._definition.order if name != self._definition.context]
        by_position = dict(zip(order, args, strict=False))
        if len(args) > len(order):
            problems.append((f"it takes {len(order)} arguments by position, not {len(args)}", UNFIT))
        problems += [(f"{name} is given twice", UNFIT) for name in by_position if name in kwargs]
        return {**by_position, **kwargs}

    def invoke(self, arguments: Mapping[str, Any]) -> Any:
        """Call `forward`, after `setup` where that wasn't done.

        Args:
            arguments: What `bind` gave.

        Returns:
            Its value; a coroutine or a generator of effects where `forward` is such a function.
        """
        self.prepare()
        rest, told = dict(arguments), self._definition
        return self.forward(*[rest.pop(name, told.parameters[name].default) for name in told.ahead], **rest)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it as the function that it is. Arguments are checked as a model's; the run's context is one of them."""
        name, order, rest = self._definition.context, self._definition.order, list(args)
        context = rest.pop(order.index(name)) if name in order[: len(args)] else kwargs.pop(name, None)
        return self.invoke(self.bind(rest, kwargs, context))

    def signature(self) -> str:
        """The call in Python's words: `web_search(query: str, max_results: int = 10) -> list[str]`."""
        told, parts = self._definition, list[str]()
        for name, parameter in told.parameters.items():
            if name not in told.order and "*" not in parts:
                parts.append("*")
            known = shown(parameter.default)
            default = "" if parameter.required else f" = {known['default']!r}" if known else " = ..."
            parts.append(f"{name}: {parameter.shape.text}{default}")
        return f"{self.name}({', '.join(parts)}) -> {told.returns.text}"

    def to_code_prompt(self) -> str:
        """The tool as a Python function with its docstring, for a model that writes code."""
        notes = {title: "\n".join(lines) for title, lines in self._definition.notes.items() if lines}
        sections = [f"{title}:\n{textwrap.indent(lines, '    ')}" for title, lines in notes.items()]
        text = "\n\n".join([self.description, *sections])
        return f"def {self.signature()}:\n" + textwrap.indent(f'"""{text}\n"""', "    ")

    def to_tool_calling_prompt(self) -> str:
        """The tool in one line."""
        return f"{self.signature()}: {' '.join(self.description.split())}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {getattr(self, 'name', '')!r}>"


class FunctionTool(Tool, Generic[P, R]):
    """What `@tool` makes of a function; it can still be called as that.

    A method becomes a tool when it is bound: `tool(thing.method)`.

    Args:
        function: The function.
        names: Names that its hints may use, besides the globals.
        **settings: As in `Tool`.

    Raises:
        ToolDefinitionError: A model can't be told of it; the text says what is missing and how to mend it.
    """

    def __init__(
        self, function: Callable[P, R], names: Mapping[str, Any] | None = None, **settings: Unpack[ToolSettings]
    ) -> None:
        if unknown := [name for name in settings if name not in ToolSettings.__annotations__]:
            way = closest(unknown[0], ToolSettings.__annotations__)
            raise ToolDefinitionError(f"@tool has no {unknown[0]!r}: {way}")
        vars(self).update({"name": getattr(function, "__name__", ""), **settings})
        functools.update_wrapper(self, function, updated=())
        self.forward = function
        vars(self)["_definition"] = self._define(names or {})

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function; its arguments are checked."""
        value: R = super().__call__(*args, **kwargs)
        return value


@overload
def tool(function: Callable[P, R], /, **settings: Unpack[ToolSettings]) -> FunctionTool[P, R]: ...
@overload
def tool(**settings: Unpack[ToolSettings]) -> Callable[[Callable[P, R]], FunctionTool[P, R]]: ...
def tool(function: Callable[..., Any] | None = None, /, **settings: Unpack[ToolSettings]) -> Any:
    """Make a tool of a function, whose hints and docstring say what a model is told.

    Args:
        function: Sync or async, or a generator of effects; each parameter has a hint and a description.
        **settings: As in `Tool`: name, description, effect, timeout, thread, final, planning, secret.

    Raises:
        ToolDefinitionError: A model can't be told of it; the text says what is missing and how to mend it.
    """
    names = sys._getframe(1).f_locals  # noqa: SLF001 - a hint that is text may name what is local to the caller
    if function is None:
        return lambda function: FunctionTool(function, names, **settings)
    return FunctionTool(function, names, **settings)
