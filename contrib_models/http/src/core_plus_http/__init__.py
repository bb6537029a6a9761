"""The transport that providers share.

A provider writes an *exchange*, a generator that yields a `Send` and reads the reply, and `Transport`
performs it: sync and async, at once or streamed. What happens on the way is here: connections, time-outs,
cancellation, typed errors, server-sent events and JSON lines.
"""

from core_plus_http.decoders import Event, JSONLinesDecoder, LineDecoder, SSEDecoder
from core_plus_http.dialect import Decoder, JSONCodec, Reader
from core_plus_http.eventstream import EventStreamDecoder
from core_plus_http.exchange import LINGER, RECEIVE, Exchange, Pause, Receive, Reply, Send, rest
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
    "Decoder",
    "Event",
    "EventStreamDecoder",
    "Exchange",
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
    "Transport",
    "address",
    "as_timeouts",
    "base64_of",
    "call_id",
    "call_name",
    "called_names",
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
]
