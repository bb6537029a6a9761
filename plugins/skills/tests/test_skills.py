"""Skills: read from the disk as the format has it, named in the prompt, read when needed, their scripts run."""

from __future__ import annotations

import asyncio
import os
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_plus import (
    CodeAgent,
    ConfigurationError,
    CorePlusError,
    Host,
    Limits,
    ModelResponse,
    ToolCall,
    ToolCallingAgent,
    message,
)
from core_plus.executors import Setup
from core_plus_skills import SkillError, find_skills, load_skill, skills

HEAD = "---\nname: {name}\ndescription: {description}\n---\n"


class Says:
    """A model that answers from a list, and keeps what it was asked."""

    def __init__(self, *replies):
        self.replies, self.requests = list(replies), []

    def forward(self, request):
        self.requests.append(request)
        return ModelResponse(message("assistant", self.replies.pop(0)))


@pytest.fixture
def shelf(tmp_path):
    """Puts skills on a shelf: a name, what SKILL.md says, and more files."""
    folder = tmp_path / "shelf"

    def put(name, text=None, **files):
        place = folder / name
        place.mkdir(parents=True)
        said = (
            HEAD.format(name=name, description=f"Does {name}.") + f"# {name}\nDo it well.\n" if text is None else text
        )
        (place / "SKILL.md").write_text(textwrap.dedent(said))
        for path, content in files.items():
            full = place / path.replace("__", "/").replace("_py", ".py").replace("_md", ".md").replace("_sh", ".sh")
            full.parent.mkdir(parents=True, exist_ok=True)
            full.write_text(textwrap.dedent(content))
        return folder

    return put


@pytest.fixture
def host():
    with Host() as made:
        yield made


def tools_of(host, *folders, **settings):
    made = skills(folders, executor="subprocess", host=host, **settings)
    return {tool.name: tool for tool in made}


def test_all_that_the_format_has_is_read(shelf):
    text = """\
        ---
        name: tax-forms
        description: >
          Fills in tax forms.
          Use it for taxes.
        license: Apache-2.0
        compatibility: Needs pypdf
        metadata:
          author: somebody
          version: "1.0"
        allowed-tools: read_file Bash(git:*)
        ---
        # Taxes

        --- not the end of anything ---
        """
    skill = load_skill(shelf("tax-forms", text) / "tax-forms")
    assert skill.description == "Fills in tax forms. Use it for taxes."
    assert (skill.license, skill.compatibility) == ("Apache-2.0", "Needs pypdf")
    assert skill.metadata == {"author": "somebody", "version": "1.0"}
    assert skill.allowed_tools == ("read_file", "Bash(git:*)")
    assert skill.body() == "# Taxes\n\n--- not the end of anything ---"


def test_a_colon_in_a_line_is_understood_though_it_is_no_yaml(shelf):
    text = "---\nname: maps\ndescription: Maps: how to draw, and who's asked: me\nlicense: MIT\n---\nDraw.\n"
    skill = load_skill(shelf("maps", text) / "maps")
    assert (skill.description, skill.license) == ("Maps: how to draw, and who's asked: me", "MIT")


def test_a_file_is_found_whatever_its_capitals(shelf, host):
    tools = tools_of(host, shelf("one", None, forms_md="Fill in."))
    assert tools["read_skill"]("one", "FORMS.md") == "Fill in."


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("# no head", "must begin with '---'"),
        ("---\nname: a\ndescription: b\n", "must begin with '---'"),
        ("---\n- a\n- b\n---\n", "must be 'name"),
        ("---\nname: [\n---\n", "can't be read"),
        ("---\nname: !!python/object/apply:os.system ['true']\n---\n", "can't be read"),
        ("---\ndescription: b\n---\n", "it has no name"),
        ("---\nname: a\n---\n", "it has no description"),
        ("---\nname: 5\ndescription: ''\n---\n", "it has no name; it has no description"),
        ("---\nname: b\ndescription: b\n---\n", "must be its folder's, 'a'"),
        ("---\nname: A_b\ndescription: b\n---\n", "lower-case"),
        ("---\nname: a--b\ndescription: b\n---\n", "lower-case"),
        (f"---\nname: a\ndescription: {'b' * 1025}\n---\n", "longer than 1024"),
        ("---\nname: a\ndescription: b\nmetadata: c\n---\n", "metadata must be"),
        ("---\nname: a\ndescription: b\nallowed-tools: 5\n---\n", "allowed-tools must be"),
    ],
)
def test_a_skill_that_breaks_the_format_is_refused_with_its_file(shelf, text, says):
    with pytest.raises(ConfigurationError, match=says) as caught:
        load_skill(shelf("a", text) / "a")
    assert "SKILL.md" in str(caught.value)


@given(st.text(max_size=200), st.booleans())
def test_any_text_is_a_skill_or_an_error_of_ours(tmp_path_factory, text, closed):
    place = tmp_path_factory.mktemp("any") / "a"
    place.mkdir()
    (place / "SKILL.md").write_text(f"---\n{text}\n---\n" if closed else text, "utf-8", "replace")
    try:
        assert load_skill(place).name == "a"
    except ConfigurationError as error:
        assert "SKILL.md" in str(error)  # noqa: PT017 - whichever it is


def test_a_folder_may_be_a_skill_or_hold_some(shelf, tmp_path):
    folder = shelf("one")
    shelf("two")
    (folder / "notes").mkdir()
    assert [*find_skills([folder])] == ["one", "two"]
    assert [*find_skills([folder / "two", folder])] == ["two", "one"]
    other = tmp_path / "other" / "one"
    other.mkdir(parents=True)
    (other / "SKILL.md").write_text(HEAD.format(name="one", description="Other."))
    with pytest.raises(ConfigurationError, match="two skills are called 'one'"):
        find_skills([folder, other])


def test_folders_without_skills_are_said(tmp_path, host, monkeypatch):
    monkeypatch.delenv("CORE_PLUS_SKILLS", raising=False)
    with pytest.raises(ConfigurationError, match="no skill in"):
        find_skills([tmp_path])
    with pytest.raises(ConfigurationError, match="isn't there"):
        find_skills([tmp_path / "gone"])
    with pytest.raises(ConfigurationError, match=r"tool\.skills"):
        host.tools("skills")


def test_names_and_descriptions_stand_in_the_prompt_and_nothing_else_does(shelf, host):
    folder = shelf("maps", None, references__far_md="far away")
    shelf("taxes")
    for kind in (CodeAgent, ToolCallingAgent):
        settings = {"executor": "subprocess"} if kind is CodeAgent else {}
        agent = kind(model=Says(), tools=skills(folder, host=host), host=host, **settings)
        prompt = " ".join(agent.prompt().split())
        assert "- maps: Does maps." in prompt
        assert "- taxes: Does taxes." in prompt
        assert "Do it well" not in prompt
        assert "far away" not in prompt


def test_a_skill_is_read_with_what_it_needs_and_its_files_are_named(shelf, host):
    text = "---\nname: maps\ndescription: Maps.\ncompatibility: Needs a ruler\nallowed-tools: read_file\n---\nDraw.\n"
    tools = tools_of(host, shelf("maps", text, references__far_md="far away"))
    assert tools["read_skill"]("maps") == (
        "Draw.\n\nNeeds: Needs a ruler\n\nExpects the tools: read_file\n\nFiles of this skill: references/far.md"
    )
    assert tools["read_skill"]("maps", "./references/far.md") == "far away"


@pytest.mark.parametrize(
    "path", ["../two/SKILL.md", "/etc/passwd", "references", "link.md", "folder/SKILL.md", "..", "a\0b"]
)
def test_no_other_file_is_read(shelf, host, path):
    folder = shelf("one", None, references__a_md="a")
    shelf("two")
    (folder / "one" / "link.md").symlink_to("/etc/passwd")
    (folder / "one" / "folder").symlink_to(folder / "two")
    with pytest.raises(SkillError, match="has no file"):
        tools_of(host, folder)["read_skill"]("one", path)


def test_what_is_not_there_or_no_text_is_said(shelf, host):
    folder = shelf("one", None, a_md="x")
    (folder / "one" / "picture.png").write_bytes(b"\xff\xfe\xfa")
    tools = tools_of(host, folder)
    with pytest.raises(SkillError, match="there is no skill 'gone'; there are one"):
        tools["read_skill"]("gone")
    with pytest.raises(SkillError, match="no text"):
        tools["read_skill"]("one", "picture.png")
    with pytest.raises(SkillError, match=r"no file 'b\.py'"):
        tools["run_skill_script"]("one", "b.py")


SCRIPT = """\
    import pathlib, sys
    from helper import shout
    print(shout(" ".join(sys.argv[1:])), pathlib.Path("assets/words.md").read_text(), __name__)
    print("careful", file=sys.stderr)
    pathlib.Path("out").mkdir()
    pathlib.Path("out/result.txt").write_text(open("input.csv").read() * 2)
    sys.exit(3)
"""
FILES = {
    "scripts__go_py": SCRIPT,
    "scripts__helper_py": "def shout(text):\n    return text.upper()\n",
    "assets__words_md": "words",
    "scripts__count_sh": "#!/bin/sh\necho $# in $(ls | wc -l)\n",
    "scripts__broken_py": "print('first')\n1 / 0\n",
}


def test_a_script_runs_among_its_files_and_what_it_makes_comes_back(shelf, host):
    tools = tools_of(host, shelf("work", None, **FILES))
    done = tools["run_skill_script"]("work", "scripts/go.py", ["hello", "you"], {"input.csv": "1,2\n"})
    assert done == {
        "exit": 3,
        "printed": "HELLO YOU words __main__\n",
        "errors": "careful\n",
        "files": {"out/result.txt": b"1,2\n1,2\n"},
    }


@pytest.mark.parametrize("executor", ["auto", "sandbox", "sandbox_without_namespaces"])
def test_a_script_runs_behind_walls_too(shelf, host, executor):
    try:
        behind = host.executor(executor)
        behind.open(Setup()).close()
    except (CorePlusError, AttributeError) as error:
        pytest.skip(f"{executor} can't run here: {error}")
    if behind.name == "monty":
        pytest.skip("what runs here by itself has no files")
    (tool,) = [one for one in skills(shelf("work", None, **FILES), executor=behind, host=host) if "run" in one.name]
    done = tool("work", "scripts/go.py", ["hello"], {"input.csv": "x"})
    assert (done["exit"], done["printed"]) == (3, "HELLO words __main__\n")
    assert done["files"] == {"out/result.txt": b"xx"}


def test_a_script_that_is_no_python_runs_where_the_executor_lets_it(shelf, host):
    done = tools_of(host, shelf("work", None, **FILES))["run_skill_script"]("work", "scripts/count.sh", ["a", "b c"])
    assert (done["exit"], done["printed"].split()) == (0, ["2", "in", "3"])


def test_a_script_that_fails_says_why_and_what_it_did_before(shelf, host):
    done = tools_of(host, shelf("work", None, **FILES))["run_skill_script"]("work", "scripts/broken.py")
    assert (done["exit"], done["printed"]) == (1, "first\n")
    assert "ZeroDivisionError" in done["errors"]


def test_a_script_that_takes_too_long_is_stopped(shelf, host):
    folder = shelf("slow", None, scripts__slow_py="import time\ntime.sleep(600)\n")
    with pytest.raises(SkillError, match="TimeLimit"):
        tools_of(host, folder, limits=Limits(seconds=0.5))["run_skill_script"]("slow", "scripts/slow.py")


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "a//x", "a\\..\\x"])
def test_files_for_a_script_lie_beside_it(shelf, host, path):
    with pytest.raises(SkillError, match="would lie outside"):
        tools_of(host, shelf("work", None, **FILES))["run_skill_script"]("work", "scripts/go.py", files={path: "x"})


def test_what_runs_sees_nothing_of_the_hosts_environment(shelf, host, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "s3cret")
    folder = shelf("spy", None, scripts__spy_py="import os\nprint(dict(os.environ))\n")
    assert "s3cret" not in tools_of(host, folder)["run_skill_script"]("spy", "scripts/spy.py")["printed"]


def test_skills_without_other_files_and_those_that_may_not_run_have_no_second_tool(shelf, host):
    assert [*tools_of(host, shelf("one"))] == ["read_skill"]
    folder = shelf("two", None, **FILES)
    assert [*tools_of(host, folder)] == ["read_skill", "run_skill_script"]
    assert [*tools_of(host, folder, scripts=False)] == ["read_skill"]
    only = tools_of(host, folder, only=["one"])
    assert "two" not in only["read_skill"].description
    with pytest.raises(ConfigurationError, match="no skill 'three'"):
        tools_of(host, folder, only=["three"])


def test_an_agent_finds_its_skills_by_the_hosts_settings_reads_one_and_runs_its_script(shelf):
    folder = shelf("work", None, **FILES)
    config = {"tool.skills": {"folders": [str(folder)], "executor": "subprocess"}}
    model = Says(
        [ToolCall("1", "read_skill", {"name": "work"})],
        [ToolCall("2", "run_skill_script", {"name": "work", "script": "scripts/count.sh", "args": ["x"]})],
        "done",
    )
    with Host(config=config) as host:
        agent = ToolCallingAgent(model=model, tools=["skills"], host=host)
        assert asyncio.run(agent.arun("go")).output == "done"
    assert "Do it well." in model.requests[1].messages[-1].parts[0].text
    assert "1 in 3" in model.requests[2].messages[-1].parts[0].text


def test_the_folders_may_stand_in_the_environment(shelf, host, monkeypatch):
    folder = shelf("one")
    monkeypatch.setenv("CORE_PLUS_SKILLS", f"{folder / 'one'}{os.pathsep}{folder}")
    assert [tool.name for tool in host.tools("skills")] == ["read_skill"]


def test_the_tools_say_what_repeating_them_does(shelf, host):
    tools = tools_of(host, shelf("work", None, **FILES))
    assert {name: tool.effect for name, tool in tools.items()} == {"read_skill": "read", "run_skill_script": "write"}
