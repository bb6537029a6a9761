"""Finds an engine that runs and an image with Python; says why there is none."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core_plus.executors import Done, Paused, Session
from core_plus_podman import PodmanExecutor

ENGINE = "podman"


def said(*arguments: str) -> str:
    """What the engine says, or a skip with what it complains of."""
    if shutil.which(ENGINE) is None:
        pytest.skip(f"the command {ENGINE!r} isn't there")
    try:
        done = subprocess.run([ENGINE, *arguments], capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{ENGINE} {arguments[0]} doesn't answer")
    if done.returncode != 0:
        pytest.skip(f"{ENGINE} doesn't run here: {done.stderr.strip()[-200:]}")
    return done.stdout


@pytest.fixture(scope="session")
def image() -> str:
    """The name of an image with Python: CORE_PLUS_TEST_IMAGE, or a local one whose name says so."""
    names = said("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    known = [name for name in names if "core-plus-test" in name or "python" in name.rpartition("/")[2]]
    found = os.environ.get("CORE_PLUS_TEST_IMAGE") or next(iter(sorted(known)), "")
    if not found:
        pytest.skip(
            f"{ENGINE} has no image with Python; make_image.sh among the tests of the executor docker makes one"
        )
    return found


@pytest.fixture
def make(image: str) -> Iterator[Callable[..., PodmanExecutor]]:
    """Makes executors that are closed after the test."""
    made: list[PodmanExecutor] = []

    def make_(**settings: Any) -> PodmanExecutor:
        made.append(PodmanExecutor(**{"image": image, **settings}))
        return made[-1]

    yield make_
    for executor in made:
        executor.close()


@pytest.fixture
def finished() -> Callable[[Session, str], Done]:
    """Runs a snippet that calls nothing to its end."""

    def finish(session: Session, code: str) -> Done:
        turn = session.start(code)
        while isinstance(turn, Paused):
            turn = session.resume([])
        assert isinstance(turn, Done)
        return turn

    return finish
