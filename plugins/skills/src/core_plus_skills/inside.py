"""What runs where code of agents runs: a script among the files of its skill. Standard library only, Python 3.8 on."""

from __future__ import annotations

import os
import runpy
import sys
import tempfile
import traceback
from typing import Any, Dict, List  # noqa: UP035 - Python 3.8 may be what is there

SHELLS = {".sh": "sh", ".bash": "bash", ".js": "node", ".mjs": "node", ".rb": "ruby", ".pl": "perl"}


def run_script(files: Dict[str, bytes], script: str, args: List[str], most: int) -> Dict[str, Any]:  # noqa: UP006
    """Put the files into a folder and run one of them there.

    Args:
        files: By path.
        script: The path of the one to run.
        args: Its arguments.
        most: Bytes of new files to give back.

    Returns:
        Its exit status, and the files that it made or changed.
    """
    with tempfile.TemporaryDirectory() as folder:
        for path, data in files.items():
            full = os.path.join(folder, *path.split("/"))  # noqa: PTH118
            os.makedirs(os.path.dirname(full), exist_ok=True)  # noqa: PTH103, PTH120
            with open(full, "wb") as stream:  # noqa: PTH123
                stream.write(data)
        os.chdir(folder)
        status = _run_python(script, args) if script.endswith(".py") else _run_other(script, args)
        sys.stdout.flush()
        made, left = {}, most
        for here, _, names in os.walk(folder):
            for name in sorted(names):
                full = os.path.join(here, name)  # noqa: PTH118
                path = os.path.relpath(full, folder).replace(os.sep, "/")
                if "__pycache__" in path or not os.path.isfile(full) or os.path.getsize(full) > left:  # noqa: PTH113, PTH202
                    continue
                with open(full, "rb") as stream:  # noqa: PTH123
                    data = stream.read()
                if files.get(path) != data:
                    made[path] = data
                    left -= len(data)
        os.chdir(tempfile.gettempdir())
    return {"exit": status, "files": made}


def _run_python(script: str, args: List[str]) -> int:  # noqa: UP006
    sys.argv = [script, *args]
    sys.path.insert(0, os.path.abspath(os.path.dirname(script)))  # noqa: PTH100, PTH120
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            return stop.code or 0
        sys.stderr.write(f"{stop.code}\n")
        return 1
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def _run_other(script: str, args: List[str]) -> int:  # noqa: UP006
    import subprocess

    with open(script, "rb") as stream:  # noqa: PTH123
        first = stream.readline(200).decode("utf-8", "replace").strip()
    shell = SHELLS.get(os.path.splitext(script)[1], "sh")  # noqa: PTH122
    command = first[2:].split() if first.startswith("#!") else [shell]
    # stdin may be how the host talks with this very process.
    done = subprocess.run(
        [*command, script, *args],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    return done.returncode
