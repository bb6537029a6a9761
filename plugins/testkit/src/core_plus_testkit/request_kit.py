"""What every codec's requests keep, whatever the conversation, as tests to inherit."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final

import pytest

from core_plus.errors import ConfigurationError
from core_plus.messages import Message, Text, ToolCall, ToolResult, message
from core_plus.models import ModelRequest
from core_plus_testkit.histories import MEDIA, TOOLS, requests
from core_plus_testkit.scripted_server import ScriptedServer

ASKED: Final = message("user", "add")
CALL: Final = message("assistant", ToolCall("c1", "add", {"a": 1}))
CALLS: Final = message("assistant", [ToolCall("c1", "add", {"a": 1}), ToolCall("c2", "now", {})])
ONE: Final = message("tool", ToolResult("c1", "add", (Text("result-1"),)))
TWO: Final = message("tool", ToolResult("c2", "now", (Text("result-2"),), is_error=True))
BOTH: Final = message(
    "tool", [ToolResult("c1", "add", (Text("result-1"),)), ToolResult("c2", "now", (Text("result-2"),))]
)
MORE: Final = message("user", "go on")
BROKEN: Final[dict[str, tuple[tuple[Message, ...], Sequence[str]]]] = {
    "a result whose call was cut off": ((ONE, MORE), ["result-1", "go on"]),
    "a call that was never answered": ((ASKED, CALL), ["no result was kept"]),
    "a call that was never answered, and words after it": ((ASKED, CALL, MORE), ["no result was kept", "go on"]),
    "one of two calls answered": ((ASKED, CALLS, TWO, MORE), ["no result was kept", "result-2"]),
    "results that came late": ((ASKED, CALLS, MORE, BOTH), ["result-1", "result-2", "go on"]),
    "words between results": ((ASKED, CALLS, ONE, MORE, TWO), ["result-1", "result-2", "go on"]),
    "results of two turns together": (
        (ASKED, CALL, message("assistant", ToolCall("c2", "now", {})), BOTH),
        ["result-1", "result-2"],
    ),
    "a result given twice": ((ASKED, CALL, ONE, ONE), ["result-1"]),
    "calls that share an id": (
        (ASKED, message("assistant", [ToolCall("c1", "add", {}), ToolCall("c1", "add", {})]), ONE, ONE),
        ["result-1"],
    ),
    "an id that is used again": ((ASKED, CALL, CALL, ONE), ["no result was kept", "result-1"]),
    "the model began": ((CALL, ONE, MORE), ["result-1"]),
    "results in the user's name": ((ASKED, CALL, Message("user", (*MORE.parts, *ONE.parts))), ["result-1", "go on"]),
}
"""Conversations that no server takes as they are, and what must be left of them in a request."""


class RequestKit:
    """Inherit it in a test class, give `server` and the fixture `body`, and name what the codec takes.

    `validate` is a validator that isn't ours, of `core_plus_testkit.sdk_types`, as a static method.
    """

    server: ClassVar[type[ScriptedServer]]
    owner: ClassVar[str] = ""
    """The name under which the provider signs what is its own."""
    takes: ClassVar[Sequence[str]] = ("image",)
    """The kinds of media that the codec takes, of `core_plus_testkit.histories.MEDIA`."""
    items: ClassVar[Sequence[dict[str, Any]]] = ()
    """Items of reasoning that the provider alone can read, as its replies hold them."""
    examples: ClassVar[int] = 100

    @pytest.fixture
    def body(self) -> Callable[[ModelRequest, bool], bytes]:
        """Makes the body of a request, streamed or not; override it."""
        raise NotImplementedError(f"{type(self).__name__} must give the fixture `body`")

    @staticmethod
    def validate(body: Any) -> str:
        """What the vendor's own types say is wrong, "" if nothing; override it.

        Args:
            body: The request's JSON.
        """
        raise NotImplementedError("give a function of core_plus_testkit.sdk_types as `validate`")

    def test_a_server_takes_whatever_was_said_before(self, body: Callable[[ModelRequest, bool], bytes]) -> None:
        pytest.importorskip("hypothesis", reason="hypothesis isn't installed")
        from hypothesis import given, settings
        from hypothesis import strategies as st

        server = self.server()

        @settings(max_examples=self.examples, deadline=None)
        @given(requests(self.owner, self.takes, self.items), st.booleans())
        def check(request: ModelRequest, stream: bool) -> None:
            written = body(request, stream)
            wire = json.loads(written)
            assert server.complaint(wire) == "", wire
            assert self.validate(wire) == "", wire
            assert body(request, stream) == written

        check()

    @pytest.mark.parametrize("name", BROKEN)
    def test_what_a_memory_tore_apart_is_mended(self, body: Callable[[ModelRequest, bool], bytes], name: str) -> None:
        history, left = BROKEN[name]
        written = body(ModelRequest(history, TOOLS), False)
        wire = json.loads(written)
        assert self.server().complaint(wire) == ""
        assert self.validate(wire) == ""
        assert all(words in written.decode() for words in left)

    def test_a_message_is_written_once(self, body: Callable[[ModelRequest, bool], bytes]) -> None:
        for history, _ in BROKEN.values():
            body(ModelRequest(history, TOOLS), False)
            kept = [dict(each.__dict__) for each in history]
            body(ModelRequest(history, TOOLS), False)
            for before, each in zip(kept, history, strict=True):
                assert all(value is before[key] for key, value in each.__dict__.items())

    @pytest.mark.parametrize("kind", MEDIA)
    def test_media_that_the_api_has_no_form_for_are_refused_by_name(
        self, body: Callable[[ModelRequest, bool], bytes], kind: str
    ) -> None:
        for part in MEDIA[kind]:
            request = ModelRequest((message("user", part),))
            if kind in self.takes:
                assert body(request, False)
            else:
                with pytest.raises(ConfigurationError):
                    body(request, False)
