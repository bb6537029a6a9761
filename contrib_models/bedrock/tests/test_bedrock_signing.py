"""What Bedrock's requests are signed with, against what Amazon's own client makes of the same request."""

from __future__ import annotations

import datetime
import json

import pytest

from core_plus.messages import Text, ToolCall, ToolResult, message
from core_plus.models import ModelRequest
from core_plus_bedrock import BedrockModel
from core_plus_testkit import BedrockServer

NOW = datetime.datetime(2026, 11, 22, 12, 30, 15, tzinfo=datetime.UTC)
MODELS = ["amazon.nova-pro-v1:0", "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.x-v1:0"]
HISTORY = (
    message("user", "grüß dich ☃"),
    message("assistant", ToolCall("c1", "add", {"a": 1})),
    message("tool", ToolResult("c1", "add", (Text("1"),))),
)


@pytest.fixture
def frozen(monkeypatch):
    """The same moment for both who sign."""
    from botocore import auth

    monkeypatch.setattr(auth, "get_current_datetime", lambda *_, **__: NOW)


@pytest.fixture(params=[None, "a/session+token=="], ids=["lasting keys", "a session's"])
def credentials(request):
    from botocore.credentials import Credentials

    return Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", request.param)


@pytest.fixture
def server():
    with BedrockServer() as found:
        found.script(["", "ok"])
        yield found


def client(server, credentials, body):
    """Amazon's own client, at the same address, whose requests say the same as ours byte for byte."""
    from botocore.config import Config
    from botocore.session import Session

    session = Session()
    session._credentials = credentials
    where = {"region_name": "us-east-1", "endpoint_url": server.url}
    found = session.create_client("bedrock-runtime", config=Config(retries={"total_max_attempts": 1}), **where)
    found.meta.events.register("before-call.bedrock-runtime", lambda params, **_: params.update(body=body))
    return found


@pytest.mark.parametrize("way", ["forward", "stream"])
@pytest.mark.parametrize("model_id", MODELS)
def test_a_signature_is_that_of_amazons_own_client(model_id, way, server, credentials, frozen):
    model = BedrockModel(model_id, region="us-east-1", base_url=server.url, credentials=credentials)
    list(model.stream(ModelRequest(HISTORY))) if way == "stream" else model.forward(ModelRequest(HISTORY))
    ours = server.requests[-1]
    theirs = client(server, credentials, ours.body)
    call = theirs.converse_stream if way == "stream" else theirs.converse
    said = call(modelId=model_id, **json.loads(ours.body))
    if way == "stream":
        assert "messageStop" in [next(iter(event)) for event in said["stream"]]  # Amazon's client reads our server too
        said["stream"].close()
    sent = server.requests[-1]
    assert (sent.body, sent.path) == (ours.body, ours.path)
    for name in ("authorization", "x-amz-date", "x-amz-security-token", "content-type"):
        assert sent.headers.get(name) == ours.headers.get(name)
    assert ours.headers["x-amz-date"] == "20261122T123015Z"
    assert ours.headers.get("x-amz-security-token") == credentials.token
    model.close()
    theirs.close()
