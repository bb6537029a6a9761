"""Chat completions as a codec: where requests go, who writes them, who reads the replies."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core_plus.models import ModelRequest
from core_plus_http.bearer import classify
from core_plus_http.chat.decode import Reader
from core_plus_http.chat.encode import Encoder
from core_plus_http.dialect import JSONCodec
from core_plus_http.exchange import Send

PATH = "/chat/completions"


class Chat(JSONCodec):
    """Makes exchanges for one model.

    Args:
        encoder: Writes its requests.
        owner: Whose items of a message go back with it.
        path: Where requests go.
        headers: Gives the headers that aren't the same for every request.
    """

    classify = staticmethod(classify)

    def __init__(
        self, encoder: Encoder, owner: str, path: str = PATH, headers: Callable[[], Mapping[str, str]] = dict[str, str]
    ) -> None:
        self._encoder, self._owner, self._path, self._headers = encoder, owner, path, headers

    def send(self, request: ModelRequest, *, stream: bool) -> Send:
        headers = {"accept": "text/event-stream"} if stream else {}
        body = self._encoder.body(request, stream=stream)
        return Send(self._path, body, stream=stream, headers={**headers, **self._headers()})

    def reader(self, request: ModelRequest) -> Reader:
        return Reader(self._owner, self._encoder.cuts(request))
