"""Code, questions, sound and pictures; every default tool is found by its name."""

from __future__ import annotations

import asyncio
import importlib.util
import io
import json
import os
import subprocess
import sys
import types
import wave

import pytest

from core_plus import (
    Audio,
    ConfigurationError,
    Host,
    Image,
    ModelResponse,
    RunInterrupted,
    Text,
    ToolCall,
    ToolCallingAgent,
    message,
)
from core_plus_toolbox import PythonInterpreterTool, SpeechToTextTool, TextToImageTool, ToolboxError, files, sql
from core_plus_toolbox.media import as_image


class Says:
    """A model that answers from a list, and keeps what it was asked."""

    def __init__(self, *replies):
        self.replies, self.requests = list(replies), []

    def forward(self, request):
        self.requests.append(request)
        return ModelResponse(message("assistant", self.replies.pop(0)))

    @property
    def shown(self):
        """What the model was shown last of a tool."""
        return self.requests[-1].messages[-1].parts[0]


@pytest.fixture
def host():
    with Host(config={"tool.python_interpreter": {"executor": "subprocess"}}) as made:
        yield made


def calling(host, tool, arguments, *more, **settings):
    model = Says([ToolCall("1", tool, arguments)], *more, "done")
    return model, ToolCallingAgent(model=model, tools=[tool], host=host, **settings)


def test_the_tools_of_the_box_are_offered_by_name(host):
    wanted = {"python_interpreter", "user_input", "speech_to_text", "transcriber", "text_to_image", "files", "sql"}
    assert wanted <= set(host.names("tool"))


def test_making_the_tools_imports_nothing_heavy(tmp_path):
    code = """
import sys
from core_plus import Host
with Host() as host:
    for name in ("python_interpreter", "user_input", "speech_to_text", "write_file"):
        host.tools(name)
heavy = {"transformers", "torch", "sqlalchemy", "gradio_client", "diffusers", "numpy", "PIL"} & set(sys.modules)
assert not heavy, heavy
"""
    environment = {**os.environ, "CORE_PLUS_FILES": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=60)


def test_every_tools_schema_is_json_schema(host, tmp_path):
    import sqlite3

    import jsonschema

    sqlite3.connect(tmp_path / "a.db").close()
    tools = [*files(tmp_path), *sql(str(tmp_path / "a.db")), TextToImageTool(Speech())]
    tools += [tool for name in ("python_interpreter", "user_input", "transcriber") for tool in host.tools(name)]
    for tool in tools:
        jsonschema.Draft202012Validator.check_schema(tool.spec.parameters)
        jsonschema.Draft202012Validator.check_schema(tool.spec.output_schema or {})
        assert tool.spec.parameters["additionalProperties"] is False


# ---- python_interpreter -----------------------------------------------------------


def test_code_runs_in_the_executor_and_its_output_and_value_are_shown(host):
    model, agent = calling(host, "python_interpreter", {"code": "print('hi')\n[1, 2]"})
    assert agent.run("go").output == "done"
    assert model.shown.text == "Printed:\nhi\nValue of the last line:\n[1, 2]"


def test_each_call_starts_afresh(host):
    tool = host.tools("python_interpreter")[0]
    tool("x = 1")
    with pytest.raises(ToolboxError, match="NameError"):
        tool("x")
    assert tool("pass") == "The code ran and printed nothing."


def test_code_that_fails_is_an_error_with_its_line_and_what_it_printed(host):
    tool = host.tools("python_interpreter")[0]
    with pytest.raises(ToolboxError, match=r"ZeroDivisionError(.|\n)*line 2(.|\n)*before"):
        tool("print('before')\n1 / 0")


def test_code_that_takes_too_long_is_stopped():
    with Host() as host:
        tool = PythonInterpreterTool("subprocess", timeout_seconds=0.5, host=host)
        with pytest.raises(ToolboxError, match="TimeLimit"):
            tool("while True: pass")


def test_imports_may_be_limited():
    with Host() as host:
        tool = PythonInterpreterTool("subprocess", authorized_imports=["math"], host=host)
        assert "3.14" in tool("import math\nmath.pi")
        with pytest.raises(ToolboxError, match="socket"):
            tool("import socket")


def test_code_runs_in_async_runs_and_several_at_once(host):
    calls = [ToolCall(str(n), "python_interpreter", {"code": f"{n} * 2"}) for n in range(4)]
    model = Says(calls, "done")
    agent = ToolCallingAgent(model=model, tools=["python_interpreter"], host=host)
    assert asyncio.run(agent.arun("go")).output == "done"
    shown = [part.text.rpartition("\n")[2] for part in model.requests[1].messages[-1].parts]
    assert shown == ["0", "2", "4", "6"]


def test_code_in_progress_ends_when_the_run_is_interrupted(host):
    _, agent = calling(host, "python_interpreter", {"code": "import time\ntime.sleep(600)"})
    run = agent.stream("go")
    for event in run:
        if type(event).__name__ == "ToolStarted":
            run.interrupt()
    with pytest.raises(RunInterrupted):
        _ = run.result.output


def test_a_long_result_is_cut_in_the_middle_for_the_model(host):
    model, agent = calling(host, "python_interpreter", {"code": "'a' * 30000 + 'b' * 30000"}, max_observation=1000)
    agent.run("go")
    assert "characters left out" in model.shown.text
    assert model.shown.text.endswith("bbb")
    assert len(model.shown.text) < 1100


# ---- user_input -------------------------------------------------------------------


def test_the_user_is_asked_through_the_attached_ui(host):
    class UI:
        def ask(self, question):
            return f"blue ({question.text})"

        def on_event(self, event, run):
            pass

    model, agent = calling(host, "user_input", {"question": "Which colour?"})
    assert agent.run("paint", ui=UI()).output == "done"
    assert model.shown.text == "blue (Which colour?)"


def test_where_nobody_is_there_the_run_waits_and_goes_on_with_the_answer(host):
    model, agent = calling(host, "user_input", {"question": "Which colour?"})
    waiting = agent.run("paint")
    assert (waiting.state, waiting.questions[0].text) == ("suspended", "Which colour?")
    assert agent.resume(waiting, "red").output == "done"
    assert model.shown.text == "red"


# ---- speech_to_text, text_to_image --------------------------------------------------


class Speech:
    """A model that can transcribe and draw, as providers' models do."""

    def __init__(self, answer=None):
        self.heard, self.options, self.answer = [], {}, answer

    def transcribe(self, audio, **options):
        self.heard.append(audio)
        self.options = options
        return f" {len(audio.data)} bytes of {audio.media_type} " if self.answer is None else self.answer

    async def generate_image(self, prompt, **options):
        self.options = options
        return [Image(data=prompt.encode())]


def test_sound_from_a_file_of_the_folder_is_written_down(tmp_path):
    (tmp_path / "talk.mp3").write_bytes(b"12345")
    model = Speech()
    tool = SpeechToTextTool(model, folder=tmp_path, options={"language": "de"})
    assert tool("talk.mp3") == "5 bytes of audio/mpeg"
    assert (model.heard[0].name, model.options) == ("talk.mp3", {"language": "de"})
    with pytest.raises(ToolboxError, match="leads out"):
        tool("../secret.mp3")


@pytest.mark.parametrize("sound", [b"123", bytearray(b"123"), Audio(data=b"123")])
def test_sound_as_data_is_written_down(sound):
    assert SpeechToTextTool(Speech())(sound) == "3 bytes of audio/wav"


def test_a_transcript_may_be_an_object_with_a_text():
    assert SpeechToTextTool(Speech(types.SimpleNamespace(text="hello")))(b"1") == "hello"
    with pytest.raises(ToolboxError, match="no text"):
        SpeechToTextTool(Speech(5))(b"1")


@pytest.mark.parametrize(
    ("sound", "says"), [("/etc/passwd", "folder"), (5, "bytes"), (Audio(url="http://x"), "fetch it")]
)
def test_sound_that_cannot_be_read_is_said(sound, says):
    with pytest.raises(ToolboxError, match=says):
        SpeechToTextTool(Speech())(sound)


def test_a_picture_is_drawn_by_an_async_provider_too():
    with Host() as host:
        model = Speech()
        assert TextToImageTool(model, options={"size": "1x1"}, host=host)("a boat") == Image(data=b"a boat")
        assert model.options == {"size": "1x1"}


def test_a_picture_reaches_the_model_as_a_picture():
    with Host(config={"tool.text_to_image": {"model": Speech()}}) as host:
        model, agent = calling(host, "text_to_image", {"prompt": "a boat"})
        agent.run("draw")
        assert model.shown.parts == (Image(data=b"a boat"),)


def test_what_a_model_draws_may_come_in_many_forms():
    import PIL.Image

    picture = PIL.Image.new("RGB", (2, 2))
    assert as_image(picture).data.startswith(b"\x89PNG")
    assert as_image(b"x") == as_image([Image(data=b"x")]) == as_image(types.SimpleNamespace(images=[b"x"]))
    with pytest.raises(ToolboxError, match="no picture"):
        as_image(5)


def test_a_model_that_cannot_is_said_and_a_missing_library_too():
    with pytest.raises(ToolboxError, match="no transcribe"):
        SpeechToTextTool(Says())(b"1")
    with pytest.raises(ConfigurationError, match=r"text_to_image needs a model"):
        TextToImageTool()


@pytest.mark.parametrize("kind", [SpeechToTextTool, TextToImageTool])
def test_a_local_model_without_its_library_says_what_to_install(kind, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"pip install (transformers|diffusers) torch"):
        kind("local:some/model")("x")


@pytest.fixture(scope="module")
def tiny_speech_model(tmp_path_factory):
    """A speech model of transformers with random weights: it hears nothing right, but it is a real one."""
    for name in ("torch", "transformers"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} isn't installed here")
    import transformers

    folder = tmp_path_factory.mktemp("speech")
    letters = {letter: number for number, letter in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *"abcdefgh"])}
    (folder / "vocab.json").write_text(json.dumps(letters))
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    turns = {"conv_dim": (8, 8), "conv_stride": (5, 4), "conv_kernel": (10, 8), "num_feat_extract_layers": 2}
    shape = {"num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2}
    config = transformers.Wav2Vec2Config(vocab_size=len(letters), **sizes, **turns, **shape)
    transformers.Wav2Vec2ForCTC(config).save_pretrained(folder)
    transformers.Wav2Vec2CTCTokenizer(str(folder / "vocab.json")).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return folder


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of transformers
def test_a_model_on_this_machine_writes_down_a_sound(tiny_speech_model):
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(bytes(4 * 16_000))
    tool = SpeechToTextTool(f"local:{tiny_speech_model}")
    assert isinstance(tool(file.getvalue()), str)


def test_the_old_name_of_speech_to_text_is_known(host):
    tool = host.tools("transcriber")[0]
    assert (tool.name, type(tool)) == ("transcriber", SpeechToTextTool)
    assert isinstance(tool.spec.parameters["properties"]["audio"], dict)


def test_parts_stay_parts(host):
    tool = host.tools("python_interpreter")[0]
    code = "import PIL.Image\nprint('drawn')\nPIL.Image.new('RGB', (2, 2))"
    text, picture = tool(code)
    assert "drawn" in text
    assert isinstance(picture, Image)
    assert not isinstance(text, Text)
