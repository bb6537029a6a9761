"""What it costs to find something: `python benchmarks/finding.py [COUNT]`, some seconds.

By words: beside the bare query on a connection that is open. By meaning: beside the bare product of the same vectors,
held in memory. Each is the least of its rounds, taken in turns.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core_plus_recall import Archive

ROUNDS, SIZE = 10, 768
WORDS = [f"word{number}" for number in range(5_000)]


class Embedder:
    """Gives random vectors at once."""

    def embed(self, texts: Sequence[str]) -> Any:
        """Vectors of texts.

        Args:
            texts: Any.
        """
        return np.random.default_rng(1).standard_normal((len(texts), SIZE))

    def __str__(self) -> str:
        return "random"


def seconds(work: Callable[[], Any]) -> float:
    """The time that something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main(count: int) -> None:
    """Fill an archive and find things in it."""
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recall.sqlite"
        plain = Archive(path)
        plain.keep("first")
        rows = [("", " ".join(chance.choices(WORDS, k=20)), "", 0.0) for _ in range(count)]
        with contextlib.closing(sqlite3.connect(path)) as database, database:
            database.executemany("INSERT OR IGNORE INTO kept (space, text, run_id, moment) VALUES (?, ?, ?, ?)", rows)
        meaning = Archive(path, embedder=Embedder())
        print(f"{count:,} texts of 20 words; vectors of {SIZE} numbers")
        print(f"embedding what lacks a vector: {seconds(lambda: meaning.find('first')):.2f} s")
        matrix = np.random.default_rng(2).standard_normal((count, SIZE)).astype("f4")
        query = "word17 word18 word19"
        asked = "SELECT rowid FROM words WHERE words MATCH ? ORDER BY bm25(words) LIMIT 20"
        match = query.replace(" ", " OR ")
        with contextlib.closing(sqlite3.connect(path)) as database:
            work = (
                lambda: database.execute(asked, (match,)).fetchall(),
                lambda: plain.find(query),
                lambda: np.argsort(-(matrix @ matrix[0]), kind="stable"),
                lambda: meaning.find(query),
            )
            bare, words, product, both = (min(seconds(each) for _ in range(ROUNDS)) * 1e3 for each in work)
        print(f"by words: {words:.2f} ms, bare query {bare:.2f} ms, ratio {words / bare:.1f}")
        print(f"by words and meaning: {both:.1f} ms, bare product {product:.1f} ms, ratio {both / product:.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
