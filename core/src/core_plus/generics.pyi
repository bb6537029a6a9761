from typing import Any

from typing_extensions import TypeVar

Deps = TypeVar("Deps", default=Any)
Out = TypeVar("Out", default=Any)
