"""A Gradio app, on Hugging Face or anywhere, as a tool."""

from __future__ import annotations

import importlib
import importlib.util
import secrets
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from core_plus import Audio, ConfigurationError, File, Image, Secret, Tool
from core_plus_toolbox.failures import ToolboxError
from core_plus_toolbox.foreign import identifier

_KINDS: Final[Mapping[str, type[Image | Audio | File]]] = {"Image": Image, "Audio": Audio}
_TAKES_FILES: Final = ("Image", "Audio", "Video", "File", "UploadButton", "Model3D")
MOST_BYTES: Final = 50_000_000
"""Bytes of a file that an app gives."""


class SpaceTool(Tool):
    """An endpoint of a Gradio app. What it takes is what the app says of itself.

    Args:
        space: "owner/name" on Hugging Face, or the app's address.
        name: What the tool is called; else the app's name.
        description: What it does; the app doesn't say.
        api_name: Which endpoint; else the first that has a name.
        token: For private apps on Hugging Face.
        client: Used instead of one of our own, which is closed with the agent.

    Raises:
        ConfigurationError: gradio_client is missing, or the app has no such endpoint.
    """

    output_type = "any"

    def __init__(
        self,
        space: str,
        name: str | None = None,
        description: str = "",
        *,
        api_name: str | None = None,
        token: str | Secret | None = None,
        client: Any = None,
    ) -> None:
        if client is None:
            _check_library()
        # What the app sends, and what is sent to it as a file, lies here until the tool is gone.
        self._folder = tempfile.mkdtemp(prefix="core-plus-space-")
        self._remove = weakref.finalize(self, shutil.rmtree, self._folder, True)
        self._own, self._client = client is None, client
        if client is None:
            self._client = _connected(space, token, self._folder)
        told = self._client.view_api(all_endpoints=False, print_info=False, return_format="dict")
        endpoints = told.get("named_endpoints", {})
        chosen = api_name or next(iter(endpoints), "")
        self._endpoint = chosen if chosen.startswith("/") else f"/{chosen}"
        if self._endpoint not in endpoints:
            raise ConfigurationError(
                f"{space} has no endpoint {self._endpoint!r}; there is {', '.join(endpoints) or 'none'}"
            )
        takes, gives = endpoints[self._endpoint]["parameters"], endpoints[self._endpoint]["returns"]
        self.name = name or identifier(space.rstrip("/").rpartition("/")[2])
        results = ", ".join(str(one.get("label") or one.get("component")) for one in gives)
        self.description = f"{description or f'Use the app {space}.'} It gives: {results or 'nothing'}."
        self.parameters = _parameters(takes)
        self._files = {_name(one) for one in takes if one.get("component") in _TAKES_FILES}
        self._kinds = [one.get("component", "") for one in gives]

    def forward(self, **arguments: Any) -> Any:
        """Have the app do it."""
        given = {name: self._sent(value) if name in self._files else value for name, value in arguments.items()}
        try:
            found = self._client.predict(api_name=self._endpoint, **given)
        except Exception as error:
            raise ToolboxError(f"the app failed: {type(error).__name__}: {error}") from error
        values = found if isinstance(found, tuple | list) and len(self._kinds) > 1 else [found]
        results = [self._received(value, kind) for value, kind in zip(values, self._kinds, strict=False)]
        return results[0] if len(results) == 1 else results

    def close(self) -> None:
        """Leave the app, and throw away what it sent."""
        if self._own and self._remove.alive:
            self._client.close()
        self._remove()

    def _sent(self, value: Any) -> Any:
        """A file on its way out. No path of this machine: a model could name any."""
        library: Any = importlib.import_module("gradio_client")
        if isinstance(value, Image | Audio | File):
            value = value.data if value.data is not None else value.url
        if isinstance(value, bytes):
            path = Path(self._folder) / secrets.token_hex(8)
            path.write_bytes(value)
            return library.handle_file(str(path))
        if isinstance(value, str) and value.startswith(("http://", "https://")):
            return library.handle_file(value)
        if value is None:
            return None
        raise ToolboxError("a file is an http address or the file's bytes, not a path")

    def _received(self, value: Any, kind: str) -> Any:
        """What an app gave: a file that came along becomes a part of a message.

        Only what the client put into our folder is read: an app could name any path of this machine.
        """
        path = value.get("path") if isinstance(value, Mapping) else value
        if kind not in _TAKES_FILES or not isinstance(path, str):
            return value
        file = Path(path).resolve()
        if not file.is_relative_to(Path(self._folder).resolve()) or not file.is_file():
            return value
        import mimetypes

        if file.stat().st_size > MOST_BYTES:
            raise ToolboxError(f"the app gave a file of more than {MOST_BYTES:,} bytes")
        media = {"media_type": found} if (found := mimetypes.guess_type(path)[0]) else {}
        return _KINDS.get(kind, File)(data=file.read_bytes(), name=file.name, **media)


def from_space(
    space: str,
    name: str | None = None,
    description: str = "",
    *,
    api_name: str | None = None,
    token: str | Secret | None = None,
) -> Tool:
    """A Gradio app as a tool.

    Args:
        space: "owner/name" on Hugging Face, or the app's address.
        name: What the tool is called; else the app's name.
        description: What it does.
        api_name: Which endpoint; else the first that has a name.
        token: For private apps on Hugging Face.

    Raises:
        ConfigurationError: gradio_client is missing, or the app has no such endpoint.
    """
    return SpaceTool(space, name, description, api_name=api_name, token=token)


def _check_library() -> None:
    if importlib.util.find_spec("gradio_client") is None:
        raise ConfigurationError("Gradio apps need gradio_client: pip install 'core-plus-toolbox[gradio]'")


def _connected(space: str, token: str | Secret | None, folder: str) -> Any:
    library: Any = importlib.import_module("gradio_client")
    key = Secret(token).reveal() if token else None
    return library.Client(space, token=key, verbose=False, download_files=folder, analytics_enabled=False)


def _name(parameter: Mapping[str, Any]) -> str:
    return str(parameter.get("parameter_name") or parameter.get("label"))


def _parameters(takes: list[Mapping[str, Any]]) -> dict[str, Any]:
    """The JSON Schema of an endpoint's arguments, from what Gradio says of each."""
    properties, required = dict[str, Any](), list[str]()
    for one in takes:
        kind, told = str(one.get("component") or ""), one.get("type")
        schema: dict[str, Any] = (
            dict(told) if isinstance(told, Mapping) and "$defs" not in told and "$ref" not in told else {}
        )
        label = str(one.get("label") or _name(one))
        extra = "; an http address, or the file itself" if kind in _TAKES_FILES else ""
        schema = {} if kind in _TAKES_FILES else schema
        properties[_name(one)] = {**schema, "description": f"{label}{f' ({kind})' if kind else ''}{extra}"}
        if not one.get("parameter_has_default"):
            required.append(_name(one))
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
