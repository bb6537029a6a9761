"""OpenAI's Responses API: a codec that providers share."""

from core_plus_http.responses.model import ResponsesModel

__all__ = ["ResponsesModel"]
