"""Agent Skills: folders with a SKILL.md, named in the prompt, read when needed, their scripts run in the executor."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus import Host
    from core_plus_skills.failures import SkillError
    from core_plus_skills.loading import Skill, find_skills, load_skill
    from core_plus_skills.tools import ReadSkillTool, RunSkillScriptTool, skills

__all__ = ["ReadSkillTool", "RunSkillScriptTool", "Skill", "SkillError", "find_skills", "load_skill", "skills"]
_HOME = {
    "ReadSkillTool": "tools",
    "RunSkillScriptTool": "tools",
    "Skill": "loading",
    "SkillError": "failures",
    "find_skills": "loading",
    "load_skill": "loading",
    "skills": "tools",
}


@hookimpl
def register_tools(register: Register, host: Host) -> None:
    """Declare the tools "skills"; scripts run in an executor of this host."""

    def make(**settings: Any) -> Any:
        from core_plus_skills.tools import skills

        return skills(**{"host": host, **settings})

    register("skills", make, summary="instructions from folders with a SKILL.md, and their scripts")


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"core_plus_skills.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
