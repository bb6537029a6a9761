"""What is kept is found again, by words and by meaning, in other runs and processes."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core_plus_recall
from core_plus import ConfigurationError, Host, ModelResponse, ToolCall, ToolCallingAgent, message
from core_plus.errors import ServerError
from core_plus_recall import Archive, long_term_memory

TOPICS = (("car", "vehicle", "automobile"), ("cat", "pet", "tiger"), ("sea", "boat", "harbour"))


class Embedder:
    """A model whose vectors say which topics a text is about."""

    def __init__(self, name="topics"):
        self.name, self.asked, self.broken = name, [], None

    def __str__(self):
        return self.name

    def embed(self, texts):
        if self.broken is not None:
            raise self.broken
        self.asked.append(list(texts))
        return [[float(any(word in text.lower() for word in topic)) for topic in TOPICS] for text in texts]


class Says:
    def __init__(self, *replies):
        self.replies, self.requests = list(replies), []

    def forward(self, request):
        self.requests.append(request)
        return ModelResponse(message("assistant", self.replies.pop(0)))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "recall.sqlite"


@pytest.fixture
def archive(path):
    return Archive(path)


def texts(search):
    return [one.text for one in search.found]


# ---- by words --------------------------------------------------------------------------


def test_what_is_kept_is_found_by_its_words_the_best_first(archive):
    for text in (
        "The user drinks tea without sugar.",
        "The user's cat is called Tea.",
        "Paris is far.",
        "Tea, tea, tea.",
    ):
        archive.keep(text)
    assert texts(archive.find("how does the user drink tea?"))[0] == "The user drinks tea without sugar."
    assert texts(archive.find("distance to Paris", 1)) == ["Paris is far."]


@pytest.mark.parametrize(
    ("kept", "query"),
    [
        ("Der Zug fährt um acht.", "FAHRT"),
        ("He was running home.", "run"),
        ("The part number is XK-2291b.", "291b"),
        ("会議は金曜日です", "金曜日"),
        ('Say "hello" AND (NOT) goodbye*', '"hello" OR ('),
    ],
)
def test_endings_accents_parts_of_words_and_signs_of_the_query_language_do_not_matter(kept, query, archive):
    archive.keep(kept)
    assert texts(archive.find(query)) == [kept]


def test_the_same_text_is_kept_once_under_one_number(archive):
    assert archive.keep("once") == archive.keep(" once\n") == (1, "")
    assert len(archive.all()) == 1


def test_nothing_is_made_by_looking(archive, path):
    assert texts(archive.find("x")) == archive.all() == []
    assert archive.forget(1) is False
    assert not path.parent.exists()


def test_what_is_forgotten_is_gone_from_the_file_too(archive, path):
    number, _ = archive.keep("The code name is Wolkenkuckucksheim.")
    archive.keep("Another.")
    assert b"Wolkenkuckucksheim" in path.read_bytes()
    assert archive.forget(number)
    assert texts(archive.find("Wolkenkuckucksheim")) == []
    assert b"olkenkuckucksheim" not in path.read_bytes()
    assert archive.forget(number) is False


def test_spaces_do_not_see_each_other(path):
    mine, yours = Archive(path, space="me"), Archive(path, space="you")
    number, _ = mine.keep("My tea is green.")
    assert texts(yours.find("tea")) == yours.all() == []
    assert yours.forget(number) is False
    yours.keep("My tea is green.")
    assert len(mine.all()) == len(yours.all()) == 1


def test_only_the_owner_can_read_the_file(archive, path):
    archive.keep("x")
    assert path.stat().st_mode & 0o77 == 0


def test_nothing_to_remember_is_refused(archive):
    with pytest.raises(ValueError, match="nothing to remember"):
        archive.keep(" \n")


def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path):
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE mine (x)")
    database.close()
    before = other.read_bytes()
    with pytest.raises(ConfigurationError, match="database of something else"):
        Archive(other).keep("x")
    assert other.read_bytes() == before
    (tmp_path / "text").write_text("no database at all, but long enough to be read as one" * 50)
    with pytest.raises(ConfigurationError, match="can't be used"):
        Archive(tmp_path / "text").keep("x")


def test_the_variable_names_the_file(monkeypatch, path):
    monkeypatch.setenv("CORE_PLUS_RECALL", str(path))
    Archive().keep("x")
    assert path.exists()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=30), max_size=5), st.text(max_size=30))
def test_any_text_can_be_kept_and_any_query_asked(kept, query):
    with tempfile.TemporaryDirectory() as folder:
        archive = Archive(Path(folder) / "x.sqlite", embedder=Embedder())
        wanted = {text.encode("utf-8", "replace").decode().replace("\0", " ").strip() for text in kept} - {""}
        for text in wanted:
            archive.keep(text)
        assert {one.text for one in archive.all()} == wanted
        assert {one.text for one in archive.find(query, 50).found} <= wanted


# ---- by meaning ---------------------------------------------------------------------------


def test_what_has_other_words_is_found_by_its_meaning(path):
    archive = Archive(path, embedder=Embedder())
    for text in ("The automobile is red.", "The tiger sleeps.", "A harbour in the north."):
        archive.keep(text)
    assert texts(archive.find("Which pet is there?", 1)) == ["The tiger sleeps."]
    assert texts(Archive(path).find("Which pet was there?")) != ["The tiger sleeps."]


def test_another_embedder_makes_its_own_vectors_of_what_is_there_already(path):
    for number in range(100):
        Archive(path).keep(f"Automobile {number}.")
    first, second = Embedder(), Embedder("another")
    assert len(texts(Archive(path, embedder=first).find("my car"))) == 5
    assert sum(map(len, first.asked)) == 101
    assert len(texts(Archive(path, embedder=second).find("my car"))) == 5
    assert sum(map(len, second.asked)) == 101
    Archive(path, embedder=second).find("my car")
    assert second.asked[-1] == ["my car"]


@pytest.mark.parametrize("error", [ServerError("no line", provider="x", model="y"), OSError("no line")])
def test_while_the_embedder_fails_texts_are_kept_and_found_by_words_and_that_is_said(error, path):
    embedder = Embedder()
    archive = Archive(path, embedder=embedder)
    embedder.broken = error
    number, problem = archive.keep("The automobile is red.")
    assert number == 1
    assert "no line" in problem
    search = archive.find("automobile")
    assert (texts(search), "no line" in search.problem) == (["The automobile is red."], True)
    embedder.broken = None
    assert texts(archive.find("my car")) == ["The automobile is red."]


def test_a_model_without_vectors_is_refused():
    with pytest.raises(ConfigurationError, match="gives no vectors"):
        Archive("x", embedder=Says())


# ---- threads and processes ------------------------------------------------------------------


def test_many_threads_keep_at_once(archive):
    def keep(first):
        for number in range(10):
            archive.keep(f"fact {first + number}")
            archive.keep("the same")

    threads = [threading.Thread(target=keep, args=(100 * n,)) for n in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(archive.all()) == 61
    assert len(archive.find("fact", 100).found) == 60


KEEPER = """
import sys
from core_plus_recall import Archive
archive = Archive(sys.argv[1])
for number in range(10**9):
    archive.keep(f"fact {number} of {sys.argv[2]}")
    print(number, flush=True)
"""


def test_what_was_kept_is_there_after_the_process_was_killed_in_the_midst(archive, path):
    children = [
        subprocess.Popen([sys.executable, "-c", KEEPER, str(path), name], stdout=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]
    last = {}
    for name, child in zip(("one", "two"), children, strict=True):
        last[name] = max(int(child.stdout.readline()) for _ in range(8))
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
    kept = {one.text for one in archive.all()}
    assert {f"fact {number} of {name}" for name in last for number in range(last[name] + 1)} <= kept
    assert len(texts(archive.find("fact", 1000))) == len(kept)
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO words(words) VALUES ('integrity-check')")
    database.close()


# ---- as tools ----------------------------------------------------------------------------------


def test_what_one_run_remembers_the_next_recalls(path):
    with Host(discover=False) as host:
        tools = long_term_memory(path, embedder=Embedder())
        first = Says(ToolCall("a", "remember", {"text": "The automobile is red."}), "kept")
        told = ToolCallingAgent(model=first, tools=tools, host=host).run("keep it")
        assert told.steps[1].calls[0].value == "Kept as number 1."
        second = Says(
            ToolCall("a", "recall", {"query": "what colour has my car?"}), ToolCall("b", "forget", {"id": 1}), "red"
        )
        result = ToolCallingAgent(model=second, tools=tools, host=host).run("what colour?")
    (found,) = result.steps[1].calls[0].value
    assert (found["id"], found["text"]) == (1, "The automobile is red.")
    assert result.steps[2].calls[0].value == "Number 1 is deleted."
    assert Archive(path).all() == []


def test_the_run_that_kept_something_is_known(path):
    with Host(discover=False) as host:
        model = Says(ToolCall("a", "remember", {"text": "x"}), "kept")
        result = ToolCallingAgent(model=model, tools=long_term_memory(path), host=host).run("keep it")
    assert [one.run_id for one in Archive(path).all()] == [result.run_id]


def test_the_tools_are_found_by_their_names(monkeypatch, path):
    monkeypatch.setenv("CORE_PLUS_RECALL", str(path))
    with Host(discover=False, plugins=[core_plus_recall]) as host:
        named = [tool.name for source in ("remember", "recall", "forget") for tool in host.tools(source)]
        assert named == [tool.name for tool in host.tools("long_term_memory")] == ["remember", "recall", "forget"]


def test_every_public_name_is_there():
    assert all(getattr(core_plus_recall, name) for name in core_plus_recall.__all__)
    with pytest.raises(AttributeError):
        core_plus_recall.nothing  # noqa: B018
