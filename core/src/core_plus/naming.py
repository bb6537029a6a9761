"""Words for names that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable


def closest(word: str, names: Iterable[str], none: str = "there is none") -> str:
    """What to write instead of an unknown name.

    Args:
        word: The unknown name.
        names: All that are known.
        none: What to say where none is known.

    Returns:
        The names most like it as a question, else all names.
    """
    import difflib

    known = sorted(names)
    near = difflib.get_close_matches(word, known, 3)
    return f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}" if known else none
