"""Vectors of texts as bytes, and which of them are near."""

from __future__ import annotations

from collections.abc import Sequence


def packed(vector: Sequence[float]) -> bytes:
    """A vector of length 1 in the same direction, as 32-bit little-endian floats.

    Args:
        vector: Any numbers; all zeros stay zeros.
    """
    import numpy as np

    numbers = np.asarray(vector, dtype=np.float64)
    length = float(np.linalg.norm(numbers))
    return (numbers / length if length else numbers).astype("<f4").tobytes()


def nearest(vector: bytes, rows: Sequence[tuple[int, bytes]], most: int) -> list[int]:
    """The numbers whose vectors point most nearly the same way, the nearest first; all are looked at.

    What points sideways or away is left out.

    Args:
        vector: As `packed` gives it.
        rows: Numbers and their vectors; those of another length are passed over.
        most: How many to give.
    """
    import numpy as np

    fitting = [(number, other) for number, other in rows if len(other) == len(vector)]
    if not fitting:
        return []
    matrix = np.frombuffer(b"".join(other for _, other in fitting), dtype="<f4").reshape(len(fitting), -1)
    likeness = matrix @ np.frombuffer(vector, dtype="<f4")
    order = np.argsort(-likeness, kind="stable")[:most]
    return [fitting[place][0] for place in order if likeness[place] > 0]
