"""Whether Monty is there, told without importing it."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

PROGRAM = "monty.exe" if sys.platform == "win32" else "monty"


def missing() -> str:
    """What this machine lacks for Monty, "" if nothing: the bindings, or the program that its wheel installs."""
    if find_spec("pydantic_monty") is None:
        return "pydantic-monty isn't installed: pip install pydantic-monty, where it has a wheel for this system"
    scripts = [Path(sysconfig.get_path("scripts")), Path(sysconfig.get_path("scripts", f"{os.name}_user"))]
    if not (
        os.environ.get("MONTY_BIN") or any((place / PROGRAM).is_file() for place in scripts) or shutil.which("monty")
    ):
        return "the program monty isn't there: pip install pydantic-monty-runtime, where it has a wheel for this system"
    return ""
