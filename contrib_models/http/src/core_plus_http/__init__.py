"""The transport that providers share.

A provider writes an *exchange*, a generator that yields a `Send` and reads the reply, and `Transport`
performs it: sync and async, at once or streamed. What happens on the way is here: connections, time-outs,
cancellation, typed errors, server-sent events and JSON lines.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from core_plus_http.abilities import Counts, Draws, Embeds, Transcribes
    from core_plus_http.decoders import Event, JSONLinesDecoder, LineDecoder, SSEDecoder
    from core_plus_http.dialect import Decoder, JSONCodec, Reader
    from core_plus_http.endpoints import asked, bytes_of, checked, count, words_in
    from core_plus_http.eventstream import EventStreamDecoder
    from core_plus_http.exchange import LINGER, RECEIVE, Exchange, Pause, Receive, Reply, Send, rest
    from core_plus_http.factory import Factory
    from core_plus_http.failures import Cancelled, Problem, error_from_reply, error_of, json_in, problem_in, retry_after
    from core_plus_http.jsontext import dumps, excerpt, join_request, loads
    from core_plus_http.media import address, base64_of, file_text, is_words
    from core_plus_http.model import Codec, HTTPModel, as_timeouts, json_headers
    from core_plus_http.rates import RateLimit
    from core_plus_http.settings import Origin, Timeouts
    from core_plus_http.transport import Transport
    from core_plus_http.turns import call_id, call_name, called_names, leading, settled

__all__ = [
    "Cancelled",
    "Codec",
    "Counts",
    "Decoder",
    "Draws",
    "Embeds",
    "Event",
    "EventStreamDecoder",
    "Exchange",
    "Factory",
    "HTTPModel",
    "JSONCodec",
    "JSONLinesDecoder",
    "LINGER",
    "LineDecoder",
    "Origin",
    "Pause",
    "Problem",
    "RECEIVE",
    "RateLimit",
    "Reader",
    "Receive",
    "Reply",
    "SSEDecoder",
    "Send",
    "Timeouts",
    "Transcribes",
    "Transport",
    "address",
    "as_timeouts",
    "asked",
    "base64_of",
    "bytes_of",
    "call_id",
    "call_name",
    "called_names",
    "checked",
    "count",
    "dumps",
    "error_from_reply",
    "error_of",
    "excerpt",
    "file_text",
    "is_words",
    "join_request",
    "json_headers",
    "json_in",
    "leading",
    "loads",
    "problem_in",
    "rest",
    "retry_after",
    "settled",
    "words_in",
]

HOMES: Final = {
    "Cancelled": "failures",
    "Codec": "model",
    "Counts": "abilities",
    "Decoder": "dialect",
    "Draws": "abilities",
    "Embeds": "abilities",
    "Event": "decoders",
    "EventStreamDecoder": "eventstream",
    "Exchange": "exchange",
    "Factory": "factory",
    "HTTPModel": "model",
    "JSONCodec": "dialect",
    "JSONLinesDecoder": "decoders",
    "LINGER": "exchange",
    "LineDecoder": "decoders",
    "Origin": "settings",
    "Pause": "exchange",
    "Problem": "failures",
    "RECEIVE": "exchange",
    "RateLimit": "rates",
    "Reader": "dialect",
    "Receive": "exchange",
    "Reply": "exchange",
    "SSEDecoder": "decoders",
    "Send": "exchange",
    "Timeouts": "settings",
    "Transcribes": "abilities",
    "Transport": "transport",
    "address": "media",
    "as_timeouts": "model",
    "asked": "endpoints",
    "base64_of": "media",
    "bytes_of": "endpoints",
    "call_id": "turns",
    "call_name": "turns",
    "called_names": "turns",
    "checked": "endpoints",
    "count": "endpoints",
    "dumps": "jsontext",
    "error_from_reply": "failures",
    "error_of": "failures",
    "excerpt": "jsontext",
    "file_text": "media",
    "is_words": "media",
    "join_request": "jsontext",
    "json_headers": "model",
    "json_in": "failures",
    "leading": "turns",
    "loads": "jsontext",
    "problem_in": "failures",
    "rest": "exchange",
    "retry_after": "failures",
    "settled": "turns",
    "words_in": "endpoints",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is asked for: who wants the facts, or only declares a provider, needs no transport."""
    if name not in HOMES:
        raise AttributeError(f"module 'core_plus_http' has no attribute {name!r}")
    return getattr(import_module(f"core_plus_http.{HOMES[name]}"), name)
