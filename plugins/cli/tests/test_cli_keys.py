"""`core-plus keys`: kept for their owner only, never shown."""

from __future__ import annotations

import os
import stat

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError

from core_plus.errors import ConfigurationError
from core_plus_cli import credentials

KEY = "sk-very-secret-1234"


class Memory(KeyringBackend):
    """A keyring that the system might have."""

    priority = 5

    def __init__(self):
        super().__init__()
        self.kept, self.locked = {}, False

    def set_password(self, service, username, password):
        if self.locked:
            raise KeyringLocked("locked")
        self.kept[service, username] = password

    def get_password(self, service, username):
        if self.locked:
            raise KeyringLocked("locked")
        return self.kept.get((service, username))

    def delete_password(self, service, username):
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("not there")


@pytest.fixture
def ring():
    keyring.set_keyring(made := Memory())
    return made


def test_without_a_keyring_a_key_is_kept_in_a_file_that_only_its_owner_reads(core_plus, home):
    done = core_plus("keys", "set", "openai", stdin=f"{KEY}\n")
    path = home / "config/core-plus/keys.json"
    assert (done.status, done.out) == (0, "")
    assert str(path) in done.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with credentials.in_environment() as problems:
        assert (os.environ["OPENAI_API_KEY"], problems) == (KEY, [])
    assert "OPENAI_API_KEY" not in os.environ


def test_with_a_keyring_the_file_holds_no_key(core_plus, home, ring):
    done = core_plus("keys", "set", "openai", stdin=KEY)
    assert "the system's keyring" in done.err
    assert ring.kept == {("core-plus", "openai"): KEY}
    assert KEY not in (home / "config/core-plus/keys.json").read_text()
    with credentials.in_environment():
        assert os.environ["OPENAI_API_KEY"] == KEY


def test_a_locked_keyring_leaves_the_key_to_the_file(core_plus, ring):
    ring.locked = True
    assert core_plus("keys", "set", "openai", stdin=KEY).status == 0
    assert credentials.kept()["openai"].where == "file"


def test_a_key_that_the_keyring_doesnt_give_is_said_and_the_rest_goes_on(core_plus, ring):
    core_plus("keys", "set", "openai", stdin=KEY)
    ring.locked = True
    with credentials.in_environment() as problems:
        assert "OPENAI_API_KEY" not in os.environ
    assert "the key 'openai' can't be read" in problems[0]
    ring.locked = False
    ring.kept.clear()
    with credentials.in_environment() as problems:
        assert "core-plus keys set openai" in problems[0]


def test_nobody_who_keeps_no_key_wakes_the_keyring(core_plus, ring, script):
    ring.locked = True
    assert core_plus("run", "Do.", "-q", "-m", script("final_answer(1)")).err == ""


def test_the_list_shows_names_variables_and_places_but_no_key(core_plus, ring):
    core_plus("keys", "set", "openai", stdin=KEY)
    keyring.set_keyring(keyring.backends.fail.Keyring())
    core_plus("keys", "set", "my-search", stdin="abc")
    done = core_plus("keys", "list")
    rows = done.out.splitlines()
    assert rows[0].split(maxsplit=2)[:2] == ["my-search", "MY_SEARCH_API_KEY"]
    assert rows[1].split(maxsplit=2) == ["openai", "OPENAI_API_KEY", "the system's keyring"]
    assert KEY not in done.out
    assert "abc" not in done.out


def test_an_empty_list_says_how_to_keep_one(core_plus):
    assert core_plus("keys", "list") == (done := core_plus("keys"))
    assert (done.status, done.out) == (0, "")
    assert "core-plus keys set" in done.err


def test_a_removed_key_is_gone_from_file_and_keyring(core_plus, ring):
    core_plus("keys", "set", "openai", stdin=KEY)
    assert core_plus("keys", "remove", "openai").status == 0
    assert ring.kept == {}
    assert credentials.kept() == {}


def test_a_key_kept_anew_replaces_the_old_one_wherever_that_was(core_plus, ring):
    core_plus("keys", "set", "openai", stdin="old")
    ring.locked = True
    core_plus("keys", "set", "openai", stdin="new")
    with credentials.in_environment():
        assert os.environ["OPENAI_API_KEY"] == "new"
    assert ring.kept == {}


@pytest.mark.parametrize("spelling", ["openai", "OpenAI", "OPENAI_API_KEY"])
def test_a_key_is_known_by_provider_or_variable(core_plus, spelling):
    core_plus("keys", "set", spelling, stdin=KEY)
    assert [*credentials.kept()] == ["openai"]


def test_a_name_that_no_plugin_has_is_kept_with_a_word_of_doubt(core_plus):
    done = core_plus("keys", "set", "opnai", stdin=KEY)
    assert done.status == 0
    assert "did you mean 'openai'?" in done.err


@pytest.mark.parametrize("more", [[KEY], [f"--{KEY}"], ["a", KEY]])
def test_a_key_on_the_command_line_is_refused_and_not_repeated(core_plus, more):
    done = core_plus("keys", "set", "openai", *more)
    assert done.status == 2
    assert KEY not in done.out + done.err
    assert credentials.kept() == {}


@pytest.mark.parametrize("key", ["", "  ", "two words", "two\nlines", "clé"])
def test_what_can_be_no_key_is_refused_without_showing_it(core_plus, key):
    done = core_plus("keys", "set", "openai", stdin=key)
    assert done.status == 2
    assert "that is no key" in done.err
    assert not key.strip() or key not in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["set"], "whose key?"),
        (["remove", "openai"], "none is kept"),
        (["set", "a b"], "the name of a key"),
        (["show"], "invalid choice"),
    ],
)
def test_wrong_usage_is_named(core_plus, arguments, said):
    done = core_plus("keys", *arguments)
    assert done.status == 2
    assert said in done.err


def test_a_damaged_file_is_named_and_what_it_holds_isnt_shown(core_plus, home):
    path = home / "config/core-plus/keys.json"
    path.parent.mkdir(parents=True)
    path.write_text(f'{{"openai": "{KEY}"}}')
    done = core_plus("keys", "list")
    assert done.status == 2
    assert str(path) in done.err
    assert KEY not in done.err


def test_a_file_that_others_may_read_is_complained_of(core_plus, home, script):
    core_plus("keys", "set", "openai", stdin=KEY)
    (home / "config/core-plus/keys.json").chmod(0o644)
    assert "chmod 600" in core_plus("run", "Do.", "-q", "-m", script("final_answer(1)")).err


def test_no_repr_shows_a_key():
    assert KEY not in repr(credentials.Kept("file", KEY))


def test_keys_that_cant_be_written_are_no_crash(home):
    (home / "config").write_text("a file where a folder should be")
    with pytest.raises(ConfigurationError, match="can't be"):
        credentials.keep("openai", KEY)


def test_at_a_terminal_a_key_is_asked_for_and_not_shown(terminal):
    asked = terminal("keys", "set", "openai")
    asked.wait_for("Key for openai (it isn't shown): ")
    asked.type(f"{KEY}\n")
    asked.wait_for("is kept in")
    assert asked.ended() == 0
    assert KEY not in asked.seen
    assert credentials.kept()["openai"].value == KEY
