"""Random numbers that are the same each time."""

from __future__ import annotations

import sys
from typing import Any

NUMPY = "numpy.random"


class Sower:
    """Has random numbers begin anew with each snippet, so that the same snippet draws the same.

    numpy's own are sown as well, also where it is imported in the middle of a snippet.

    Args:
        seed: The session's.
    """

    def __init__(self, seed: int) -> None:
        import random  # 2 ms, for those who want it

        self._seed, self._number, self._random = seed, 0, random
        sys.meta_path.insert(0, self)

    def sow(self, number: int) -> None:
        """Begin anew.

        Args:
            number: The snippet's.
        """
        self._number = number
        self._random.seed(f"{self._seed} {number}")
        if NUMPY in sys.modules:
            self._sow_numpy(sys.modules[NUMPY])

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """See numpy's module come in; what imports it is Python's own way.

        Args:
            name: The module that is imported.
            path: Where it is looked for.
            target: A module that is being reloaded.
        """
        if name != NUMPY or self not in sys.meta_path:
            return None
        import importlib.util

        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def exec_module(module: Any) -> None:
                run(module)
                self._sow_numpy(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec

    def _sow_numpy(self, module: Any) -> None:
        module.seed([self._seed & 0xFFFFFFFF, self._number])
