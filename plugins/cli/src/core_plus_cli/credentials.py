"""The keys of providers: kept in the system's keyring, or in a file that only its owner reads.

A file beside the settings lists which keys there are and where; it holds the keys themselves only where the
system has no keyring. So a command that needs no key never wakes the keyring.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from core_plus.errors import ConfigurationError
from core_plus_cli import storage

NAME = re.compile(r"[a-z][a-z0-9_-]*")


class Kept(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Where a key is.

    Args:
        where: In the file itself, or in the system's keyring.
        value: The key, if it is in the file.
    """

    where: Literal["file", "keyring"]
    value: str | None = None

    def __repr__(self) -> str:
        return f"Kept({self.where!r})"


def variable_of(name: str) -> str:
    """The environment variable that a provider reads its key from: `OPENAI_API_KEY` for "openai".

    Args:
        name: The provider's or the tool's name.
    """
    return f"{name.upper().replace('-', '_')}_API_KEY"


def name_of(text: str) -> str:
    """A key's name as it is kept: "openai", also for `OPENAI_API_KEY`.

    Args:
        text: As it was typed.

    Raises:
        ConfigurationError: It can't be a name.
    """
    name = text.lower().removesuffix("_api_key")
    if not NAME.fullmatch(name):
        raise ConfigurationError("the name of a key is a provider's or a tool's, such as openai")
    return name


def path() -> Path:
    """The file that lists the keys."""
    return storage.config_folder() / "keys.json"


def kept() -> dict[str, Kept]:
    """Which keys there are, by name.

    Raises:
        ConfigurationError: The file can't be read; the text doesn't show what it holds.
    """
    data = storage.read(path())
    if data is None:
        return {}
    try:
        return msgspec.json.decode(data, type=dict[str, Kept])
    except msgspec.DecodeError:
        raise ConfigurationError(f"{path()} doesn't list keys; mend or delete the file") from None


def keep(name: str, key: str) -> Kept:
    """Keep a key, in place of an older one of that name.

    Args:
        name: The provider's or the tool's name.
        key: The key.

    Returns:
        Where it is now.

    Raises:
        ConfigurationError: It can't be a key, or can't be written.
    """
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigurationError("that is no key: it is empty, or holds a blank, a line break or a non-ASCII character")
    before = kept()
    _forget(name, before.get(name))
    entry = Kept("keyring") if _into_keyring(name, key) else Kept("file", key)
    storage.write(path(), msgspec.json.encode({**before, name: entry}))
    return entry


def remove(name: str) -> None:
    """Forget a key.

    Args:
        name: As for `keep`.

    Raises:
        ConfigurationError: There is none of that name.
    """
    before = kept()
    if name not in before:
        names = f"there are {', '.join(sorted(before))}" if before else "none is kept"
        raise ConfigurationError(f"no key is kept for {name!r}; {names}")
    _forget(name, before.pop(name))
    storage.write(path(), msgspec.json.encode(before))


@contextlib.contextmanager
def in_environment() -> Iterator[list[str]]:
    """Put the kept keys where providers look for them, for a while; a variable that is set already stays.

    Yields:
        What a person should know: keys that couldn't be read, or that others can read.
    """
    put, problems = list[str](), list[str]()
    if storage.open_to_others(path()):
        problems.append(f"other users of this machine may read the keys: chmod 600 {path()}")
    for name, entry in kept().items():
        variable = variable_of(name)
        if variable in os.environ:
            continue
        key = entry.value if entry.where == "file" else _from_keyring(name, problems)
        if key:
            os.environ[variable] = key
            put.append(variable)
    try:
        yield problems
    finally:
        for variable in put:
            os.environ.pop(variable, None)


# ---- the keyring ------------------------------------------------------------------


def _into_keyring(name: str, key: str) -> bool:
    """Whether the system has a keyring of its own, and took the key."""
    import keyring
    import keyring.core
    import keyring.errors

    if not keyring.core.recommended(keyring.get_keyring()):
        return False
    try:
        keyring.set_password(storage.APP, name, key)
    except (keyring.errors.KeyringError, RuntimeError):  # locked, or nobody is there to unlock it
        return False
    return True


def _from_keyring(name: str, problems: list[str]) -> str | None:
    import keyring
    import keyring.errors

    try:
        key = keyring.get_password(storage.APP, name)
    except (keyring.errors.KeyringError, RuntimeError) as error:
        problems.append(f"the key {name!r} can't be read from the system's keyring: {error}")
        return None
    if key is None:
        problems.append(f"the key {name!r} isn't in the system's keyring any more: core-plus keys set {name}")
    return key


def _forget(name: str, entry: Kept | None) -> None:
    if entry is None or entry.where != "keyring":
        return
    import keyring
    import keyring.errors

    with contextlib.suppress(keyring.errors.KeyringError, RuntimeError):  # gone already
        keyring.delete_password(storage.APP, name)
