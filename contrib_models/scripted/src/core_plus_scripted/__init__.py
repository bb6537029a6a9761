"""Models for tests, demonstrations and play: one that follows a script; beside it, one that a person plays.

`model="scripted:turns.md"` or `ScriptedModel([...])`; `model="human:"` is in `core_plus_scripted.human`.
"""

from __future__ import annotations

from typing import Any

from core_plus.hookspecs import Register, hookimpl
from core_plus_scripted.model import ScriptedModel

__all__ = ["ScriptedModel"]


@hookimpl
def register_models(register: Register) -> None:
    """Declare the model "scripted"."""
    register("scripted", _from_file, summary="follows a script: scripted:turns.md, .json or .jsonl")


def _from_file(model_id: str = "", **settings: Any) -> ScriptedModel:
    from core_plus_scripted.files import read_script

    return ScriptedModel(read_script(model_id), **{"name": model_id, "mode": "turn", **settings})
