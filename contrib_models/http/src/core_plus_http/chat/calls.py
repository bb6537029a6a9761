"""Tool calls as they stream in, told apart whatever a server leaves out."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from core_plus.errors import MalformedReplyError
from core_plus.models import Delta, ToolCallDelta
from core_plus_http import dumps, loads


class _Open:
    """A call that has begun."""

    __slots__ = ("arguments", "id", "name", "position", "server_id")

    def __init__(self, position: int) -> None:
        self.position = position
        self.id = self.server_id = self.name = ""
        self.arguments: list[str] = []

    @property
    def complete(self) -> bool:
        """Whether the arguments are whole, so that another name is another call."""
        try:
            return loads("".join(self.arguments)) is not None
        except MalformedReplyError:
            return False


class Calls:
    """Gives each call of a reply one position and one id.

    The API's rule: every piece carries the call's index, the first one its id and name. Servers break it:
    without index or id, with the same index or the same id for all, or with id and name in every piece.
    """

    def __init__(self) -> None:
        self._calls: list[_Open] = []
        self._at: dict[Any, _Open] = {}
        self._ids: set[str] = set()

    @property
    def count(self) -> int:
        """Calls so far."""
        return len(self._calls)

    def deltas(self, pieces: Iterable[dict[str, Any]]) -> list[Delta]:
        """The kernel's deltas for pieces of calls.

        Args:
            pieces: The items of `tool_calls`.
        """
        return [self._delta(piece) for piece in pieces]

    def _delta(self, piece: dict[str, Any]) -> Delta:
        function = piece.get("function")
        function = function if isinstance(function, dict) else {}
        name, given = str(function.get("name") or ""), function.get("arguments")
        arguments = given if isinstance(given, str) else dumps(given).decode() if given is not None else ""
        call = self._call(piece.get("index"), str(piece.get("id") or ""), name)
        new_id = new_name = None
        if not call.id:
            call.id = new_id = self._unique(call.server_id)
        if not call.name:
            call.name, new_name = name, name or None
        call.arguments.append(arguments)
        return ToolCallDelta(call.position, new_id, new_name, arguments)

    def _call(self, index: Any, server_id: str, name: str) -> _Open:
        """The call that a piece belongs to, perhaps a new one."""
        if index is not None:
            call = self._at.get(index)
        elif server_id:
            call = next((each for each in self._calls if each.server_id == server_id), None)
        else:
            call = self._calls[-1] if self._calls else None
        if call is None or (name and self._is_another(call, server_id, name)):
            call = _Open(len(self._calls))
            self._calls.append(call)
        if index is not None:
            self._at[index] = call
        call.server_id = call.server_id or server_id
        return call

    def _is_another(self, call: _Open, server_id: str, name: str) -> bool:
        if server_id and call.server_id and server_id != call.server_id:
            return True
        return bool(call.name) and (name != call.name or call.complete)

    def _unique(self, server_id: str) -> str:
        found = server_id
        while not found or found in self._ids:
            found = f"call_{os.urandom(12).hex()}"
        self._ids.add(found)
        return found
