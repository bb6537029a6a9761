"""`core-plus prompts`: show, compare and edit the prompts of agents."""

from __future__ import annotations

import argparse
import difflib
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from core_plus.errors import PromptError
from core_plus.host import Host
from core_plus_prompts.applying import FIELDS, texts
from core_plus_prompts.files import KEYS, dump, load
from core_plus_prompts.own import KINDS, defaults
from core_plus_prompts.templates import Shown

EXAMPLES = """\
examples:
  core-plus prompts show                          all of a code agent's, as a YAML file
  core-plus prompts show system_prompt --agent tool_calling
  core-plus prompts diff prompts.yaml             what a file changes
  core-plus prompts edit prompts.yaml             open it in your editor, and check it

Python takes such a file with core_plus_prompts.with_prompts(agent, "prompts.yaml").
"""


def main(arguments: list[str], host: Host) -> int:
    """Run `prompts`.

    Args:
        arguments: What stands after `prompts`.
        host: Not needed.

    Returns:
        The exit status: of `diff`, 1 where something differs; of `edit`, 1 where the file isn't right.
    """
    parser = _parser()
    try:
        options = parser.parse_args(arguments)
    except SystemExit as left:
        return int(left.code or 0)
    try:
        if options.what == "show":
            return _show(options.key, options.file, options.agent)
        if options.what == "diff":
            return _diff(options.file, options.other, options.agent)
        return _edit(Path(options.file), options.agent)
    except PromptError as error:
        _say(f"core-plus prompts: {error}", sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "core-plus prompts",
        description="Show, compare and edit the prompts of agents.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    kinds = parser.add_subparsers(dest="what", required=True, metavar="show|diff|edit")
    show = kinds.add_parser("show", help="print prompts")
    show.add_argument("key", nargs="?", help=f"one of {', '.join(KEYS)}; else all")
    show.add_argument("-f", "--file", help="of a file instead of the kernel's own")
    diff = kinds.add_parser("diff", help="print what a file changes")
    diff.add_argument("file", help="a YAML file")
    diff.add_argument("other", nargs="?", help="compared with it; else the kernel's own")
    edit = kinds.add_parser("edit", help="open a file in an editor, made from the kernel's own if it isn't there")
    edit.add_argument("file", help="a YAML file")
    for one in (show, diff, edit):
        one.add_argument("--agent", choices=tuple(KINDS), default="code", help="whose prompts (default: code)")
    return parser


def _show(key: str | None, file: str | None, kind: str) -> int:
    templates = load(file) if file else defaults(kind)
    if key is None:
        _say(dump(templates).rstrip("\n"))
        return 0
    if key not in templates:
        raise PromptError(
            f"there is no prompt {key!r} {f'in {file}' if file else 'here'}; there are {', '.join(templates)}"
        )
    _say(templates[key].rstrip("\n"))
    return 0


def _diff(file: str, other: str | None, kind: str) -> int:
    """Compare: keys that a file lacks are the kernel's own, so they are no difference."""
    new = load(file)
    old = load(other) if other else defaults(kind)
    changed = False
    for key in KEYS:
        if key in new and new[key] != old.get(key, ""):
            before, after = (text.splitlines() for text in (old.get(key, ""), new[key]))
            lines = difflib.unified_diff(before, after, f"{other or 'core-plus'}: {key}", f"{file}: {key}", lineterm="")
            _say("\n".join([*lines] or [f"{file}: {key}: only the last line break differs"]))
            changed = True
    return int(changed)


def _edit(file: Path, kind: str) -> int:
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ("notepad" if os.name == "nt" else "vi")
    if not file.exists():
        file.write_text(dump(defaults(kind)), encoding="utf-8")
    try:
        status = subprocess.run([*shlex.split(command), str(file)], check=False).returncode
    except OSError as error:
        raise PromptError(f"the editor {command!r} can't be started ({error}): set EDITOR to another") from error
    if status:
        raise PromptError(f"the editor {command!r} ended with status {status}; {file} is as it left it")
    try:
        check(load(file))
    except PromptError as error:
        _say(f"core-plus prompts: {file} isn't right yet: {error}", sys.stderr)
        return 1
    _say(f"{file} is right.")
    return 0


def _say(text: str, stream: TextIO | None = None) -> None:
    (stream or sys.stdout).write(f"{text}\n")


def check(templates: Mapping[str, str]) -> None:
    """Render templates for an agent with one tool and one team member.

    Args:
        templates: By key, as `load` gives them.

    Raises:
        PromptError: One of them is wrong; the text says where.
    """
    one = Shown("look", "Look.", {"at": {"type": "string"}}, "string", "def look(at: str) -> str: ...", "look: Look.")
    values = {name: f"\ue000{field}\ue001" for name, field in FIELDS.items()}
    texts(templates, {**values, "tools": {"look": one}, "managed_agents": {"look": one}})
