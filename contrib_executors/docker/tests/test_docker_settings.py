"""What settings become, and what is refused; no engine is needed."""

import ast
import json
import os
import random
import struct
import sys
from importlib.metadata import entry_points

import pytest

import core_plus_docker
from core_plus.errors import ExecutorError
from core_plus.executors import Executor, Limits
from core_plus_docker import DockerExecutor
from core_plus_worker.containers import Box
from core_plus_worker.containers.images import recipe
from core_plus_worker.containers.inside.warden import Frames
from core_plus_worker.containers.owners import is_gone, machine, owner
from core_plus_worker.containers.process import program
from core_plus_worker.containers.settings import PROFILE, bytes_of


def options(**settings):
    """The options of `run` as a text, and what stands last."""
    box = Box(image="image:1", **settings)
    *found, image = box.arguments(name="one", labels={"a": "b"}, bounds=box.bounds(Limits()))
    return " ".join(found) + " ", image


@pytest.mark.parametrize(
    "option",
    [
        "--rm",
        "--interactive",
        "--name one",
        "--label a=b",
        "--network none",
        "--read-only",
        "--tmpfs /tmp:rw,nosuid,nodev,size=67108864,mode=1777",
        "--user 65534:65534",
        "--cap-drop ALL",
        "--security-opt no-new-privileges",
        "--memory 1073741824 --memory-swap 1073741824",
        "--pids-limit 128",
        f"--security-opt seccomp={PROFILE}",
        "--pull never",
        "--log-driver none",
        "--ulimit core=0",
        "--ulimit nofile=1024",
        "--entrypoint python3",
    ],
)
def test_the_walls_stand_without_being_asked_for(option):
    found, image = options()
    assert f"{option} " in found
    assert image == "image:1"
    assert "--cpus" not in found
    assert "--mount" not in found


@pytest.mark.parametrize(
    ("settings", "option"),
    [
        ({"cpus": 0.5}, "--cpus 0.5"),
        ({"memory": "1.5g"}, "--memory 1610612736"),
        ({"network": "mine"}, "--network mine"),
        ({"runtime": "runsc"}, "--runtime runsc"),
        ({"reads": ["/data"]}, "--mount type=bind,source=/data,target=/data,readonly"),
        ({"reads": "/data"}, "--mount type=bind,source=/data,target=/data,readonly"),
        ({"writes": {"/out": "/result"}}, "--mount type=bind,source=/out,target=/result "),
        ({"ulimits": {"nofile": 99}}, "--ulimit nofile=99"),
        ({"options": ["--gpus", "all"]}, "--gpus all"),
        ({"seccomp": "/own.json"}, "--security-opt seccomp=/own.json"),
        ({"python": "/opt/python"}, "--entrypoint /opt/python"),
    ],
)
def test_what_is_asked_for_is_an_option(settings, option):
    assert option in options(**settings)[0]


def test_what_is_none_is_left_out():
    found, _ = options(memory=None, pids=None, read_only=False, seccomp="engine")
    assert not any(option in found for option in ("seccomp", "--memory", "--pids-limit", "--read-only"))


@pytest.mark.parametrize(
    ("limits", "bounds"),
    [
        (Limits(), (1 << 30, 128)),
        (Limits(memory=100 << 20, processes=5), (164 << 20, 7)),
        (Limits(memory=4 << 30, processes=500), (1 << 30, 128)),
    ],
)
def test_the_smaller_of_two_wishes_counts(limits, bounds):
    assert Box(image="x").bounds(limits) == bounds


@pytest.mark.parametrize(("text", "size"), [("5", 5), (7, 7), ("1k", 1024), ("2MB", 2 << 20), ("1.5GiB", 3 << 29)])
def test_sizes_are_read_as_engines_read_them(text, size):
    assert bytes_of(text) == size


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"memory": "much"}, "'much' is no size"),
        ({"scratch": "-1"}, "'-1' is no size"),
        ({"reads": ["data"]}, "'data' can't be given to a container: it must begin with /"),
        ({"writes": {"/a": "/b,readonly=false"}}, "no comma"),
    ],
)
def test_a_setting_that_isnt_understood_is_refused(settings, text):
    with pytest.raises(ExecutorError, match=text):
        DockerExecutor(**settings)


def test_a_setting_that_doesnt_exist_is_named():
    with pytest.raises(TypeError, match="memori"):
        DockerExecutor(memori="1g")


def test_no_repr_shows_a_secret():
    assert "hidden" not in repr(Box(image="x", env={"KEY": "hidden"}))
    assert "hidden" not in repr(DockerExecutor(env={"KEY": "hidden"}))


def test_it_is_a_sandbox_unless_the_container_is_anothers():
    executor: Executor = DockerExecutor()
    assert (executor.name, executor.is_sandbox) == ("docker", True)
    assert not DockerExecutor(container="mine").is_sandbox


def test_the_plugin_declares_an_executor_that_must_be_asked_for(monkeypatch):
    declared = {}

    def register(name, factory, *, summary, config=None):
        declared[name] = factory

    core_plus_docker.register_executors(register)
    factory = declared["docker"]
    assert isinstance(factory(memory="100m"), DockerExecutor)
    assert factory.preference < 0
    monkeypatch.setenv("PATH", "")
    assert factory.missing() == "the command 'docker' isn't there"
    with pytest.raises(AttributeError, match="no attribute 'Other'"):
        _ = core_plus_docker.Other


def test_the_entry_point_names_kind_and_name():
    found = [point for point in entry_points(group="core_plus") if point.name == "executor.docker"]
    assert [point.value for point in found] == ["core_plus_docker"]


def test_the_profile_of_system_calls_allows_what_it_names_and_refuses_the_rest():
    profile = json.loads(PROFILE.read_text())
    allowed = {name for rule in profile["syscalls"] if rule["action"].endswith("ALLOW") for name in rule["names"]}
    bounded = {name for rule in profile["syscalls"] if "args" in rule for name in rule["names"]}
    free = {name for rule in profile["syscalls"] if "args" not in rule for name in rule["names"]}
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    assert not allowed & {"ptrace", "bpf", "io_uring_setup", "mount", "unshare", "setns", "syslog", "keyctl", "seccomp"}
    assert bounded == {"clone", "socket", "personality"}
    assert not bounded & free


# -- images


def test_an_image_is_named_by_what_it_is_built_from(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM x\nCOPY a /a\n")
    (tmp_path / "a").write_text("1")
    first = recipe("", [], "python3", tmp_path)
    os.utime(tmp_path / "a", (1, 1))
    assert recipe("", [], "python3", tmp_path) == first
    (tmp_path / "a").write_text("2")
    assert recipe("", [], "python3", tmp_path) != first
    assert recipe("x", ["a"], "python3", None) != recipe("x", ["b"], "python3", None)


def test_packages_are_added_by_pip_and_quoted():
    text = recipe("x:1", ["numpy>=2", "a b"], "python3", None).decode("utf-8", "replace")
    assert "FROM x:1\nUSER root\nRUN python3 -m pip install --no-cache-dir 'numpy>=2' 'a b'\n" in text


def test_a_folder_without_a_dockerfile_is_refused(tmp_path):
    with pytest.raises(ExecutorError, match="no Dockerfile can be read there"):
        recipe("", [], "python3", tmp_path)


# -- owners


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_owner_is_gone_when_its_process_is():
    mine = owner()
    host, boot, pid, start = mine.split("/")
    assert not is_gone(mine)
    assert is_gone(f"{host}/{boot}/{pid}/{int(start) + 1}")
    assert is_gone(f"{host}/another boot/{pid}/{start}")
    assert is_gone(f"{machine()}/4194305/1")
    assert not is_gone(f"another host/{boot}/4194305/1")
    assert not is_gone("whatever")


# -- the stream


def frame(body: bytes, bit: int = 0) -> bytes:
    return struct.pack("<I", len(body) | bit) + body


@pytest.mark.parametrize("seed", range(20))
def test_the_beginnings_of_messages_are_found_wherever_the_stream_is_cut(seed):
    chance = random.Random(seed)
    bodies = [b"", b"[]", b'["stop",1]', b'["run",2,"x"]', b'["answer",1,' + b"1" * 5000 + b"]"]
    expected, stream = [], b""
    for _ in range(40):
        body, is_blob = chance.choice(bodies), chance.random() < 0.3
        stream += frame(body, 1 << 31 if is_blob else 0)
        expected += [] if is_blob else [body[:6]]
    frames, found = Frames(), []
    while stream:
        size = chance.choice([1, 2, 3, 7, 4096])
        found += frames.feed(stream[:size])
        stream = stream[size:]
    assert found == expected


def test_what_runs_in_a_container_is_python_3_8():
    ast.parse(program(), feature_version=(3, 8))
