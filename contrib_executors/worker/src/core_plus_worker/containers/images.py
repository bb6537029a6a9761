"""Images: fetched, or built with more in them, once for each content."""

from __future__ import annotations

import hashlib
import io
import shlex
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from core_plus.errors import ExecutorError
from core_plus_worker.containers.engine import LONG, Calls, said_text

BUILT = "core-plus-built"
"""The name of images that were built here; the tag is a hash of what they are built from."""

Pull = Literal["never", "missing"]


def is_there(calls: Calls, image: str) -> bool:
    """Whether the engine has an image.

    Args:
        calls: The engine.
        image: Its name.

    Raises:
        ExecutorError: The engine doesn't answer.
    """
    said = calls.tried("image", "inspect", "--format", "{{.Id}}", image)
    text = said_text(said)
    if said.returncode != 0 and "no such image" not in text.lower() and "image not known" not in text.lower():
        raise ExecutorError(calls.explained(text, image=image))
    return said.returncode == 0


def fetched(calls: Calls, image: str, pull: Pull) -> str:
    """An image, fetched if it isn't there and may be.

    Args:
        calls: The engine.
        image: Its name.
        pull: "missing" fetches it where it isn't there; "never" leaves that to whoever starts it.

    Raises:
        ExecutorError: It can't be fetched.
    """
    if pull == "missing" and not is_there(calls, image):
        calls.run("pull", image, seconds=LONG)
    return image


def built(calls: Calls, *, image: str, packages: Sequence[str], python: str, build: str | Path | None) -> str:
    """The name of an image with more in it, built if it isn't there yet.

    Args:
        calls: The engine.
        image: What `packages` are added to.
        packages: What pip is asked for, such as "numpy==2.1".
        python: The interpreter in the image.
        build: Instead of the image: a folder with a Dockerfile, or the text of one.

    Raises:
        ExecutorError: It can't be built.
    """
    context = recipe(image, packages, python, build)
    tag = f"{BUILT}:{hashlib.sha256(context).hexdigest()[:16]}"
    if not is_there(calls, tag):
        try:
            calls.run("build", "--force-rm", "--tag", tag, "-", seconds=LONG, data=context)
        except ExecutorError as error:
            raise ExecutorError(f"the image for this executor couldn't be built: {error}") from None
    return tag


def recipe(image: str, packages: Sequence[str], python: str, build: str | Path | None) -> bytes:
    """What an image is built from, as an archive that is the same whenever its contents are.

    Args:
        image: As for `built`.
        packages: As for `built`.
        python: As for `built`.
        build: As for `built`.

    Raises:
        ExecutorError: There is no Dockerfile.
    """
    files: dict[str, bytes | Path] = {}
    more = f"RUN {shlex.join([python, '-m', 'pip', 'install', '--no-cache-dir', *packages])}\n" if packages else ""
    if isinstance(build, str) and "\n" in build.strip():
        text = build
    elif build is not None:
        folder = Path(build)
        try:
            text = (folder / "Dockerfile").read_text("utf-8")
        except OSError as error:
            raise ExecutorError(f"build={str(build)!r}: no Dockerfile can be read there: {error}") from None
        files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    else:
        text = f"FROM {image}\nUSER root\n"
    files["Dockerfile"] = f"{text.rstrip()}\n{more}".encode()
    return archive(files)


def archive(files: dict[str, bytes | Path]) -> bytes:
    """A tar archive without times and owners.

    Args:
        files: What is in it, by name.
    """
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, source in sorted(files.items()):
            data = source.read_bytes() if isinstance(source, Path) else source
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            entry.mode = 0o755 if isinstance(source, Path) and source.stat().st_mode & 0o100 else 0o644
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()
