"""What a person sees of a run: the screen of a plugin, or the bare answer where no plugin has one."""

from __future__ import annotations

from typing import Any

from core_plus.effects import Question
from core_plus.errors import PluginError
from core_plus.events import Event, RunFinished, RunStarted
from core_plus.host import Host
from core_plus.ui import UI
from core_plus_cli.command import as_json, say

PREFERRED = "rich"
"""The UI that knows levels; any other is taken as it is."""


class PlainUI:
    """Prints the answer, and to standard error what must be known; nobody can be asked.

    Args:
        quiet: Whether only errors must be known.
    """

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet

    def observe(self, event: Event) -> None:
        if isinstance(event, RunStarted) and event.executor and not event.path and not self._quiet:
            say(f"code runs in: {event.executor}")
        if not isinstance(event, RunFinished) or event.path:
            return
        if event.output is not None:
            print(event.output if isinstance(event.output, str) else as_json(event.output), flush=True)
        if event.error:
            say(f"{event.state}: {event.error}")

    def ask(self, question: Question) -> Any:
        return None

    def close(self) -> None:
        return


def new_screen(host: Host, level: str) -> UI:
    """The UI that a run is shown with.

    Args:
        host: Who knows the UIs.
        level: "quiet", "normal" or "debug".
    """
    names = host.names("ui")
    if not names:
        return PlainUI(level == "quiet")
    name, settings = (PREFERRED, {"level": level}) if PREFERRED in names else (names[0], {})
    try:
        ui: UI = host.make("ui", name, **settings)
    except PluginError as error:
        say(f"core-plus: only the answer is shown: {error}")
        return PlainUI(level == "quiet")
    return ui
