"""What code finds for the functions and objects of the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core_plus_worker.inside.channel import Channel


class HostFunction:
    """A function of the host. `await` it and others can run meanwhile; call it plainly and it waits.

    Args:
        name: Its name.
        channel: Where calls go.
        finish: Ends the snippet with the call's value, for a function that does.
    """

    def __init__(self, name: str, channel: Channel, finish: Callable[[Any], None] | None = None) -> None:
        self.__name__ = self.__qualname__ = name
        self._channel, self._finish = channel, finish

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        value = self._channel.call(self.__name__, args, kwargs)
        if self._finish:
            self._finish(value)
        return value

    def __core_plus_later__(self, *args: Any, **kwargs: Any) -> Any:
        """The call as a coroutine."""
        coroutine: Any = self._later(args, kwargs)
        coroutine.__name__ = coroutine.__qualname__ = self.__name__  # for "... was never awaited"
        return coroutine

    async def _later(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        value = await self._channel.later(self.__name__, args, kwargs)
        if self._finish:
            self._finish(value)
        return value

    def __repr__(self) -> str:
        return f"<function {self.__name__}>"


def named(functions: Mapping[str, Any]) -> dict[str, Any]:
    """What stands under which name: functions, and for those with a dot an object that has them as methods.

    Args:
        functions: By name, such as "search" or "db.query".
    """
    found = {name: function for name, function in functions.items() if "." not in name}
    objects: dict[str, dict[str, Any]] = {}
    for name, function in functions.items():
        head, dot, method = name.partition(".")
        if dot:
            objects.setdefault(head, {})[method] = function
    found.update({name: host_object(name, named(methods)) for name, methods in objects.items()})
    return found


def host_object(name: str, methods: Mapping[str, Any]) -> Any:
    """An object of the host, of which code has these methods and nothing else.

    Args:
        name: What the code calls it.
        methods: By name.
    """
    listed = ", ".join(methods)

    def refuse(self: Any, attribute: str) -> Any:
        """Say what there is."""
        raise AttributeError(f"{name} has no {attribute!r}; it has: {listed}")

    def keep(self: Any, attribute: str, value: Any = None) -> None:
        """Stay as it is."""
        raise AttributeError(f"{name} can't be changed; it has: {listed}")

    own = {
        "__slots__": (),
        "__doc__": f"An object of the host: {listed}.",
        "__getattr__": refuse,
        "__setattr__": keep,
        "__delattr__": keep,
        "__repr__": lambda self: f"<{name}: {listed}>",
        "__dir__": lambda self: list(methods),
        "__module__": "builtins",
    }
    return type(name, (), {**own, **methods})()
