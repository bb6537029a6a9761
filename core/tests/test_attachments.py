"""Pictures, sounds and files: with a task, as a tool's result, and as what code shows."""

from __future__ import annotations

import io
from pathlib import Path

import PIL.Image
import pytest
from kernel_doubles import Scripted, ThreadExecutor, call

from core_plus import Audio, CodeAgent, File, Image, Text, ToolCallingAgent, tool

PNG = b"\x89PNG\r\n\x1a\n rest"


def pixel():
    """A picture of PIL's."""
    return PIL.Image.new("RGB", (2, 3), "red")


def opened(part):
    """A part as a picture of PIL's again."""
    return PIL.Image.open(io.BytesIO(part.data))


def attached(host, **options):
    """The parts of the task's message as the model gets them."""
    agent = ToolCallingAgent(model=Scripted("done"), host=host)
    agent.run("See", **options)
    text, *parts = agent.model.requests[0].messages[-1].parts
    assert text == Text("See")
    return parts


FILES = [
    ("a.png", Image, "image/png"),
    ("a.JPG", Image, "image/jpeg"),
    ("a.wav", Audio, None),
    ("a.mp3", Audio, "audio/mpeg"),
    ("a.pdf", File, "application/pdf"),
    ("a.txt", File, "text/plain"),
    ("no_suffix", File, "application/octet-stream"),
]


@pytest.mark.parametrize("kind", [str, Path])
@pytest.mark.parametrize(("name", "part", "media_type"), FILES)
def test_a_path_becomes_a_part_of_its_kind(host, tmp_path, name, part, media_type, kind):
    (tmp_path / name).write_bytes(PNG)
    (found,) = attached(host, files=[kind(tmp_path / name)])
    assert (type(found), found.data, found.name) == (part, PNG, name)
    assert media_type in (None, found.media_type)


URLS = [
    ("https://example.org/a.png", Image, "image/png"),
    ("http://example.org/a.pdf", File, "application/pdf"),
    ("data:image/gif;base64,R0lGODlhAQABAAAAACw=", Image, "image/gif"),
    ("https://example.org/a.png?size=2", Image, "image/png"),
    ("https://example.org/a.jpg#top", Image, "image/jpeg"),
]


@pytest.mark.parametrize(("url", "part", "media_type"), URLS)
def test_a_url_is_passed_on_and_not_fetched(host, url, part, media_type):
    (found,) = attached(host, files=[url])
    assert (type(found), found.url, found.data, found.media_type) == (part, url, None, media_type)


@pytest.mark.parametrize("url", ["https://example.org/cat", "https://example.org/show?id=5"])
def test_what_is_given_as_an_image_is_one_whatever_its_address(host, url):
    (found,) = attached(host, images=[url])
    assert (type(found), found.url) == (Image, url)


def test_a_picture_of_pil_is_sent_as_png(host):
    (found,) = attached(host, images=[pixel()])
    assert (type(found), found.media_type, opened(found).size) == (Image, "image/png", (2, 3))


def test_parts_stay_what_they_are_and_in_their_order(host):
    parts = [Image(url="https://example.org/a"), File(data=b"x", name="x"), Audio(data=b"y")]
    assert attached(host, images=parts[:1], files=parts[1:2], attachments=parts[2:]) == parts


@pytest.mark.parametrize("nothing", [None, [], ()])
def test_no_attachment_is_no_part(host, nothing):
    assert attached(host, images=nothing, files=nothing) == []


@pytest.mark.parametrize("kind", [str, Path])
def test_one_path_need_not_be_a_list(host, tmp_path, kind):
    (tmp_path / "a.png").write_bytes(PNG)
    (found,) = attached(host, images=kind(tmp_path / "a.png"))
    assert found.data == PNG


@pytest.mark.parametrize("wrong", [5, b"bytes", None, {"url": "x"}])
def test_what_is_no_attachment_is_refused_before_anything_starts(host, wrong):
    agent = ToolCallingAgent(model=Scripted("done"), host=host)
    with pytest.raises(TypeError, match=f"not {type(wrong).__name__}"):
        agent.run("See", files=[wrong])
    assert agent.model.requests == []


def test_a_missing_file_is_named_before_anything_starts(host, tmp_path):
    agent = ToolCallingAgent(model=Scripted("done"), host=host)
    with pytest.raises(FileNotFoundError, match=r"missing\.png"):
        agent.run("See", images=[tmp_path / "missing.png"])
    assert agent.model.requests == []


# ---- what tools give -----------------------------------------------------------------------


def result_parts(host, value):
    """What the model reads of a tool that gave a value."""

    @tool
    def shoot() -> object:
        """Take a picture."""
        return value

    model = Scripted([call("shoot")], "done")
    assert ToolCallingAgent(model=model, tools=[shoot], host=host).run("x").output == "done"
    (result,) = model.requests[1].messages[-1].parts
    return result.parts


SHOWN = [
    (Image(data=PNG), (Image(data=PNG),)),
    (File(data=b"x", name="x"), (File(data=b"x", name="x"),)),
    (Audio(url="https://example.org/a"), (Audio(url="https://example.org/a"),)),
    (["Look:", Image(data=PNG), 5], (Text("Look:"), Image(data=PNG), Text("5"))),
    ((Image(data=PNG), Image(data=PNG)), (Image(data=PNG), Image(data=PNG))),
    (Text("words"), (Text("words"),)),
    ("words", (Text("words"),)),
    (["a", "b"], (Text("['a', 'b']"),)),
    ([], (Text("[]"),)),
    (None, (Text("None"),)),
]


@pytest.mark.parametrize(("value", "parts"), SHOWN, ids=range(len(SHOWN)))
def test_a_tool_s_pictures_and_files_reach_the_model_as_they_are(host, value, parts):
    assert result_parts(host, value) == parts


def test_a_tool_s_picture_of_pil_reaches_the_model_as_png(host):
    (part,) = result_parts(host, pixel())
    assert opened(part).size == (2, 3)
    text, part = result_parts(host, ["Look:", pixel()])
    assert (text, opened(part).size) == (Text("Look:"), (2, 3))


def test_a_long_result_is_cut_in_the_middle(host):
    @tool
    def read() -> str:
        """Read."""
        return "a" * 500 + "b" * 500

    model = Scripted([call("read")], "done")
    result = ToolCallingAgent(model=model, tools=[read], host=host, max_observation=100).run("x")
    (part,) = model.requests[1].messages[-1].parts[0].parts
    assert part.text == "a" * 50 + "\n[… 900 characters left out …]\n" + "b" * 50
    assert len(result.steps[1].calls[0].value) == 1000


# ---- what code shows -------------------------------------------------------------------------


def shown_by(host, code, **variables):
    """The last message before the model's second call: what it is shown of its code."""

    @tool
    def shoot() -> object:
        """Take a picture."""
        return Image(data=PNG)

    model = Scripted(f"<code>\n{code}\n</code>", "<code>final_answer('done')</code>")
    agent = CodeAgent(model=model, tools=[shoot], executor=ThreadExecutor(), host=host)
    assert agent.run("x", variables=variables).output == "done"
    return model.requests[1].messages[-1]


def pictures(said):
    """The pictures in a message."""
    return [part for part in said.parts if isinstance(part, Image)]


def test_a_picture_that_a_tool_gave_to_code_is_shown_to_the_model(host):
    assert pictures(shown_by(host, "shot = shoot()\nprint('shot')")) == [Image(data=PNG)]


def test_a_picture_that_a_tool_gave_as_the_last_value_is_shown_once(host):
    assert pictures(shown_by(host, "shoot()")) == [Image(data=PNG)]


def test_a_picture_as_the_last_value_is_shown_as_one_and_not_as_words(host):
    said = shown_by(host, "picture", picture=pixel())
    assert [opened(part).size for part in pictures(said)] == [(2, 3)]
    said = shown_by(host, "picture", picture=Image(data=PNG))
    assert pictures(said) == [Image(data=PNG)]
    assert "PNG" not in said.text


def test_pictures_may_be_variables_and_answers(host):
    picture = pixel()
    agent = CodeAgent(model=Scripted("<code>final_answer(picture)</code>"), executor=ThreadExecutor(), host=host)
    assert agent.run("x", variables={"picture": picture}).output is picture
