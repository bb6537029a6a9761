"""Values as texts that are equal where the values are, on both sides of a wire."""

from __future__ import annotations

from typing import Any, Final

PLAIN: Final = frozenset(["NoneType", "bool", "int", "float", "complex", "str", "bytes", "bytearray", "range"])
SPELLED: Final = frozenset(["datetime", "date", "time", "timedelta", "Decimal", "Fraction", "UUID"])


def canonical(value: Any) -> str | None:
    """What a value is, in words; sets in a fixed order.

    Args:
        value: Any value.

    Returns:
        None for an object of a class that crosses a wire as what it looks like.
    """
    kind = type(value).__name__
    if kind in PLAIN:
        return repr(value)
    if kind in SPELLED:
        return f"{kind} {value}"
    if kind in ("list", "tuple", "set", "frozenset"):
        parts = [canonical(item) for item in value]
        if None in parts:
            return None
        found = [part for part in parts if part is not None]
        return f"{kind}({', '.join(sorted(found) if 'set' in kind else found)})"
    if type(value) is dict:
        pairs = [(canonical(key), canonical(item)) for key, item in value.items()]
        if any(None in pair for pair in pairs):
            return None
        return "{" + ", ".join(f"{key}: {item}" for key, item in pairs) + "}"
    module = type(value).__module__.partition(".")[0]
    if module == "pandas" and hasattr(value, "to_string"):
        return str(value.to_string())
    if module == "numpy" and hasattr(value, "tolist"):
        return canonical(value.tolist())
    return None
