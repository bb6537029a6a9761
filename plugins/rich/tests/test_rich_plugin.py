"""The plugin as a host sees it."""

import subprocess
import sys

import core_plus_rich


def test_it_declares_the_ui_rich_and_makes_it_with_its_settings():
    found = {}
    core_plus_rich.register_uis(lambda name, factory, summary, config=None: found.update({name: (factory, summary)}))
    factory, summary = found.pop("rich")
    assert not found
    assert "terminal" in summary
    assert factory(level="debug").level == "debug"


def test_importing_the_plugin_imports_no_rich():
    code = "import sys, core_plus_rich; sys.exit('rich' in sys.modules or 'pygments' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_its_public_names_can_be_asked_for():
    assert [name for name in core_plus_rich.__all__ if not callable(getattr(core_plus_rich, name))] == []
