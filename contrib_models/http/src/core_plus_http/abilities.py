"""What a model may offer beside answering: counting tokens, vectors of texts, words of sound, pictures.

A provider inherits an ability and gives the exchange; sync and async come from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from core_plus.messages import Audio, Image
from core_plus.models import ModelRequest
from core_plus_http.exchange import Exchange
from core_plus_http.model import HTTPModel

T = TypeVar("T")


class Counts(HTTPModel):
    """A model whose provider counts tokens. Give `counting`."""

    def counting(self, request: ModelRequest) -> Exchange[int]:
        """Ask how many tokens a request has.

        Args:
            request: All that would be asked.
        """
        raise NotImplementedError

    def count_tokens(self, request: ModelRequest) -> int:
        """How many tokens a request has, by the provider's own count.

        Args:
            request: All that would be asked.

        Raises:
            ModelError: The server doesn't tell.
        """
        self.prepare()
        return self.transport.run(self.counting(request), request.cancellation)

    async def acount_tokens(self, request: ModelRequest) -> int:
        """As `count_tokens`, on the running event loop.

        Args:
            request: All that would be asked.
        """
        await self.aprepare()
        return await self.transport.arun(self.counting(request), request.cancellation)


class Embeds(HTTPModel):
    """A model whose provider gives vectors of texts. Give `embedding`."""

    def embedding(self, texts: Sequence[str], options: Mapping[str, Any]) -> Exchange[list[list[float]]]:
        """Ask for vectors.

        Args:
            texts: What to embed; at least one.
            options: The provider's own parameters.
        """
        raise NotImplementedError

    def embed(self, texts: Sequence[str], **options: Any) -> list[list[float]]:
        """Vectors of texts, in their order.

        Args:
            texts: What to embed.
            **options: The provider's own parameters, such as `dimensions=256` (OpenAI).

        Raises:
            ModelError: The server's refusal or failure, typed.
        """
        if not texts:
            return []
        self.prepare()
        return self.transport.run(self.embedding(texts, options))

    async def aembed(self, texts: Sequence[str], **options: Any) -> list[list[float]]:
        """As `embed`, on the running event loop.

        Args:
            texts: What to embed.
            **options: The provider's own parameters.
        """
        if not texts:
            return []
        await self.aprepare()
        return await self.transport.arun(self.embedding(texts, options))


class Transcribes(HTTPModel):
    """A model whose provider writes down what is said. Give `transcription`."""

    def transcription(self, audio: Audio, options: Mapping[str, Any]) -> Exchange[str]:
        """Ask for the words.

        Args:
            audio: Holds bytes.
            options: The provider's own parameters.
        """
        raise NotImplementedError

    def transcribe(self, audio: Audio, **options: Any) -> str:
        """The words of a recording.

        Args:
            audio: The recording, as bytes.
            **options: The provider's own parameters, such as `language="de"` (OpenAI).

        Raises:
            ConfigurationError: It holds no bytes.
            ModelError: The server's refusal or failure, typed.
        """
        self.prepare()
        return self.transport.run(self.transcription(audio, options))

    async def atranscribe(self, audio: Audio, **options: Any) -> str:
        """As `transcribe`, on the running event loop.

        Args:
            audio: The recording, as bytes.
            **options: The provider's own parameters.
        """
        await self.aprepare()
        return await self.transport.arun(self.transcription(audio, options))


class Draws(HTTPModel):
    """A model whose provider makes pictures of words. Give `drawing`."""

    def drawing(self, prompt: str, options: Mapping[str, Any]) -> Exchange[list[Image]]:
        """Ask for pictures.

        Args:
            prompt: What shall be seen.
            options: The provider's own parameters.
        """
        raise NotImplementedError

    def generate_image(self, prompt: str, **options: Any) -> list[Image]:
        """Pictures of what is described.

        Args:
            prompt: What shall be seen.
            **options: The provider's own parameters, such as `size="1024x1024"` (OpenAI).

        Raises:
            ModelError: The server's refusal or failure, typed.
        """
        self.prepare()
        return self.transport.run(self.drawing(prompt, options))

    async def agenerate_image(self, prompt: str, **options: Any) -> list[Image]:
        """As `generate_image`, on the running event loop.

        Args:
            prompt: What shall be seen.
            **options: The provider's own parameters.
        """
        await self.aprepare()
        return await self.transport.arun(self.drawing(prompt, options))
