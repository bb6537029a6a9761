"""The worker's messages on one side, a kernel's on the other; knows of no socket.

A kernel can ask its client one thing: to type a line (`input_request` on the stdin channel). All that code says to
the host is such a prompt and what the host says is the line, see `inside/channel.py`. What code prints or displays
comes on the iopub channel, which keeps no order with the other: a prompt says how much was printed before it.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from core_plus_jupyter.shipping import call, first_cell

Message = Mapping[str, Any]
"""A message of Jupyter's, with "header", "parent_header" and "content"."""

PIECE = 1 << 20
"""Characters of a line that is typed, or of a cell: a server takes no message over 10 MB."""

LATE = 0.5
"""Seconds to wait for output that was printed; a server drops some of a flood."""

STOPPED = '["done",null,false,false,["Stopped","","",null],[0,0],false]'
"""What a kernel would have said that was interrupted before the code ran."""


class Asked(msgspec.Struct, frozen=True, array_like=True, tag="core_plus"):
    """A prompt of ours.

    Args:
        snippet: Which snippet of the session runs; 0 between two.
        stdout: Characters printed so far.
        stderr: The same of standard error.
        seconds: How long the reply may take; None: any time.
        frames: Messages of the worker's protocol, as JSON.
    """

    snippet: int
    stdout: int
    stderr: int
    seconds: float | None
    frames: list[str]


class More(msgspec.Struct, frozen=True, array_like=True, tag="core_plus_more"):
    """The prompt for the rest of a long reply."""


class Host(Protocol):
    """Whom a talk speaks to on the host's side, and what it needs around it."""

    def say(self, frame: str, blobs: Sequence[bytes]) -> None:
        """Give the session a message of the worker's protocol."""

    def print(self, stream: int, text: str) -> None:
        """Give the session printed text: 1 or 2."""

    def end(self, reason: str) -> None:
        """The kernel is of no use any more."""

    def send(self, channel: str, kind: str, content: Mapping[str, Any]) -> str:
        """Send the kernel a message; its id comes back."""

    def later(self, seconds: float, do: Callable[[], None]) -> Callable[[], object]:
        """Have something done after a time; what comes back cancels it."""


class Talk:
    """One session's talk with its kernel.

    Args:
        host: The host's side.
        session: The session's key, also that of Jupyter's messages.
    """

    def __init__(self, host: Host, session: str) -> None:
        self._host, self.session = host, session
        self._prompts: msgspec.json.Decoder[Asked | More] = msgspec.json.Decoder(Asked | More)
        self.has_left = False
        self._cell, self._number = "", 0
        self._is_idle = self._is_asked = self._is_stopped = self._has_run = False
        self._sets: list[list[str]] = []
        self._answers: list[list[str]] = []
        self._rest: list[str] = []
        self._held: Asked | None = None
        self._done: str | None = None
        self._printed, self._missing = [0, 0], [0, 0]
        self._pictures: list[tuple[str, bytes]] = []
        self._cancel: Callable[[], object] = int

    @property
    def is_between(self) -> bool:
        """Whether no cell of ours runs."""
        return not self._cell

    def begin(self) -> None:
        """Run the first cell; the kernel then says hello."""
        self._run(first_cell() + call("begin", self.session))

    def stop(self) -> None:
        """Ask the code that runs to end, for nobody waits for it any more."""
        self.heard(json.dumps(["stop", self._number]).encode("ascii"), ())

    def leave(self) -> None:
        """Run the last cell."""
        self.has_left = True
        self._run(call("leave", self.session))

    # -- from the session

    def heard(self, frame: bytes | bytearray, blobs: Iterable[Any]) -> None:
        """A message of the session.

        Args:
            frame: JSON.
            blobs: What it mentions.
        """
        text = str(frame, "utf-8")
        kind = json.loads(text)[0]
        packed = [text, *map(spelled, blobs)]
        if kind == "run":
            self._start(packed)
        elif kind == "set":
            self._sets.append(packed)
        else:
            self._is_stopped = self._is_stopped or kind == "stop"
            self._answers.append(packed)
            if self._is_asked:
                self._reply()

    def _start(self, order: list[str]) -> None:
        orders = json.dumps([*self._sets, order])
        self._number = json.loads(order[0])[1]
        self._sets = []
        self._printed, self._missing, self._pictures = [0, 0], [0, 0], []
        self._has_run = self._is_stopped = False
        self._answers = []
        if len(orders) > PIECE:
            self._answers, orders = json.loads(orders), ""
        self._run(call("serve", self.session, orders))

    def _run(self, code: str) -> None:
        self._is_idle = self._is_asked = False
        content = {
            "code": code,
            "silent": False,
            "store_history": False,
            "user_expressions": {},
            "allow_stdin": True,
            "stop_on_error": False,
        }
        self._cell = self._host.send("shell", "execute_request", content)

    # -- from the kernel

    def said(self, channel: str, message: Message) -> None:
        """A message of the kernel.

        Args:
            channel: "shell", "iopub", "stdin" or "control".
            message: What came.
        """
        header, parent, content = message["header"], message["parent_header"], message["content"]
        kind = header["msg_type"]
        if kind == "status" and content.get("execution_state") in ("restarting", "dead"):
            self._host.end("the kernel died")
        elif parent.get("session") != self.session:
            return  # another client's business
        elif kind == "stream":
            self._take_print(content)
        elif kind == "display_data":
            self._take_picture(content.get("data", {}))
        elif kind == "input_request":
            self._take_prompt(str(content.get("prompt", "")))
        elif kind == "execute_reply" and parent.get("msg_id") == self._cell:
            self._take_end(content)
        elif kind == "status" and parent.get("msg_id") == self._cell and content.get("execution_state") == "idle":
            self._is_idle = True
            self._let_go()

    def _take_print(self, content: Mapping[str, Any]) -> None:
        number = 2 if content.get("name") == "stderr" else 1
        text = str(content.get("text", ""))
        self._printed[number - 1] += len(text)
        self._host.print(number, text)
        if self._held is not None and self._has_printed(self._held):
            self._take_frames()

    def _take_picture(self, data: Mapping[str, Any]) -> None:
        for media_type in ("image/png", "image/jpeg", "image/gif", "image/webp"):
            if media_type in data:
                picture = media_type, base64.b64decode(str(data[media_type]))
                if picture not in self._pictures:
                    self._pictures.append(picture)
                return

    def _take_prompt(self, prompt: str) -> None:
        self._is_asked = True
        try:
            asked = self._prompts.decode(prompt)
        except msgspec.DecodeError:  # code asks past us: there is nobody to type
            self._type("")
            return
        if isinstance(asked, More):
            self._type_rest()
            return
        self._held = asked
        if self._has_printed(asked):
            self._take_frames()
        else:
            self._cancel = self._host.later(LATE, self._give_up_waiting)

    def _has_printed(self, asked: Asked) -> bool:
        wanted = (asked.stdout, asked.stderr)
        return all(have + lost >= want for have, lost, want in zip(self._printed, self._missing, wanted, strict=True))

    def _give_up_waiting(self) -> None:
        if self._held is not None:
            wanted = (self._held.stdout, self._held.stderr)
            self._missing = [max(0, want - have) for want, have in zip(wanted, self._printed, strict=True)]
            self._take_frames()

    def _take_frames(self) -> None:
        """What the code says, now that all that it printed before has come."""
        asked, self._held = self._held, None
        assert asked is not None  # whoever calls has looked
        self._cancel()
        is_over = False
        for frame in asked.frames:
            if frame.startswith('["done",'):
                self._done, self._has_run = frame, True
            else:
                self._host.say(frame, ())
            is_over = is_over or frame.startswith(('["done",', '["ready"'))
        if self._answers or is_over or asked.seconds == 0:
            self._reply()
        elif asked.seconds is not None:
            self._cancel = self._host.later(asked.seconds, self._reply)

    def _reply(self) -> None:
        if self._is_asked and self._held is None and not self._rest:
            self._cancel()
            text = json.dumps(self._answers) if self._answers else ""
            self._answers = []
            self._rest = [text[start : start + PIECE] for start in range(0, len(text), PIECE)] or [""]
            self._type_rest()

    def _type_rest(self) -> None:
        piece = self._rest.pop(0) if self._rest else ""
        self._type(("+" if self._rest else ".") + piece)

    def _type(self, line: str) -> None:
        self._is_asked = False
        self._host.send("stdin", "input_reply", {"value": line})

    def _take_end(self, content: Mapping[str, Any]) -> None:
        """The cell has ended, perhaps otherwise than by itself."""
        if content.get("status") == "ok" or self._has_run:
            return
        if self._is_stopped and content.get("ename") == "KeyboardInterrupt":
            self._done = STOPPED
            self._let_go()
        else:
            what = f"{content.get('ename', 'it')}: {content.get('evalue', 'was aborted')}"
            self._host.end(f"the kernel doesn't know the session any more: {what}"[:500])

    def _let_go(self) -> None:
        """The cell is over on both channels: say how it ended, with what it displayed."""
        if not self._is_idle:
            return
        self._cell = ""
        if self._done is not None:
            done, self._done = self._done, None
            self._host.say(*with_pictures(done, self._pictures))


def spelled(blob: Any) -> str:
    """A blob in base64.

    Args:
        blob: Bytes, or a BytesIO for a large one.
    """
    data = blob.getbuffer() if isinstance(blob, io.BytesIO) else blob
    return base64.b64encode(data).decode("ascii")


def with_pictures(done: str, pictures: Sequence[tuple[str, bytes]]) -> tuple[str, list[bytes]]:
    """The end of a snippet with what it displayed: in a list, after the value if there is one that says something.

    Args:
        done: The worker's message.
        pictures: Media types and bytes.

    Returns:
        The message and its blobs.
    """
    if not pictures:
        return done, []
    kind, value, has_value, is_final, *rest = json.loads(done)
    if is_final:
        return done, []
    trees = [{"$": ["media", media_type, place, None]} for place, (media_type, _) in enumerate(pictures)]
    is_telling = has_value and value is not None and not is_opaque(value)
    found = [value, *trees] if is_telling else trees
    frame = json.dumps([kind, found if len(found) > 1 else found[0], True, is_final, *rest])
    return frame, [data for _, data in pictures]


def is_opaque(tree: Any) -> bool:
    """Whether a value is nothing but what objects look like, such as the lines of a plot.

    Args:
        tree: The value, as a tree.
    """
    if isinstance(tree, list):
        return bool(tree) and all(map(is_opaque, tree))
    return isinstance(tree, dict) and isinstance(tree.get("$"), list) and tree["$"][0] in ("opaque", "objects")
