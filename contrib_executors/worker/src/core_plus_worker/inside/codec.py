"""Values to tagged trees and back, as one object that remembers which types it has met."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus_worker.inside import foreign
from core_plus_worker.inside.pack import MAX_DEPTH, Packer, cyclic, plain
from core_plus_worker.inside.records import CodecError
from core_plus_worker.inside.unpack import SIMPLE, Unpacker

if TYPE_CHECKING:
    from collections.abc import Sequence


class Codec:
    """Encodes and decodes values; see `pack` for the form.

    Args:
        media: Makes a picture, sound or file of this side from media type, bytes and name.
        inline: Whether bytes stand as base64 within the tree, so that the tree is JSON that stands alone.
        views: Whether blobs may be the memory of an array itself; for one who sends them before anything can change.
    """

    def __init__(self, media: foreign.Media = foreign.picture, inline: bool = False, views: bool = False) -> None:
        self._ways, self._inline, self._views = foreign.unpack_ways(media), inline, views
        self._known: dict[type, Any] = {}

    def encode(self, value: Any) -> tuple[Any, list[Any]]:
        """The tagged tree of a value, and the blobs that it mentions.

        Args:
            value: Anything; what can't cross becomes what its `repr` says.

        Raises:
            CodecError: It is nested too deeply or contains itself.
        """
        if plain((value,)):
            return value, []
        packer = Packer(self._known, foreign.PACK, self._inline, self._views)
        try:
            return packer.pack(value), packer.blobs
        except (CodecError, RecursionError):
            if cyclic(value, (), set()):
                raise CodecError("a value that contains itself can't cross") from None
            raise CodecError(f"a value nested deeper than {MAX_DEPTH} levels can't cross") from None
        except Exception as error:  # whatever an object does when its fields are read
            raise CodecError(f"a value that can't be read: {type(error).__name__}: {error}") from error

    def decode(self, tree: Any, blobs: Sequence[Any] = ()) -> Any:
        """The value of a tagged tree.

        Args:
            tree: What `encode` made, perhaps forged.
            blobs: The blobs that it mentions.

        Raises:
            CodecError: It isn't a tree of this codec.
        """
        kind = type(tree)
        if kind in SIMPLE or not tree or (kind is list and SIMPLE.issuperset(map(type, tree))):
            return tree
        try:
            return Unpacker(blobs, self._ways).unpack(tree)
        except CodecError:
            raise
        except Exception as error:  # whatever a forged tree provokes in int(), numpy or pandas
            raise CodecError(f"what came is no value: {type(error).__name__}: {error}"[:500]) from error
