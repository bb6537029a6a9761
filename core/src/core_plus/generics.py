"""The type parameters of agents and runs; `generics.pyi` gives them defaults for type checkers."""

from __future__ import annotations

from typing import TypeVar

Deps = TypeVar("Deps")
"""What a caller gives to tools as `run(deps=…)`."""

Out = TypeVar("Out")
"""The type of the answer."""
