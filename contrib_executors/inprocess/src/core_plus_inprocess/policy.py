"""What code may say: RestrictedPython's rules, with a few more words that models use."""

from __future__ import annotations

import ast
import copy
import types
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import msgspec

from core_plus_worker.code import LATER, keep_last, let_stops_pass, mark_awaited

WORDS: Final = """
    init post_init str repr len iter next contains getitem setitem delitem call enter exit aenter aexit aiter anext
    await hash bool lt le eq ne gt ge add sub mul truediv floordiv mod pow matmul and or xor lshift rshift neg pos abs
    invert radd rsub rmul rtruediv iadd isub imul int float index round reversed format missing
"""

MAGIC: Final = frozenset(f"__{word}__" for word in WORDS.split())
"""Methods with underscores that classes may define."""

READ: Final = frozenset(["__name__", "__doc__"])
"""Attributes with underscores that may be read."""

SIGNS: Final[Mapping[type, str]] = {
    ast.Add: "+=", ast.Sub: "-=", ast.Mult: "*=", ast.Div: "/=", ast.Mod: "%=", ast.Pow: "**=", ast.LShift: "<<=",
    ast.RShift: ">>=", ast.BitOr: "|=", ast.BitXor: "^=", ast.BitAnd: "&=", ast.FloorDiv: "//=", ast.MatMult: "@=",
}  # fmt: skip
"""What stands for each sign in `a += b` and the like."""

FLAGS: Final = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


class Wrong(msgspec.Struct, frozen=True):
    """Why code can't be run.

    Args:
        kind: The error's name.
        message: Its text.
        line: Where, from 1.
    """

    kind: str
    message: str
    line: int | None = None


class Compiled(msgspec.Struct, frozen=True):
    """Code that can be run.

    Args:
        code: What `eval` takes; it gives a coroutine where the code awaits.
        has_value: Whether it ends in an expression, whose value it leaves under `LAST`.
    """

    code: types.CodeType
    has_value: bool


def compiled(source: str, name: str) -> Compiled | Wrong:
    """Compile code, or say why it can't be run.

    Args:
        source: Python source.
        name: What its file is called in tracebacks.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape is the model's affair
            tree = compile(source, name, "exec", ast.PyCF_ONLY_AST | FLAGS, dont_inherit=True)
            if "await" in source or "asyncio" in source:
                mark_awaited(tree)
            errors = restrict(tree)
            if errors:
                return refused(errors)
            has_value = keep_last(tree)
            let_stops_pass(tree)
            ast.fix_missing_locations(tree)
            return Compiled(compile(tree, name, "exec", FLAGS, dont_inherit=True), has_value)
    except SyntaxError as error:
        return Wrong(type(error).__name__, str(error.msg), error.lineno)
    except (ValueError, RecursionError, MemoryError) as error:
        return Wrong("SyntaxError", f"the code can't be read: {str(error) or type(error).__name__}", 1)


def refused(errors: Sequence[str]) -> Wrong:
    """What to say of code that breaks the rules.

    Args:
        errors: RestrictedPython's words, such as "Line 3: …".
    """
    line, _, text = errors[0].partition(": ")
    number = line.removeprefix("Line ")
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return Wrong(
        "SyntaxError",
        f"this executor doesn't allow that: {text}{more}; write it another way",
        int(number) if number.isdigit() else None,
    )


def restrict(tree: ast.Module) -> list[str]:
    """Change code so that guards see what it does.

    Args:
        tree: The code, changed in place.

    Returns:
        What it says that isn't allowed.
    """
    errors: list[str] = []
    policy()(errors).visit(tree)
    return errors


@cache
def rules() -> Any:
    """RestrictedPython's own rules, imported on first need."""
    from RestrictedPython.transformer import RestrictingNodeTransformer

    return RestrictingNodeTransformer


@cache
def policy() -> type[Any]:
    """The rules; a class that is made on first need."""

    class Policy(rules()):  # type: ignore[misc]  # what it inherits from is known when it is made
        """RestrictedPython's rules, more words allowed."""

        def check_name(self, node: Any, name: str | None, allow_magic_methods: bool = False) -> None:
            if not (allow_magic_methods and name in MAGIC and node.col_offset):
                super().check_name(node, name, allow_magic_methods)

    more: dict[str, Any] = {"AugAssign": augmented, "Name": name, "Attribute": attribute, "Nonlocal": nonlocals}
    more |= {"AsyncFunctionDef": function, "AsyncWith": rules().visit_With}
    more |= dict.fromkeys(["AnnAssign", "Await"], rules().node_contents_visit)
    for word, method in more.items():
        setattr(Policy, f"visit_{word}", method)
    return Policy


def name(self: Any, node: ast.Name) -> Any:
    """`print` is a plain function here, and some names with underscores may be read."""
    known = node.id in (LATER, "print") or (node.id in READ and isinstance(node.ctx, ast.Load))
    return node if known else rules().visit_Name(self, node)  # print is a plain function here


def attribute(self: Any, node: ast.Attribute) -> Any:
    """Some attributes with underscores may be read."""
    if node.attr not in READ or not isinstance(node.ctx, ast.Load):
        return rules().visit_Attribute(self, node)
    node = self.node_contents_visit(node)
    guarded = ast.Call(ast.Name("_getattr_", ast.Load()), [node.value, ast.Constant(node.attr)], [])
    return ast.copy_location(guarded, node)


def nonlocals(self: Any, node: ast.Nonlocal) -> Any:
    """`nonlocal`."""
    for one in node.names:
        self.check_name(node, one)
    return node


def function(self: Any, node: ast.AsyncFunctionDef) -> Any:
    """`async def`."""
    self.check_name(node, node.name, allow_magic_methods=True)
    self.check_function_argument_names(node)
    return self.node_contents_visit(node)


def augmented(self: Any, node: ast.AugAssign) -> Any:
    """`a[b] += c` and `a.b += c`: the guards see what is read and what is written."""
    place = node.target
    if isinstance(place, ast.Name) or isinstance(getattr(place, "slice", None), ast.Slice):
        return rules().visit_AugAssign(self, node)
    if isinstance(place, ast.Attribute):
        place.ctx = ast.Load()
        self.visit_Attribute(copy.deepcopy(place))  # it says what isn't allowed
        key: ast.expr = ast.Constant(place.attr)
        changing = "_inplaceattribute_"
    else:
        key, changing = self.visit(place.slice), "_inplaceitem_"
    sign = ast.Constant(SIGNS[type(node.op)])
    args = [sign, self.visit(place.value), key, self.visit(node.value)]
    change = ast.Call(ast.Name(changing, ast.Load()), args, [])
    return ast.copy_location(ast.If(change, [ast.Pass()], []), node)  # a statement that has no value
