"""Sound to text and text to pictures, by a provider or by a model on this machine."""

from __future__ import annotations

import importlib
import importlib.util
import io
import os
import threading
from collections.abc import Mapping
from typing import Any, Final

from core_plus import Audio, ConfigurationError, Host, Image, Tool, default_host
from core_plus_toolbox.failures import ToolboxError
from core_plus_toolbox.folder import confined
from core_plus_toolbox.waiting import settled

LOCAL: Final = "local:"
WHISPER: Final = "openai/whisper-large-v3-turbo"
MOST_SOUND: Final = 200_000_000
"""Bytes of a sound that is read."""


class SpeechToTextTool(Tool):
    """Writes down what is said in a sound.

    Args:
        model: "provider:id" of one that can transcribe, a model object with `transcribe(audio, **options)`, or
            "local:ID" for a speech model of transformers on this machine.
        folder: Where the sounds lie that a path may name; without it there are no paths, only sounds as data.
        options: More that the model takes, such as a language.
        host: Where the model's name is looked up; None is the process's default host.
        name: What the tool is called.
    """

    name = "speech_to_text"
    description = "Write down what is said in a sound."
    inputs = {"audio": {"type": "any", "description": ""}}
    output_type = "string"
    effect = "read"

    def __init__(
        self,
        model: Any = LOCAL + WHISPER,
        *,
        folder: str | os.PathLike[str] | None = None,
        options: Mapping[str, Any] | None = None,
        host: Host | None = None,
        name: str | None = None,
    ) -> None:
        self._model, self._options, self._host = model, dict(options or {}), host
        self._folder = confined(folder) if folder is not None else None
        self._local: Any = None
        self.name = name or self.name
        path = "the path of a file in the folder, or " if self._folder else ""
        what = f"The sound: {path}the sound itself, as another function gave it."
        self.inputs = {"audio": {"type": "any", "description": what}}

    def setup(self) -> None:
        """Load a local model, once. Sounds other than WAV of 16 bits are read by ffmpeg, which must then be there."""
        if isinstance(self._model, str) and self._model.startswith(LOCAL):
            transformers = _library("transformers", "speech_to_text", "model='openai:gpt-4o-mini-transcribe'")
            pipeline = transformers.pipeline("automatic-speech-recognition", model=self._model.removeprefix(LOCAL))
            self._local = _Alone(pipeline)

    def forward(self, audio: Any) -> str:
        """Write down what is said."""
        sound = self._sound(audio)
        if self._local is not None:
            return str(self._local(_samples(sound.data or b""), **self._options)["text"]).strip()
        model, transcribe = _able(self._host, self._model, "transcribe", "speech_to_text")
        found = settled(self._host or default_host(), transcribe(sound, **self._options))
        text = found if isinstance(found, str) else getattr(found, "text", None)
        if not isinstance(text, str):
            raise ToolboxError(f"{model} gave {type(found).__name__}, no text")
        return text.strip()

    def _sound(self, audio: Any) -> Audio:
        if isinstance(audio, Audio):
            if audio.data is None:
                raise ToolboxError("the sound is only an address: fetch it first, and give what came")
            return audio
        if isinstance(audio, bytes | bytearray | memoryview):
            return Audio(data=bytes(audio))
        if isinstance(audio, str) and self._folder is not None:
            import mimetypes

            kind = mimetypes.guess_type(audio)[0] or "audio/wav"
            name = audio.rpartition("/")[2]
            return Audio(data=self._folder.read(audio, MOST_SOUND), media_type=kind, name=name)
        way = "a path needs the setting folder" if isinstance(audio, str) else "give bytes, or a sound"
        raise ToolboxError(f"{self.name} can't read {type(audio).__name__}: {way}")


class TextToImageTool(Tool):
    """Draws a picture of what is described.

    Args:
        model: "provider:id" of one that draws, a model object with `generate_image(prompt, **options)`, or
            "local:ID" for a model of diffusers on this machine.
        options: More that the model takes, such as a size.
        host: Where the model's name is looked up; None is the process's default host.

    Raises:
        ConfigurationError: No model was named.
    """

    name = "text_to_image"
    description = "Draw a picture of what is described."
    output_type = "image"

    def __init__(
        self, model: Any = None, *, options: Mapping[str, Any] | None = None, host: Host | None = None
    ) -> None:
        if model is None:
            raise ConfigurationError(
                "text_to_image needs a model that draws: "
                "Host(config={'tool.text_to_image': {'model': 'openai:gpt-image-1'}}), or model='local:…' for diffusers"
            )
        self._model, self._options, self._host = model, dict(options or {}), host
        self._local: Any = None

    def setup(self) -> None:
        """Load a local model, once."""
        if isinstance(self._model, str) and self._model.startswith(LOCAL):
            diffusers = _library("diffusers", "text_to_image", "model='openai:gpt-image-1'")
            made = diffusers.AutoPipelineForText2Image.from_pretrained(self._model.removeprefix(LOCAL))
            self._local = _Alone(made)

    def forward(self, prompt: str) -> Any:
        """Draw a picture.

        Args:
            prompt: What shall be seen.

        Returns:
            The picture.
        """
        if self._local is not None:
            return as_image(self._local(prompt, **self._options).images[0])
        _, draw = _able(self._host, self._model, "generate_image", "text_to_image")
        return as_image(settled(self._host or default_host(), draw(prompt, **self._options)))


def _samples(data: bytes) -> Any:
    """A sound as a pipeline takes it: plain WAV as its samples, all else as it is, for ffmpeg to read."""
    import wave

    try:
        with wave.open(io.BytesIO(data)) as sound:
            width, channels, rate = sound.getsampwidth(), sound.getnchannels(), sound.getframerate()
            frames = sound.readframes(sound.getnframes())
    except (wave.Error, EOFError):
        return data
    if width != 2:
        return data
    numpy: Any = importlib.import_module("numpy")  # transformers brings it
    waves = numpy.frombuffer(frames, "<i2").astype("float32").reshape(-1, channels).mean(axis=1) / 32768
    return {"raw": waves, "sampling_rate": rate}


class _Alone:
    """A pipeline, for one thread at a time: they keep what they are at in themselves."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline, self._lock = pipeline, threading.Lock()

    def __call__(self, *args: Any, **options: Any) -> Any:
        with self._lock:
            return self._pipeline(*args, **options)


def as_image(found: Any) -> Image:
    """What a model drew, as a part of a message.

    Args:
        found: An `Image`, bytes, a PIL image, or several of these, of which the first counts.

    Raises:
        ToolboxError: It is none of these.
    """
    if isinstance(found, list | tuple) and found:
        return as_image(found[0])
    if isinstance(found, Image):
        return found
    if isinstance(found, bytes):
        return Image(data=found)
    if hasattr(found, "save") and hasattr(found, "mode"):
        file = io.BytesIO()
        found.save(file, "PNG")
        return Image(data=file.getvalue())
    images = getattr(found, "images", None)
    if images:
        return as_image(images[0])
    raise ToolboxError(f"the model gave {type(found).__name__}, no picture")


def _able(host: Host | None, ref: Any, method: str, tool: str) -> tuple[Any, Any]:
    """A model and its method, which not every provider has."""
    model = (host or default_host()).model(ref)
    found = getattr(model, method, None)
    if found is None:
        raise ToolboxError(f"{tool}: {ref if isinstance(ref, str) else model} has no {method}: name another model")
    return model, found


def _library(name: str, tool: str, other: str) -> Any:
    """A library that only local models need, and which is too large to bring along."""
    if importlib.util.find_spec(name) is None:
        raise ConfigurationError(f"{tool} with a local model needs {name}: pip install {name} torch; or give {other}")
    return importlib.import_module(name)
