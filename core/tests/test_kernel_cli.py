"""`core-plus`: finds the plugin that owns a command, hands over, and says plainly what is wrong."""

from __future__ import annotations

import subprocess
import sys

import pytest
from fake_distributions import offering, plugin

from core_plus import Host
from core_plus.cli import main
from core_plus.errors import ConfigurationError


@pytest.fixture
def hosting():
    """A host with commands, each a function of its arguments."""
    hosts = []

    def make(**commands):
        def declare(register):
            for name, function in commands.items():
                register(name, function, summary="For a test")

        hosts.append(Host(discover=False, plugins=[plugin("commands", register_commands=declare)]))
        return hosts[-1]

    yield make
    for host in hosts:
        host.close()


@pytest.mark.parametrize(("status", "expected"), [(None, 0), (0, 0), (3, 3)])
def test_a_command_gets_its_arguments_and_the_host_and_gives_the_status(hosting, status, expected):
    seen = []
    host = hosting(greet=lambda arguments, host: seen.append((arguments, host)) or status)
    assert main(["greet", "--loud", "Ada", "--help"], host) == expected
    assert seen == [(["--loud", "Ada", "--help"], host)]


def test_what_the_process_was_called_with_is_taken_by_itself(hosting, monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "argv", ["core-plus", "greet", "Ada"])
    assert main(host=hosting(greet=lambda arguments, host: seen.append(arguments))) == 0
    assert seen == [["Ada"]]


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_help_lists_commands_without_importing_any(distributions, arguments, capsys):
    distributions.add("fake-a", {"command.greet": offering("command", "greet"), "command.bye": "raise ValueError"})
    assert main(arguments, distributions.host()) == 0
    out = capsys.readouterr().out
    assert out.startswith("Usage: core-plus COMMAND")
    assert out.splitlines()[-2:] == ["  bye", "  greet"]
    assert distributions.imported() == set()


def test_help_without_commands_names_what_brings_them(host, capsys):
    assert main([], host) == 0
    assert "core-plus-cli" in capsys.readouterr().out


def test_an_unknown_command_names_the_closest(hosting, capsys):
    assert main(["gret"], hosting(greet=lambda arguments, host: 0)) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "core-plus: no plugin offers command 'gret': did you mean greet?\n")


def test_a_broken_command_names_its_plugin(distributions, capsys):
    distributions.add("fake-a", {"command.greet": "import does_not_exist_here"})
    assert main(["greet"], distributions.host()) == 2
    assert "fake-a:command.greet 1.0" in capsys.readouterr().err


def test_an_error_of_the_framework_is_said_in_a_line(hosting, capsys):
    def greet(arguments, host):
        raise ConfigurationError("no model: give one")

    assert main(["greet"], hosting(greet=greet)) == 2
    assert capsys.readouterr().err == "core-plus greet: no model: give one\n"


def test_an_interrupt_is_the_status_that_shells_know(hosting):
    def greet(arguments, host):
        raise KeyboardInterrupt

    assert main(["greet"], hosting(greet=greet)) == 130


def test_a_bug_in_a_command_is_not_hidden(hosting):
    def greet(arguments, host):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        main(["greet"], hosting(greet=greet))


def test_the_version_is_the_distribution_s(distributions, host, capsys):
    distributions.write("core-plus-kernel", "[other]", version="98.7")
    assert main(["--version"], host) == 0
    assert capsys.readouterr().out == "core-plus 98.7\n"


def test_a_host_of_its_own_is_closed_at_the_end(distributions, monkeypatch, capsys):
    source = """
        from contextlib import contextmanager
        from core_plus import hookimpl
        @contextmanager
        def life():
            print("enter")
            yield
            print("leave")
        @hookimpl
        def lifespan(host):
            return life()
        @hookimpl
        def register_commands(register):
            register("greet", lambda arguments, host: print("hello"), summary="x")
    """
    distributions.add("fake-a", {"hooks.greet": source})
    monkeypatch.setenv("CORE_PLUS_PLUGINS", "fake-a")
    assert main(["greet"]) == 0
    assert capsys.readouterr().out.split() == ["enter", "hello", "leave"]


def test_the_package_can_be_run_as_a_module(distributions, monkeypatch):
    monkeypatch.setenv("CORE_PLUS_PLUGINS", "")
    ran = subprocess.run(
        [sys.executable, "-m", "core_plus", "nothing"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "core-plus: no plugin offers command 'nothing': no command is installed\n"
