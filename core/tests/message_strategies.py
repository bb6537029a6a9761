"""Messages and replies for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from core_plus import Audio, File, Image, Message, ModelResponse, Text, Thinking, ToolCall, ToolResult, Usage

WORDS = st.text(st.characters(exclude_categories=["Cs"]))
SOME = WORDS.filter(bool)
NAMES = st.sampled_from(["search", "final_answer", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
DATA = st.none() | st.dictionaries(WORDS, JSON, min_size=1, max_size=2)
OBJECTS = st.dictionaries(WORDS, JSON, max_size=3)
MEDIA = st.one_of(
    [st.builds(kind, data=st.binary(), name=st.none() | SOME) for kind in (Image, Audio, File)]
    + [st.builds(kind, url=SOME, media_type=SOME) for kind in (Image, Audio, File)]
)
TEXTS = st.builds(Text, WORDS)
THINKING = st.builds(Thinking, WORDS, st.none() | SOME, WORDS, DATA)
CALLS = st.builds(ToolCall, SOME, NAMES, OBJECTS, DATA)
RESULTS = st.builds(ToolResult, SOME, NAMES, st.lists(TEXTS | MEDIA, max_size=2).map(tuple), st.booleans())
MESSAGES = st.builds(
    Message,
    st.sampled_from(["system", "user", "assistant", "tool"]),
    st.lists(st.one_of(TEXTS, MEDIA, THINKING, CALLS, RESULTS), max_size=4).map(tuple),
    DATA,
)
REPLIES = st.builds(
    ModelResponse,
    st.builds(
        Message, st.just("assistant"), st.lists(st.one_of(TEXTS, MEDIA, THINKING, CALLS), max_size=5).map(tuple), DATA
    ),
    st.none() | st.builds(Usage, st.integers(0, 99), st.integers(0, 99)),
    st.sampled_from(["stop", "tool_calls", "length", "content_filter", "refusal", "error", "other"]),
    st.none() | SOME,
    WORDS,
    st.none() | SOME,
    DATA,
)
