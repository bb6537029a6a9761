"""Files of the person's own: settings and saved conversations, which nobody else may read."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import msgspec
import platformdirs

from core_plus.errors import ConfigurationError

APP = "core-plus"


class Settings(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """What is set for all commands.

    Args:
        model: The model that is used where none is named, as "provider:id".
    """

    model: str | None = None


def config_folder() -> Path:
    """Where settings and keys are."""
    return platformdirs.user_config_path(APP, appauthor=False)


def state_folder() -> Path:
    """Where conversations and histories are."""
    return platformdirs.user_state_path(APP, appauthor=False)


def read_settings() -> Settings:
    """The settings; the defaults where none were saved.

    Raises:
        ConfigurationError: The file holds something else; the text names it.
    """
    path = config_folder() / "settings.json"
    data = read(path)
    if data is None:
        return Settings()
    try:
        return msgspec.json.decode(data, type=Settings)
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"the settings in {path} can't be read: {error}; mend or delete the file") from error


def write_settings(settings: Settings) -> Path:
    """Save the settings.

    Args:
        settings: All of them.

    Returns:
        The file.
    """
    return write(config_folder() / "settings.json", msgspec.json.format(msgspec.json.encode(settings)))


def read(path: Path) -> bytes | None:
    """What a file holds; None if there is no such file.

    Args:
        path: The file.

    Raises:
        ConfigurationError: It is there and can't be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}") from error


def write(path: Path, data: bytes) -> Path:
    """Write a file whole or not at all, for its owner's eyes only.

    Args:
        path: The file; its folder is made, for the owner only too.
        data: What it shall hold.

    Returns:
        The file.

    Raises:
        ConfigurationError: It can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 0600 from the start
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise ConfigurationError(f"{path} can't be written: {error.strerror}") from error
    return path


def open_to_others(path: Path) -> bool:
    """Whether somebody else may read a file.

    Args:
        path: The file, which may be missing.
    """
    return os.name == "posix" and path.exists() and bool(path.stat().st_mode & 0o077)
