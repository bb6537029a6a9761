"""The file tools can't leave their folder, whatever names a model makes up and whoever moves things about."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import stat
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_plus import CodeAgent, ConfigurationError, Host, ModelResponse, message
from core_plus_toolbox import ToolboxError, files
from core_plus_toolbox.checked import CheckedFolder
from core_plus_toolbox.folder import confined

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="making links and pipes needs a POSIX system")


@pytest.fixture
def place(tmp_path):
    """A folder to stay in, with a secret beside it."""
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("secret")
    inside = tmp_path / "inside"
    (inside / "notes").mkdir(parents=True)
    (inside / "notes" / "today.txt").write_text("one\ntwo\nThree\n")
    (inside / "empty").mkdir()
    return inside


@pytest.fixture(params=["opened", "checked"])
def tools(place, request, monkeypatch):
    """The tools of the folder, with openat and as on a system without it."""
    if request.param == "checked":
        monkeypatch.setattr(os, "supports_dir_fd", frozenset())
    elif os.open not in os.supports_dir_fd:
        pytest.skip("this system has no openat")
    made = files(place)
    monkeypatch.undo()
    return {tool.name: tool for tool in made}


def test_a_file_is_read_whole_or_by_its_lines(tools):
    assert tools["read_file"]("notes/today.txt") == "one\ntwo\nThree\n"
    assert tools["read_file"]("notes/today.txt", 2, 1) == "two\n"
    assert tools["read_file"]("./notes//today.txt", start_line=3) == "Three\n"


def test_an_absolute_path_within_the_folder_is_understood(tools, place):
    assert tools["read_file"](f"{place}/notes/today.txt").startswith("one")


def test_a_file_is_written_anew_replaced_and_added_to(tools, place):
    tools["write_file"]("new/deep/a.txt", "hällo\n")
    tools["write_file"]("new/deep/a.txt", "more\n", append=True)
    assert (place / "new/deep/a.txt").read_text("utf-8") == "hällo\nmore\n"
    tools["write_file"]("new/deep/a.txt", "other")
    assert (place / "new/deep/a.txt").read_text() == "other"
    assert [one.name for one in (place / "new/deep").iterdir()] == ["a.txt"]


def test_a_file_keeps_its_rights_when_it_is_replaced(tools, place):
    (place / "run.sh").write_text("x")
    (place / "run.sh").chmod(0o750)
    tools["write_file"]("run.sh", "y")
    assert stat.S_IMODE((place / "run.sh").stat().st_mode) == 0o750


def test_files_are_listed_with_their_sizes(tools):
    assert tools["list_files"]() == [{"path": "empty/", "bytes": 0}, {"path": "notes/", "bytes": 0}]
    assert tools["list_files"]("notes") == [{"path": "notes/today.txt", "bytes": 14}]
    assert [one["path"] for one in tools["list_files"](pattern="*.txt", deep=True)] == ["notes/today.txt"]


def test_words_are_found_with_their_lines(tools, place):
    (place / "binary.bin").write_bytes(b"\0three")
    (place / "latin.txt").write_bytes("größe three".encode("latin-1"))
    found = tools["search_files"]("three", ignore_case=True)
    assert [(one["path"], one["line"]) for one in found] == [("latin.txt", 1), ("notes/today.txt", 3)]
    assert tools["search_files"]("three")[0]["text"] == "gr\ufffd\ufffde three"
    assert tools["search_files"]("o", "notes", max_results=1) == [{"path": "notes/today.txt", "line": 1, "text": "one"}]


OUT = [
    "../secret.txt",
    "notes/../../secret.txt",
    "notes/../notes/today.txt",
    "/etc/passwd",
    "/etc/../etc/passwd",
    "~/secret.txt",
    "..",
    "a\0b",
    "{root}/../secret.txt",
    "{root}x/secret.txt",
    "{parent}/secret.txt",
]


@pytest.mark.parametrize("path", OUT)
def test_a_path_that_leads_out_is_refused_by_every_tool(path, tools, place):
    path = path.format(root=place, parent=place.parent)
    for name, more in (("read_file", ()), ("write_file", ("x",)), ("list_files", ())):
        with pytest.raises(ToolboxError, match="leads out"):
            tools[name](path, *more)
    with pytest.raises(ToolboxError, match="leads out"):
        tools["search_files"]("x", path)


@pytest.fixture
def links(place):
    """Links of every kind: to a file, to a folder, within, in a circle, to nowhere."""
    (place / "file").symlink_to(place.parent / "secret.txt")
    (place / "folder").symlink_to(place.parent / "outside")
    (place / "up").symlink_to("..")
    (place / "within").symlink_to("notes/today.txt")
    (place / "circle").symlink_to("circle")
    (place / "nowhere").symlink_to(place.parent / "made-by-a-write.txt")
    (place / "notes" / "root").symlink_to("/")


LINKS = ["file", "folder/secret.txt", "up/secret.txt", "within", "circle", "nowhere", "notes/root/etc/passwd"]


@pytest.mark.usefixtures("links")
@pytest.mark.parametrize("path", LINKS)
def test_no_link_is_followed_neither_to_read_nor_to_write(path, tools, place):
    with pytest.raises(ToolboxError, match="links are not followed"):
        tools["read_file"](path)
    with pytest.raises(ToolboxError, match="links are not followed"):
        tools["write_file"](path, "overwritten")
    assert (place.parent / "secret.txt").read_text() == "secret"
    assert not (place.parent / "made-by-a-write.txt").exists()


@pytest.mark.usefixtures("links")
def test_listing_and_searching_pass_links_by(tools):
    assert [one["path"] for one in tools["list_files"](deep=True)] == ["empty/", "notes/", "notes/today.txt"]
    assert tools["search_files"]("secret") == []
    with pytest.raises(ToolboxError, match="links are not followed"):
        tools["list_files"]("folder")


def test_pipes_devices_and_sockets_are_no_files_and_hold_nobody_up(tools, place, monkeypatch):
    os.mkfifo(place / "pipe")
    monkeypatch.chdir(place)  # a socket's path may be short only
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("sock")
        for name in ("pipe", "sock"):
            with pytest.raises(ToolboxError, match=r"no plain file|can't be used"):
                tools["read_file"](name)
            with pytest.raises(ToolboxError, match=r"no plain file|can't be used"):
                tools["write_file"](name, "x")
    assert tools["search_files"]("x") == []


def swaps(victim, outside, stop, done):
    """Change a name between a plain file or folder and a link to outside, as fast as possible."""
    spare, link = victim.with_name("spare"), victim.with_name("link")
    while not stop.is_set():
        victim.rename(spare)
        link.symlink_to(outside)
        try:
            link.rename(victim)
            victim.unlink()
        except OSError:  # the tool made a folder of that name meanwhile
            link.unlink()
            shutil.rmtree(victim, ignore_errors=True)
        done.append(1)
        while spare.exists():
            try:
                spare.rename(victim)
            except OSError:
                shutil.rmtree(victim, ignore_errors=True)


@pytest.mark.parametrize("tools", ["opened"], indirect=True)
@pytest.mark.parametrize(("swapped", "outside"), [("shared/secret.txt", "secret.txt"), ("shared", "outside")])
def test_a_link_that_is_swapped_in_all_the_time_is_never_followed(swapped, outside, tools, place):
    (place / "shared").mkdir()
    (place / "shared" / "secret.txt").write_text("harmless")
    stop, done = threading.Event(), []
    swapping = threading.Thread(target=swaps, args=(place / swapped, place.parent / outside, stop, done))
    swapping.start()
    seen = set()
    try:
        for number in range(20_000):
            if number > 400 and len(done) > 100:
                break
            with contextlib.suppress(ToolboxError, OSError):
                if number % 4 == 3:
                    tools["write_file"]("shared/secret.txt", "harmless")
                elif number % 4 == 2:
                    seen.update(one["text"] for one in tools["search_files"]("secret"))
                else:
                    seen.add(tools["read_file"]("shared/secret.txt"))
    finally:
        stop.set()
        swapping.join()
    assert done
    assert seen <= {"harmless"}
    assert (place.parent / "secret.txt").read_text() == "secret"
    assert (place.parent / "outside" / "secret.txt").read_text() == "secret"


@settings(max_examples=200)
@given(st.text(st.sampled_from("./\\~\0ab"), max_size=20))
def test_no_name_at_all_leads_out(path):
    try:
        parts = confined("/usr").parts(path)
    except ToolboxError:
        return
    assert not {"..", "", "."} & set(parts)
    assert not any("/" in part or "\0" in part for part in parts)


@pytest.mark.parametrize(
    "name", ["C:x", "a:stream", "nul", "COM1.txt", "aux.", "a\\b", "dir/con/x", "end.", "end ", "a\nb", "*"]
)
def test_names_that_mean_something_else_on_windows_are_refused_there(name, place):
    with pytest.raises(ToolboxError, match="no plain name"):
        CheckedFolder(place).read(name, 10)


def test_many_writers_at_once_lose_nothing(tools, place):
    threads = [
        threading.Thread(target=tools["write_file"], args=("log.txt", f"{n}\n"), kwargs={"append": True})
        for n in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(int, (place / "log.txt").read_text().split())) == list(range(40))


def test_a_file_that_is_too_large_is_neither_read_nor_written(place):
    tools = {tool.name: tool for tool in files(place, max_bytes=10)}
    with pytest.raises(ToolboxError, match="larger than the 10 bytes"):
        tools["read_file"]("notes/today.txt")
    with pytest.raises(ToolboxError, match="larger than the 10 bytes"):
        tools["write_file"]("new.txt", "x" * 11)
    assert not (place / "new.txt").exists()


def test_what_is_no_text_or_is_not_there_is_said(tools, place):
    (place / "picture.png").write_bytes(b"\x89PNG\xff")
    with pytest.raises(ToolboxError, match="no text in UTF-8"):
        tools["read_file"]("picture.png")
    with pytest.raises(ToolboxError, match=r"there is no 'gone\.txt'"):
        tools["read_file"]("gone.txt")
    with pytest.raises(ToolboxError, match="no plain file"):
        tools["read_file"]("notes")
    with pytest.raises(ToolboxError, match="the folder itself"):
        tools["write_file"](".", "x")
    with pytest.raises(ToolboxError, match="no words"):
        tools["search_files"]("")


def test_a_folder_must_be_named_and_be_there(tmp_path, monkeypatch):
    monkeypatch.delenv("CORE_PLUS_FILES", raising=False)
    with Host() as host:
        for name in ("files", "read_file"):
            with pytest.raises(ConfigurationError, match=rf"tool\.{name}"):
                host.tools(name)
    with pytest.raises(ConfigurationError, match="isn't there"):
        files(tmp_path / "gone")


def test_the_folder_may_stand_in_the_environment(place, monkeypatch):
    monkeypatch.setenv("CORE_PLUS_FILES", str(place))
    with Host() as host:
        assert host.tools("read_file")[0]("notes/today.txt").startswith("one")
        assert len(host.tools("files")) == 4


def test_the_tools_say_what_repeating_them_does(tools):
    effects = {name: tool.effect for name, tool in tools.items()}
    assert effects == {"read_file": "read", "list_files": "read", "search_files": "read", "write_file": "write"}
    assert "write_file" not in {tool.name for tool in files("/usr", write=False)}


def test_an_agent_works_in_the_folder_that_its_host_names(place):
    code = (
        "<code>\ntext = read_file('notes/today.txt')\nwrite_file('out.txt', text.upper())\n"
        "final_answer([one['path'] for one in list_files(pattern='*.txt')])\n</code>"
    )

    class Says:
        def forward(self, request):
            return ModelResponse(message("assistant", code))

    with Host(config={"tool.files": {"folder": str(place)}}) as host:
        result = CodeAgent(model=Says(), tools=["files"], host=host, executor="subprocess").run("go")
    assert result.output == ["out.txt"]
    assert (place / "out.txt").read_text() == "ONE\nTWO\nTHREE\n"
