"""The tools of skills: one reads them, one runs their scripts."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypedDict

from core_plus import ConfigurationError, Host, Limits, RunContext, Tool, default_host
from core_plus.executors import Done, Paused, Setup
from core_plus_skills.failures import SkillError
from core_plus_skills.loading import FILE, Skill, find_skills

MOST_MADE: Final = 10_000_000
"""Bytes of the files that a script makes, to give back."""


class ScriptResult(TypedDict):
    """What a script did.

    Args:
        exit: Its exit status; 0 if all went well.
        printed: What it printed.
        errors: What it printed to standard error.
        files: The files that it made or changed, by path.
    """

    exit: int
    printed: str
    errors: str
    files: dict[str, bytes]


class ReadSkillTool(Tool):
    """Reads skills. What there is stands in its description, and so in the prompt; the rest is read when it is wanted.

    Args:
        skills: By name.
    """

    name = "read_skill"
    effect = "read"
    planning = True

    def __init__(self, skills: Mapping[str, Skill]) -> None:
        self._skills = skills
        listed = "\n".join(f"- {skill.name}: {skill.description}" for skill in skills.values())
        self.description = (
            "Read a skill: instructions for a kind of task. Before you begin a task that one of these fits, read it "
            f"and do as it says.\n{listed}"
        )

    def forward(self, name: str, path: str = FILE) -> str:
        """Read a skill, or one of its files.

        Args:
            name: The skill's name.
            path: A file of the skill that its instructions name, such as "references/forms.md".

        Returns:
            What it says.
        """
        skill = chosen(self._skills, name)
        if path.removeprefix("./") != FILE:
            return skill.read(path)
        others = [one for one in skill.files() if one != FILE]
        notes = [f"Needs: {skill.compatibility}"] if skill.compatibility else []
        notes += [f"Expects the tools: {', '.join(skill.allowed_tools)}"] if skill.allowed_tools else []
        notes += [f"Files of this skill: {', '.join(others)}"] if others else []
        return "\n\n".join([skill.body(), *notes])


class RunSkillScriptTool(Tool):
    """Runs a skill's script where code of agents runs, among the skill's files, in a session of its own.

    Args:
        skills: By name.
        executor: Where: a name, "auto" (the best that this machine has), or an `Executor`.
        limits: What a script may use.
        host: Where the executor's name is looked up; None is the process's default host.
    """

    name = "run_skill_script"
    description = "Run a script of a skill, as the skill's instructions say."

    def __init__(
        self,
        skills: Mapping[str, Skill],
        executor: Any = "auto",
        *,
        limits: Limits | None = None,
        host: Host | None = None,
    ) -> None:
        self._skills, self._executor, self._host = skills, executor, host
        self._limits = limits or Limits(seconds=120.0)

    def forward(
        self,
        name: str,
        script: str,
        args: list[str] | None = None,
        files: dict[str, str | bytes] | None = None,
        *,
        context: RunContext[Any],
    ) -> ScriptResult:
        """Run a script.

        Args:
            name: The skill's name.
            script: The script's path in the skill, such as "scripts/fill.py".
            args: What stands after it on the command line; paths are seen from the skill's folder.
            files: More files to find there, by path.
            context: The run.

        Returns:
            What it did.
        """
        skill = chosen(self._skills, name)
        there = skill.load()
        script = script.removeprefix("./")
        if script not in there:
            raise SkillError(f"the skill {name!r} has no file {script!r}; it has {', '.join(there)}")
        for path, content in (files or {}).items():
            if path.startswith("/") or {"..", ""} & set(path.split("/")) or "\\" in path or "\0" in path:
                raise SkillError(f"the file {path!r} would lie outside: give a path below the skill's folder")
            there[path] = content.encode() if isinstance(content, str) else bytes(content)
        done = self._done({"files": there, "script": script, "args": args or [], "most": MOST_MADE}, context)
        if done.error is not None:
            raise SkillError(
                f"{script} could not be run here: {done.error.kind}: {done.error.message}. Scripts need an executor "
                "that has files, and those in other languages one that may start processes, such as docker"
            )
        value = done.value
        return ScriptResult(exit=value["exit"], printed=done.stdout, errors=done.stderr, files=value["files"])

    def _done(self, variables: Mapping[str, Any], context: RunContext[Any] | None) -> Done:
        from core_plus_skills import inside

        host = self._host or default_host()
        setup = Setup(final=(), variables=variables, limits=self._limits)
        session = _settled(host, host.executor(self._executor).open(setup))
        forget = None if context is None else context.cancellation.on_cancel(session.interrupt)
        try:
            source = inspect.getsource(inside)
            turn = _settled(host, session.start(f"{source}\nrun_script(files, script, args, most)"))
            while isinstance(turn, Paused):
                turn = _settled(host, session.resume(()))
            done: Done = turn
            return done
        finally:
            if forget:
                forget()
            _settled(host, session.close())


def chosen(skills: Mapping[str, Skill], name: str) -> Skill:
    """The skill of a name.

    Args:
        skills: By name.
        name: As a model wrote it.

    Raises:
        SkillError: There is none; the text says which there are.
    """
    if name not in skills:
        raise SkillError(f"there is no skill {name!r}; there are {', '.join(skills)}")
    return skills[name]


def skills(
    folders: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (),
    *,
    only: Iterable[str] | None = None,
    scripts: bool = True,
    executor: Any = "auto",
    limits: Limits | None = None,
    host: Host | None = None,
) -> list[Tool]:
    """The tools for the skills of some folders.

    Args:
        folders: Each a skill itself, or a folder of skills; else those in CORE_PLUS_SKILLS.
        only: The names of those to offer, where not all are meant.
        scripts: Whether their scripts may be run.
        executor: Where scripts run: a name, "auto" (the best that this machine has), or an `Executor`.
        limits: What a script may use.
        host: Where the executor's name is looked up; None is the process's default host.

    Raises:
        ConfigurationError: There are none, or one breaks the format.
    """
    given = [folders] if isinstance(folders, str | os.PathLike) else [*folders]
    given = given or [one for one in os.environ.get("CORE_PLUS_SKILLS", "").split(os.pathsep) if one]
    if not given:
        raise ConfigurationError(
            "skills must know their folders: set CORE_PLUS_SKILLS, or Host(config={'tool.skills': {'folders': ['…']}})"
        )
    found = find_skills(given)
    if only is not None:
        found = {name: chosen_for(found, name) for name in only}
    can_run = scripts and any(path != FILE for skill in found.values() for path in skill.files())
    return [ReadSkillTool(found), *([RunSkillScriptTool(found, executor, limits=limits, host=host)] if can_run else [])]


def chosen_for(found: Mapping[str, Skill], name: str) -> Skill:
    """The skill of a name in the settings.

    Args:
        found: By name.
        name: As the caller wrote it.

    Raises:
        ConfigurationError: There is none.
    """
    if name not in found:
        raise ConfigurationError(f"there is no skill {name!r}; there are {', '.join(found)}")
    return found[name]


def _settled(host: Host, value: Any) -> Any:
    """A value, or what something awaitable comes to: on the host's own event loop."""
    return host.workers.submit_async(value).result() if inspect.isawaitable(value) else value
