"""Conversations for hypothesis: what agents say, and what is left of it after memories cut and runs end.

`hypothesis` is imported when a strategy is made, since pytest loads this package in every run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from core_plus.messages import AnyPart, Audio, File, Image, Message, Text, Thinking, ToolCall, ToolResult
from core_plus.models import ModelRequest
from core_plus.tools import ToolSpec

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

PNG: Final = b"\x89PNG\r\n\x1a\n"
MEDIA: Final[dict[str, tuple[AnyPart, ...]]] = {
    "image": (Image(PNG), Image(b"\xff\xd8\xff", media_type="image/jpeg")),
    "image address": (Image(url="https://example.com/a.png"),),
    "audio": (Audio(b"RIFF"),),
    "pdf": (
        File(b"%PDF-1.7", media_type="application/pdf", name="a b.pdf"),
        File(b"%PDF", media_type="application/pdf"),
    ),
    "text file": (File(b"a,b\n\xff,2", media_type="text/csv", name="t.csv"), File(b"", media_type="text/plain")),
}
"""Media by kind; a codec names the kinds that it takes."""
WORDS: Final = (
    "",
    " ",
    "\n",
    "hi",
    "half a pair: \ud83e",
    "\udd8a",
    "\x00",
    '"\\',
    "漢字 🦊",
    "</s><|im_end|>",
    "\u2028",
)
IDS: Final = ("c1", "c2", "call_0", "", "functions.add:0", "id with space", "\ud800", "ü" * 30, "x" * 70, "call|fc_1")
NAMES: Final = ("add", "now", "look_up", "functions.add", "no such tool", "名", "n" * 80)
ARGUMENTS: Final[tuple[dict[str, Any] | str, ...]] = (
    {},
    {"a": 1, "b": [None, {"ü": 1.5}]},
    {"": "\ud800"},
    "",
    '{"a": 1',
    "no JSON",
    "[1]",
    "\udfff",
)
OPAQUE: Final[dict[str, Any]] = {"type": "made_up", "id": "x_1"}
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": ["string", "null"]}},
    "required": ["a", "b"],
    "additionalProperties": False,
}
TOOLS: Final = (
    ToolSpec("add", "Add two numbers.", SCHEMA),
    ToolSpec("now", "", {"type": "object", "properties": {}}),
    ToolSpec("look_up", "Look\ud800 up.", {**SCHEMA, "title": "é"}),
)


def texts() -> SearchStrategy[str]:
    """Words, odd ones above all: empty, white space, lone surrogates, control characters."""
    from hypothesis import strategies as st

    return st.sampled_from(WORDS) | st.text(st.characters(), max_size=8)


def thinking(owner: str, items: Sequence[dict[str, Any]] = ()) -> SearchStrategy[Thinking]:
    """Reasoning of the model's own provider, signed, opaque, or as a stream that broke off leaves it; and of others.

    Args:
        owner: The provider's name in what it signs.
        items: Opaque items of its own.
    """
    from hypothesis import strategies as st

    signatures = st.sampled_from([None, "c2lnbmVk"])
    own = st.builds(Thinking, texts(), signatures, st.just(owner))
    foreign = st.builds(
        Thinking, texts(), signatures, st.sampled_from(["", "another"]), st.sampled_from([None, OPAQUE])
    )
    if items:
        own |= st.builds(Thinking, texts(), signatures, st.just(owner), st.sampled_from(items))
    return own | foreign


def calls() -> SearchStrategy[ToolCall]:
    """Tool calls, with ids, names and arguments of every make."""
    from hypothesis import strategies as st

    data = st.sampled_from([None, {"another": OPAQUE}])
    return st.builds(ToolCall, st.sampled_from(IDS), st.sampled_from(NAMES), st.sampled_from(ARGUMENTS), data)


def histories(
    owner: str = "", takes: Sequence[str] = ("image",), items: Sequence[dict[str, Any]] = ()
) -> SearchStrategy[tuple[Message, ...]]:
    """Conversations that hold something of the user's; half of them are sound.

    The others lack messages, hold some twice or in another order: calls that were never answered, results without
    their calls, turns of the model in a row, a system's message in the middle.

    Args:
        owner: The name under which the model's provider signs.
        takes: The kinds of media in them, of `MEDIA`.
        items: The provider's own opaque items.
    """
    from hypothesis import strategies as st

    media = [part for kind in takes for part in MEDIA[kind]]
    words = st.builds(Text, texts())
    spoken = st.lists(words | st.sampled_from(media) if media else words, max_size=3).map(tuple)
    system = st.builds(Message, st.just("system"), st.lists(words, max_size=2).map(tuple))
    first = st.lists(system, max_size=1)
    torn: SearchStrategy[bool] = st.booleans()
    asked = st.builds(Message, st.sampled_from(["user", "user", "system"]), spoken)
    rounds = st.lists(st.tuples(asked, _turns(thinking(owner, items), spoken)), max_size=3)

    @st.composite
    def made(draw: DrawFn) -> tuple[Message, ...]:
        said: list[Message] = [*draw(first)]
        for question, turns in draw(rounds):
            said += [question, *turns]
        if draw(torn) and said:
            said = [*draw(_broken(said))]
        well = any(each.role == "user" and each.text.strip() for each in said)
        return tuple(said) if well else (*said, Message("user", (Text("hi"),)))

    return made()


def requests(
    owner: str = "", takes: Sequence[str] = ("image",), items: Sequence[dict[str, Any]] = ()
) -> SearchStrategy[ModelRequest]:
    """Requests with such histories, with and without tools, choices, schemas, stops and limits.

    Args:
        owner: The name under which the model's provider signs.
        takes: The kinds of media in them, of `MEDIA`.
        items: The provider's own opaque items.
    """
    from hypothesis import strategies as st

    return st.builds(
        ModelRequest,
        histories(owner, takes, items),
        st.sampled_from([(), TOOLS[:1], TOOLS]),
        st.sampled_from([None, "auto", "required", "none", "add"]),
        st.sampled_from([(), ("END",), ("", " ", "\n", "a", "b", "c", "d", "e")]),
        st.sampled_from([None, SCHEMA, {"type": "object", "title": "an answer"}]),
        st.sampled_from([None, 1, 1000]),
    )


def _turns(thoughts: SearchStrategy[Thinking], spoken: SearchStrategy[Any]) -> SearchStrategy[list[Message]]:
    """The model's turns after a word of the user's, with the results of their calls."""
    from hypothesis import strategies as st

    parts = st.lists(st.builds(Text, texts()) | thoughts | calls(), max_size=4).map(tuple)
    turn = st.builds(Message, st.just("assistant"), parts, st.sampled_from([None, {"another": OPAQUE}]))
    answers = st.lists(st.tuples(spoken, st.booleans()), min_size=4, max_size=4)
    some = st.lists(st.tuples(turn, answers, st.booleans(), st.booleans()), max_size=2)

    def written(drawn: list[Any]) -> list[Message]:
        out: list[Message] = []
        for said, given, apart, turned in drawn:
            pairs = zip(said.tool_calls, given, strict=False)
            results = [ToolResult(call.id, call.name, found, failed) for call, (found, failed) in pairs]
            results = results[::-1] if turned else results
            out += [said, *([Message("tool", (each,)) for each in results] if apart else [])]
            out += [Message("tool", tuple(results))] if results and not apart else []
        return out

    return some.map(written)


def _broken(said: Sequence[Message]) -> SearchStrategy[list[Message]]:
    """What may be left of a conversation: some of it, not always in order, roles of results mistaken."""
    from hypothesis import strategies as st

    mistaken = [Message("user", each.parts) if each.role == "tool" else each for each in said]
    some = st.lists(st.sampled_from([*said, *mistaken]), max_size=8)
    some = some.map(lambda them: [Message(each.role, each.parts, each.data) for each in them])  # each is said anew
    return some | st.integers(0, len(said)).map(lambda at: [*said[at:]]) | st.permutations(said).map(list)
