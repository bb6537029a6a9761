"""One reply as it is generated: tokens to text, text to deltas."""

from __future__ import annotations

import codecs
from importlib import import_module
from typing import Any

from core_plus.messages import Usage
from core_plus.models import Delta, FinishDelta, FinishReason
from core_plus_http.callforms import CallReader, is_mark
from core_plus_http.chat.cut import Cut
from core_plus_http.local import Call


class Vocabulary:
    """What a model's tokens are.

    Args:
        llama: A `llama_cpp.Llama`.
    """

    def __init__(self, llama: Any) -> None:
        self._llama, self._library = llama, import_module("llama_cpp")
        self._vocab = self._library.llama_model_get_vocab(llama.model)

    def ends(self, token: int) -> bool:
        """Whether a token ends a reply.

        Args:
            token: Its id.
        """
        return bool(self._library.llama_vocab_is_eog(self._vocab, token))

    def text(self, token: int) -> bytes:
        """What a token says, perhaps half a character; a control token says nothing, unless it is part of a call.

        Args:
            token: Its id.
        """
        found: bytes = self._llama.detokenize([token], special=True)
        if self._library.llama_vocab_is_control(self._vocab, token) and not is_mark(found.decode("utf-8", "replace")):
            return b""
        return found


class Writer:
    """Takes tokens, gives deltas.

    Args:
        vocabulary: The model's.
        call: Who waits for the reply.
        reader: Tells words from calls and reasoning.
        stops: Texts at which the reply ends.
    """

    def __init__(self, vocabulary: Vocabulary, call: Call, reader: CallReader, stops: tuple[str, ...]) -> None:
        self._vocabulary, self._call, self._reader, self._cut = vocabulary, call, reader, Cut(stops)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._ended = False
        self.tokens = self.thought = 0

    def take(self, token: int) -> bool:
        """Take a token; whether the reply goes on.

        Args:
            token: Its id.
        """
        self.tokens += 1
        if self._vocabulary.ends(token):
            self._ended = True
            return False
        self._pass(self._decoder.decode(self._vocabulary.text(token)))
        self.thought += self._reader.thinking
        return not (self._cut.done or self._call.stopped)

    def finish(self, read: int, most: int, model: str) -> None:
        """Give what is left, and the facts.

        Args:
            read: Tokens of the prompt.
            most: Tokens that the reply might have.
            model: The model's name.
        """
        self._pass(self._decoder.decode(b"", final=True))
        if not self._cut.done and (held := self._cut.rest()):
            self._give(self._reader.feed(held))
        self._give(self._reader.end())
        raw = "stop" if self._cut.done or self._ended or self.tokens < most else "length"
        reason: FinishReason = "tool_calls" if self._reader.calls else "stop"
        usage = Usage(read, self.tokens, reasoning_tokens=self.thought, calls=1)
        self._call.give(FinishDelta("length" if raw == "length" else reason, raw, usage, model))

    def _pass(self, text: str) -> None:
        if text and (passed := self._cut.passed(text)):
            self._give(self._reader.feed(passed))

    def _give(self, deltas: list[Delta]) -> None:
        for delta in deltas:
            self._call.give(delta)
