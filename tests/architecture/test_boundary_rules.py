"""The rules of who may import whom find what they should, and only that."""

import pytest

from house_rules.boundaries import (
    everything_imported_is_declared,
    kernel_needs_only_its_five,
    no_import_cycles,
    no_plugin_imports_another,
    nobody_reaches_into_private_names,
)

KERNEL, GOOD = "core/src/core_plus/room.py", "plugins/good/src/core_plus_good/room.py"
WORKER = "contrib_executors/worker/src/core_plus_worker/room.py"
PROJECT = "plugins/good/pyproject.toml"


@pytest.mark.parametrize(
    ("text", "offence"),
    [
        ("import attrs\nimport httpx", ":2: the kernel imports httpx"),
        ("import httpx.client as h", ":1: the kernel imports httpx.client"),
        ("def f():\n    from rich import print", ":2: the kernel imports rich.print"),
        ("import importlib\nimportlib.import_module('core_plus_good')", ":2: the kernel imports core_plus_good"),
        ("if TYPE_CHECKING:\n    import numpy", ":2: the kernel imports numpy"),
        ("class A:\n    import yaml", ":2: the kernel imports yaml"),
    ],
)
def test_a_kernel_that_imports_more_than_its_five_is_found(text, offence, seeded):
    (found,) = kernel_needs_only_its_five(seeded({KERNEL: text}))
    assert found == f"{KERNEL}{offence}: what needs it is a plugin"


def test_a_kernel_that_depends_on_more_than_its_five_is_found(seeded):
    tree = seeded({})
    project = tree.top / "core/pyproject.toml"
    project.write_text(project.read_text() + 'dependencies = ["attrs>=24", "HTTPX[http2]>=0.28; os_name == \'nt\'"]\n')
    (found,) = kernel_needs_only_its_five(tree)
    assert found == "core/pyproject.toml:1: the kernel must not depend on httpx: what needs it is a plugin"


def test_a_kernel_may_import_the_standard_library_its_five_and_itself(seeded):
    text = "import msgspec, attr, tomllib, docstring_parser, importlib_metadata, pluggy\nfrom . import models"
    assert not list(kernel_needs_only_its_five(seeded({KERNEL: text})))


@pytest.mark.parametrize(
    ("path", "text", "offence"),
    [
        (GOOD, "from core_plus_other import x", ":1: imports core_plus_other.x"),
        (GOOD, "x = 1\nimport core_plus_other.a.b as c", ":2: imports core_plus_other.a.b"),
        (GOOD, "def f():\n    import core_plus_other", ":2: imports core_plus_other"),
        (GOOD, "__import__('core_plus_other')", ":1: imports core_plus_other"),
        (WORKER, "from core_plus_other import x", ":1: imports core_plus_other.x"),
    ],
)
def test_a_plugin_or_library_that_imports_a_plugin_is_found(path, text, offence, seeded):
    tree = seeded({path: text, "contrib_executors/worker/pyproject.toml": '[project]\nname = "core-plus-worker"\n'})
    (found,) = no_plugin_imports_another(tree)
    assert found == f"{path}{offence} of the plugin core-plus-other: go through the host"


def test_a_plugin_may_import_the_kernel_the_libraries_and_itself(seeded):
    text = "import core_plus, core_plus_http, core_plus_worker\nfrom core_plus_good import y\nfrom . import z"
    library = '[project]\nname = "core-plus-{}"\n'
    folders = {f"contrib_models/{name}/pyproject.toml": library.format(name) for name in ("http", "worker")}
    assert not list(no_plugin_imports_another(seeded({GOOD: text, **folders})))


@pytest.mark.parametrize(
    ("text", "offence"),
    [
        ("from core_plus._a import b", ":1: imports core_plus._a.b"),
        ("from core_plus.a import _b", ":1: imports core_plus.a._b"),
        ("import core_plus as c\nc.a._b()", ":2: uses c.a._b"),
        ("from core_plus import Host\nHost()\nHost._x = 1", ":3: uses Host._x"),
        ("from core_plus_other import _x", ":1: imports core_plus_other._x"),
    ],
)
def test_a_private_name_of_another_distribution_is_found(text, offence, seeded):
    (found,) = nobody_reaches_into_private_names(seeded({GOOD: text}))
    assert found.startswith(f"{GOOD}{offence}, a private name")


@pytest.mark.parametrize(
    "text",
    [
        "from core_plus_good._a import _b\n_b._c",
        "import os\nos._exit(0)",
        "import core_plus\ncore_plus.__version__",
        "class A:\n    def f(self): return self._x",
    ],
)
def test_private_names_of_ones_own_and_of_strangers_are_let_be(text, seeded):
    assert not list(nobody_reaches_into_private_names(seeded({GOOD: text})))


def test_what_is_imported_but_not_declared_is_found(seeded):
    tree = seeded({GOOD: "import os\nimport yaml\nimport core_plus\nimport PIL.Image\nimport nowhere\nimport attrs"})
    project = tree.top / PROJECT
    project.write_text(project.read_text().replace("[project.entry", 'dependencies = ["attrs>=24"]\n[project.entry'))
    providers = {"yaml": ["pyyaml"], "PIL": ["pillow"], "attrs": ["attrs"]}
    assert list(everything_imported_is_declared(tree, providers)) == [
        f"{GOOD}:2: imports yaml, but {PROJECT} doesn't depend on pyyaml",
        f"{GOOD}:3: imports core_plus, but {PROJECT} doesn't depend on core-plus-kernel",
        f"{GOOD}:4: imports PIL.Image, but {PROJECT} doesn't depend on pillow",
        f"{GOOD}:5: imports nowhere, which no installed distribution provides: run make again",
    ]


def test_each_cycle_is_found_once_and_shown_in_full(seeded):
    files = {
        "a": "import os\nfrom core_plus import b",
        "b": "from core_plus.c import thing",
        "c": "from .a import other\nfrom core_plus.d import x",
        "d": "from core_plus import b",
        "e": "import core_plus.e",
    }
    tree = seeded({f"core/src/core_plus/{name}.py": text for name, text in files.items()})
    found = [line.replace("core_plus.", "") for line in no_import_cycles(tree)]
    assert found == [
        "core/src/core_plus/a.py:2: an import cycle: a imports b imports c imports a",
        "core/src/core_plus/d.py:1: an import cycle: d imports b imports c imports d",
        "core/src/core_plus/e.py:1: an import cycle: e imports e",
    ]


def test_imports_in_functions_and_for_type_checkers_make_no_cycle(seeded):
    text = (
        "def f():\n    import core_plus.room\nif typing.TYPE_CHECKING:\n    import core_plus.room\nelse:\n    import os"
    )
    assert not list(no_import_cycles(seeded({KERNEL: text})))
