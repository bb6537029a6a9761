"""What code finds in its namespace, and the guards that see what it does."""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import operator
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Final

from core_plus_inprocess.modules import FORBIDDEN, MODULES, HostObject, Module, public
from core_plus_inprocess.words import Format, Metaclass, ToolError, later, leave, no_input, pass_on, type_of
from core_plus_worker.code import LATER, PASS_ON

PLAIN: Final = """
    bytes bytearray bin dict enumerate filter format frozenset list map max min object property reversed set sorted
    staticmethod classmethod sum super tuple zip all any next iter ascii NotImplemented TimeoutError ConnectionError
    FileNotFoundError PermissionError RecursionError StopAsyncIteration ModuleNotFoundError
"""
"""Builtins beside RestrictedPython's safe ones."""


WRITABLE: Final = (dict, list, set, bytearray)

INPLACE: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "+=": operator.iadd, "-=": operator.isub, "*=": operator.imul, "/=": operator.itruediv, "%=": operator.imod,
    "**=": operator.ipow, "<<=": operator.ilshift, ">>=": operator.irshift, "|=": operator.ior, "^=": operator.ixor,
    "&=": operator.iand, "//=": operator.ifloordiv, "@=": operator.imatmul,
}  # fmt: skip


class Guards:
    """The guards of one session.

    Args:
        imports: The modules that may be imported, as in `Setup`; None are those of `MODULES`.
        writable: Types of live objects that code may change.
        alive: Called now and then; it raises when the code must end.
        own: Modules that stand in the place of Python's.
    """

    def __init__(
        self,
        imports: tuple[str, ...] | None,
        writable: tuple[type, ...],
        alive: Callable[[], None],
        own: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._imports, self._writable, self._alive, self._own = imports, WRITABLE + writable, alive, own
        self._classes: weakref.WeakSet[type] = weakref.WeakSet()
        self._modules: dict[str, Any] = {}

    def names(self) -> dict[str, Any]:
        """What the code's namespace begins with."""
        from RestrictedPython.Guards import guarded_iter_unpack_sequence, guarded_unpack_sequence, safe_builtins

        known = dict(safe_builtins)
        known.update({name: getattr(builtins, name) for name in PLAIN.split()})
        known.update(getattr=self.attribute, hasattr=self.has, setattr=self.set, delattr=self.delete, type=type_of)
        known.update(__import__=self.load, input=no_input, exit=leave, quit=leave, ToolError=ToolError)
        known.update({LATER: later, PASS_ON: pass_on, "_getattr_": self.attribute})
        return {
            "__builtins__": known,
            "__name__": "__main__",
            "__metaclass__": Metaclass(self._classes),
            "_getattr_": self.attribute,
            "_getitem_": self.item,
            "_getiter_": self.iterator,
            "_iter_unpack_sequence_": guarded_iter_unpack_sequence,
            "_unpack_sequence_": guarded_unpack_sequence,
            "_write_": self.written,
            "_inplacevar_": self.inplace,
            "_inplaceitem_": self.inplace_item,
            "_inplaceattribute_": self.inplace_attribute,
            "_apply_": self.apply,
        }

    def attribute(self, value: Any, name: str, *default: Any) -> Any:
        """`value.name`.

        Args:
            value: Any object.
            name: The attribute.
            default: What is given where there is none.

        Raises:
            AttributeError: There is none, or it may not be had.
        """
        self._alive()
        check_attribute(value, name)
        if isinstance(value, Module | HostObject):
            found = value.get(name, *default)
        elif name == "format" and isinstance(value, str):
            found = Format(value)
        else:
            found = getattr(value, name, *default)
        if isinstance(found, FORBIDDEN):
            raise AttributeError(f"{name!r} may not be had here")
        return found

    def has(self, value: Any, name: str) -> bool:
        """`hasattr`.

        Args:
            value: Any object.
            name: The attribute.
        """
        try:
            self.attribute(value, name)
        except AttributeError:
            return False
        return True

    def set(self, value: Any, name: str, new: Any) -> None:
        """`setattr`.

        Args:
            value: What is changed.
            name: The attribute.
            new: Its value.
        """
        check_attribute(value, name)
        setattr(self.written(value), name, new)

    def delete(self, value: Any, name: str) -> None:
        """`delattr`.

        Args:
            value: What is changed.
            name: The attribute.
        """
        check_attribute(value, name)
        delattr(self.written(value), name)

    def written(self, value: Any) -> Any:
        """What is about to be changed.

        Args:
            value: Any object.

        Raises:
            TypeError: It may not be.
        """
        kind = type(value)
        if isinstance(value, HostObject | Module):
            raise AttributeError(f"{value!r} can't be changed")
        if isinstance(value, self._writable) or kind in self._classes:
            return value
        raise TypeError(f"code may not change objects of the host: a {kind.__name__}; change a copy, or ask for a tool")

    def item(self, value: Any, key: Any) -> Any:
        """`value[key]`."""
        return value[key]

    def iterator(self, value: Any) -> Any:
        """What a loop goes through."""
        self._alive()
        return value

    def inplace(self, sign: str, value: Any, other: Any) -> Any:
        """`value += other` and the like."""
        return INPLACE[sign](value, other)

    def inplace_item(self, sign: str, value: Any, key: Any, other: Any) -> None:
        """`value[key] += other` and the like."""
        self.written(value)[key] = INPLACE[sign](value[key], other)

    def inplace_attribute(self, sign: str, value: Any, name: str, other: Any) -> None:
        """`value.name += other` and the like."""
        self.set(value, name, INPLACE[sign](self.attribute(value, name), other))

    def apply(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        """A call with `*args` or `**kwargs`."""
        return function(*args, **kwargs)

    def load(self, name: str, *rest: Any) -> Any:
        """`import`.

        Args:
            name: The module.
            rest: As Python gives them: globals, locals, the names that are wanted, the level.

        Raises:
            ImportError: It may not be imported.
        """
        wanted = rest[2] if len(rest) > 2 else None
        level = rest[3] if len(rest) > 3 else 0
        if level or not self._may_import(name):
            raise self._no_module(name)
        found = self._module(name)
        for part in wanted or ():
            if not found.has(part):
                full = f"{name}.{part}"
                if not (self._may_import(full) and importlib.util.find_spec(full)):
                    raise ImportError(f"cannot import name {part!r} from {name!r}")
                found.add(part, self._module(full))
        if wanted or "." not in name:
            return found
        top, *parts = name.split(".")
        outer = whole = self._module(top)
        for place in range(len(parts)):
            inner = self._module(".".join([top, *parts[: place + 1]]))
            outer.add(parts[place], inner)
            outer = inner
        return whole

    def _no_module(self, name: str) -> ImportError:
        allowed = list(MODULES) if self._imports is None else self._imports
        top = name.partition(".")[0]
        kind = ImportError if top in MODULES or importlib.util.find_spec(top) is not None else ModuleNotFoundError
        return kind(f"{name!r} may not be imported here; allowed are: {', '.join(allowed) or 'none'}")

    def replace(self, module: str, **names: Any) -> None:
        """Put something else in the place of some of a module's names.

        Args:
            module: The module.
            names: What stands there.
        """
        self._own = {**self._own, module: {**public(module), **names}}

    def _may_import(self, name: str) -> bool:
        if self._imports is None:
            return name in MODULES
        packages = [name.rsplit(".", place)[0] for place in range(name.count(".") + 1)]
        return "*" in self._imports or name in self._imports or any(f"{one}.*" in self._imports for one in packages)

    def _module(self, name: str) -> Module:
        if name not in self._modules:
            own = self._own.get(name)
            self._modules[name] = Module(name, own if own is not None else public(name))
        found: Module = self._modules[name]
        return found


def check_attribute(value: Any, name: Any) -> None:
    """Refuse attributes that lead out.

    Args:
        value: Of what.
        name: Which.

    Raises:
        AttributeError: It is one of them.
    """
    from RestrictedPython.transformer import INSPECT_ATTRIBUTES

    if type(name) is not str:
        raise TypeError("an attribute's name must be text")
    hidden = name.startswith("_") and name not in ("__name__", "__doc__")
    if hidden or name in INSPECT_ATTRIBUTES or isinstance(value, FORBIDDEN):
        raise AttributeError(f"{name!r} may not be had here")
    is_text = isinstance(value, str) or (isinstance(value, type) and issubclass(value, str))
    if (name == "format_map" and is_text) or (name == "format" and isinstance(value, type) and is_text):
        raise AttributeError(f"str.{name} may not be had here: use an f-string")
