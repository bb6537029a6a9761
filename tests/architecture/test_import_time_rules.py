"""The rules of what happens at import find what they should, and only that."""

import pytest

from house_rules.at_import import modules_import_alone, nothing_happens_at_import, plugins_load_light

INIT, ROOM = "plugins/good/src/core_plus_good/__init__.py", "plugins/good/src/core_plus_good/room.py"


def offences(rule, tree):
    return list(rule(tree, next(each for each in tree.distributions if each.name == "core-plus-good")))


@pytest.mark.parametrize(
    ("text", "offence"),
    [
        ("x = 1\n1 / 0", f"{ROOM}:2: raises ZeroDivisionError"),
        ("import warnings\nwarnings.warn('old')", f"{ROOM}:2: raises UserWarning('old')"),
        ("print('hello')", "hello (when core_plus_good.room is imported)"),
        ("import os\nos._exit(3)", "core_plus_good.room: the process ended with status 3"),
    ],
)
def test_a_module_that_cannot_be_imported_alone_and_in_silence_is_found(text, offence, seeded):
    (found,) = offences(modules_import_alone, seeded({ROOM: text}))
    assert found.startswith(offence)


def test_a_module_that_needs_another_to_be_imported_before_is_found(seeded):
    other = "import core_plus_good\ncore_plus_good.ready"
    found = offences(modules_import_alone, seeded({ROOM: other, "plugins/good/src/core_plus_good/a.py": ""}))
    assert found[0].startswith(f"{ROOM}:2: raises AttributeError")


@pytest.mark.parametrize("path", [INIT, ROOM])
def test_a_plugin_that_brings_a_heavy_package_is_found_with_the_line_that_does(path, seeded):
    init = "from core_plus_good import room"
    tree = seeded({INIT: init, ROOM: "", path: "x = 1\nimport pandas", "plugins/good/src/pandas.py": ""})
    assert offences(plugins_load_light, tree) == [
        f"{path}:2: pandas is imported; import it where it is used (when core_plus_good is imported)"
    ]


@pytest.mark.parametrize(
    ("text", "offence"),
    [
        ("from pathlib import Path\nPath('{tmp}/x').write_text('')", ":2: writes {tmp}/x"),
        ("import os\nos.open('{tmp}/x', os.O_CREAT)", ":2: writes {tmp}/x"),
        ("import os\nos.mkdir('{tmp}/folder')", ":2: changes files"),
        ("x = 1\nopen('/dev/null').close()", ":2: opens /dev/null"),
        ("import socket\nsocket.socket().close()", ":2: uses a socket"),
        ("import threading as t\nt.Thread(target=int).start()", ":2: starts a thread"),
        ("import _thread\n_thread.start_new_thread(int, ())", ":2: starts a thread"),
        ("import subprocess\nsubprocess.run('true')", ":2: starts a process"),
    ],
)
def test_a_plugin_that_does_something_when_imported_is_found(text, offence, seeded, tmp_path):
    text, offence = (each.replace("{tmp}", str(tmp_path)) for each in (text, offence))
    found = offences(nothing_happens_at_import, seeded({INIT: "from core_plus_good import room", ROOM: text}))
    assert found[0] == f"{ROOM}{offence} (when core_plus_good is imported)"


def test_all_modules_of_the_kernel_are_watched(seeded):
    tree = seeded({"core/src/core_plus/room.py": "open('/dev/null').close()"})
    assert list(nothing_happens_at_import(tree, tree.kernel)) == [
        "core/src/core_plus/room.py:1: opens /dev/null (when core_plus.room is imported)"
    ]


@pytest.mark.parametrize("rule", [modules_import_alone, plugins_load_light, nothing_happens_at_import])
def test_a_module_that_only_defines_things_is_let_be(rule, seeded):
    text = "import json, threading, socket, subprocess, asyncio\ndef f():\n    open('x')\n    import pandas"
    assert not offences(rule, seeded({INIT: "from core_plus_good import room", ROOM: text}))


def test_what_many_modules_suffer_from_is_told_once(seeded):
    rooms = {f"plugins/good/src/core_plus_good/{name}.py": "from core_plus_good import room" for name in "abcd"}
    assert offences(modules_import_alone, seeded({ROOM: "1 / 0", **rooms})) == [
        f"{ROOM}:1: raises ZeroDivisionError('division by zero') (when core_plus_good.a, core_plus_good.b, "
        "core_plus_good.c and 2 more is imported)"
    ]


def test_main_modules_are_not_run(seeded):
    assert not offences(modules_import_alone, seeded({"plugins/good/src/core_plus_good/__main__.py": "1 / 0"}))
