"""One reply as it is generated: tokens to text, text to deltas, and when to stop."""

from __future__ import annotations

from typing import Any

from core_plus.messages import Usage
from core_plus.models import Delta, FinishDelta, FinishReason, TextDelta
from core_plus_http.callforms import CallReader, is_mark
from core_plus_http.chat.cut import Cut
from core_plus_http.local import Call
from core_plus_transformers.loading import Loaded


class Decoder:
    """Turns tokens into text as they come, each decoded with the few before it, so that it costs the same throughout.

    Args:
        loaded: The model.
    """

    def __init__(self, loaded: Loaded) -> None:
        self._tokenizer = loaded.tokenizer
        special = set(self._tokenizer.all_special_ids)
        kept = {token for token in special if is_mark(self._tokenizer.convert_ids_to_tokens(token))}
        self._silent = (special - kept) | loaded.ends
        self._tokens: list[int] = []
        self._shown = self._read = 0

    def text(self, token: int) -> str:
        """The text that a token makes whole; "" where it is half a character, or says nothing.

        Args:
            token: Its id.
        """
        if token in self._silent:
            return ""
        self._tokens.append(token)
        text = self._new()
        if not text or text.endswith("�"):
            return ""
        self._shown, self._read = self._read, len(self._tokens)
        return text

    def rest(self) -> str:
        """What is left at the reply's end."""
        return self._new()

    def _new(self) -> str:
        before, after = (self._decoded(self._tokens[self._shown : end]) for end in (self._read, None))
        return after[len(before) :]

    def _decoded(self, tokens: list[int]) -> str:
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text


class Writer:
    """What `generate` hands its tokens to, and asks whether to stop.

    Args:
        loaded: The model.
        call: Who waits for the reply.
        reader: Tells words from calls and reasoning.
        stops: Texts at which the reply ends.
        most: The most tokens to write.
    """

    def __init__(self, loaded: Loaded, call: Call, reader: CallReader, stops: tuple[str, ...], most: int) -> None:
        self._call, self._reader, self._most = call, reader, most
        self._decoder, self._ends, self._cut = Decoder(loaded), loaded.ends, Cut(stops)
        self._prompted = self._ended = False
        self.tokens = self.thought = 0

    def put(self, value: Any) -> None:
        """Take the prompt, which is no news, or the next tokens.

        Args:
            value: A tensor of ids.
        """
        if not self._prompted:
            self._prompted = True
            return
        for token in value.flatten().tolist():
            if self._ended or self._cut.done:
                return
            self.tokens += 1
            self._ended = token in self._ends
            self._pass(self._decoder.text(token))
            self.thought += self._reader.thinking

    def end(self) -> None:
        """Nothing more comes."""

    def stop(self, ids: Any, scores: Any, **more: Any) -> Any:
        """Whether to stop, as a stopping criterion: one answer for each row.

        Args:
            ids: All tokens so far.
            scores: Not used.
            **more: Not used.
        """
        return ids.new_full((ids.shape[0],), self._call.stopped or self._cut.done, dtype=bool_of(ids))

    def finish(self, prompt: int, model: str) -> None:
        """Give what is left, and the facts.

        Args:
            prompt: Tokens read.
            model: The model's name.
        """
        self._pass(self._decoder.rest())
        if not self._cut.done and (held := self._cut.rest()):
            self._give(self._reader.feed(held))
        self._give(self._reader.end())
        raw = "stop" if self._cut.done or self._ended or self.tokens < self._most else "length"
        reason: FinishReason = "tool_calls" if self._reader.calls and raw == "stop" else "stop"
        usage = Usage(prompt, self.tokens, reasoning_tokens=self.thought, calls=1)
        self._call.give(FinishDelta("length" if raw == "length" else reason, raw, usage, model))

    def _pass(self, text: str) -> None:
        if text and (passed := self._cut.passed(text)):
            self._give(self._reader.feed(passed))

    def _give(self, deltas: list[Delta]) -> None:
        for delta in deltas:
            if not isinstance(delta, TextDelta) or delta.text:
                self._call.give(delta)


def bool_of(tensor: Any) -> Any:
    """The type of truth values, by way of a tensor: importing torch for its name is not this module's business.

    Args:
        tensor: Any tensor.
    """
    return (tensor == tensor).dtype  # noqa: PLR0124
