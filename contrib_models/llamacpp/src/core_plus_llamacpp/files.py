"""Where a model's file is: here, or on the Hub."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import attrs

from core_plus.errors import (
    ConfigurationError,
    ModelConnectionError,
    ModelError,
    ModelNotFoundError,
    PermissionDeniedError,
)

PARTS: Final = re.compile(r"-00001-of-(\d{5})\.gguf$")
"""How llama.cpp names the first of a model's several files; it finds the others beside it."""
KINDS: Final[Mapping[str, type[ModelError]]] = {
    "GatedRepoError": PermissionDeniedError,
    "RepositoryNotFoundError": ModelNotFoundError,
    "RevisionNotFoundError": ModelNotFoundError,
    "RemoteEntryNotFoundError": ModelNotFoundError,
    "LocalEntryNotFoundError": ModelConnectionError,
    "EntryNotFoundError": ModelNotFoundError,
    "HfHubHTTPError": ModelConnectionError,
    "OSError": ModelConnectionError,
}
"""What the Hub's errors mean, the special before the general where one inherits from another."""


@attrs.frozen
class Offer:
    """A model that is worth beginning with.

    Args:
        ref: How it is named, with its provider.
        name: What people call it.
        size: Bytes to fetch.
        licence: The licence of its weights, by its SPDX name.
        repo: The repository on the Hub.
        file: The file in it.
        revision: The commit, so that everybody gets the same bytes.
        sha256: Of the file.
        options: Parameters that become it.
    """

    ref: str
    name: str
    size: int
    licence: str
    repo: str
    file: str
    revision: str
    sha256: str
    options: Mapping[str, Any] = {}

    def fetch(self) -> Path:
        """Fetch the file, with a progress bar, and check it; one that is in the cache is only checked.

        Raises:
            ModelError: It can't be fetched, or isn't the one that is meant.
        """
        path = fetched(self.repo, self.file, {"revision": self.revision})
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != self.sha256:
            raise ModelError(f"{path} isn't {self.file} as it was published: remove it, and fetch it again")
        return path


SMALL: Final = Offer(
    ref="llamacpp:small",
    name="Qwen3 4B",
    size=2_497_280_256,
    licence="Apache-2.0",
    repo="Qwen/Qwen3-4B-GGUF",
    file="Qwen3-4B-Q4_K_M.gguf",
    revision="bc640142c66e1fdd12af0bd68f40445458f3869b",
    sha256="7485fe6f11af29433bc51cab58009521f205840f5b4ae3a32fa7f92e8534fdf5",
    options={"chat_template_kwargs": {"enable_thinking": False}},  # a laptop's processor is slow at it
)
"""Published by Qwen itself; runs on a processor alone, in 5 GB of memory with the context that is the default."""


def located(model_id: str, hub: Mapping[str, Any]) -> Path:
    """The file that a model's name stands for; it is fetched where it isn't here yet.

    Args:
        model_id: A path, "org/repo/file.gguf" on the Hub, or "small".
        hub: Settings for the Hub, such as {"revision": ..., "token": ..., "cache_dir": ...}.

    Raises:
        ConfigurationError: It is none of these.
        ModelError: There is no such file, or it can't be fetched.
    """
    if model_id == "small":
        return fetched(SMALL.repo, SMALL.file, {"revision": SMALL.revision, **hub})
    path = Path(model_id).expanduser()
    if path.is_file():
        return path
    owner, _, rest = model_id.partition("/")
    repo, _, file = rest.partition("/")
    if model_id.startswith(("/", ".", "~")) or not (owner and repo and file.endswith(".gguf")):
        raise ConfigurationError(
            f"llamacpp:{model_id} is neither a file here nor org/repo/file.gguf on the Hub; `llamacpp:small` is a "
            "model to begin with"
        )
    return fetched(f"{owner}/{repo}", file, hub)


def fetched(repo: str, file: str, hub: Mapping[str, Any]) -> Path:
    """A file of the Hub, out of the cache or with a progress bar.

    Args:
        repo: "org/name".
        file: Its name; the first of several brings the others.
        hub: Settings for `hf_hub_download`.

    Raises:
        ModelError: There is no such file, or it can't be fetched.
    """
    parts = PARTS.search(file)
    count = int(parts[1]) if parts else 1
    names = (
        [file] if parts is None else [f"{file[: parts.start()]}-{n + 1:05}-of-{count:05}.gguf" for n in range(count)]
    )
    hub_module: Any = import_module("huggingface_hub")
    try:
        paths = [Path(hub_module.hf_hub_download(repo, name, **hub)) for name in names]
    except Exception as error:
        kinds = [KINDS[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in KINDS]
        if not kinds:
            raise
        words = " ".join(str(error).split())
        raise kinds[0](f"{file} of {repo} can't be fetched: {words}", provider="llamacpp", model=repo) from error
    return paths[0]
