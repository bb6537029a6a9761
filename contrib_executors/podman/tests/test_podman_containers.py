"""Real containers: what their walls hold, how they end, and what faults leave behind."""

import subprocess

import pytest

from core_plus.executors import Limits, Setup
from core_plus_podman import PodmanExecutor
from core_plus_testkit.executor_kit.containers import ContainerKit, finished, soon
from core_plus_worker.containers import Engine


@pytest.mark.slow
class TestPodmanContainers(ContainerKit):
    command = "podman"
    executor_class = PodmanExecutor

    @pytest.fixture
    def service(self, tmp_path, image):
        """The address of an engine that is reached as one elsewhere is."""
        address = f"unix://{tmp_path}/socket"
        with subprocess.Popen(["podman", "system", "service", "--time=0", address], stderr=subprocess.DEVNULL) as popen:
            assert soon((tmp_path / "socket").exists)
            yield address
            popen.terminate()

    def test_an_engine_elsewhere_is_used_in_the_same_way(self, opened, service):
        session = opened(host=service, limits=Limits(seconds=0.5))
        assert finished(session, "1 + 1").value == 2
        assert finished(session, "sum(range(10 ** 11))").error.kind == "TimeLimit"
        assert finished(session, "2").value == 2
        session.close()

    def test_an_engine_of_this_machine_hands_the_stream_over(self, opened):
        process = opened().process
        assert process.reader == process.writer

    def test_one_that_doesnt_is_used_by_its_pipes(self, image):
        class Deaf(PodmanExecutor):
            engine = Engine(
                name="podman",
                title="Podman",
                image="",
                host="--url",
                context="--connection",
                sends_profile=False,
                passes=("--env=NOTHING=1",),
                install="",
                start="",
            )

        executor = Deaf(image=image)
        session = executor.open(Setup())
        assert session.process.reader != session.process.writer
        assert finished(session, "1 + 1").value == 2
        session.close()
        executor.close()
