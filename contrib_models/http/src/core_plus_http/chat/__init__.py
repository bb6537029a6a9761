"""OpenAI's chat completions: the dialect that most servers speak, as one codec that providers share."""

from core_plus_http.chat.model import ChatModel
from core_plus_http.chat.quirks import Quirks

__all__ = ["ChatModel", "Quirks"]
