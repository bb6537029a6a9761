"""What code leaves in its folder is removed, whatever it is."""

import os
import subprocess
import sys

import pytest

from core_plus_worker.folders import remove, remove_own

DEEP = """
import os
for _ in range(3000):
    os.mkdir("d")
    os.chdir("d")
    open("f", "w").close()
os.chmod(".", 0)
"""


def left_by(code, folder):
    folder.mkdir()
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)
    return folder


def test_folders_deeper_than_a_path_or_a_stack_are_removed(tmp_path):
    folder = left_by(DEEP, tmp_path / "own")
    remove(str(folder))
    assert not folder.exists()


@pytest.mark.parametrize(
    "code",
    [
        "import os; os.mkdir('d'); open('d/f', 'w').close(); os.chmod('d', 0); os.chmod('.', 0)",
        "import os; os.mkdir('d'); os.symlink('..', 'd/up'); os.symlink('/', 'root'); os.mkfifo('pipe')",
        "import os; [os.makedirs(f'{n:x}.removed/0.removed/1.removed') for n in range(5)]",
        "import os; os.mkdir('ä\\n'); open(b'\\xff', 'w').close()",
    ],
    ids=["locked", "links", "names that are given here", "odd names"],
)
def test_it_is_removed(tmp_path, code):
    beside = tmp_path / "beside"
    beside.touch()
    folder = left_by(code, tmp_path / "own")
    remove(str(folder))
    assert [path.name for path in tmp_path.iterdir()] == ["beside"]


def test_a_folder_that_is_gone_is_no_error(tmp_path):
    remove(str(tmp_path / "gone"))


def test_a_link_in_its_place_is_followed_nowhere(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/file").touch()
    (tmp_path / "own").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="own"):
        remove(str(tmp_path / "own"))
    assert (tmp_path / "other/file").exists()


def test_a_fork_removes_nothing(tmp_path):
    remove_own(str(tmp_path), os.getpid() + 1)
    assert tmp_path.exists()
    remove_own(str(tmp_path), os.getpid())
    assert not tmp_path.exists()
