"""Shows a run on the terminal: `ui="rich"`.

rich itself is imported when a UI is made or `RichUI` is first asked for, not with this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus_rich.replaying import replay
    from core_plus_rich.ui import RichUI

__all__ = ["RichUI", "replay"]


@hookimpl
def register_uis(register: Register) -> None:
    """Declare the UI "rich"."""
    register("rich", _make, summary="shows a run as it happens, on a terminal or as plain text")


def _make(**settings: Any) -> RichUI:
    from core_plus_rich.ui import RichUI

    return RichUI(**settings)


def __getattr__(name: str) -> Any:
    if name == "RichUI":
        from core_plus_rich.ui import RichUI

        return RichUI
    if name == "replay":
        from core_plus_rich.replaying import replay

        return replay
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
