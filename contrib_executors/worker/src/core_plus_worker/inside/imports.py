"""The list of modules that code may import. It keeps a model on its road; it is no wall."""

from __future__ import annotations

import builtins
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Imports:
    """Stands in for `__import__`; asks only where the agent's own code imports, not its libraries.

    Args:
        allowed: Module names; "pkg.*" is a package with its submodules.
        names: The agent's namespace.
    """

    def __init__(self, allowed: Iterable[str], names: Mapping[str, Any]) -> None:
        self._allowed = sorted(set(allowed))
        self._exact = frozenset(self._allowed)
        self._packages = tuple(name[:-1] for name in self._allowed if name.endswith(".*"))
        self._names, self._import = names, builtins.__import__

    def __call__(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # Python's own names for these
        locals: Mapping[str, Any] | None = None,  # as above
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        """Import, if it may.

        Raises:
            ImportError: It may not; the text lists what may be imported.
        """
        if globals is not self._names:
            return self._import(name, globals, locals, fromlist or (), level)
        self._check(name)
        module = self._import(name, globals, locals, fromlist or (), level)
        for item in fromlist or ():
            if isinstance(getattr(module, item, None), type(sys)) and f"{name}.{item}" in sys.modules:
                self._check(f"{name}.{item}")
        return module

    def _check(self, name: str) -> None:
        if name not in self._exact and not f"{name}.".startswith(self._packages):
            raise ImportError(f"{name!r} may not be imported here; these may: {', '.join(self._allowed) or 'none'}")
