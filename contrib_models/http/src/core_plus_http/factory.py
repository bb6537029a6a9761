"""What a provider registers: it makes models, knows their settings, and says what it lacks; all by lazy imports."""

from __future__ import annotations

import functools
from importlib import import_module
from typing import Any


class Factory:
    """Makes the models of a provider. Nothing of it is imported before the first is wanted.

    Args:
        home: The module that has the class.
        kind: The class's name.
        missing: The name of a function there that says what has to be set before the provider can be asked, "" if
            nothing. It sends nothing anywhere.
    """

    def __init__(self, home: str, kind: str, missing: str = "missing") -> None:
        self._home, self._kind, self._missing = home, kind, missing

    def __repr__(self) -> str:
        return f"Factory({self._home}.{self._kind})"

    @functools.cached_property
    def __signature__(self) -> Any:
        """What settings there are: those of the class."""
        import inspect

        return inspect.signature(getattr(import_module(self._home), self._kind))

    def __call__(self, model_id: str, **settings: Any) -> Any:
        """A model.

        Args:
            model_id: Its name at the provider.
            **settings: As for the class.
        """
        return getattr(import_module(self._home), self._kind)(model_id, **settings)

    def missing(self) -> str:
        """What has to be set before the provider can be asked, "" if nothing."""
        return str(getattr(import_module(self._home), self._missing)())
