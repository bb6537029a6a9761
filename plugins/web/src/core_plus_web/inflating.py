"""Bodies as they were before they were compressed, and never more than is wanted."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from core_plus_web.failures import WebError

ACCEPTED = "gzip, deflate"
"""What is asked for: zlib can stop in the middle of a piece, which is what bounds a bomb."""

HEADS = 1024
"""Bytes that compression may add to a body that it can't make smaller."""


def whole(pieces: Iterable[bytes], encoding: str, most: int) -> tuple[bytes, bool]:
    """A body, decompressed.

    Args:
        pieces: The bytes as they come; no more are taken than are needed.
        encoding: The header content-encoding.
        most: Bytes to keep; no more are read for them, but for a few of compression's own.

    Returns:
        The body, and whether something was left out.

    Raises:
        WebError: It is compressed in a way that wasn't asked for, or broken.
    """
    encoding = encoding.strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise WebError(f"the server sent a body compressed as {encoding[:60]!r}, which wasn't asked for")
    plain, parts, size = encoding in ("", "identity"), list[bytes](), 0
    try:
        for part in pieces if plain else _inflated(_limited(pieces, most + HEADS), most + 1):
            parts.append(part[: most - size])
            size += len(part)
            if size > most:
                return b"".join(parts), True
    except _Enough:
        return b"".join(parts), True
    except zlib.error as error:
        raise WebError(f"the server's {encoding} body can't be decompressed: {error}") from error
    return b"".join(parts), False


class _Enough(Exception):
    """More came over the wire than may be read."""


def _limited(pieces: Iterable[bytes], most: int) -> Iterator[bytes]:
    """No more than so many compressed bytes: they may stand for nothing at all, for ever."""
    for piece in pieces:
        most -= len(piece)
        if most < 0:
            raise _Enough
        yield piece


def _inflated(pieces: Iterable[bytes], step: int) -> Iterator[bytes]:
    """Decompress gzip (of several members, too), zlib's form, and the bare deflate that some servers send instead."""
    opener, untouched = zlib.decompressobj(47), True  # 32 + 15: gzip or zlib, whichever the head says
    for piece in pieces:
        rest = piece
        while rest:
            try:
                out = opener.decompress(rest, step)
            except zlib.error:
                if not untouched:
                    raise
                opener = zlib.decompressobj(-15)
                out = opener.decompress(rest, step)
            untouched = False
            yield out
            rest = opener.unconsumed_tail
            if opener.eof:
                rest, opener, untouched = opener.unused_data, zlib.decompressobj(47), False
