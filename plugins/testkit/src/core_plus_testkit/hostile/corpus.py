"""The attempts: what hostile code tries, and what it is after."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any, Final

from attrs import frozen

CHECKS: Final[Mapping[str, str]] = {
    "leak": "a secret of the host came out: in a value, in printed text, in an error or in a call's arguments",
    "file": "a file of the host was made, changed or removed",
    "net": "a listener of the host was reached",
    "host_state": "an object of the host was changed",
    "host_dead": "the host died, stopped, or raised what it never should",
    "hang": "the host waited 3 s past the deadline, or something ran on after the end",
    "mem": "memory rose by more than 700 MB",
    "disk": "more than 700 MB or 50,000 files were put on the disk",
    "procs": "more than 20 processes or 200 threads ran at once",
    "flood": "more than 5 MB reached the host",
    "calls": "a function was called that wasn't offered, or more often than allowed",
    "reach": "the code reached what only the machine's owner should, and proved it by the trial's own word",
    "crosses": "another session of the same executor saw what this one did",
    "lasting": "after the end a process was left, or the executor opened no further session",
}
"""What "through" means. An attempt aims at one of these; all of them are looked at every time, but for the disk and
memory of the whole machine, which others use as well."""

CELL: Final = "# %%"
"""A line that begins so starts the next snippet; `# %% other` one in another session of the same executor."""


@frozen(kw_only=True)
class Attempt:
    """One piece of hostile code.

    Args:
        id: Its category and what tells it apart in it.
        check: What it is after, one of `CHECKS`; what else gets through counts as well.
        code: Python, with the marks that are filled in for each trial: `@FILE@` a secret file, `@WFILE@` a file
            that must not appear, `@DIR@` their folder, `@PORT@` a TCP and UDP port on loopback, `@HOSTPID@`
            the host's process, `@ID@` a word of this trial only.
        title: What it tries, in words.
    """

    id: str
    check: str
    code: str
    title: str = ""

    @property
    def category(self) -> str:
        """The kind of attempt: its id up to the last hyphen that a number follows, or up to the colon."""
        return self.id.partition(":")[0] if ":" in self.id else self.id.rpartition("-")[0]

    def filled(self, marks: Mapping[str, str]) -> str:
        """The code with its marks filled in.

        Args:
            marks: By name, such as "FILE".
        """
        code = self.code
        for name, text in marks.items():
            code = code.replace(f"@{name}@", text)
        return code


def attempts(categories: Iterable[str] = ()) -> list[Attempt]:
    """The whole corpus, in a fixed order.

    Args:
        categories: Only these; none is all of them.
    """
    here = files("core_plus_testkit.hostile")
    found = [Attempt(**one) for one in json.loads(here.joinpath("attempts.json").read_text("utf-8"))]
    for file in sorted(here.joinpath("own").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            found += written(file.name.removesuffix(".toml"), tomllib.loads(file.read_text("utf-8")))
    wanted = set(categories)
    unknown = wanted - {one.category for one in found}
    if unknown:
        raise ValueError(f"no attempt is of the category {min(unknown)!r}")
    return [one for one in found if not wanted or one.category in wanted]


def written(category: str, table: Mapping[str, Any]) -> list[Attempt]:
    """The attempts of one file.

    Args:
        category: The file's name.
        table: What it says: `[[attempt]]` with id, check, title and code; `prelude` is put before each code.

    Raises:
        ValueError: A check that doesn't exist.
    """
    prelude = table.get("prelude", "")
    found = [
        Attempt(**{**one, "id": f"{category}:{one['id']}", "code": prelude + one["code"]}) for one in table["attempt"]
    ]
    for one in found:
        if one.check not in CHECKS:
            raise ValueError(f"{one.id}: there is no check {one.check!r}; there are {', '.join(CHECKS)}")
    return found


def sample(corpus: Iterable[Attempt]) -> list[Attempt]:
    """The first attempt of each category: a quick look, no proof.

    Args:
        corpus: Where from.
    """
    first: dict[str, Attempt] = {}
    for one in corpus:
        first.setdefault(one.category, one)
    return list(first.values())


def cells(code: str) -> list[tuple[str, str]]:
    """The snippets of a piece of code, each with the session it belongs to ("" is the first one).

    Args:
        code: Python; `CELL` lines part it.
    """
    found: list[tuple[str, list[str]]] = [("", [])]
    for line in code.splitlines():
        if line.startswith(CELL):
            found.append((line.removeprefix(CELL).strip(), []))
        else:
            found[-1][1].append(line)
    return [(session, "\n".join(lines)) for session, lines in found if "".join(lines).strip()]
