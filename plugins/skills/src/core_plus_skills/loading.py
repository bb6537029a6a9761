"""Skills as they lie on the disk: folders with a SKILL.md (https://agentskills.io/specification)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from core_plus import ConfigurationError
from core_plus_skills.failures import SkillError

FILE: Final = "SKILL.md"
MOST_TEXT: Final = 1_000_000
"""Bytes of a file that is read to a model."""

MOST_BYTES: Final = 20_000_000
"""Bytes of a skill's files that go along with a script."""

_NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_HEAD: Final = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)
# A line such as `description: Maps: how to draw them`: no YAML, but what many write, and what is meant is clear.
_COLON: Final = re.compile(r"^([A-Za-z-]+: +)([^\s'\"|>\[{&*!%@`#].*:.*?)[ \t\r]*$", re.MULTILINE)
_MOST_HEAD: Final = 64_000
_LENGTHS: Final = {"name": 64, "description": 1024, "compatibility": 500}


@attrs.frozen(kw_only=True)
class Skill:
    """Instructions for a kind of task, with what belongs to them.

    Args:
        name: As its folder is called: lower-case letters, digits and single hyphens.
        description: What it does and when to use it.
        folder: Where it lies.
        license: Its licence, or the file that holds it.
        compatibility: What it needs around it.
        metadata: More, by name.
        allowed_tools: Tools that it expects. They are told to the model, nothing is allowed by them.
    """

    name: str
    description: str
    folder: Path
    license: str = ""
    compatibility: str = ""
    metadata: Mapping[str, str] = attrs.field(factory=dict)
    allowed_tools: tuple[str, ...] = ()

    def body(self) -> str:
        """The instructions, without what stands before them.

        Raises:
            SkillError: The file isn't there any more.
        """
        return _HEAD.sub("", self.read(FILE), count=1).strip()

    def files(self) -> dict[str, Path]:
        """Its files by their paths within, links left out."""
        found = dict[str, Path]()
        for here, folders, names in os.walk(self.folder):
            folders[:] = sorted(name for name in folders if not (Path(here) / name).is_symlink() and name[0] != ".")
            for name in sorted(names):
                path = Path(here) / name
                if path.is_file() and not path.is_symlink():
                    found[path.relative_to(self.folder).as_posix()] = path
        return found

    def read(self, path: str) -> str:
        """A text file of the skill.

        Args:
            path: Within the skill, such as "references/forms.md".

        Raises:
            SkillError: There is no such file, or it is no text.
        """
        found = self._file(path)
        if found.stat().st_size > MOST_TEXT:
            raise SkillError(f"{path!r} of the skill {self.name!r} is larger than {MOST_TEXT:,} bytes")
        try:
            return found.read_text("utf-8-sig")
        except UnicodeDecodeError as error:
            raise SkillError(f"{path!r} of the skill {self.name!r} is no text in UTF-8") from error

    def load(self) -> dict[str, bytes]:
        """All its files, for a script to find.

        Raises:
            SkillError: They are too large.
        """
        files = self.files()
        if sum(path.stat().st_size for path in files.values()) > MOST_BYTES:
            raise SkillError(f"the files of the skill {self.name!r} are larger than {MOST_BYTES:,} bytes")
        return {name: path.read_bytes() for name, path in files.items()}

    def _file(self, path: str) -> Path:
        """One of its own files; any other name, however it is written, is none of them."""
        files = self.files()
        wanted = path.removeprefix("./")
        if wanted not in files:  # many skills name their files in capitals that the files haven't got
            alike = [name for name in files if name.casefold() == wanted.casefold()]
            if len(alike) != 1:
                raise SkillError(f"the skill {self.name!r} has no file {path!r}; it has {', '.join(files)}")
            wanted = alike[0]
        return files[wanted]


def load_skill(folder: str | os.PathLike[str]) -> Skill:
    """Read a skill.

    Args:
        folder: Holds a SKILL.md.

    Raises:
        ConfigurationError: It holds none, or one that breaks the format; the text says all that is wrong.
    """
    path = Path(folder).expanduser().resolve()
    file = path / FILE
    if not file.is_file():
        raise ConfigurationError(f"there is no {FILE} in {path}")
    head = _head(file)
    wrong = [*_problems(head, path)]
    if wrong:
        raise ConfigurationError(f"{file}: {'; '.join(wrong)}")
    tools = head.get("allowed-tools") or ()
    return Skill(
        name=head["name"],
        description=" ".join(head["description"].split()),
        folder=path,
        license=str(head.get("license") or ""),
        compatibility=str(head.get("compatibility") or ""),
        metadata={str(key): str(value) for key, value in (head.get("metadata") or {}).items()},
        allowed_tools=tuple(tools.split() if isinstance(tools, str) else map(str, tools)),
    )


def find_skills(folders: Iterable[str | os.PathLike[str]]) -> dict[str, Skill]:
    """The skills of some folders, by name.

    Args:
        folders: Each a skill itself, or a folder of skills.

    Raises:
        ConfigurationError: One can't be read, two have one name, or there are none.
    """
    found, places = dict[str, Skill](), list[Path]()
    for folder in folders:
        path = Path(folder).expanduser().resolve()
        if not path.is_dir():
            raise ConfigurationError(f"the folder of skills {str(folder)!r} isn't there")
        inside = sorted(one for one in path.iterdir() if (one / FILE).is_file())
        places += [path] if (path / FILE).is_file() else inside
    for place in places:
        skill = load_skill(place)
        other = found.get(skill.name)
        if other is not None and other.folder != skill.folder:
            raise ConfigurationError(f"two skills are called {skill.name!r}: {other.folder} and {skill.folder}")
        found[skill.name] = skill
    if not found:
        raise ConfigurationError(
            f"there is no skill in {', '.join(map(str, folders))}: a skill is a folder with {FILE}"
        )
    return found


def _head(file: Path) -> dict[str, Any]:
    """The YAML at the beginning."""
    import yaml

    with file.open("rb") as stream:
        text = stream.read(_MOST_HEAD).decode("utf-8", "replace")
    match = _HEAD.match(text)
    if match is None:
        raise ConfigurationError(f"{file}: it must begin with '---', YAML with name and description, and '---'")
    try:
        try:
            found = yaml.safe_load(match[1])
        except yaml.YAMLError:
            found = yaml.safe_load(_COLON.sub(_quoted, match[1]))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        said = " ".join(str(error).split())
        raise ConfigurationError(f"{file}: the YAML at its beginning can't be read: {said}") from error
    if not isinstance(found, dict):
        raise ConfigurationError(f"{file}: the YAML at its beginning must be 'name: …' and 'description: …'")
    return found


def _quoted(line: re.Match[str]) -> str:
    return f"{line[1]}'{line[2].replace(chr(39), 2 * chr(39))}'"


def _problems(head: Mapping[str, Any], folder: Path) -> Iterable[str]:
    for field in ("name", "description"):
        if not isinstance(head.get(field), str) or not head[field].strip():
            yield f"it has no {field}"
    for field, most in _LENGTHS.items():
        if len(str(head.get(field) or "")) > most:
            yield f"its {field} is longer than {most} characters"
    name = head.get("name")
    if isinstance(name, str) and name:
        if not _NAME.fullmatch(name):
            yield f"its name {name[:80]!r} must be lower-case letters, digits and single hyphens"
        elif name != folder.name:
            yield f"its name {name!r} must be its folder's, {folder.name!r}"
    if not isinstance(head.get("metadata") or {}, dict):
        yield "its metadata must be names with values"
    if not isinstance(head.get("allowed-tools") or "", str | list):
        yield "its allowed-tools must be names with blanks between them"
